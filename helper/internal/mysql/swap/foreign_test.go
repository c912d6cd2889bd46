package swap

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// keysOf lists the foreign keys of a database as it defines them.
func keysOf(t *testing.T, server *testserver.MySQL, database string) []string {
	t.Helper()
	rows, err := server.Query("SELECT DISTINCT TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ? ORDER BY 1", database)
	targettest.Must(t, err)
	var keys []string
	for _, row := range rows {
		definition, err := server.Query("SHOW CREATE TABLE " + mysql.QuoteName(database) + "." + mysql.QuoteName(row[0]))
		targettest.Must(t, err)
		for line := range strings.Lines(definition[0][1]) {
			if strings.Contains(line, " FOREIGN KEY ") {
				keys = append(keys, row[0]+": "+strings.Trim(line, " \n,"))
			}
		}
	}
	return keys
}

func wantKeys(t *testing.T, server *testserver.MySQL, database string, want ...string) {
	t.Helper()
	targettest.KeysStay(t, server)
	if diff := cmp.Diff(want, keysOf(t, server, database)); diff != "" {
		t.Errorf("foreign keys of %s (-want +got):\n%s", database, diff)
	}
}

// orphaned is a table whose foreign key refers to one that is not there.
func orphaned(rows string) []string {
	return []string{
		"SET foreign_key_checks = 0",
		"CREATE TABLE child (id int PRIMARY KEY, pid int, CONSTRAINT fk1 FOREIGN KEY (pid) REFERENCES parent (id) ON DELETE CASCADE)",
		"INSERT INTO child VALUES " + rows,
	}
}

const orphanedKey = "child: CONSTRAINT `fk1` FOREIGN KEY (`pid`) REFERENCES `parent` (`id`) ON DELETE CASCADE"

var withParent = []string{"CREATE TABLE parent (id int PRIMARY KEY)", "INSERT INTO parent VALUES (1)"}

// A dump may have a foreign key to a table that it does not have. The key is what it was on staging, and is tied to no table that comes later
// to another database.
func TestMySQLMissingParent(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "staging60", orphaned("(1, 1)")...)
		without := targettest.Mysqldump(t, server, "staging60")
		wanted := targettest.Content(t, server, "staging60")
		targettest.Fresh(t, server, "staging60", slices.Concat(orphaned("(2, 1)"), withParent)...)
		with, complete := targettest.Mysqldump(t, server, "staging60"), targettest.Content(t, server, "staging60")
		targettest.Fresh(t, server, "site60")
		db, said := targettest.Open(t, server.URL("site60"))

		targettest.Must(t, targettest.Pull(t, db, without))
		targettest.WantMySQL(t, server, "site60", wanted)
		wantKeys(t, server, "site60", orphanedKey)
		said.Want(t, "foreign key fk1 of table child refers to table parent, which the dump lacks: the key is kept, so no row that refers to that table can be added")
		targettest.Must(t, targettest.Pull(t, db, without)) // now there is a previous one
		wantKeys(t, server, "site60", orphanedKey)
		wantKeys(t, server, "site60__dump_previous")
		targettest.Must(t, targettest.Pull(t, db, with))
		targettest.WantMySQL(t, server, "site60", complete)
		targettest.Must(t, server.Restart())
		wantKeys(t, server, "site60", orphanedKey)
		wantKeys(t, server, "site60__dump_previous")

		targettest.Must(t, server.Exec("DELETE FROM site60.parent"))
		targettest.Must(t, server.Exec("CREATE TABLE site60__dump_previous.parent (id int PRIMARY KEY)", "DROP TABLE site60__dump_previous.parent"))
		targettest.Must(t, db.Undo(t.Context()))
		targettest.WantMySQL(t, server, "site60", wanted)
		wantKeys(t, server, "site60", orphanedKey)
		wantKeys(t, server, "site60__dump_previous", orphanedKey) // with its parent
		targettest.Must(t, server.Exec("CREATE TABLE site60.parent (id int PRIMARY KEY)", "INSERT INTO site60.parent VALUES (1)"))
		if err := server.Exec("INSERT INTO site60.child VALUES (3, 5)"); err == nil {
			t.Error("the key lets a row without its parent in")
		}
		targettest.Must(t, server.Exec("SET foreign_key_checks = 0", "DROP TABLE site60.parent"))
		targettest.Must(t, db.Undo(t.Context()))
		targettest.Must(t, server.Exec("INSERT INTO site60.parent VALUES (8)", "INSERT INTO site60.child VALUES (8, 8)", "DELETE FROM site60.parent"))
		rows, err := server.Query("SELECT (SELECT COUNT(*) FROM site60.child), (SELECT COUNT(*) FROM site60__dump_previous.child)")
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{{"0", "1"}}, rows); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// That the live database has keys which the scratch database had not is no change.
func TestMySQLKeysAreNoChange(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "neighbour66", "CREATE TABLE p (id int PRIMARY KEY)")
		targettest.Fresh(t, server, "staging66", append(orphaned("(1, 1)"), "CREATE TABLE a (id int PRIMARY KEY, b int, CONSTRAINT fkx FOREIGN KEY (b) REFERENCES neighbour66.p (id))")...)
		dump := targettest.Mysqldump(t, server, "staging66")
		targettest.Fresh(t, server, "site66")
		db := targettest.OpenWatched(t, server.URL("site66"))
		targettest.Must(t, targettest.Pull(t, db, dump))
		targettest.WantChanges(t, db, "just pulled", "")
		targettest.Must(t, db.Undo(t.Context()))
		targettest.Must(t, db.Undo(t.Context()))
		targettest.WantChanges(t, db, "undo and back", "")
		targettest.Must(t, server.Exec("ALTER TABLE site66.child DROP FOREIGN KEY fk1"))
		targettest.WantChanges(t, db, "without its key", "foreign key fk1")
		targettest.Must(t, db.Mark(t.Context(), target.Release))
		targettest.WantChanges(t, db, "released", "")
		targettest.Fresh(t, server, "site66")
		targettest.Fresh(t, server, "staging66")
		targettest.Fresh(t, server, "neighbour66")
	})
}

