package read

import (
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// A session that waits in another database, as the lock of another dump does, did not make this dump give way.
func TestWaiterOfAnotherDatabaseIsNotBlamed(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		makeSite(t, server, "blamed", "CREATE TABLE heap (id INT)", "INSERT INTO heap VALUES (1)")
		makeSite(t, server, "innocent", "CREATE TABLE other (id INT)")
		for database, table := range map[string]string{"blamed": "heap", "innocent": "other"} {
			if _, err := siteSession(t, server, database).ExecContext(t.Context(), "LOCK TABLES "+table+" WRITE"); err != nil {
				t.Fatal(err)
			}
		}
		waiting := siteSession(t, server, "innocent")
		go func() { _, _ = waiting.ExecContext(t.Context(), "TRUNCATE other") }()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			rows, err := server.Query("SELECT COUNT(*) FROM information_schema.processlist WHERE db = 'innocent' AND state LIKE 'Waiting for%'")
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("nobody waits in the other database (%v)", err)
			}
			if rows[0][0] != "0" {
				break
			}
		}
		src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("blamed")), Threads: 2})
		dump, err := src.Dump(t.Context())
		if err == nil {
			_, err = sourcetest.ReadText(t.Context(), dump)
			_ = dump.Close()
		}
		sourcetest.ExpectError(t, err, source.ErrGaveWay, "read table heap: the dump gave way to others on staging: somebody waited for it, or has locked it")
	})
}
