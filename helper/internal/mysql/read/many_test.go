package read

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// TestMySQLManyTables dumps as many tables as several connections show.
func TestMySQLManyTables(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		var statements, locks []string
		for i := range fewTables {
			statements = append(statements, fmt.Sprintf("CREATE TABLE t%03d (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(9) COMMENT '%d')", i, i),
				fmt.Sprintf("INSERT INTO t%03d (v) VALUES ('a'), ('%d')", i, i))
			locks = append(locks, fmt.Sprintf("t%03d WRITE", i))
		}
		makeSite(t, server, "many", statements...)
		sums, err := server.Checksums("many")
		if err != nil {
			t.Fatal(err)
		}
		src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("many")), Threads: 3})
		site := siteSession(t, server, "many")
		chunks, _ := sourcetest.ChunksOf(t, src, func(chunk dump.Chunk) {
			if chunk.Section != dump.Head {
				return
			}
			// Whoever has shown a table does not keep it while the receiver is slow.
			for _, statement := range []string{"SET SESSION lock_wait_timeout = 1", "LOCK TABLES " + strings.Join(locks, ", "), "UNLOCK TABLES"} {
				if _, err := site.ExecContext(t.Context(), statement); err != nil {
					t.Errorf("%.40s: %v", statement, err)
				}
			}
		})
		restoreTo(t, server, "many_copy", sourcetest.Joined(chunks))
		if got, err := server.Checksums("many_copy"); err != nil || !maps.Equal(got, sums) {
			t.Errorf("checksums %v, want %v: %v", got, sums, err)
		}
	})
}
