package swap

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestMySQLPullUndo(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "staging1", slices.Concat(targettest.Site("new"), targettest.Oddities("new"), []string{"CREATE TABLE clash (id int)"})...)
	targettest.Fresh(t, server, "site1", slices.Concat(targettest.Site("old"), targettest.Oddities("old"), []string{"CREATE VIEW clash AS SELECT 1 AS one"})...)
	old, new := targettest.Content(t, server, "site1"), targettest.Content(t, server, "staging1")
	dump := targettest.Mysqldump(t, server, "staging1")
	db, said := targettest.Open(t, server.URL("site1"))
	if info := db.Info(); info.Engine != "mariadb" || info.Name != "site1" || !info.Exists || !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(info.Version) {
		t.Errorf("info is %+v", info)
	}
	if free, known := db.FreeBytes(t.Context()); !known || free <= 0 {
		t.Errorf("free bytes are %d, %v", free, known)
	}

	targettest.Must(t, targettest.Pull(t, db, dump))
	if diff := cmp.Diff(new, targettest.Content(t, server, "site1")); diff != "" {
		t.Errorf("after the pull (-want +got):\n%s", diff)
	}
	sums, err := server.Checksums("site1")
	targettest.Must(t, err)
	want, err := server.Checksums("staging1")
	targettest.Must(t, err)
	if diff := cmp.Diff(want, sums); diff != "" {
		t.Errorf("checksums (-want +got):\n%s", diff)
	}
	targettest.NoGarbage(t, server, "site1")

	targettest.Must(t, db.Undo(t.Context()))
	if diff := cmp.Diff(old, targettest.Content(t, server, "site1")); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	targettest.NoGarbage(t, server, "site1")

	targettest.Must(t, db.Undo(t.Context()))
	if diff := cmp.Diff(new, targettest.Content(t, server, "site1")); diff != "" {
		t.Errorf("after undo of undo (-want +got):\n%s", diff)
	}
	// Everything works in its new place: keys, triggers, sequences.
	targettest.Must(t, server.Exec("USE site1", "INSERT INTO numbered (v) VALUES (2)", "INSERT INTO numbered_twice (id) VALUES (DEFAULT)", "INSERT INTO numbered_versions (v) VALUES (2)", "DELETE FROM parent WHERE id = 2", "INSERT INTO child (parent) VALUES (1)", "SELECT * FROM a_top, reaching", "CALL note_it()"))
	rows, err := server.Query("SELECT (SELECT COUNT(*) FROM site1.child), (SELECT COUNT(*) FROM site1__dump_previous.child), (SELECT COUNT(*) FROM site1.log WHERE what = 'trigger new')")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"2", "3", "1"}}, rows); diff != "" {
		t.Errorf("keys and triggers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"the dump has no history of system-versioned tables, only their current rows: numbered_versions, versioned"}, said.Lines); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	targettest.Must(t, targettest.Pull(t, db, dump)) // a second pull, over a previous one
	if diff := cmp.Diff(new, targettest.Content(t, server, "site1")); diff != "" {
		t.Errorf("after the second pull (-want +got):\n%s", diff)
	}
	targettest.NoGarbage(t, server, "site1")
}

// A table of another table's rows has none in the dump.
func TestMySQLMerge(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "apart", "CREATE TABLE a (id INT, KEY (id)) ENGINE=MyISAM", "CREATE TABLE b LIKE a", "INSERT INTO a VALUES (1), (2)", "INSERT INTO b VALUES (3)",
		"CREATE TABLE both_of_them (id INT, KEY (id)) ENGINE=MERGE UNION=(a, b)")
	targettest.Fresh(t, server, "merged")
	db, _ := targettest.Open(t, server.URL("merged"))
	targettest.Must(t, targettest.Pull(t, db, targettest.Mysqldump(t, server, "apart")))
	rows, err := server.Query("SELECT COUNT(*) FROM merged.both_of_them")
	targettest.Must(t, err)
	if rows[0][0] != "3" {
		t.Errorf("%s rows", rows[0][0])
	}
}

func TestMySQLNothingToUndo(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site2")
	db, _ := targettest.Open(t, server.URL("site2"))
	if db.Info().Exists {
		t.Error("a database that does not exist does")
	}
	if err := db.Undo(t.Context()); err != target.ErrNothingToUndo {
		t.Errorf("undo gives %v", err)
	}
	targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE `a` (id int);\nINSERT INTO `a` VALUES (1),(2);\n"))
	rows, err := server.Query("SELECT COUNT(*) FROM site2.a")
	targettest.Must(t, err)
	if rows[0][0] != "2" {
		t.Errorf("rows: %v", rows)
	}
}

// TestMySQLKilledPull pulls with a helper that is killed at every step in turn: afterwards the live database is wholly
// the old one or wholly the new one, and undo works from there.
func TestMySQLKilledPull(t *testing.T) { targettest.EachMariaDB(t, killedPull) }

