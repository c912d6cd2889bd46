package read

import (
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// Tables of engines without transactions are locked as a whole while they are read. Whoever writes to one without a key waits for less
// than a second: the dump gives way.
func TestMySQLLooseTableGivesWay(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		for _, writer := range []string{"UPDATE heap SET id = 0 LIMIT 1", "DELETE FROM heap LIMIT 1"} {
			makeSite(t, server, "loose", append(fill("heap", "id INT", "i", 12000), "ALTER TABLE heap ENGINE = MyISAM")...)
			_, ended, goOn := sourcetest.Stuck(t.Context(), t, source.Config{URL: sourcetest.ParseURL(t, server.URL("loose")), Threads: 2})
			stop := sourcetest.Waits(t, server)
			site := siteSession(t, server, "loose")
			if _, err := site.ExecContext(t.Context(), writer); err != nil {
				t.Error(err)
			}
			longest, whose := stop()
			if longest > sourcetest.LongestWait {
				t.Errorf("%s waited for %v", whose, longest)
			}
			goOn()
			words := strings.ToUpper(strings.Join(strings.Fields(writer)[:2], " "))
			sourcetest.ExpectError(t, <-ended, source.ErrGaveWay, "read table heap: the dump gave way to others on staging: "+words+" of root waited for it")
		}
	})
}
