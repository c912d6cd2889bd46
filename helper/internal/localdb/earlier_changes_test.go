package localdb

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// openWatching opens a database whose changes are known, and of which some earlier ones are kept; more if they were changed.
func openWatching(t *testing.T, url string, keep int, part Part) Database {
	t.Helper()
	watch(t, parseURL(t, url))
	db, err := tryOpen(t, Config{URL: parseURL(t, url), Keep: keep, KeepChanged: true, Part: part, Token: "token", WithoutRows: isCache})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// wantChanged compares what of the earlier databases was changed, the youngest first: keys of dumps, with "=" and names behind those that were,
// and "=?" behind those of which nobody can tell.
func wantChanged(t *testing.T, db Database, want ...string) {
	t.Helper()
	all, err := db.Earlier(t.Context())
	must(t, err)
	var got []string
	for _, k := range all {
		changes, err := db.EarlierChanges(t.Context(), k)
		must(t, err)
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
	u := parseURL(t, f.url)
	if u.Engine == "postgres" {
		must(t, (&testserver.PG{Port: u.Port}).Exec(u.Name, statements...))
		return
	}
	must(t, (&testserver.MySQL{Port: u.Port}).Exec(append([]string{"USE " + u.Name}, statements...)...))
}

// table is how changes call a table of a family.
func (f family) table(t *testing.T, name string) string {
	t.Helper()
	if parseURL(t, f.url).Engine == "postgres" {
		return "public." + name
	}
	return name
}

// A pull drops no earlier database with somebody's work, whatever comes in between.
func TestEarlierWorkStays(t *testing.T) {
	eachFamily(t, "work1", func(t *testing.T, f family) {
		two, one := openWatching(t, f.url, 2, Part{}), openWatching(t, f.url, 1, Part{})
		parent, mine := f.table(t, "parent"), f.table(t, "mine")
		was := map[string]string{}
		next := func(db Database, name string) {
			t.Helper()
			must(t, pullAs(t, db, f.make(name), dumpOf(name)))
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
		if err := pull(t, two, "CREATE TABLE broken (id int);\nINSERT INTO broken VALUES (1, 2);\n"); err == nil {
			t.Error("a broken dump comes")
		}
		wantChanged(t, two, "f", "d="+parent)

		// Brought back, and away again.
		must(t, two.UndoTo(t.Context(), 2))
		is("d")
		wantChanged(t, two, "g", "f")
		must(t, two.Undo(t.Context()))
		is("g")
		wantChanged(t, two, "d="+parent, "f")
		must(t, two.Undo(t.Context()))
		is("d")
		must(t, two.Undo(t.Context()))

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
		must(t, one.Mark(t.Context(), Release))
		wantChanges(t, one, "released", "")
		was["k"] = f.content()
		next(one, "l")
		next(one, "m")
		view := "view " + mine
		wantChanged(t, one, "l", "k="+view, "i="+mine, "d="+parent)
		for _, step := range []string{"d", "i", "k"} { // the oldest one each time
			must(t, one.UndoTo(t.Context(), 4))
			is(step)
		}
		must(t, one.UndoTo(t.Context(), 4))
		is("l")

		// Who wants that drops them.
		must(t, pullAs(t, openKeeping(t, f.url, 2, Part{}), f.make("n"), dumpOf("n")))
		wantEarlier(t, one, "l", "k")
	})
}

// What nobody can tell of is kept, what was empty is not.
func TestEarlierUnknownStays(t *testing.T) {
	eachFamily(t, "work2", func(t *testing.T, f family) {
		db := openWatching(t, f.url, 1, Part{})
		must(t, pullAs(t, openKeeping(t, f.url, 1, Part{}), f.make("a"), dumpOf("a"))) // over nothing, and without a fingerprint
		wantChanged(t, db, "")
		must(t, pullAs(t, db, f.make("b"), dumpOf("b")))
		wantChanged(t, db, "a=?")
		must(t, pullAs(t, db, f.make("c"), dumpOf("c")))
		wantChanged(t, db, "b", "a=?")
	})
}

// TestEarlierWorkKilled is killed at every step of a pull over somebody's work and over an earlier database that has some.
func TestEarlierWorkKilled(t *testing.T) {
	eachFamily(t, "work3", func(t *testing.T, f family) {
		db := openWatching(t, f.url, 1, Part{})
		must(t, pullAs(t, db, f.make("a"), dumpOf("a")))
		f.exec(t, "CREATE TABLE mine (id int)")
		work := f.content()
		path := filepath.Join(t.TempDir(), "b")
		must(t, os.WriteFile(path, []byte(f.make("b")), 0o600))
		t.Setenv(childKeep, "1")
		t.Setenv(childToken, "token")
		changed := "a=" + f.table(t, "mine")
		for step, finished := 1, false; !finished; step++ {
			finished = runChild(t, f.url, path, step)
			must(t, db.Recover(t.Context()))
			all, err := db.Earlier(t.Context())
			must(t, err)
			if len(all) == 0 || all[len(all)-1].Dump.Key != "a" {
				if f.content() != work {
					t.Fatalf("killed at step %d: the work is gone, %+v", step, all)
				}
				continue
			}
			changes, err := db.EarlierChanges(t.Context(), all[len(all)-1])
			must(t, err)
			if "a="+strings.Join(changes.Names, ",") != changed {
				t.Fatalf("killed at step %d: %+v", step, changes)
			}
		}
		must(t, pullAs(t, db, f.make("c"), dumpOf("c")))
		wantChanged(t, db, "b", changed)
		must(t, db.UndoTo(t.Context(), 2))
		if f.content() != work {
			t.Error("the work is not what it was")
		}
	})
}

// A part with somebody's work stays, and the way to it.
func TestMySQLEarlierWorkInParts(t *testing.T) {
	eachServer(t, func(t *testing.T, server *testserver.MySQL) {
		fresh(t, server, "work4")
		defer fresh(t, server, "work4")
		dump := "CREATE TABLE `a` (v int);\nCREATE TABLE `b` (v int);\nINSERT INTO `a` VALUES (1);\nINSERT INTO `b` VALUES (1);\n"
		whole, part := openWatching(t, server.URL("work4"), 1, Part{}), openWatching(t, server.URL("work4"), 1, only("a"))
		must(t, pullAs(t, whole, dump, dumpOf("one")))
		must(t, pull(t, part, dump))
		wantChanged(t, whole, "one*")
		must(t, pullAs(t, whole, dump, dumpOf("two")))
		wantChanged(t, whole, "one=?")
		must(t, pullAs(t, openKeeping(t, server.URL("work4"), 1, Part{}), dump, dumpOf("none")))
		must(t, pullAs(t, whole, dump, dumpOf("three")))
		must(t, server.Exec("USE work4", "UPDATE a SET v = 2", "CREATE TRIGGER mine BEFORE UPDATE ON a FOR EACH ROW SET @x = 2"))
		was := content(t, server, "work4")
		must(t, pull(t, part, dump))
		wantChanged(t, whole, "three*=a,trigger mine", "none=?")
		must(t, pull(t, openWatching(t, server.URL("work4"), 1, only("c")), "CREATE TABLE `c` (v int);\n")) // where there was nothing
		must(t, pullAs(t, whole, dump, dumpOf("four")))
		must(t, pullAs(t, whole, dump, dumpOf("five")))
		wantChanged(t, whole, "four", "three=?", "three*", "three*=a,trigger mine", "none=?")
		must(t, whole.UndoTo(t.Context(), 2))
		must(t, whole.UndoTo(t.Context(), 3))
		must(t, whole.UndoTo(t.Context(), 4))
		if got := content(t, server, "work4"); got != was {
			t.Errorf("the part is not back:\n%s", got)
		}
	})
}

// What RENAME TABLE changes of a table is not taken for a change of somebody.
func TestMySQLEarlierOddities(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "site60")
	fresh(t, server, "site60_other", "CREATE TABLE x (id int PRIMARY KEY)")
	defer fresh(t, server, "site60_other")
	defer fresh(t, server, "site60")
	far := "CREATE TABLE far (id int PRIMARY KEY, x int, y int, CONSTRAINT into_other FOREIGN KEY (x) REFERENCES site60_other.x (id)," +
		" CONSTRAINT to_nothing FOREIGN KEY (y) REFERENCES lacking (id))"
	fresh(t, server, "site60_staging", slices.Concat(site("a"), oddities("a"), []string{"SET foreign_key_checks = 0", far})...)
	dump := mysqldump(t, server, "site60_staging")
	fresh(t, server, "site60_staging")
	db := openWatching(t, server.URL("site60"), 2, Part{})
	must(t, pullAs(t, db, dump, dumpOf("a")))
	wantChanges(t, db, "just pulled", "")
	must(t, pullAs(t, db, dump, dumpOf("b")))
	must(t, pullAs(t, db, dump, dumpOf("c")))
	wantChanged(t, db, "b", "a")
	must(t, db.UndoTo(t.Context(), 2))
	wantChanged(t, db, "c", "b")
	wantChanges(t, db, "brought back", "")
}
