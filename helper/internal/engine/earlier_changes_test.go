package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// openWatching opens a database that records changes and keeps some earlier ones; more if they were changed.
func openWatching(t *testing.T, url string, keep int, part target.Part) target.Database {
	t.Helper()
	targettest.Watch(t, targettest.ParseURL(t, url))
	db, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, url), Keep: keep, KeepChanged: true, Part: part, Token: "token", WithoutRows: targettest.IsCache})
	targettest.Must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// wantChanged compares what of the earlier databases was changed, the youngest first: keys of dumps, with "=" and names behind those that were,
// and "=?" after those that may have changed or not.
func wantChanged(t *testing.T, db target.Database, want ...string) {
	t.Helper()
	all, err := db.Earlier(t.Context())
	targettest.Must(t, err)
	var got []string
	for _, k := range all {
		changes, err := db.EarlierChanges(t.Context(), k)
		targettest.Must(t, err)
		text := k.Dump.Key
		if k.Part {
			text += "*"
		}
		if changes.Unknown {
			text += "=?"
		} else if changes.Changed() {
			text += "=" + strings.Join(changes.Names, ",")
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the earlier databases are %q, want %q", got, want)
	}
}

// exec does something in the live database of a family.
func (f family) exec(t *testing.T, statements ...string) {
	t.Helper()
	u := targettest.ParseURL(t, f.url)
	if u.Engine == "postgres" {
		targettest.Must(t, (&testserver.PG{Port: u.Port}).Exec(u.Name, statements...))
		return
	}
	targettest.Must(t, (&testserver.MySQL{Port: u.Port}).Exec(append([]string{"USE " + u.Name}, statements...)...))
}

// table is how changes call a table of a family.
func (f family) table(t *testing.T, name string) string {
	t.Helper()
	if targettest.ParseURL(t, f.url).Engine == "postgres" {
		return "public." + name
	}
	return name
}

// A pull drops no earlier database with somebody's work, whatever comes in between.
func TestEarlierWorkStays(t *testing.T) {
	twoFamilies(t, "work1", func(t *testing.T, f family) {
		two, one := openWatching(t, f.url, 2, target.Part{}), openWatching(t, f.url, 1, target.Part{})
		parent, mine := f.table(t, "parent"), f.table(t, "mine")
		was := map[string]string{}
		next := func(db target.Database, name string) {
			t.Helper()
			targettest.Must(t, targettest.PullAs(t, db, f.make(name), targettest.DumpOf(name)))
			was[name] = f.content()
		}
		is := func(name string) {
			t.Helper()
			if got := f.content(); got != was[name] {
				t.Errorf("it is not %s:\n%.2000s", name, got)
			}
		}
		for _, name := range []string{"a", "b", "c", "d"} {
			next(two, name)
		}
		wantChanged(t, two, "c", "b")

		// Work, and pulls over it.
		f.exec(t, "UPDATE parent SET name = 'mine' WHERE id = 1")
		was["d"] = f.content()
		for _, name := range []string{"e", "f", "g"} {
			next(two, name)
		}
		wantChanged(t, two, "f", "d="+parent)
		if err := targettest.Pull(t, two, "CREATE TABLE broken (id int);\nINSERT INTO broken VALUES (1, 2);\n"); err == nil {
			t.Error("a broken dump comes")
		}
		wantChanged(t, two, "f", "d="+parent)

		// Brought back, and away again.
		targettest.Must(t, two.UndoTo(t.Context(), 2))
		is("d")
		wantChanged(t, two, "g", "f")
		targettest.Must(t, two.Undo(t.Context()))
		is("g")
		wantChanged(t, two, "d="+parent, "f")
		targettest.Must(t, two.Undo(t.Context()))
		is("d")
		targettest.Must(t, two.Undo(t.Context()))

		// Fewer are kept: of those that were not changed.
		next(one, "h")
		wantChanged(t, one, "g", "d="+parent)
		next(one, "i")
		wantChanged(t, one, "h", "d="+parent)
		f.exec(t, "CREATE TABLE mine (id int)")
		was["i"] = f.content()
		next(one, "j")
		next(one, "k")
		wantChanged(t, one, "j", "i="+mine, "d="+parent)

		// One that was released may be replaced, and is still somebody's work.
		f.exec(t, "CREATE VIEW mine AS SELECT 1 AS one")
		targettest.Must(t, one.Mark(t.Context(), target.Release))
		targettest.WantChanges(t, one, "released", "")
		was["k"] = f.content()
		next(one, "l")
		next(one, "m")
		view := "view " + mine
		wantChanged(t, one, "l", "k="+view, "i="+mine, "d="+parent)
		for _, step := range []string{"d", "i", "k"} { // the oldest one each time
			targettest.Must(t, one.UndoTo(t.Context(), 4))
			is(step)
		}
		targettest.Must(t, one.UndoTo(t.Context(), 4))
		is("l")

		// They are dropped on request.
		targettest.Must(t, targettest.PullAs(t, targettest.OpenKeeping(t, f.url, 2, target.Part{}), f.make("n"), targettest.DumpOf("n")))
		wantEarlier(t, one, "l", "k")
	})
}

// A database that may have changed is kept; an empty one is not.
func TestEarlierUnknownStays(t *testing.T) {
	twoFamilies(t, "work2", func(t *testing.T, f family) {
		db := openWatching(t, f.url, 1, target.Part{})
		targettest.Must(t, targettest.PullAs(t, targettest.OpenKeeping(t, f.url, 1, target.Part{}), f.make("a"), targettest.DumpOf("a"))) // over nothing, and without a fingerprint
		wantChanged(t, db, "")
		targettest.Must(t, targettest.PullAs(t, db, f.make("b"), targettest.DumpOf("b")))
		wantChanged(t, db, "a=?")
		targettest.Must(t, targettest.PullAs(t, db, f.make("c"), targettest.DumpOf("c")))
		wantChanged(t, db, "b", "a=?")
	})
}

// TestEarlierWorkKilled is killed at every step of a pull over somebody's work and over an earlier database that has some.
func TestEarlierWorkKilled(t *testing.T) {
	twoFamilies(t, "work3", func(t *testing.T, f family) {
		db := openWatching(t, f.url, 1, target.Part{})
		targettest.Must(t, targettest.PullAs(t, db, f.make("a"), targettest.DumpOf("a")))
		f.exec(t, "CREATE TABLE mine (id int)")
		work := f.content()
		path := filepath.Join(t.TempDir(), "b")
		targettest.Must(t, os.WriteFile(path, []byte(f.make("b")), 0o600))
		t.Setenv(targettest.ChildKeep, "1")
		t.Setenv(targettest.ChildToken, "token")
		changed := "a=" + f.table(t, "mine")
		finished := false
		for step := range targettest.KillSteps(t) {
			if finished {
				break
			}
			finished = targettest.RunChild(t, f.url, path, step)
			targettest.Must(t, db.Recover(t.Context()))
			all, err := db.Earlier(t.Context())
			targettest.Must(t, err)
			if len(all) == 0 || all[len(all)-1].Dump.Key != "a" {
				if f.content() != work {
					t.Fatalf("killed at step %d: the work is gone, %+v", step, all)
				}
				continue
			}
			changes, err := db.EarlierChanges(t.Context(), all[len(all)-1])
			targettest.Must(t, err)
			if "a="+strings.Join(changes.Names, ",") != changed {
				t.Fatalf("killed at step %d: %+v", step, changes)
			}
		}
		targettest.Must(t, targettest.PullAs(t, db, f.make("c"), targettest.DumpOf("c")))
		wantChanged(t, db, "b", changed)
		targettest.Must(t, db.UndoTo(t.Context(), 2))
		if f.content() != work {
			t.Error("the work is not what it was")
		}
	})
}

// A part with somebody's work stays, and the way to it.
func TestMySQLEarlierWorkInParts(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "work4")
		defer targettest.Fresh(t, server, "work4")
		dump := "CREATE TABLE `a` (v int);\nCREATE TABLE `b` (v int);\nINSERT INTO `a` VALUES (1);\nINSERT INTO `b` VALUES (1);\n"
		whole, part := openWatching(t, server.URL("work4"), 1, target.Part{}), openWatching(t, server.URL("work4"), 1, targettest.Only("a"))
		targettest.Must(t, targettest.PullAs(t, whole, dump, targettest.DumpOf("one")))
		targettest.Must(t, targettest.Pull(t, part, dump))
		wantChanged(t, whole, "one*")
		targettest.Must(t, targettest.PullAs(t, whole, dump, targettest.DumpOf("two")))
		wantChanged(t, whole, "one=?")
		targettest.Must(t, targettest.PullAs(t, targettest.OpenKeeping(t, server.URL("work4"), 1, target.Part{}), dump, targettest.DumpOf("none")))
		targettest.Must(t, targettest.PullAs(t, whole, dump, targettest.DumpOf("three")))
		targettest.Must(t, server.Exec("USE work4", "UPDATE a SET v = 2", "CREATE TRIGGER mine BEFORE UPDATE ON a FOR EACH ROW SET @x = 2"))
		was := targettest.Content(t, server, "work4")
		targettest.Must(t, targettest.Pull(t, part, dump))
		wantChanged(t, whole, "three*=a,trigger mine", "none=?")
		targettest.Must(t, targettest.Pull(t, openWatching(t, server.URL("work4"), 1, targettest.Only("c")), "CREATE TABLE `c` (v int);\n")) // where there was nothing
		targettest.Must(t, targettest.PullAs(t, whole, dump, targettest.DumpOf("four")))
		targettest.Must(t, targettest.PullAs(t, whole, dump, targettest.DumpOf("five")))
		wantChanged(t, whole, "four", "three=?", "three*", "three*=a,trigger mine", "none=?")
		targettest.Must(t, whole.UndoTo(t.Context(), 2))
		targettest.Must(t, whole.UndoTo(t.Context(), 3))
		targettest.Must(t, whole.UndoTo(t.Context(), 4))
		if got := targettest.Content(t, server, "work4"); got != was {
			t.Errorf("the part is not back:\n%s", got)
		}
	})
}

