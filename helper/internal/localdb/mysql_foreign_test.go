package localdb

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// foreignKeys lists all foreign keys of a server: "db/table/key -> db/table", by what it says and by what InnoDB keeps.
func foreignKeys(t *testing.T, server *testserver.MySQL) [][2]string {
	t.Helper()
	view := "INNODB_SYS_FOREIGN"
	if isOracle(t, server) {
		view = "INNODB_FOREIGN"
	}
	var keys [][2]string
	for _, query := range []string{
		"SELECT CONCAT(CONSTRAINT_SCHEMA, '/', TABLE_NAME), CONCAT(UNIQUE_CONSTRAINT_SCHEMA, '/', REFERENCED_TABLE_NAME)" +
			" FROM information_schema.REFERENTIAL_CONSTRAINTS ORDER BY 1, 2",
		"SELECT FOR_NAME, REF_NAME FROM information_schema." + view + " ORDER BY 1, 2",
	} {
		rows, err := server.Query(query)
		must(t, err)
		for _, row := range rows {
			keys = append(keys, [2]string{row[0], row[1]})
		}
	}
	return keys
}

// keysStay fails the test where a foreign key leads into a database beside a live one, or out of it, and where one of the previous
// database waits for a table that is not there.
func keysStay(t *testing.T, server *testserver.MySQL) {
	t.Helper()
	for _, key := range foreignKeys(t, server) {
		from, _, _ := strings.Cut(key[0], "/")
		to, table, _ := strings.Cut(key[1], "/")
		if from != to && (strings.Contains(from, "__dump_") || strings.Contains(to, "__dump_")) {
			t.Errorf("a foreign key leads from %s to %s", key[0], key[1])
		}
		if (strings.Contains(from, "__dump_previous") || strings.Contains(from, "__dump_older_")) && !strings.Contains(key[1], "@") {
			rows, err := server.Query("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", to, table)
			must(t, err)
			if len(rows) == 0 {
				t.Errorf("a foreign key of %s waits for %s", key[0], key[1])
			}
		}
	}
}

