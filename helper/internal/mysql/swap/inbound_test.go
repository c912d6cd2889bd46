package swap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// neighbour makes another local database with foreign keys to the one that is replaced.
func neighbour(t *testing.T, server *testserver.MySQL, name, site string) (keys []string) {
	t.Helper()
	targettest.Fresh(t, server, name, "CREATE TABLE x (id int PRIMARY KEY, p int, CONSTRAINT fkx FOREIGN KEY (p) REFERENCES "+site+".parent (id) ON DELETE CASCADE)",
		"INSERT INTO x VALUES (1, 1)", "SET foreign_key_checks = 0",
		"CREATE TABLE y (id int PRIMARY KEY, p int, CONSTRAINT fky FOREIGN KEY (p) REFERENCES "+site+".later (id))")
	return []string{
		"x: CONSTRAINT `fkx` FOREIGN KEY (`p`) REFERENCES `" + site + "`.`parent` (`id`) ON DELETE CASCADE",
		"y: CONSTRAINT `fky` FOREIGN KEY (`p`) REFERENCES `" + site + "`.`later` (`id`)",
	}
}

// Foreign keys of another local database stay what they are: they refer to the live database's tables, whichever these are.
func TestMySQLKeysOfOthers(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		later := "CREATE TABLE later (id int PRIMARY KEY)"
		targettest.Fresh(t, server, "staging70", append(targettest.Site("new"), later)...)
		dump := targettest.Mysqldump(t, server, "staging70")
		for name, part := range map[string]target.Part{"whole": {}, "part": targettest.Only("parent", "child", "later"), "another part": targettest.Only("log"), "all but": targettest.AllBut("log")} {
			t.Run(name, func(t *testing.T) {
				targettest.Fresh(t, server, "neighbour70")
				targettest.Fresh(t, server, "site70", targettest.Site("old")...)
				keys := neighbour(t, server, "neighbour70", "site70")
				db, said := targettest.OpenPart(t, server.URL("site70"), part)
				targettest.Must(t, db.Check(t.Context()))
				if part.Includes("parent") {
					said.Want(t, "foreign key fkx of table neighbour70.x refers to table parent: the swap drops it and adds it again, without checking its rows against the new ones")
				} else if len(said.Lines) > 0 {
					t.Errorf("notes: %q", said.Lines)
				}
				targettest.Must(t, targettest.Pull(t, db, dump))
				wantKeys(t, server, "neighbour70", keys...)
				targettest.Must(t, targettest.Pull(t, db, dump))
				wantKeys(t, server, "neighbour70", keys...)
				targettest.Must(t, db.Undo(t.Context()))
				wantKeys(t, server, "neighbour70", keys...)
				targettest.Must(t, server.Exec("INSERT INTO neighbour70.x VALUES (2, 2)", "DELETE FROM site70.parent WHERE id = 2"))
				if err := server.Exec("INSERT INTO neighbour70.x VALUES (3, 99)"); err == nil {
					t.Error("the key lets a row without its parent in")
				}
				rows, err := server.Query("SELECT COUNT(*) FROM neighbour70.x")
				targettest.Must(t, err)
				if rows[0][0] != "1" {
					t.Errorf("%s rows", rows[0][0])
				}
			})
		}
		t.Run("led astray", func(t *testing.T) { // by an earlier version of this program
			targettest.Fresh(t, server, "neighbour70")
			targettest.Fresh(t, server, "site70", targettest.Site("old")...)
			db, _ := targettest.Open(t, server.URL("site70"))
			targettest.Must(t, targettest.Pull(t, db, dump))
			targettest.Fresh(t, server, "neighbour70", "CREATE TABLE x (id int PRIMARY KEY, p int, CONSTRAINT fkx FOREIGN KEY (p) REFERENCES site70__dump_previous.parent (id))")
			targettest.Must(t, targettest.Pull(t, db, dump))
			wantKeys(t, server, "neighbour70", "x: CONSTRAINT `fkx` FOREIGN KEY (`p`) REFERENCES `site70`.`parent` (`id`)")
		})
		t.Run("the parent goes", func(t *testing.T) {
			targettest.Fresh(t, server, "neighbour70")
			targettest.Fresh(t, server, "site70", append(targettest.Site("old"), later)...)
			keys := neighbour(t, server, "neighbour70", "site70")
			db, _ := targettest.Open(t, server.URL("site70"))
			targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE other (id int);\n"))
			wantKeys(t, server, "neighbour70", keys...)
			targettest.Must(t, db.Undo(t.Context()))
			wantKeys(t, server, "neighbour70", keys...)
		})
		t.Run("the parent does not fit", func(t *testing.T) {
			targettest.Fresh(t, server, "neighbour70")
			targettest.Fresh(t, server, "site70", targettest.Site("old")...)
			keys := neighbour(t, server, "neighbour70", "site70")
			old := targettest.Content(t, server, "site70")
			db, _ := targettest.Open(t, server.URL("site70"))
			var unfit *target.InboundKeyError
			if err := targettest.Pull(t, db, "CREATE TABLE other (id int);\nCREATE TABLE parent (id varchar(20) PRIMARY KEY);\n"); !errors.As(err, &unfit) {
				t.Fatalf("pull gives %v", err)
			}
			if want := "foreign key fkx of table neighbour70.x refers to table parent, and does not fit the one that would take its place: "; !strings.HasPrefix(unfit.Error(), want) {
				t.Errorf("error is %v", unfit)
			}
			wantText(t, unfit.Remedy, "ALTER TABLE `neighbour70`.`x` DROP FOREIGN KEY `fkx`")
			targettest.WantMySQL(t, server, "site70", old)
			wantKeys(t, server, "neighbour70", keys...)
			targettest.Must(t, server.Exec(unfit.Remedy))
			targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE other (id int);\nCREATE TABLE parent (id varchar(20) PRIMARY KEY);\n"))
			targettest.Must(t, server.Exec("CREATE TABLE neighbour70.z (id varchar(20) PRIMARY KEY, CONSTRAINT fkz FOREIGN KEY (id) REFERENCES site70.parent (id))"))
			if err := db.Undo(t.Context()); !errors.As(err, &unfit) {
				t.Fatalf("undo gives %v", err)
			}
			targettest.NoGarbage(t, server, "site70")
			targettest.Must(t, server.Exec("DROP TABLE neighbour70.z"))
			targettest.Must(t, db.Undo(t.Context()))
			targettest.WantMySQL(t, server, "site70", old)
		})
		targettest.Fresh(t, server, "neighbour70")
	})
}

