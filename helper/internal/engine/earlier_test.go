package engine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// wantEarlier compares the keys of the earlier databases, the youngest first; "*" behind one means a part.
func wantEarlier(t *testing.T, db target.Database, keys ...string) {
	t.Helper()
	all, err := db.Earlier(t.Context())
	targettest.Must(t, err)
	var got []string
	for _, k := range all {
		key := k.Dump.Key
		if k.Part {
			key += "*"
		}
		got = append(got, key)
		if age := time.Since(k.Replaced); age < -time.Second || age > time.Hour {
			t.Errorf("%s was replaced at %s", k.Database, k.Replaced)
		}
		if k.Tables < 1 || k.Bytes < 1 {
			t.Errorf("%+v", k)
		}
	}
	if !slices.Equal(got, keys) {
		t.Errorf("the earlier databases are %q, want %q: %+v", got, keys, all)
	}
}

// family is what tests of earlier databases need of a server.
type family struct {
	url     string
	content func() string            // of the live database
	make    func(name string) string // makes a site of that name, and gives a dump of it
}

// eachFamily runs a test on MariaDB, MySQL and PostgreSQL, with a database that is not there yet.
func eachFamily(t *testing.T, live string, test func(t *testing.T, f family)) {
	t.Helper()
	families(t, targettest.EachServer, live, test)
}

// twoFamilies is eachFamily without MySQL, unless long tests are wanted.
func twoFamilies(t *testing.T, live string, test func(t *testing.T, f family)) {
	t.Helper()
	families(t, targettest.OneServer, live, test)
}

func families(t *testing.T, servers func(*testing.T, func(*testing.T, *testserver.MySQL)), live string, test func(t *testing.T, f family)) {
	t.Helper()
	servers(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, live)
		test(t, family{server.URL(live), func() string { return targettest.Content(t, server, live) }, func(name string) string {
			targettest.Fresh(t, server, live+"_staging", targettest.Site(name)...)
			return targettest.Mysqldump(t, server, live+"_staging")
		}})
		targettest.Fresh(t, server, live)
	})
	t.Run("postgres", func(t *testing.T) {
		server := targettest.PostgresServer(t)
		targettest.FreshPG(t, server, live)
		test(t, family{server.URL(live), func() string { return targettest.ContentPG(t, server, live) }, func(name string) string {
			targettest.FreshPG(t, server, live+"_staging", targettest.SitePG(name)...)
			return targettest.PgDump(t, server, live+"_staging")
		}})
		targettest.FreshPG(t, server, live)
	})
}

func TestEarlierKept(t *testing.T) {
	twoFamilies(t, "kept1", func(t *testing.T, f family) {
		db := targettest.OpenKeeping(t, f.url, 3, target.Part{})
		if _, err := db.DropEarlier(t.Context(), 1); err != target.ErrNothingToUndo {
			t.Errorf("dropping nothing gives %v", err)
		}
		was := map[string]string{}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			targettest.Must(t, targettest.PullAs(t, db, f.make(name), targettest.DumpOf(name)))
			was[name] = f.content()
		}
		is := func(name string, earlier ...string) {
			t.Helper()
			if got := f.content(); got != was[name] {
				t.Errorf("it is not %s:\n%.2000s", name, got)
			}
			targettest.WantContents(t, db, name)
			wantEarlier(t, db, earlier...)
		}
		is("e", "d", "c", "b")
		targettest.Must(t, db.Undo(t.Context()))
		is("d", "e", "c", "b")
		targettest.Must(t, db.Undo(t.Context()))
		is("e", "d", "c", "b")
		targettest.Must(t, db.UndoTo(t.Context(), 3))
		is("b", "e", "d", "c")
		targettest.Must(t, db.UndoTo(t.Context(), 2))
		is("d", "b", "e", "c")
		targettest.Must(t, db.UndoTo(t.Context(), 2))
		is("e", "d", "b", "c")
		var none *target.NoEarlierError
		if err := db.UndoTo(t.Context(), 4); !errors.As(err, &none) || err.Error() != "there is no earlier database 4: 3 are kept" {
			t.Errorf("too far gives %v", err)
		}
		is("e", "d", "b", "c")

		// A lowered setting drops the oldest ones, but only after a swap that has succeeded.
		fewer := targettest.OpenKeeping(t, f.url, 2, target.Part{})
		if err := targettest.Pull(t, fewer, "CREATE TABLE broken (id int);\nINSERT INTO broken VALUES (1, 2);\n"); err == nil {
			t.Error("a broken dump comes")
		}
		is("e", "d", "b", "c")
		targettest.Must(t, targettest.PullAs(t, fewer, f.make("f"), targettest.DumpOf("f")))
		was["f"] = f.content()
		is("f", "e", "d")

		dropped, err := db.DropEarlier(t.Context(), 2)
		targettest.Must(t, err)
		if len(dropped) != 1 || dropped[0].Dump.Key != "d" {
			t.Errorf("dropped %+v", dropped)
		}
		is("f", "e")
		_, err = db.DropEarlier(t.Context(), 1)
		targettest.Must(t, err)
		is("f")
		if err := db.Undo(t.Context()); err != target.ErrNothingToUndo {
			t.Errorf("undo of nothing gives %v", err)
		}
		targettest.Must(t, targettest.PullAs(t, db, f.make("g"), targettest.DumpOf("g")))
		targettest.Must(t, db.Undo(t.Context()))
		is("f", "g")
		targettest.Must(t, targettest.PullAs(t, targettest.OpenKeeping(t, f.url, 1, target.Part{}), f.make("h"), targettest.DumpOf("h")))
		wantEarlier(t, db, "f")
	})
}