// What an earlier version of this program has left: keys from and to the databases beside.
func TestMySQLStrayKeys(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "staging61", slices.Concat(orphaned("(2, 1)"), withParent)...)
		dump, complete := targettest.Mysqldump(t, server, "staging61"), targettest.Content(t, server, "staging61")
		for _, pulled := range []bool{true, false} {
			targettest.Fresh(t, server, "site61", "CREATE TABLE other (id int PRIMARY KEY)")
			db, _ := targettest.Open(t, server.URL("site61"))
			targettest.Must(t, targettest.Pull(t, db, dump))
			targettest.Must(t, targettest.Pull(t, db, dump))
			targettest.Must(t, server.Exec("SET foreign_key_checks = 0", "USE site61", "DROP TABLE parent", "ALTER TABLE child DROP FOREIGN KEY fk1",
				"ALTER TABLE child ADD CONSTRAINT fk1 FOREIGN KEY (pid) REFERENCES site61__dump_incoming.parent (id) ON DELETE CASCADE",
				"USE site61__dump_previous", "DROP TABLE parent", "CREATE TABLE site61.parent (id int PRIMARY KEY)", "INSERT INTO site61.parent VALUES (1)",
				"ALTER TABLE child DROP FOREIGN KEY fk1",
				"ALTER TABLE child ADD CONSTRAINT fk1 FOREIGN KEY (pid) REFERENCES site61.parent (id) ON DELETE CASCADE"))
			if pulled {
				targettest.Must(t, targettest.Pull(t, db, dump))
				targettest.WantMySQL(t, server, "site61", complete)
				wantKeys(t, server, "site61", orphanedKey)
				wantKeys(t, server, "site61__dump_previous")
				targettest.Must(t, db.Undo(t.Context()))
				wantKeys(t, server, "site61", orphanedKey)
				targettest.Must(t, server.Exec("DELETE FROM site61.parent")) // by cascade, as it should
			} else {
				targettest.Must(t, db.Undo(t.Context()))
				wantKeys(t, server, "site61", orphanedKey)
				wantKeys(t, server, "site61__dump_previous")
				targettest.Must(t, server.Exec("DELETE FROM site61__dump_previous.parent"))
			}
			rows, err := server.Query("SELECT COUNT(*) FROM site61.child")
			targettest.Must(t, err)
			if want := map[bool]string{true: "0", false: "1"}[pulled]; rows[0][0] != want {
				t.Errorf("%s rows, want %s", rows[0][0], want)
			}
		}
	})
}