// An account that may not alter the other database is refused before anything is fetched, or before anything is swapped.
func TestMySQLKeysOfOthersDenied(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "neighbour71")
		targettest.Fresh(t, server, "site71", withParent...)
		keys := neighbour(t, server, "neighbour71", "site71")
		targettest.Must(t, server.Exec("DROP USER IF EXISTS limited", "CREATE USER limited IDENTIFIED BY 'x'", "GRANT ALL ON `site71%`.* TO limited", "GRANT SELECT ON mysql.* TO limited", "GRANT PROCESS ON *.* TO limited", map[bool]string{true: "GRANT SHOW_ROUTINE ON *.* TO limited", false: "DO 1"}[targettest.IsOracle(t, server)]))
		db, _ := targettest.Open(t, server.URLAs("limited", "x", "site71"))
		var denied *target.PrivilegeError
		if err := db.Check(t.Context()); !errors.As(err, &denied) {
			t.Fatalf("check gives %v", err)
		}
		wantText(t, denied.Error(), "not allowed to put back what refers to database site71, the foreign keys of neighbour71/x, neighbour71/y: this account does not see them")
		wantText(t, denied.Grant, "GRANT SELECT, ALTER, INDEX, REFERENCES ON `neighbour71`.* TO 'limited'@'%'")
		targettest.Must(t, server.Exec("GRANT SELECT, INSERT ON neighbour71.* TO limited"))
		old := targettest.Content(t, server, "site71")
		if err := targettest.Pull(t, db, "CREATE TABLE parent (id int PRIMARY KEY);\n"); !errors.As(err, &denied) {
			t.Fatalf("pull gives %v", err)
		}
		wantText(t, denied.Grant, "GRANT SELECT, ALTER, INDEX, REFERENCES ON `neighbour71`.* TO 'limited'@'%'")
		targettest.WantMySQL(t, server, "site71", old)
		wantKeys(t, server, "neighbour71", keys...)
		targettest.Must(t, server.Exec(denied.Grant))
		targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE parent (id int PRIMARY KEY);\n"))
		wantKeys(t, server, "neighbour71", keys...)

		targettest.Must(t, server.Exec("REVOKE PROCESS ON *.* FROM limited"))
		blind, said := targettest.Open(t, server.URLAs("limited", "x", "site71"))
		targettest.Must(t, blind.Check(t.Context()))
		said.Want(t, "this account may not see all foreign keys of other databases that refer to site71; to show them, an administrator can run: GRANT PROCESS ON *.* TO 'limited'@'%'")
		targettest.Must(t, server.Exec("DROP USER limited"))
		targettest.Fresh(t, server, "neighbour71")
	})
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

// TestMySQLKeysOfOthersKilled kills a pull and an undo at every step: the other database's keys are what they were once somebody comes
// to end it.
func TestMySQLKeysOfOthersKilled(t *testing.T) {
	server := targettest.MariadbServer(t)
	few := func(generation string) []string {
		return []string{"CREATE TABLE parent (id int PRIMARY KEY)", "INSERT INTO parent VALUES (1)", "CREATE TABLE only_" + generation + " (id int)"}
	}
	targettest.Fresh(t, server, "staging72", few("new")...)
	dump := filepath.Join(t.TempDir(), "dump.sql")
	targettest.Must(t, os.WriteFile(dump, []byte(targettest.Mysqldump(t, server, "staging72")), 0o600))
	for _, what := range []string{dump, ""} {
		for step := range targettest.KillSteps(t) {
			targettest.Fresh(t, server, "neighbour72")
			targettest.Fresh(t, server, "site72", few("old")...)
			keys := neighbour(t, server, "neighbour72", "site72")
			db, _ := targettest.Open(t, server.URL("site72"))
			targettest.Must(t, targettest.Pull(t, db, few("older")[0]+";\n"))
			finished := targettest.RunChild(t, server.URL("site72"), what, step)
			targettest.KeysStay(t, server)
			targettest.Must(t, db.Recover(t.Context()))
			targettest.NoGarbage(t, server, "site72")
			wantKeys(t, server, "neighbour72", keys...)
			targettest.Must(t, db.Undo(t.Context()))
			wantKeys(t, server, "neighbour72", keys...)
			if t.Failed() {
				t.Fatalf("killed at step %d", step)
			}
			if finished {
				if step < 10 {
					t.Errorf("only %d steps", step)
				}
				break
			}
		}
	}
	targettest.Fresh(t, server, "neighbour72")
}
