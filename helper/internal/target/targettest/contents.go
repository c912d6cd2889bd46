package targettest

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// ReadContents returns which dump a database contains.
func ReadContents(t *testing.T, db target.Database) target.Contents {
	t.Helper()
	h, err := db.Contents(t.Context())
	Must(t, err)
	return h
}

// WantContents demands that the live database holds the dump of a key, or, without one, that of tables whose
// origin nobody knows.
func WantContents(t *testing.T, db target.Database, key string) {
	t.Helper()
	got := ReadContents(t, db)
	switch {
	case key != "":
		if want := DumpOf(key); got.Empty || got.Dump != want {
			t.Errorf("it holds %+v, not %+v", got, want)
		}
	case got.Empty || got.Dump != (target.Dump{}):
		t.Errorf("it holds %+v, not something unknown", got)
	}
}
