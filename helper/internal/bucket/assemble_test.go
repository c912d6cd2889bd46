package bucket

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestAnObjectOfRanges(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		earlier := random(40 * mib)
		first, err := upload(t, b, earlier, mib, UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		object, err := b.Head(t.Context(), first.Key())
		if err != nil {
			t.Fatal(err)
		}
		assemble := func(t *testing.T, from Object) (*Upload, []byte, error) {
			t.Helper()
			u, err := b.Upload(t.Context(), b.NewKey(time.Now(), ".sql.zst"), UploadOptions{Earlier: &from})
			if err != nil {
				t.Fatal(err)
			}
			front, rest := random(5*mib+3), random(9*mib)
			steps := []func() error{
				u.TryCopy,
				func() error { _, err := u.Write(rest[:mib]); return err },
				func() error { return u.Put(front) },
				func() error { return u.Copy(3, 6*mib) },
				func() error { _, err := u.Write(rest[mib:]); return err },
				func() error { return u.Copy(20*mib, 20*mib) },
				func() error { return u.Complete(t.Context()) },
			}
			for _, step := range steps {
				if err := step(); err != nil {
					return u, nil, err
				}
			}
			return u, slices.Concat(front, earlier[3:3+6*mib], earlier[20*mib:], rest), nil
		}
		t.Run("whole", func(t *testing.T) {
			u, want, err := assemble(t, object)
			if err != nil {
				t.Fatal(err)
			}
			e.wantContent(t, u.Key(), want)
			if u.Sent() != 14*mib+3 || u.Copied() != 26*mib {
				t.Errorf("%d bytes sent and %d copied", u.Sent(), u.Copied())
			}
		})
		t.Run("a short range", func(t *testing.T) {
			u, err := b.Upload(t.Context(), b.NewKey(time.Now(), ".sql.zst"), UploadOptions{Earlier: &object})
			if err != nil {
				t.Fatal(err)
			}
			if err := u.Copy(0, LeastPart-1); err == nil {
				t.Error("it was taken")
			}
			if err := u.Abort(); err != nil {
				t.Error(err)
			}
		})
		t.Run("the earlier object is another one", func(t *testing.T) {
			other := object
			other.ETag = `"0123456789abcdef0123456789abcdef"`
			u, _, err := assemble(t, other)
			if !errors.Is(err, ErrNotCopied) {
				t.Errorf("got %v", err)
			}
			if err := u.Abort(); err != nil {
				t.Error(err)
			}
		})
		t.Run("the earlier object is gone", func(t *testing.T) {
			if err := b.Delete(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			u, _, err := assemble(t, object)
			if !errors.Is(err, ErrNotCopied) {
				t.Errorf("got %v", err)
			}
			if err := u.Abort(); err != nil {
				t.Error(err)
			}
		})
	})
}