// keysOf lists the foreign keys of a database as it defines them.
func keysOf(t *testing.T, server *testserver.MySQL, database string) []string {
	t.Helper()
	rows, err := server.Query("SELECT DISTINCT TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ? ORDER BY 1", database)
	must(t, err)
	var keys []string
	for _, row := range rows {
		definition, err := server.Query("SHOW CREATE TABLE " + quoteName(database) + "." + quoteName(row[0]))
		must(t, err)
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
	keysStay(t, server)
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
	eachServer(t, func(t *testing.T, server *testserver.MySQL) {
		fresh(t, server, "staging60", orphaned("(1, 1)")...)
		without := mysqldump(t, server, "staging60")
		wanted := content(t, server, "staging60")
		fresh(t, server, "staging60", slices.Concat(orphaned("(2, 1)"), withParent)...)
		with, complete := mysqldump(t, server, "staging60"), content(t, server, "staging60")
		fresh(t, server, "site60")
		db, said := open(t, server.URL("site60"))

		must(t, pull(t, db, without))
		wantMySQL(t, server, "site60", wanted)
		wantKeys(t, server, "site60", orphanedKey)
		said.want(t, "foreign key fk1 of table child refers to table parent, which the dump lacks: it is kept, and no row that needs it can be added")
		must(t, pull(t, db, without)) // now there is a previous one
		wantKeys(t, server, "site60", orphanedKey)
		wantKeys(t, server, "site60__dump_previous")
		must(t, pull(t, db, with))
		wantMySQL(t, server, "site60", complete)
		must(t, server.Restart())
		wantKeys(t, server, "site60", orphanedKey)
		wantKeys(t, server, "site60__dump_previous")

		must(t, server.Exec("DELETE FROM site60.parent"))
		must(t, server.Exec("CREATE TABLE site60__dump_previous.parent (id int PRIMARY KEY)", "DROP TABLE site60__dump_previous.parent"))
		must(t, db.Undo(t.Context()))
		wantMySQL(t, server, "site60", wanted)
		wantKeys(t, server, "site60", orphanedKey)
		wantKeys(t, server, "site60__dump_previous", orphanedKey) // with its parent
		must(t, server.Exec("CREATE TABLE site60.parent (id int PRIMARY KEY)", "INSERT INTO site60.parent VALUES (1)"))
		if err := server.Exec("INSERT INTO site60.child VALUES (3, 5)"); err == nil {
			t.Error("the key lets a row without its parent in")
		}
		must(t, server.Exec("SET foreign_key_checks = 0", "DROP TABLE site60.parent"))
		must(t, db.Undo(t.Context()))
		must(t, server.Exec("INSERT INTO site60.parent VALUES (8)", "INSERT INTO site60.child VALUES (8, 8)", "DELETE FROM site60.parent"))
		rows, err := server.Query("SELECT (SELECT COUNT(*) FROM site60.child), (SELECT COUNT(*) FROM site60__dump_previous.child)")
		must(t, err)
		if diff := cmp.Diff([][]string{{"0", "1"}}, rows); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// That the live database has keys which the scratch database had not is no change.
func TestMySQLKeysAreNoChange(t *testing.T) {
	eachServer(t, func(t *testing.T, server *testserver.MySQL) {
		fresh(t, server, "neighbour66", "CREATE TABLE p (id int PRIMARY KEY)")
		fresh(t, server, "staging66", append(orphaned("(1, 1)"), "CREATE TABLE a (id int PRIMARY KEY, b int, CONSTRAINT fkx FOREIGN KEY (b) REFERENCES neighbour66.p (id))")...)
		dump := mysqldump(t, server, "staging66")
		fresh(t, server, "site66")
		db := openWatched(t, server.URL("site66"))
		must(t, pull(t, db, dump))
		wantChanges(t, db, "just pulled", "")
		must(t, db.Undo(t.Context()))
		must(t, db.Undo(t.Context()))
		wantChanges(t, db, "undo and back", "")
		must(t, server.Exec("ALTER TABLE site66.child DROP FOREIGN KEY fk1"))
		wantChanges(t, db, "without its key", "foreign key fk1")
		must(t, db.Mark(t.Context(), Release))
		wantChanges(t, db, "released", "")
		fresh(t, server, "site66")
		fresh(t, server, "staging66")
		fresh(t, server, "neighbour66")
	})
}

// What an earlier version of this program has left: keys from and to the databases beside.
func TestMySQLStrayKeys(t *testing.T) {
	eachServer(t, func(t *testing.T, server *testserver.MySQL) {
		fresh(t, server, "staging61", slices.Concat(orphaned("(2, 1)"), withParent)...)
		dump, complete := mysqldump(t, server, "staging61"), content(t, server, "staging61")
		for _, pulled := range []bool{true, false} {
			fresh(t, server, "site61", "CREATE TABLE other (id int PRIMARY KEY)")
			db, _ := open(t, server.URL("site61"))
			must(t, pull(t, db, dump))
			must(t, pull(t, db, dump))
			must(t, server.Exec("SET foreign_key_checks = 0", "USE site61", "DROP TABLE parent", "ALTER TABLE child DROP FOREIGN KEY fk1",
				"ALTER TABLE child ADD CONSTRAINT fk1 FOREIGN KEY (pid) REFERENCES site61__dump_incoming.parent (id) ON DELETE CASCADE",
				"USE site61__dump_previous", "DROP TABLE parent", "CREATE TABLE site61.parent (id int PRIMARY KEY)", "INSERT INTO site61.parent VALUES (1)",
				"ALTER TABLE child DROP FOREIGN KEY fk1",
				"ALTER TABLE child ADD CONSTRAINT fk1 FOREIGN KEY (pid) REFERENCES site61.parent (id) ON DELETE CASCADE"))
			if pulled {
				must(t, pull(t, db, dump))
				wantMySQL(t, server, "site61", complete)
				wantKeys(t, server, "site61", orphanedKey)
				wantKeys(t, server, "site61__dump_previous")
				must(t, db.Undo(t.Context()))
				wantKeys(t, server, "site61", orphanedKey)
				must(t, server.Exec("DELETE FROM site61.parent")) // by cascade, as it should
			} else {
				must(t, db.Undo(t.Context()))
				wantKeys(t, server, "site61", orphanedKey)
				wantKeys(t, server, "site61__dump_previous")
				must(t, server.Exec("DELETE FROM site61__dump_previous.parent"))
			}
			rows, err := server.Query("SELECT COUNT(*) FROM site61.child")
			must(t, err)
			if want := map[bool]string{true: "0", false: "1"}[pulled]; rows[0][0] != want {
				t.Errorf("%s rows, want %s", rows[0][0], want)
			}
		}
	})
}

// Foreign keys may refer to tables of other databases, which this server has or has not.
func TestMySQLKeysElsewhere(t *testing.T) {
	eachServer(t, func(t *testing.T, server *testserver.MySQL) {
		fresh(t, server, "neighbour62", "CREATE TABLE p (id int PRIMARY KEY)", "INSERT INTO p VALUES (1)")
		fresh(t, server, "gone62", "CREATE TABLE p (id int PRIMARY KEY)")
		fresh(t, server, "site62", "CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE p2 (id int PRIMARY KEY)")
		fresh(t, server, "staging62", "CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE a (id int PRIMARY KEY, b int,"+
			" CONSTRAINT fkx FOREIGN KEY (b) REFERENCES neighbour62.p (id) ON DELETE CASCADE,"+
			" CONSTRAINT fky FOREIGN KEY (b) REFERENCES gone62.p (id), CONSTRAINT fkz FOREIGN KEY (b) REFERENCES site62.p2 (id))",
			"SET foreign_key_checks = 0", "INSERT INTO a VALUES (1, 1)", "CREATE TABLE self (id int PRIMARY KEY, CONSTRAINT fks FOREIGN KEY (id) REFERENCES p (id))")
		dump := mysqldump(t, server, "staging62")
		dump = strings.ReplaceAll(dump, "REFERENCES `p`", "REFERENCES `staging62`.`p`")
		fresh(t, server, "staging62")
		must(t, server.Exec("SET foreign_key_checks = 0", "DROP DATABASE gone62"))
		db, said := open(t, server.URL("site62"))
		elsewhere := "a: CONSTRAINT `fkx` FOREIGN KEY (`b`) REFERENCES `neighbour62`.`p` (`id`) ON DELETE CASCADE"
		own := "self: CONSTRAINT `fks` FOREIGN KEY (`id`) REFERENCES `p` (`id`)"
		for range 2 {
			must(t, pull(t, db, dump))
			wantKeys(t, server, "site62", elsewhere, own)
		}
		said.want(t, "foreign key fky of table a is left out: it refers to table gone62.p, which is not there")
		said.want(t, "foreign key fkz of table a is left out: it refers to table site62.p2, and the database of that name here is another one")
		wantKeys(t, server, "site62__dump_previous", own)
		must(t, server.Exec("DELETE FROM neighbour62.p"))
		must(t, db.Undo(t.Context()))
		wantKeys(t, server, "site62", elsewhere, own)
		rows, err := server.Query("SELECT COUNT(*) FROM site62.a")
		must(t, err)
		if rows[0][0] != "1" {
			t.Error("a deletion in another database has reached the previous one")
		}
	})
}

// A dump without a header does not say whose tables its foreign keys refer to.
func TestMySQLKeysOfUnknownDatabase(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "site63")
	db, said := open(t, server.URL("site63"))
	must(t, pull(t, db, "CREATE TABLE c (id int PRIMARY KEY, CONSTRAINT fkc FOREIGN KEY (id) REFERENCES shop.p (id));\n"+
		"CREATE TABLE d (id int PRIMARY KEY);\nCREATE TABLE p (id int PRIMARY KEY);\nALTER TABLE d ADD CONSTRAINT fkd FOREIGN KEY (id) REFERENCES `shop` . `p` (id);\n"))
	wantKeys(t, server, "site63", "c: CONSTRAINT `fkc` FOREIGN KEY (`id`) REFERENCES `p` (`id`)", "d: CONSTRAINT `fkd` FOREIGN KEY (`id`) REFERENCES `p` (`id`)")
	if len(said.lines) > 0 {
		t.Errorf("notes: %q", said.lines)
	}
}

// Parts whose foreign keys refer to what the dump lacks.
func TestMySQLPartMissingParent(t *testing.T) {
	eachServer(t, func(t *testing.T, server *testserver.MySQL) {
		more := []string{"CREATE TABLE page (id int PRIMARY KEY)", "INSERT INTO page VALUES (1)"}
		fresh(t, server, "staging64", slices.Concat(more, orphaned("(1, 1)"))...)
		without := mysqldump(t, server, "staging64")
		fresh(t, server, "staging64", slices.Concat(more, orphaned("(2, 1)"), withParent)...)
		with := mysqldump(t, server, "staging64")
		for name, part := range map[string]Part{"only": only("child"), "all but": allBut("page")} {
			t.Run(name, func(t *testing.T) {
				fresh(t, server, "site64", more...)
				db, _ := openPart(t, server.URL("site64"), part)
				must(t, pull(t, db, without))
				wantKeys(t, server, "site64", orphanedKey)
				must(t, pull(t, db, without))
				wantKeys(t, server, "site64", orphanedKey)
				both, _ := openPart(t, server.URL("site64"), only("child", "parent"))
				must(t, pull(t, both, with))
				wantKeys(t, server, "site64", orphanedKey)
				wantKeys(t, server, "site64__dump_previous")
				must(t, server.Exec("DELETE FROM site64.parent"))
				must(t, both.Undo(t.Context()))
				wantKeys(t, server, "site64", orphanedKey)
				rows, err := server.Query("SELECT COUNT(*) FROM site64.child WHERE id = 1")
				must(t, err)
				if rows[0][0] != "1" {
					t.Error("undo has not brought the rows back")
				}
			})
		}
		t.Run("the parent stays", func(t *testing.T) {
			fresh(t, server, "site64", append(more, withParent...)...)
			db, said := openPart(t, server.URL("site64"), only("child"))
			must(t, pull(t, db, without))
			wantKeys(t, server, "site64")
			said.want(t, "foreign key fk1 of table child is left out: it refers to table parent, which the dump lacks and which stays")
			must(t, db.Undo(t.Context()))
			keysStay(t, server)
		})
	})
}

// TestMySQLKeysKilled is TestMySQLKilledPull and TestMySQLKilledUndo for foreign keys that lead out of the database.
func TestMySQLKeysKilled(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "neighbour65", "CREATE TABLE p (id int PRIMARY KEY)")
	leading := func(generation string) []string {
		return append(orphaned("(1, 1)"), "CREATE TABLE a (id int PRIMARY KEY, b int, CONSTRAINT fkx FOREIGN KEY (b) REFERENCES neighbour65.p (id) ON DELETE CASCADE)",
			"CREATE TABLE only_"+generation+" (id int)", "CREATE TRIGGER child_added AFTER INSERT ON child FOR EACH ROW SET @x = 1")
	}
	texts, contents := map[string]string{}, map[string]string{}
	for _, generation := range []string{"old", "new"} {
		fresh(t, server, "staging65", leading(generation)...)
		texts[generation], contents[generation] = mysqldump(t, server, "staging65"), content(t, server, "staging65")
	}
	dump := filepath.Join(t.TempDir(), "dump.sql")
	must(t, os.WriteFile(dump, []byte(texts["new"]), 0o600))
	for _, what := range []string{dump, ""} {
		ends := map[string]int{}
		for step := 1; ; step++ {
			fresh(t, server, "site65", leading("oldest")...)
			db, _ := open(t, server.URL("site65"))
			must(t, pull(t, db, texts["old"]))
			if what == "" {
				must(t, pull(t, db, texts["new"]))
			}
			finished := runChild(t, server.URL("site65"), what, step)
			keysStay(t, server)
			must(t, db.Recover(t.Context()))
			noRubbish(t, server, "site65")
			end := fmt.Sprintf("killed at step %d: neither old nor new", step)
			for generation, text := range contents {
				if content(t, server, "site65") == text {
					end = generation
				}
			}
			ends[end]++
			must(t, db.Undo(t.Context()))
			keysStay(t, server)
			must(t, db.Undo(t.Context()))
			wantMySQL(t, server, "site65", contents[end])
			if t.Failed() {
				t.Fatalf("killed at step %d", step)
			}
			if finished {
				break
			}
		}
		if ends["old"] < 3 || ends["new"] < 3 || len(ends) != 2 {
			t.Errorf("ends: %v", ends)
		}
	}
}
