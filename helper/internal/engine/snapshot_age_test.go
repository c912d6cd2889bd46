package engine

import (
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
)

// A note reports a snapshot that was open for long, and a dump whose snapshot is open for too long is stopped.
func TestSnapshotAge(t *testing.T) {
	noted, limit := source.SnapshotNoted, source.SnapshotLimit
	t.Cleanup(func() { source.SnapshotNoted, source.SnapshotLimit = noted, limit })
	urls := map[string]string{"mariadb": sourcetest.MariaDB(t).URL("shop"), "postgres": sourcetest.PostgreSQL(t).URL("shop")}
	for name, url := range urls {
		for _, client := range []bool{false, true} {
			source.SnapshotNoted = time.Nanosecond
			src, notes := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, url), Client: client})
			sourcetest.DumpText(t, src)
			if n := len(*notes); n != 1 {
				t.Fatalf("%s: notes %q", name, *notes)
			}
			sourcetest.Expect(t, (*notes)[0], "the snapshot on staging was open for ", "; meanwhile the server kept the old versions of all changed rows")

			source.SnapshotLimit = time.Millisecond
			_, err := dumpOnce(t, src)
			sourcetest.ExpectError(t, err, source.ErrSnapshotTooLong, "read staging: the dump took too long: 1ms")
			source.SnapshotLimit = limit
		}
	}
	if got := source.LengthOf(7*time.Hour + 125*time.Second); got != "7h02m" {
		t.Errorf("a length is %q", got)
	}
}

// dumpOnce dumps a source and gives the error of whatever fails.
func dumpOnce(t *testing.T, source *source.Source) (string, error) {
	t.Helper()
	dump, err := source.Dump(t.Context())
	if err != nil {
		return "", err
	}
	defer dump.Close()
	return sourcetest.ReadText(t.Context(), dump)
}