func killedPull(t *testing.T, server *testserver.MySQL) {
	targettest.Fresh(t, server, "staging3", targettest.Site("new")...)
	dump := filepath.Join(t.TempDir(), "dump.sql")
	targettest.Must(t, os.WriteFile(dump, []byte(targettest.Mysqldump(t, server, "staging3")), 0o600))
	new := targettest.Content(t, server, "staging3")
	targettest.Fresh(t, server, "older3", targettest.Site("older")...)
	older := targettest.Mysqldump(t, server, "older3")
	wentOn := map[string]int{}
	for step := range targettest.KillSteps(t) {
		targettest.Fresh(t, server, "site3", targettest.Site("oldest")...)
		oldest := targettest.Content(t, server, "site3")
		db, _ := targettest.Open(t, server.URL("site3"))
		targettest.Must(t, targettest.PullAs(t, db, older, targettest.DumpOf("older")))
		old := targettest.Content(t, server, "site3")
		finished := targettest.RunChild(t, server.URL("site3"), dump, step)
		unfinished := targettest.ReadContents(t, db)
		targettest.Must(t, db.Recover(t.Context()))
		targettest.NoGarbage(t, server, "site3")
		before, holds, held := oldest, "older", ""
		switch now := targettest.Content(t, server, "site3"); now {
		case old:
			wentOn["old"]++
		case new:
			wentOn["new"]++
			before, holds, held = old, "dump.sql", "older"
		default:
			t.Fatalf("killed at step %d: neither old nor new: (-old +got)\n%s", step, cmp.Diff(old, now))
		}
		if unfinished.Dump != targettest.DumpOf(holds) {
			t.Fatalf("killed at step %d: it holds %s, and says %+v before it is recovered", step, holds, unfinished)
		}
		targettest.WantContents(t, db, holds)
		targettest.Must(t, db.Undo(t.Context()))
		if diff := cmp.Diff(before, targettest.Content(t, server, "site3")); diff != "" {
			t.Fatalf("killed at step %d, then undone (-want +got):\n%s", step, diff)
		}
		targettest.WantContents(t, db, held)
		if finished {
			break
		}
	}
	if stride := targettest.KillStride(); wentOn["old"] < 3/stride || wentOn["new"] < 8/stride {
		t.Errorf("too few steps: %v", wentOn)
	}
}

func TestMySQLKilledLoad(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "staging13", targettest.Site("new")...)
	text, new := targettest.Mysqldump(t, server, "staging13"), targettest.Content(t, server, "staging13")
	dump := filepath.Join(t.TempDir(), "dump.sql")
	targettest.Must(t, os.WriteFile(dump, []byte(text), 0o600))
	targettest.Fresh(t, server, "site13", targettest.Site("old")...)
	old := targettest.Content(t, server, "site13")
	if targettest.RunChild(t, server.URL("site13"), dump, -1) {
		t.Fatal("the child has not been killed")
	}
	accounts, err := server.Query("SELECT User FROM mysql.user WHERE User REGEXP '^dump_[0-9a-f]{11}$'")
	targettest.Must(t, err)
	if len(accounts) != 1 {
		t.Errorf("accounts for loading: %v", accounts)
	}
	db, _ := targettest.Open(t, server.URL("site13"))
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	targettest.Must(t, load.Discard())
	targettest.NoGarbage(t, server, "site13")
	targettest.WantMySQL(t, server, "site13", old)
	targettest.Must(t, targettest.Pull(t, db, text))
	targettest.WantMySQL(t, server, "site13", new)
}

func TestMySQLKilledUndo(t *testing.T) { targettest.EachMariaDB(t, killedUndo) }

func killedUndo(t *testing.T, server *testserver.MySQL) {
	targettest.Fresh(t, server, "staging4", targettest.Site("new")...)
	dump, new := targettest.Mysqldump(t, server, "staging4"), targettest.Content(t, server, "staging4")
	targettest.Fresh(t, server, "older4", targettest.Site("old")...)
	older, old := targettest.Mysqldump(t, server, "older4"), targettest.Content(t, server, "older4")
	wentOn := map[string]int{}
	for step := range targettest.KillSteps(t) {
		targettest.Fresh(t, server, "site4", targettest.Site("oldest")...)
		db, _ := targettest.Open(t, server.URL("site4"))
		targettest.Must(t, targettest.PullAs(t, db, older, targettest.DumpOf("old")))
		targettest.Must(t, targettest.PullAs(t, db, dump, targettest.DumpOf("new")))
		finished := targettest.RunChild(t, server.URL("site4"), "", step)
		unfinished := targettest.ReadContents(t, db)
		targettest.Must(t, db.Recover(t.Context()))
		targettest.NoGarbage(t, server, "site4")
		other, holds, held := old, "new", "old"
		switch now := targettest.Content(t, server, "site4"); now {
		case old:
			wentOn["old"]++
			other, holds, held = new, held, holds
		case new:
			wentOn["new"]++
		default:
			t.Fatalf("killed at step %d: neither old nor new: (-old +got)\n%s", step, cmp.Diff(old, now))
		}
		if unfinished.Dump != targettest.DumpOf(holds) {
			t.Fatalf("killed at step %d: it holds %s, and says %+v before it is recovered", step, holds, unfinished)
		}
		targettest.WantContents(t, db, holds)
		targettest.Must(t, db.Undo(t.Context()))
		targettest.WantContents(t, db, held)
		if diff := cmp.Diff(other, targettest.Content(t, server, "site4")); diff != "" {
			t.Fatalf("killed at step %d, then undone (-want +got):\n%s", step, diff)
		}
		if finished {
			break
		}
	}
	if stride := targettest.KillStride(); wentOn["old"] < 8/stride || wentOn["new"] < 3/stride {
		t.Errorf("too few steps: %v", wentOn)
	}
}
