package bucket

import (
	"errors"
	"strconv"
	"sync"
	"testing"
)

func TestUpdateStateLosesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		var writers sync.WaitGroup
		for range 4 {
			b := e.open(t)
			writers.Go(func() {
				err := b.UpdateState(t.Context(), "count.json", func(text []byte) ([]byte, error) {
					n, _ := strconv.Atoi(string(text))
					return []byte(strconv.Itoa(n + 1)), nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		writers.Wait()
		b := e.open(t)
		if text, err := b.ReadState(t.Context(), "count.json"); err != nil || string(text) != "4" {
			t.Errorf("four added one each, and there is %q, %v", text, err)
		}
		e.wantContent(t, "dumps/shop/.dump-refresh/shop.count.json", []byte("4"))
	})
}

func TestUpdateStateLeavesThingsAsTheyAre(t *testing.T) {
	e := newEnv(t, "minio")
	b := e.open(t)
	refused := errors.New("refused")
	for _, answer := range []error{nil, refused} {
		err := b.UpdateShared(t.Context(), "x.json", func(text []byte) ([]byte, error) {
			if text != nil {
				t.Errorf("there is %q", text)
			}
			return nil, answer
		})
		if !errors.Is(err, answer) {
			t.Errorf("got %v, want %v", err, answer)
		}
	}
	if _, err := b.ReadState(t.Context(), "x.json"); !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("something was written: %v", err)
	}
}

// Without the right to list, or with one for a prefix, S3 does not say whether an object is missing or must not be read.
func TestUpdateStateWithoutBeingToldWhatIsMissing(t *testing.T) {
	e := newEnv(t, "minio")
	writer := e.as(t, allow("s3:PutObject"))
	write := func(text string) error {
		return writer.UpdateState(t.Context(), "x.json", func([]byte) ([]byte, error) { return []byte(text), nil })
	}
	if err := write("first"); err != nil {
		t.Fatal(err)
	}
	wantError(t, write("second"), ErrAccessDenied, "read s3://"+e.bucket+"/dumps/shop/.dump-refresh/shop.x.json: access denied, s3:GetObject is missing: Access Denied")
	e.wantContent(t, "dumps/shop/.dump-refresh/shop.x.json", []byte("first"))
}
