package pull

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
)

func newTestPartialFile(t *testing.T, there int64) *partialFile {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "part"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return newPartialFile(file, there)
}

// TestPartialFileKnowsWhatIsThere writes pieces in any order and compares with a map of every byte.
func TestPartialFileKnowsWhatIsThere(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		const size = 200
		a := newTestPartialFile(t, 10)
		var come [size]bool
		for i := range 10 {
			come[i] = true
		}
		for range 25 {
			from := rng.IntN(size)
			to := from + rng.IntN(min(20, size-from)+1)
			if _, err := a.WriteAt(make([]byte, to-from), int64(from)); err != nil {
				t.Fatal(err)
			}
			for i := from; i < to; i++ {
				come[i] = true
			}
			for range 50 {
				from := rng.IntN(size)
				to := from + 1 + rng.IntN(size-from)
				want := !bytes.Contains(flags(come[from:to]), []byte{0})
				if a.has(int64(from), int64(to)) != want {
					t.Fatalf("%v: %d to %d are there: %v", a.spans, from, to, !want)
				}
			}
			for i := 1; i < len(a.spans); i++ {
				if a.spans[i-1].to >= a.spans[i].from {
					t.Fatalf("%v touch", a.spans)
				}
			}
		}
	}
}

func flags(come []bool) []byte {
	b := make([]byte, len(come))
	for i := range come {
		if come[i] {
			b[i] = 1
		}
	}
	return b
}

// TestPartialFileWaits reads bytes that are missing. Then they are written, or the fetch fails, or the context ends.
func TestPartialFileWaits(t *testing.T) {
	type answer struct {
		text string
		err  error
	}
	lost, ctrlC := errors.New("the line is dead"), errors.New("interrupted")
	for name, test := range map[string]struct {
		then func(a *partialFile, cancel context.CancelCauseFunc)
		want answer
	}{
		"it comes in pieces": {func(a *partialFile, _ context.CancelCauseFunc) {
			_, _ = a.WriteAt([]byte("cd"), 2)
			_, _ = a.WriteAt([]byte("b"), 1)
		}, answer{"bcd", nil}},
		"the fetch fails":     {func(a *partialFile, _ context.CancelCauseFunc) { a.end(lost) }, answer{"", lost}},
		"the context ends":    {func(_ *partialFile, cancel context.CancelCauseFunc) { cancel(ctrlC) }, answer{"", ctrlC}},
		"it is never fetched": {func(a *partialFile, _ context.CancelCauseFunc) { a.end(nil) }, answer{"", io.ErrUnexpectedEOF}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTestPartialFile(t, 0)
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				answers := make(chan answer, 1)
				go func() {
					p := make([]byte, 3)
					n, err := a.at(ctx).ReadAt(p, 1)
					answers <- answer{string(p[:n]), err}
				}()
				_, _ = a.WriteAt([]byte("e"), 4)
				synctest.Wait()
				select {
				case got := <-answers:
					t.Fatalf("it does not wait: %v", got)
				default:
				}
				test.then(a, cancel)
				if got := <-answers; got.text != test.want.text || (got.err == nil) != (test.want.err == nil) || got.err != nil && got.err.Error() != test.want.err.Error() {
					t.Errorf("it gives %v", got)
				}
			})
		})
	}
	// After a failed fetch every read fails.
	a := newTestPartialFile(t, 0)
	_, _ = a.WriteAt([]byte("abc"), 0)
	a.end(lost)
	if n, err := a.at(t.Context()).ReadAt(make([]byte, 1), 0); n != 0 || err != lost {
		t.Errorf("%d bytes, %v", n, err)
	}
}