// Foreign keys may refer to tables of other databases, which this server has or has not.
func TestMySQLKeysElsewhere(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "neighbour62", "CREATE TABLE p (id int PRIMARY KEY)", "INSERT INTO p VALUES (1)")
		targettest.Fresh(t, server, "gone62", "CREATE TABLE p (id int PRIMARY KEY)")
		targettest.Fresh(t, server, "site62", "CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE p2 (id int PRIMARY KEY)")
		targettest.Fresh(t, server, "staging62", "CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE a (id int PRIMARY KEY, b int,"+
			" CONSTRAINT fkx FOREIGN KEY (b) REFERENCES neighbour62.p (id) ON DELETE CASCADE,"+
			" CONSTRAINT fky FOREIGN KEY (b) REFERENCES gone62.p (id), CONSTRAINT fkz FOREIGN KEY (b) REFERENCES site62.p2 (id))",
			"SET foreign_key_checks = 0", "INSERT INTO a VALUES (1, 1)", "CREATE TABLE self (id int PRIMARY KEY, CONSTRAINT fks FOREIGN KEY (id) REFERENCES p (id))")
		dump := targettest.Mysqldump(t, server, "staging62")
		dump = strings.ReplaceAll(dump, "REFERENCES `p`", "REFERENCES `staging62`.`p`")
		targettest.Fresh(t, server, "staging62")
		targettest.Must(t, server.Exec("SET foreign_key_checks = 0", "DROP DATABASE gone62"))
		db, said := targettest.Open(t, server.URL("site62"))
		elsewhere := "a: CONSTRAINT `fkx` FOREIGN KEY (`b`) REFERENCES `neighbour62`.`p` (`id`) ON DELETE CASCADE"
		own := "self: CONSTRAINT `fks` FOREIGN KEY (`id`) REFERENCES `p` (`id`)"
		for range 2 {
			targettest.Must(t, targettest.Pull(t, db, dump))
			wantKeys(t, server, "site62", elsewhere, own)
		}
		said.Want(t, "foreign key fky of table a is left out: it refers to table gone62.p, which does not exist here")
		said.Want(t, "foreign key fkz of table a is left out: it refers to table site62.p2, but the local database of that name is a different one")
		wantKeys(t, server, "site62__dump_previous", own)
		targettest.Must(t, server.Exec("DELETE FROM neighbour62.p"))
		targettest.Must(t, db.Undo(t.Context()))
		wantKeys(t, server, "site62", elsewhere, own)
		rows, err := server.Query("SELECT COUNT(*) FROM site62.a")
		targettest.Must(t, err)
		if rows[0][0] != "1" {
			t.Error("a deletion in another database has reached the previous one")
		}
	})
}

// A dump without a header does not say whose tables its foreign keys refer to.
func TestMySQLKeysOfUnknownDatabase(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site63")
	db, said := targettest.Open(t, server.URL("site63"))
	targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE c (id int PRIMARY KEY, CONSTRAINT fkc FOREIGN KEY (id) REFERENCES shop.p (id));\n"+
		"CREATE TABLE d (id int PRIMARY KEY);\nCREATE TABLE p (id int PRIMARY KEY);\nALTER TABLE d ADD CONSTRAINT fkd FOREIGN KEY (id) REFERENCES `shop` . `p` (id);\n"))
	wantKeys(t, server, "site63", "c: CONSTRAINT `fkc` FOREIGN KEY (`id`) REFERENCES `p` (`id`)", "d: CONSTRAINT `fkd` FOREIGN KEY (`id`) REFERENCES `p` (`id`)")
	if len(said.Lines) > 0 {
		t.Errorf("notes: %q", said.Lines)
	}
}

