package swap

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// Tables whose files lie elsewhere come without that, and are not moved.
func TestMySQLOutside(t *testing.T) {
	folder := func(t *testing.T) string {
		outside := filepath.Join(t.TempDir(), "outside")
		targettest.Must(t, os.Mkdir(outside, 0o777))
		return outside
	}
	tables := map[string]string{
		"a": "CREATE TABLE a (id int PRIMARY KEY) DATA DIRECTORY='%s'",
		"p": "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10) DATA DIRECTORY='%s', PARTITION p1 VALUES LESS THAN MAXVALUE)",
		"s": "CREATE TABLE s (id int PRIMARY KEY) PARTITION BY RANGE (id) SUBPARTITION BY HASH (id)" +
			" (PARTITION p0 VALUES LESS THAN (10) (SUBPARTITION s0 DATA DIRECTORY='%s'), PARTITION p1 VALUES LESS THAN MAXVALUE (SUBPARTITION s1))",
	}
	t.Run("mysql", func(t *testing.T) {
		outside := folder(t)
		server, err := testserver.Mysqld(t.TempDir(), "--innodb-directories="+outside)
		targettest.Must(t, err)
		t.Cleanup(server.Stop)
		targettest.Must(t, server.Exec("CREATE TABLESPACE elsewhere ADD DATAFILE 'elsewhere.ibd'"))
		testOutside(t, server, outside, tables, "CREATE TABLE g (id int PRIMARY KEY, v int) TABLESPACE elsewhere COMMENT='TABLESPACE x'", "TABLESPACE",
			"CREATE TABLE g2 (id int PRIMARY KEY) TABLESPACE innodb_system")
	})
	t.Run("mariadb", func(t *testing.T) {
		outside := folder(t)
		tables["r"] = "CREATE TABLE r (id int PRIMARY KEY) ENGINE=Aria DATA DIRECTORY='%s'"
		testOutside(t, targettest.MariadbServer(t), outside, tables, fmt.Sprintf("CREATE TABLE g (id int PRIMARY KEY, v int) ENGINE=MyISAM, INDEX DIRECTORY='%s', COMMENT='TABLESPACE x'", outside), "INDEX DIRECTORY")
	})
}

// testOutside pulls tables whose files lie outside, and refuses to replace them. One more, g, has an odd option.
func testOutside(t *testing.T, server *testserver.MySQL, outside string, tables map[string]string, odd, option string, more ...string) {
	t.Helper()
	statements := append([]string{odd, "INSERT INTO g VALUES (1, 1)"}, more...)
	for table, definition := range tables {
		statements = append(statements, fmt.Sprintf(definition, outside), "INSERT INTO "+table+" VALUES (1), (11)")
	}
	targettest.Fresh(t, server, "staging73", statements...)
	dump := targettest.Mysqldump(t, server, "staging73")
	targettest.Fresh(t, server, "staging73")
	targettest.Fresh(t, server, "site73")
	db, said := targettest.Open(t, server.URL("site73"))
	for range 3 {
		targettest.Must(t, db.Check(t.Context()))
		targettest.Must(t, targettest.Pull(t, db, dump))
	}
	said.Want(t, "table g comes without its "+option+": its files lie in the folder of the database")
	targettest.Must(t, server.Restart())
	for table := range tables {
		said.Want(t, "table "+table+" comes without its DATA DIRECTORY: its files lie in the folder of the database")
		rows, err := server.Query("SELECT * FROM site73." + table)
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{{"1"}, {"11"}}, rows); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	}
	if left, err := os.ReadDir(outside); err != nil || slices.ContainsFunc(left, func(file os.DirEntry) bool { return strings.Contains(file.Name(), "site73") }) {
		t.Errorf("outside are %v, %v", left, err)
	}
	for table, definition := range tables {
		targettest.Fresh(t, server, "site73", "CREATE TABLE old (id int PRIMARY KEY)")
		targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE other (id int);\n"))
		targettest.Must(t, server.Exec("USE site73", fmt.Sprintf(definition, outside), "INSERT INTO "+table+" VALUES (1)"))
		for _, err := range []error{db.Check(t.Context()), targettest.Pull(t, db, dump), db.Undo(t.Context())} {
			var refused *target.OutsideError
			if !errors.As(err, &refused) {
				t.Fatalf("table %s: %v", table, err)
			}
			wantText(t, refused.Error(), "table "+table+" of database site73 has a DATA DIRECTORY: its files lie outside of the folder of the database, and the server may lose it when it is moved")
			wantText(t, refused.Remedy, "SET sql_mode = 'NO_DIR_IN_CREATE'; ALTER TABLE `site73`.`"+table+"` FORCE, ALGORITHM=COPY")
		}
		targettest.NoGarbage(t, server, "site73")
		part, _ := targettest.OpenPart(t, server.URL("site73"), targettest.Only("other"))
		targettest.Must(t, part.Check(t.Context()))
		targettest.Must(t, server.Exec(bringInside("site73", table)))
		targettest.Must(t, db.Undo(t.Context()))
		targettest.Must(t, db.Undo(t.Context()))
		targettest.Must(t, server.Restart())
		rows, err := server.Query("SELECT * FROM site73." + table)
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{{"1"}}, rows); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	}
}

func TestOutsideInWords(t *testing.T) {
	for option, want := range map[string]string{"DATA DIRECTORY": "a DATA DIRECTORY", "INDEX DIRECTORY": "an INDEX DIRECTORY"} {
		err := &target.OutsideError{Database: "shop", Table: "t", Option: option}
		wantText(t, err.Error(), "table t of database shop has "+want+": its files lie outside of the folder of the database, and the server may lose it when it is moved")
	}
}
