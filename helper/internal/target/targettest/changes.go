package targettest

import (
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// IsCache says which tables of the tests dumps have without their rows.
func IsCache(table string) bool {
	return strings.HasPrefix(strings.TrimPrefix(table, "public."), "cache")
}

func init() { target.SearchPatience = time.Hour }

// WantChanges demands that a database was changed so.
func WantChanges(t *testing.T, db target.Database, what, want string) {
	t.Helper()
	got, err := db.Changes(t.Context())
	Must(t, err)
	if got.Unknown || got.More || strings.Join(got.Names, ",") != want {
		t.Errorf("%s: %+v, not %q", what, got, want)
	}
}

// OpenWatched opens a database whose caches do not count.
func OpenWatched(t *testing.T, url string) target.Database {
	t.Helper()
	db, err := TryOpen(t, target.Config{URL: ParseURL(t, url), Token: "token", WithoutRows: IsCache})
	Must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}