// Somebody may drop a database that is kept.
func TestEarlierDroppedByOthers(t *testing.T) {
	eachFamily(t, "kept2", func(t *testing.T, f family) {
		db := targettest.OpenKeeping(t, f.url, 3, target.Part{})
		was := map[string]string{}
		for _, name := range []string{"a", "b", "c", "d"} {
			targettest.Must(t, targettest.PullAs(t, db, f.make(name), targettest.DumpOf(name)))
			was[name] = f.content()
		}
		drop := func(number int) {
			u, name := targettest.ParseURL(t, f.url), earlierName(t, db, number)
			if u.Engine == "postgres" {
				targettest.Must(t, (&testserver.PG{Port: u.Port}).Exec("postgres", "DROP DATABASE "+name))
			} else {
				targettest.Must(t, (&testserver.MySQL{Port: u.Port}).Exec("DROP DATABASE "+name))
			}
		}
		drop(2)
		wantEarlier(t, db, "c", "a")
		drop(1)
		wantEarlier(t, db, "a")
		targettest.Must(t, db.Undo(t.Context()))
		if f.content() != was["a"] {
			t.Error("the one that was left is not back")
		}
		targettest.Must(t, db.Undo(t.Context()))
		if f.content() != was["d"] {
			t.Error("undo of undo does not go back")
		}
	})
}

// TestMySQLEarlierParts replaces parts: what each earlier database is a part of must be live for it to come back.
func TestMySQLEarlierParts(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		tables := func(generation string) []string {
			var all []string
			for _, name := range []string{"a", "b", "c"} {
				all = append(all, "CREATE TABLE "+name+" (v varchar(20))", "INSERT INTO "+name+" VALUES ('"+generation+"')")
			}
			return all
		}
		targettest.Fresh(t, server, "kept3", tables("0")...)
		defer targettest.Fresh(t, server, "kept3")
		dump := func(generation string) string {
			targettest.Fresh(t, server, "kept3_staging", tables(generation)...)
			return targettest.Mysqldump(t, server, "kept3_staging")
		}
		is := func(want string) {
			t.Helper()
			rows, err := server.Query("SELECT CONCAT((SELECT v FROM kept3.a), (SELECT v FROM kept3.b), (SELECT v FROM kept3.c))")
			targettest.Must(t, err)
			if rows[0][0] != want {
				t.Errorf("it is %s, want %s", rows[0][0], want)
			}
		}
		undo := func(number int, want string) {
			t.Helper()
			targettest.Must(t, targettest.OpenKeeping(t, server.URL("kept3"), 9, target.Part{}).UndoTo(t.Context(), number))
			is(want)
		}
		refused := func(number int, want string) {
			t.Helper()
			var part *target.PartOfError
			err := targettest.OpenKeeping(t, server.URL("kept3"), 9, target.Part{}).UndoTo(t.Context(), number)
			if !errors.As(err, &part) || err.Error() != want {
				t.Errorf("%d gives %v, want %s", number, err, want)
			}
		}
		all := targettest.OpenKeeping(t, server.URL("kept3"), 9, target.Part{})
		targettest.Must(t, targettest.Pull(t, targettest.OpenKeeping(t, server.URL("kept3"), 9, targettest.Only("a")), dump("1")))
		targettest.Must(t, targettest.Pull(t, targettest.OpenKeeping(t, server.URL("kept3"), 9, targettest.Only("a", "b")), dump("2")))
		is("220")
		targettest.Must(t, targettest.PullAs(t, all, dump("3"), targettest.DumpOf("3")))
		targettest.Must(t, targettest.Pull(t, targettest.OpenKeeping(t, server.URL("kept3"), 9, targettest.Only("c")), dump("4")))
		is("334")
		wantEarlier(t, all, "3*", "", "*", "*") // c=3, 220, a=1 b=0 of 220, a=0 of 100
		refused(3, "earlier database 3 has only some tables; the others are in earlier database 2")
		refused(4, "earlier database 4 has only some tables; the others are in earlier database 3")
		undo(2, "220") // the whole one
		wantEarlier(t, all, "3", "3*", "*", "*")
		refused(2, "earlier database 2 has only some tables; the others are in earlier database 1")
		undo(3, "100")
		undo(4, "000")
		refused(2, "earlier database 2 has only some tables; the others are in earlier database 1")
		undo(1, "100") // and all the way back
		undo(2, "220")
		undo(3, "334")
		undo(4, "333")
		undo(1, "334")
		targettest.Must(t, server.Exec("DROP DATABASE "+earlierName(t, all, 2)))
		refused(2, "earlier database 2 has only some tables; the others no longer exist")
	})
}