// What RENAME TABLE changes of a table is not taken for a change of somebody.
func TestMySQLEarlierOddities(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site60")
	targettest.Fresh(t, server, "site60_other", "CREATE TABLE x (id int PRIMARY KEY)")
	defer targettest.Fresh(t, server, "site60_other")
	defer targettest.Fresh(t, server, "site60")
	far := "CREATE TABLE far (id int PRIMARY KEY, x int, y int, CONSTRAINT into_other FOREIGN KEY (x) REFERENCES site60_other.x (id)," +
		" CONSTRAINT to_nothing FOREIGN KEY (y) REFERENCES lacking (id))"
	targettest.Fresh(t, server, "site60_staging", slices.Concat(targettest.Site("a"), targettest.Oddities("a"), []string{"SET foreign_key_checks = 0", far})...)
	dump := targettest.Mysqldump(t, server, "site60_staging")
	targettest.Fresh(t, server, "site60_staging")
	db := openWatching(t, server.URL("site60"), 2, target.Part{})
	targettest.Must(t, targettest.PullAs(t, db, dump, targettest.DumpOf("a")))
	targettest.WantChanges(t, db, "just pulled", "")
	targettest.Must(t, targettest.PullAs(t, db, dump, targettest.DumpOf("b")))
	targettest.Must(t, targettest.PullAs(t, db, dump, targettest.DumpOf("c")))
	wantChanged(t, db, "b", "a")
	targettest.Must(t, db.UndoTo(t.Context(), 2))
	wantChanged(t, db, "c", "b")
	targettest.WantChanges(t, db, "brought back", "")
}
