package swap

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

var (
	shortPages      = targettest.Shared("short-pages", testserver.MariaDB, "--innodb-page-size=4k")
	shortPagesMySQL = targettest.Shared("short-pages-mysql", testserver.Mysqld, "--innodb-page-size=4k")
	longPages       = targettest.Shared("long-pages", testserver.MariaDB, "--innodb-page-size=64k")
	longPagesMySQL  = targettest.Shared("long-pages-mysql", testserver.Mysqld, "--innodb-page-size=64k")
)

// wide is a table of forty columns and a row of it, each value as long as is said.
func wide(name string, length int) (create, insert string) {
	columns, values := make([]string, 40), make([]string, 40)
	for i := range columns {
		columns[i] = fmt.Sprintf("`c%d` varchar(200) CHARACTER SET latin1 NOT NULL", i)
		values[i] = "'" + strings.Repeat("x", length) + "'"
	}
	create = "CREATE TABLE `" + name + "` (" + strings.Join(columns, ",") + ") ENGINE=InnoDB;\n"
	return create, "INSERT INTO `" + name + "` VALUES (" + strings.Join(values, ",") + ");\n"
}

// A server with smaller pages than staging's takes a table whose rows may be too long, and refuses such a row.
func TestRowsTooLongForPages(t *testing.T) {
	for name, start := range map[string]func() (*testserver.MySQL, error){"mariadb": shortPages, "mysql": shortPagesMySQL} {
		t.Run(name, func(t *testing.T) {
			server, err := start()
			targettest.Must(t, err)
			create, short := wide("fits", 10)
			createLong, long := wide("long", 150)
			const says = "table long: a row is too long for the local server's pages (innodb_page_size 4096): Row size too large (> "
			want := func(t *testing.T, err error, inChunks bool) {
				t.Helper()
				var refused *target.TablesError
				switch {
				case !errors.As(err, &refused) || !refused.LargerPagesHelp() || refused.InChunks != inChunks:
					t.Errorf("got %v", err)
				case !strings.HasPrefix(refused.Error(), says) || cmp.Diff([]string{"long"}, refused.Tables) != "":
					t.Errorf("got %v about %v, want %s…", refused, refused.Tables, says)
				}
			}
			t.Run("chunks", func(t *testing.T) {
				targettest.Fresh(t, server, "site94")
				db, said := targettest.Open(t, server.URL("site94"))
				targettest.Must(t, db.Takes(t.Context(), &dump.Needs{PageSize: 64 << 10}))
				chunks := &targettest.Texts{}
				chunks.Add(dump.Head, "", 0, create+createLong)
				chunks.Add(dump.Rows, "fits", 1, strings.Replace(short, " VALUES", " (`"+columnsOfWide()+"`) VALUES", 1))
				chunks.Add(dump.Rows, "long", 1, strings.Replace(long, " VALUES", " (`"+columnsOfWide()+"`) VALUES", 1))
				_, err := targettest.PullChunks(t, db, chunks)
				want(t, err, true)
				if name == "mysql" {
					return // it writes its warning to its log
				}
				said.Want(t, "a row that is too long for this server's pages (innodb_page_size 4096) would end the pull; --skip-tables=fits,long leaves out the tables that may have one")
			})
			// MariaDB fills an empty table in bulk if unique_checks are off, and then only says that it did not commit.
			for _, head := range []string{"", "SET unique_checks=0, foreign_key_checks=0;\n", "SET unique_checks=0, foreign_key_checks=0;\nSET autocommit=0;\n"} {
				t.Run("text "+head, func(t *testing.T) {
					targettest.Fresh(t, server, "site94")
					db, _ := targettest.Open(t, server.URL("site94"))
					want(t, targettest.Pull(t, db, head+create+short+createLong+long+"COMMIT;\n"), false)
				})
			}
			t.Run("the key", func(t *testing.T) {
				targettest.Fresh(t, server, "site94")
				db, _ := targettest.Open(t, server.URL("site94"))
				err := targettest.Pull(t, db, "CREATE TABLE `k` (`v` varchar(760) CHARACTER SET utf8mb4 NOT NULL, PRIMARY KEY (`v`)) ENGINE=InnoDB;\n")
				var refused *target.TablesError
				if !errors.As(err, &refused) || !refused.LargerPagesHelp() ||
					!strings.HasPrefix(err.Error(), "table k: a key is too long for the local server's pages (innodb_page_size 4096): Specified key was too long; max key length is ") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func columnsOfWide() string {
	names := make([]string, 40)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	return strings.Join(names, "`,`")
}

// Pages of more than 16 KiB know no compressed tables.
func TestCompressedTablesOnLongPages(t *testing.T) {
	for name, start := range map[string]func() (*testserver.MySQL, error){"mariadb": longPages, "mysql": longPagesMySQL} {
		t.Run(name, func(t *testing.T) {
			server, err := start()
			targettest.Must(t, err)
			targettest.Fresh(t, server, "site94")
			db, said := targettest.Open(t, server.URL("site94"))
			targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE `c` (`v` text) ENGINE=InnoDB ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8;\nINSERT INTO `c` VALUES ('a');\n"))
			rows, err := server.Query("SELECT v FROM site94.c")
			targettest.Must(t, err)
			if diff := cmp.Diff([][]string{{"a"}}, rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			said.Want(t, "table c: the server warned as it was made: ")
		})
	}
}