// TestMySQLEarlierKeys keeps databases with keys to a table that the dump lacks, while another database has a key to the live one.
func TestMySQLEarlierKeys(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "kept5")
		targettest.Fresh(t, server, "kept5_other")
		db := targettest.OpenKeeping(t, server.URL("kept5"), 3, target.Part{})
		was := map[string]string{}
		for _, name := range []string{"a", "b", "c", "d"} {
			targettest.Must(t, targettest.PullAs(t, db, "SET foreign_key_checks = 0;\nCREATE TABLE parent (id int PRIMARY KEY, v varchar(9)) ENGINE=InnoDB;\nINSERT INTO parent VALUES (1, '"+name+"');\n"+
				"CREATE TABLE child (id int PRIMARY KEY, p int, q int, CONSTRAINT own FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE,"+
				" CONSTRAINT gone FOREIGN KEY (q) REFERENCES lacking (id)) ENGINE=InnoDB;\nINSERT INTO child VALUES (1, 1, NULL);\n", targettest.DumpOf(name)))
			was[name] = targettest.Content(t, server, "kept5")
			if name == "a" {
				targettest.Must(t, server.Exec("CREATE DATABASE kept5_other", "CREATE TABLE kept5_other.x (p int, CONSTRAINT into_live FOREIGN KEY (p) REFERENCES kept5.parent (id))",
					"INSERT INTO kept5_other.x VALUES (1)"))
			}
		}
		defer targettest.Fresh(t, server, "kept5")
		defer targettest.Fresh(t, server, "kept5_other")
		for _, step := range []struct {
			number int
			want   string
		}{{3, "a"}, {3, "b"}, {1, "a"}, {3, "c"}} {
			targettest.Must(t, db.UndoTo(t.Context(), step.number))
			if got := targettest.Content(t, server, "kept5"); got != was[step.want] {
				t.Errorf("it is not %s:\n%s", step.want, got)
			}
			keys, err := server.ForeignKeys()
			targettest.Must(t, err)
			if !slices.Contains(keys, "kept5_other/x kept5/parent") || !slices.Contains(keys, "kept5/child kept5/lacking") {
				t.Errorf("keys: %q", keys)
			}
		}
		targettest.Must(t, server.Exec("USE kept5", "DELETE FROM kept5_other.x", "DELETE FROM parent")) // cascades in the live one alone
		for i := range 3 {
			rows, err := server.Query("SELECT COUNT(*) FROM `" + earlierName(t, db, i+1) + "`.child")
			targettest.Must(t, err)
			if rows[0][0] != "1" {
				t.Errorf("earlier database %d has lost rows", i+1)
			}
		}
	})
}

// What an earlier version of this program has left is kept like all else, parts too.
func TestMySQLEarlierOfEarlierVersion(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "kept6", "CREATE TABLE a (v int)", "INSERT INTO a VALUES (0)", "CREATE TABLE b (v int)")
		defer targettest.Fresh(t, server, "kept6")
		was := targettest.Content(t, server, "kept6")
		dump := "CREATE TABLE `a` (v int);\nINSERT INTO `a` VALUES (1);\n"
		targettest.Must(t, targettest.Pull(t, targettest.OpenKeeping(t, server.URL("kept6"), 1, targettest.Only("a")), dump))
		part := targettest.Content(t, server, "kept6")
		journal := "kept6__dump_previous." + session.JournalDone
		targettest.Must(t, server.Exec("DELETE FROM "+journal+" WHERE kind = 'DESCENT'", "ALTER TABLE "+journal+" DROP on_table"))
		db := targettest.OpenKeeping(t, server.URL("kept6"), 2, target.Part{})
		targettest.Must(t, targettest.Pull(t, db, dump))
		targettest.Must(t, db.UndoTo(t.Context(), 1))
		if got := targettest.Content(t, server, "kept6"); got != part {
			t.Errorf("the whole is not back:\n%s", got)
		}
		targettest.Must(t, db.UndoTo(t.Context(), 2))
		if got := targettest.Content(t, server, "kept6"); got != was {
			t.Errorf("the part is not back:\n%s", got)
		}
	})
}

