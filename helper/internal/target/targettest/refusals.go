package targettest

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// WantRefusals demands that a wrong password, which is the word "wrong", and a closed port of this machine are told apart.
func WantRefusals(t *testing.T, wrongPassword, closedPort string) {
	t.Helper()
	_, err := TryOpen(t, target.Config{URL: ParseURL(t, wrongPassword)})
	var auth *target.AuthError
	if !errors.As(err, &auth) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong password gives %v", err)
	}
	closed := ParseURL(t, closedPort)
	_, err = TryOpen(t, target.Config{URL: closed})
	var unreachable *target.UnreachableError
	if !errors.As(err, &unreachable) || !strings.HasPrefix(err.Error(), "cannot reach "+closed.Address()+": ") {
		t.Errorf("a closed port gives %v", err)
	}
}

// WantNoSpace demands that a dump does not fit on the server's disk, and discards it.
func WantNoSpace(t *testing.T, db target.Database, dump io.Reader, dialect sqltext.Dialect) {
	t.Helper()
	load, err := db.Begin(t.Context())
	Must(t, err)
	_, err = load.Run(t.Context(), dump, dialect, nil)
	var full *target.NoSpaceError
	if !errors.As(err, &full) {
		t.Errorf("got %v", err)
	}
	Must(t, load.Discard())
}
