package swap

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// A dump may leave settings behind by which the server shows tables in other words.
func TestDefinitionsDoNotDependOnTheDumpsSettings(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		for name, setting := range map[string]string{
			"quotes": "SET sql_mode = 'ANSI_QUOTES'", "no quotes": "SET sql_quote_show_create = 0", "charset": "SET NAMES latin1",
		} {
			t.Run(name, func(t *testing.T) {
				targettest.Fresh(t, server, "site75")
				db := targettest.OpenWatched(t, server.URL("site75"))
				targettest.Must(t, targettest.Pull(t, db, "SET NAMES utf8mb4;\nCREATE TABLE `page` (`id` int COMMENT '€');\n"+setting+";\n"))
				targettest.WantChanges(t, db, "just pulled", "")
			})
		}
	})
}