// A session in an earlier database that is due to be dropped does not make the pull fail.
func TestMySQLEarlierInUse(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "kept7", "CREATE TABLE a (v int)", "INSERT INTO a VALUES (0)")
	defer targettest.Fresh(t, server, "kept7")
	said := &targettest.Notes{}
	db, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL("kept7")), Keep: 2, Note: said.Add})
	targettest.Must(t, err)
	defer db.Close()
	dump := "CREATE TABLE `a` (v int);\nINSERT INTO `a` VALUES (1);\n"
	targettest.Must(t, targettest.Pull(t, db, dump))
	targettest.Must(t, targettest.Pull(t, db, dump))
	oldest := earlierName(t, db, 2)
	pool, err := session.Connect(targettest.ParseURL(t, server.URL("kept7")))
	targettest.Must(t, err)
	defer pool.Close()
	reading, err := pool.BeginTx(t.Context(), nil)
	targettest.Must(t, err)
	var v int
	targettest.Must(t, reading.QueryRowContext(t.Context(), "SELECT v FROM "+mysql.QuoteName(oldest)+".a").Scan(&v))
	targettest.Must(t, targettest.Pull(t, db, dump))
	said.Want(t, "the earlier database "+oldest+" is not dropped yet: ")
	targettest.Must(t, reading.Rollback())
	targettest.Must(t, targettest.Pull(t, db, dump))
	all, err := db.Earlier(t.Context())
	targettest.Must(t, err)
	beside, err := server.Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'kept7\\_\\_dump\\_%'")
	targettest.Must(t, err)
	if len(all) != 2 || len(beside) != 2 {
		t.Errorf("%+v, %v", all, beside)
	}
}

// earlierName is the name on the server of an earlier database.
func earlierName(t *testing.T, db target.Database, number int) string {
	t.Helper()
	all, err := db.Earlier(t.Context())
	targettest.Must(t, err)
	return all[number-1].Database
}

// TestEarlierKilled is killed at every step of a pull that keeps three and drops one, and of bringing back an older one.
func TestEarlierKilled(t *testing.T) {
	twoFamilies(t, "kept4", func(t *testing.T, f family) {
		was := map[string]string{}
		db := targettest.OpenKeeping(t, f.url, 3, target.Part{})
		for _, name := range []string{"a", "b", "c", "d"} {
			targettest.Must(t, targettest.PullAs(t, db, f.make(name), targettest.DumpOf(name)))
			was[name] = f.content()
		}
		path, dump := filepath.Join(t.TempDir(), "e"), f.make("e")
		targettest.Must(t, os.WriteFile(path, []byte(dump), 0o600))
		targettest.Must(t, targettest.PullAs(t, db, dump, targettest.DumpOf("e")))
		was["e"] = f.content()
		targettest.Must(t, db.UndoTo(t.Context(), 1))
		wantEarlier(t, db, "e", "c", "b")

		all := func() []string { // the live one and the earlier ones
			earlier, err := db.Earlier(t.Context())
			targettest.Must(t, err)
			keys := []string{targettest.ReadContents(t, db).Dump.Key}
			for _, k := range earlier {
				keys = append(keys, k.Dump.Key)
			}
			return keys
		}
		t.Setenv(targettest.ChildKeep, "3")
		t.Setenv(targettest.ChildBack, "3")
		finished := false
		for step := range targettest.KillSteps(t) {
			if finished {
				break
			}
			before := all()
			finished = targettest.RunChild(t, f.url, "", step)
			targettest.Must(t, db.Recover(t.Context()))
			now := all()
			done := []string{before[3], before[0], before[1], before[2]}
			if !slices.Equal(now, before) && !slices.Equal(now, done) {
				t.Fatalf("killed at step %d: %q has become %q", step, before, now)
			}
			if f.content() != was[now[0]] {
				t.Fatalf("killed at step %d: it is not %s", step, now[0])
			}
		}
		t.Setenv(targettest.ChildBack, "")
		finished = false
		for step := range targettest.KillSteps(t) {
			if finished {
				break
			}
			before := all()
			finished = targettest.RunChild(t, f.url, path, step)
			targettest.Must(t, db.Recover(t.Context()))
			now := all()
			want := append([]string{"e"}, before...)
			if !slices.Equal(now, before) && (len(now) < 4 || len(now) > len(want) || !slices.Equal(now, want[:len(now)])) {
				t.Fatalf("killed at step %d: %q has become %q", step, before, now)
			}
			if f.content() != was[now[0]] {
				t.Fatalf("killed at step %d: it is not %s", step, now[0])
			}
		}
		for range 3 { // all are what they were: from the oldest on
			oldest := all()[3]
			targettest.Must(t, db.UndoTo(t.Context(), 3))
			if f.content() != was[oldest] {
				t.Errorf("%s is not what it was", oldest)
			}
		}
	})
}
