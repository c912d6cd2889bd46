package bucket

import (
	"errors"
	"testing"
)

// TestState writes the state of a project, with the rights of a publisher, who may not delete.
func TestState(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		if e.S3 == servers["minio"] {
			b = e.as(t, allow("s3:ListBucket", "s3:GetObject", "s3:PutObject"))
		}
		if _, err := b.ReadState(t.Context(), "history.json"); !errors.Is(err, ErrNoSuchKey) {
			t.Errorf("before it is written: %v", err)
		}
		for _, text := range []string{`{"runs":1}`, `{"runs":2}`} {
			if err := b.WriteState(t.Context(), "history.json", []byte(text)); err != nil {
				t.Fatal(err)
			}
			if got, err := b.ReadState(t.Context(), "history.json"); err != nil || string(got) != text {
				t.Errorf("got %s, %v", got, err)
			}
		}
		if err := b.WriteShared(t.Context(), "fleet/run.json", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		e.wantContent(t, "dumps/shop/.dump-refresh/shop.history.json", []byte(`{"runs":2}`))
		e.wantContent(t, ".dump-refresh/fleet/run.json", []byte("{}"))
		if dumps, err := b.Dumps(t.Context()); err != nil || len(dumps) > 0 {
			t.Errorf("they are listed as dumps: %v, %v", dumps, err)
		}
	})
}