// Parts whose foreign keys refer to what the dump lacks.
func TestMySQLPartMissingParent(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		more := []string{"CREATE TABLE page (id int PRIMARY KEY)", "INSERT INTO page VALUES (1)"}
		targettest.Fresh(t, server, "staging64", slices.Concat(more, orphaned("(1, 1)"))...)
		without := targettest.Mysqldump(t, server, "staging64")
		targettest.Fresh(t, server, "staging64", slices.Concat(more, orphaned("(2, 1)"), withParent)...)
		with := targettest.Mysqldump(t, server, "staging64")
		for name, part := range map[string]target.Part{"only": targettest.Only("child"), "all but": targettest.AllBut("page")} {
			t.Run(name, func(t *testing.T) {
				targettest.Fresh(t, server, "site64", more...)
				db, _ := targettest.OpenPart(t, server.URL("site64"), part)
				targettest.Must(t, targettest.Pull(t, db, without))
				wantKeys(t, server, "site64", orphanedKey)
				targettest.Must(t, targettest.Pull(t, db, without))
				wantKeys(t, server, "site64", orphanedKey)
				both, _ := targettest.OpenPart(t, server.URL("site64"), targettest.Only("child", "parent"))
				targettest.Must(t, targettest.Pull(t, both, with))
				wantKeys(t, server, "site64", orphanedKey)
				wantKeys(t, server, "site64__dump_previous")
				targettest.Must(t, server.Exec("DELETE FROM site64.parent"))
				targettest.Must(t, both.Undo(t.Context()))
				wantKeys(t, server, "site64", orphanedKey)
				rows, err := server.Query("SELECT COUNT(*) FROM site64.child WHERE id = 1")
				targettest.Must(t, err)
				if rows[0][0] != "1" {
					t.Error("undo has not brought the rows back")
				}
			})
		}
		t.Run("the parent stays", func(t *testing.T) {
			targettest.Fresh(t, server, "site64", append(more, withParent...)...)
			db, said := targettest.OpenPart(t, server.URL("site64"), targettest.Only("child"))
			targettest.Must(t, targettest.Pull(t, db, without))
			wantKeys(t, server, "site64")
			said.Want(t, "foreign key fk1 of table child is left out: it refers to table parent, which stays and is not in the dump")
			targettest.Must(t, db.Undo(t.Context()))
			targettest.KeysStay(t, server)
		})
	})
}

// TestMySQLKeysKilled is TestMySQLKilledPull and TestMySQLKilledUndo for foreign keys that lead out of the database.
func TestMySQLKeysKilled(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "neighbour65", "CREATE TABLE p (id int PRIMARY KEY)")
	leading := func(generation string) []string {
		return append(orphaned("(1, 1)"), "CREATE TABLE a (id int PRIMARY KEY, b int, CONSTRAINT fkx FOREIGN KEY (b) REFERENCES neighbour65.p (id) ON DELETE CASCADE)",
			"CREATE TABLE only_"+generation+" (id int)", "CREATE TRIGGER child_added AFTER INSERT ON child FOR EACH ROW SET @x = 1")
	}
	texts, contents := map[string]string{}, map[string]string{}
	for _, generation := range []string{"old", "new"} {
		targettest.Fresh(t, server, "staging65", leading(generation)...)
		texts[generation], contents[generation] = targettest.Mysqldump(t, server, "staging65"), targettest.Content(t, server, "staging65")
	}
	dump := filepath.Join(t.TempDir(), "dump.sql")
	targettest.Must(t, os.WriteFile(dump, []byte(texts["new"]), 0o600))
	for _, what := range []string{dump, ""} {
		ends := map[string]int{}
		for step := range targettest.KillSteps(t) {
			targettest.Fresh(t, server, "site65", leading("oldest")...)
			db, _ := targettest.Open(t, server.URL("site65"))
			targettest.Must(t, targettest.Pull(t, db, texts["old"]))
			if what == "" {
				targettest.Must(t, targettest.Pull(t, db, texts["new"]))
			}
			finished := targettest.RunChild(t, server.URL("site65"), what, step)
			targettest.KeysStay(t, server)
			targettest.Must(t, db.Recover(t.Context()))
			targettest.NoGarbage(t, server, "site65")
			end := fmt.Sprintf("killed at step %d: neither old nor new", step)
			for generation, text := range contents {
				if targettest.Content(t, server, "site65") == text {
					end = generation
				}
			}
			ends[end]++
			targettest.Must(t, db.Undo(t.Context()))
			targettest.KeysStay(t, server)
			targettest.Must(t, db.Undo(t.Context()))
			targettest.WantMySQL(t, server, "site65", contents[end])
			if t.Failed() {
				t.Fatalf("killed at step %d", step)
			}
			if finished {
				break
			}
		}
		if stride := targettest.KillStride(); ends["old"] < 3/stride || ends["new"] < 3/stride || len(ends) != 2 {
			t.Errorf("ends: %v", ends)
		}
	}
}
