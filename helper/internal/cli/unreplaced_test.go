package cli

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/pull"
)

// A pull that was refused says what has become of the local database, once.
func TestWhatRemainsAfterAPull(t *testing.T) {
	s := &session{}
	if s.unreplaced(nil) != nil {
		t.Error("no error became one")
	}
	const line = "the local database shop is as it was"
	damaged := &dumpfile.DamagedError{Kind: dumpfile.ErrTruncated}
	for _, test := range []struct {
		err  error
		want string
	}{
		{&unreplaced{"shop", damaged}, line},
		{fmt.Errorf("x: %w", &unreplaced{"shop", damaged}), line},
		{damaged, ""}, // of another verb
		{&unreplaced{"shop", &bucket.Error{Kind: bucket.ErrSignature}}, ""},
		{&unreplaced{"shop", errors.New("x")}, ""},
		{&unreplaced{"shop", &pull.GateError{}}, ""}, // the hint says so
	} {
		code, hint := classify(t.Context(), test.err)
		if got := remains(test.err, code, hint); got != test.want {
			t.Errorf("%v (code %d, hint %s): got %q, want %q", test.err, code, hint, got, test.want)
		}
	}
}
