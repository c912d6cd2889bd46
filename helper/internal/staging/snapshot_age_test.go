package staging

import (
	"testing"
	"time"
)

// A snapshot that was held for long is told, and one that is held for too long is ended.
func TestSnapshotAge(t *testing.T) {
	noted, limit := snapshotNoted, snapshotLimit
	t.Cleanup(func() { snapshotNoted, snapshotLimit = noted, limit })
	urls := map[string]string{"mariadb": mariaDB(t).URL("shop"), "postgres": postgreSQL(t).URL("shop")}
	for name, url := range urls {
		for _, client := range []bool{false, true} {
			snapshotNoted = time.Nanosecond
			source, notes := open(t, Config{URL: parseURL(t, url), Client: client})
			dumpText(t, source)
			if n := len(*notes); n != 1 {
				t.Fatalf("%s: notes %q", name, *notes)
			}
			expect(t, (*notes)[0], "the snapshot on staging was held for ", ": for as long the server kept old versions of all rows that were changed")

			snapshotLimit = time.Millisecond
			_, err := dumpOnce(t, source)
			expectError(t, err, ErrSnapshotTooLong, "read staging: the dump took too long: 1ms")
			snapshotLimit = limit
		}
	}
	if got := lengthOf(7*time.Hour + 125*time.Second); got != "7h02m" {
		t.Errorf("a length is %q", got)
	}
}

// dumpOnce dumps a source and gives the error of whatever fails.
func dumpOnce(t *testing.T, source *Source) (string, error) {
	t.Helper()
	dump, err := source.Dump(t.Context())
	if err != nil {
		return "", err
	}
	defer dump.Close()
	return readText(t.Context(), dump)
}
