package swap_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// steady is a database whose table stays is the same in each generation.
func steady(generation string) []string {
	return []string{
		"CREATE TABLE stays (id int PRIMARY KEY AUTO_INCREMENT)", "CREATE TABLE page (title varchar(200))", "CREATE TABLE page_" + generation + " (id int)",
		"INSERT INTO page VALUES ('" + generation + "')", "INSERT INTO stays VALUES (1), (2)",
		"CREATE TABLE up (id int PRIMARY KEY)", "CREATE TABLE down (id int, FOREIGN KEY (id) REFERENCES up (id))",
		"CREATE TABLE calm (v varchar(9))", "INSERT INTO calm VALUES ('calm')", "CREATE TRIGGER calm_added BEFORE INSERT ON calm FOR EACH ROW SET @x = 4",
		"CREATE TRIGGER stays_added BEFORE INSERT ON stays FOR EACH ROW SET @x = 1",
		"CREATE TRIGGER page_added BEFORE INSERT ON page FOR EACH ROW SET @x = '" + generation + "'",
		"CREATE VIEW v AS SELECT title, '" + generation + "' AS generation FROM page, stays",
	}
}

// unchanged is a site that has pulled older, whose dump is text of generation older; the tables of new are those of a dump that came later.
type unchanged struct {
	t                *testing.T
	server           *testserver.MySQL
	name             string
	whole, beside    target.Database
	older, new       string // the dumps
	asOlder, asNew   string // what the database is like after a pull of each
	olderAt, newerAt string // the paths of the dumps
}

const unchangedToken = "5711c0de5711c0de"

func newUnchanged(t *testing.T, server *testserver.MySQL, name string) *unchanged {
	t.Helper()
	u := &unchanged{t: t, server: server, name: name}
	dump := func(generation string) (text, path string) {
		targettest.Fresh(t, server, name+generation, steady(generation)...)
		text = targettest.Mysqldump(t, server, name+generation)
		path = filepath.Join(t.TempDir(), generation)
		targettest.Must(t, os.WriteFile(path, []byte(text), 0o600))
		return text, path
	}
	u.older, u.olderAt = dump("older")
	u.new, u.newerAt = dump("new")
	targettest.Fresh(t, server, name)
	open := func(part target.Part) target.Database {
		db, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL(name)), Part: part, Token: unchangedToken})
		targettest.Must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	u.whole = open(target.Part{})
	same := targettest.AllBut("stays")
	same.Unchanged = true
	u.beside = open(same)
	u.pull(u.whole, u.new, "new")
	u.asNew = targettest.Content(t, server, name)
	u.pull(u.whole, u.older, "older")
	u.asOlder = targettest.Content(t, server, name)
	t.Setenv(targettest.ChildToken, unchangedToken)
	return u
}

func (u *unchanged) pull(db target.Database, text, name string) {
	u.t.Helper()
	targettest.Must(u.t, targettest.PullAs(u.t, db, text, targettest.DumpOf(name)))
}

func (u *unchanged) is(what, want string) {
	u.t.Helper()
	if diff := cmp.Diff(want, targettest.Content(u.t, u.server, u.name)); diff != "" {
		u.t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// TestMySQLUnchanged leaves a table where it is. Afterwards the database is wholly the new dump's, and knows it.
func TestMySQLUnchanged(t *testing.T) {
	server := targettest.MariadbServer(t)
	u := newUnchanged(t, server, "site51")
	u.pull(u.beside, u.new, "new")
	u.is("a pull beside a table that stays", u.asNew)
	targettest.WantContents(t, u.whole, "new")
	changes, err := u.whole.Changes(t.Context())
	if targettest.Must(t, err); changes.Changed() {
		t.Errorf("the database counts as changed: %+v", changes)
	}
	targettest.Must(t, server.Exec("USE site51", "INSERT INTO stays VALUES (9)"))
	changes, err = u.whole.Changes(t.Context())
	if targettest.Must(t, err); !slices.Equal(changes.Names, []string{"stays"}) {
		t.Errorf("changed: %+v", changes)
	}
}

// TestMySQLUntouched finds what was changed since a pull, in any way.
func TestMySQLUntouched(t *testing.T) {
	server := targettest.MariadbServer(t)
	u := newUnchanged(t, server, "site52")
	staying := u.whole.(target.Staying)
	untouched := func() []string {
		t.Helper()
		tables, err := staying.Untouched(t.Context(), []string{"stays", "page", "page_older", "nothing"})
		targettest.Must(t, err)
		slices.Sort(tables)
		return tables
	}
	all := []string{"page", "page_older", "stays"}
	if got := untouched(); !slices.Equal(got, all) {
		t.Errorf("after the pull %q have not changed", got)
	}
	for _, c := range []struct{ change, back string }{
		{"INSERT INTO stays VALUES (5)", "DELETE FROM stays WHERE id = 5"},
		{"UPDATE stays SET id = 7 WHERE id = 2", "UPDATE stays SET id = 2 WHERE id = 7"},
		{"ALTER TABLE stays COMMENT = 'x'", "ALTER TABLE stays COMMENT = ''"},
		{"ALTER TABLE page ADD KEY (title)", "ALTER TABLE page DROP KEY title"},
		{"RENAME TABLE page TO page2", "RENAME TABLE page2 TO page"},
		{"ALTER TABLE stays ADD p int, ADD CONSTRAINT tied FOREIGN KEY (p) REFERENCES stays_too (id)", "ALTER TABLE stays DROP FOREIGN KEY tied, DROP p"},
	} {
		targettest.Must(t, server.Exec("USE site52", "CREATE TABLE IF NOT EXISTS stays_too (id int PRIMARY KEY)", c.change))
		if got := untouched(); len(got) != 2 {
			t.Errorf("after %s %q have not changed", c.change, got)
		}
		targettest.Must(t, server.Exec("USE site52", c.back))
		if got := untouched(); !slices.Equal(got, all) {
			t.Errorf("after %s %q have not changed", c.back, got)
		}
	}
	for _, half := range []string{"up", "down"} {
		if tables, err := staying.Untouched(t.Context(), []string{half, "stays"}); err != nil || !slices.Equal(tables, []string{"stays"}) {
			t.Errorf("without what %s is tied to %q have not changed, %v", half, tables, err)
		}
	}
	if tables, err := staying.Untouched(t.Context(), []string{"up", "down"}); err != nil || len(tables) != 2 {
		t.Errorf("%q have not changed, %v", tables, err)
	}
	// Who has put other tables there is nobody's pull.
	targettest.Fresh(t, server, "site52", steady("older")...)
	if got := untouched(); len(got) != 0 {
		t.Errorf("of a database that was made anew %q have not changed", got)
	}
}

// TestMySQLDifferent refuses to leave a table where it is that differs from the dump's.
func TestMySQLDifferent(t *testing.T) {
	server := targettest.MariadbServer(t)
	u := newUnchanged(t, server, "site53")
	for _, change := range []string{
		"CREATE TRIGGER stays_more BEFORE INSERT ON stays FOR EACH ROW SET @x = 2", "DROP TRIGGER stays_added",
		"DROP TRIGGER stays_added; CREATE TRIGGER stays_added BEFORE INSERT ON stays FOR EACH ROW SET @x = 3",
	} {
		u.pull(u.whole, u.older, "older")
		before := append([]string{"USE site53"}, strings.Split(change, "; ")...)
		targettest.Must(t, server.Exec(before...))
		live := targettest.Content(t, server, "site53")
		err := targettest.PullAs(t, u.beside, u.new, targettest.DumpOf("new"))
		if err == nil || !strings.Contains(err.Error(), "the local database has other definitions of tables than the dump: stays") {
			t.Errorf("%s: %v", change, err)
		}
		u.is(change, live)
	}
}

// TestMySQLKilledUnchanged is TestMySQLKilledPull for a swap beside a table that stays, and for its undo.
func TestMySQLKilledUnchanged(t *testing.T) {
	server := targettest.MariadbServer(t)
	u := newUnchanged(t, server, "site54")
	for _, undo := range []bool{false, true} {
		ends := map[string]int{}
		for step := range targettest.KillSteps(t) {
			u.pull(u.whole, u.older, "older")
			from, to, task := u.asOlder, u.asNew, u.newerAt
			t.Setenv(targettest.ChildPart, "=stays")
			if undo {
				u.pull(u.beside, u.new, "new")
				from, to, task = u.asNew, u.asOlder, ""
				t.Setenv(targettest.ChildPart, "")
			}
			finished := targettest.RunChild(t, server.URL(u.name), task, step)
			targettest.Must(t, u.whole.Recover(t.Context()))
			targettest.NoGarbage(t, server, u.name)
			now := targettest.Content(t, server, u.name)
			key := "older"
			if now == u.asNew {
				key = "new"
			}
			if now != from && now != to {
				t.Fatalf("undo %v, killed at step %d: neither old nor new: (-from +got)\n%s", undo, step, cmp.Diff(from, now))
			}
			ends[key]++
			targettest.WantContents(t, u.whole, key)
			if undo || now == to {
				targettest.Must(t, u.whole.Undo(t.Context()))
				other := u.asOlder
				if key == "older" {
					other = u.asNew
				}
				u.is("undone", other)
			}
			if finished {
				break
			}
		}
		if len(ends) < 2 {
			t.Errorf("undo %v: too few steps: %v", undo, ends)
		}
	}
}

// TestMySQLKilledReturn kills a process that brings a table back to the earlier database, because it has changed. The next undo needs no help.
func TestMySQLKilledReturn(t *testing.T) {
	server := targettest.MariadbServer(t)
	u := newUnchanged(t, server, "site55")
	back, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL(u.name)), Part: targettest.Only("stays"), Token: unchangedToken})
	targettest.Must(t, err)
	defer func() { _ = back.Close() }()
	t.Setenv(targettest.ChildPart, "stays")
	t.Setenv(targettest.ChildReturn, "yes")
	ends := map[bool]int{}
	for step := range targettest.KillSteps(t) {
		u.pull(u.whole, u.older, "older")
		u.pull(u.beside, u.new, "new")
		targettest.Must(t, server.Exec("USE site55", "DELETE FROM stays", "DROP TRIGGER stays_added", "CREATE TRIGGER other BEFORE DELETE ON stays FOR EACH ROW SET @x = 9"))
		edited := targettest.Content(t, server, u.name)
		finished := targettest.RunChild(t, server.URL(u.name), u.olderAt, step)
		targettest.Must(t, u.whole.Recover(t.Context()))
		targettest.NoGarbage(t, server, u.name)
		u.is("killed while a table is brought back", edited)
		tables, _, err := u.whole.(target.Staying).Touched(t.Context(), 1)
		targettest.Must(t, err)
		if ends[len(tables) > 0]++; len(tables) > 0 {
			load, err := back.Begin(t.Context())
			targettest.Must(t, err)
			_, err = load.Run(t.Context(), strings.NewReader(u.older), sqltext.MySQL, nil)
			targettest.Must(t, err)
			targettest.Must(t, load.(target.Returning).Return(t.Context(), 1))
			targettest.Must(t, load.Discard())
		}
		targettest.Must(t, u.whole.Undo(t.Context()))
		u.is("undone", u.asOlder)
		targettest.Must(t, u.whole.Undo(t.Context()))
		u.is("undone twice", edited)
		if finished {
			break
		}
	}
	if len(ends) < 2 {
		t.Errorf("too few steps: %v", ends)
	}
}

// TestMySQLMerged keeps an earlier database with somebody's work, and no more than one other beside it, however many pulls leave tables where they
// are: what is between is merged. A process is killed at every step of that, and the next pull goes on.
func TestMySQLMerged(t *testing.T) {
	server := targettest.MariadbServer(t)
	u := newUnchanged(t, server, "site56")
	beside := func(staying ...string) target.Database {
		part := targettest.AllBut(staying...)
		part.Unchanged = true
		db, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL(u.name)), Part: part, Token: unchangedToken, KeepChanged: true})
		targettest.Must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	calm, keeping := beside("stays", "calm"), beside("stays")
	paths := map[string]string{}
	text := func(generation string) string {
		if paths[generation] == "" {
			targettest.Fresh(t, server, u.name+generation, append(steady("x"), "INSERT INTO page VALUES ('"+generation+"')", "DROP TABLE down", "DROP TABLE up")...)
			if generation != "a" {
				targettest.Must(t, server.Exec("USE "+u.name+generation, "UPDATE calm SET v = '"+generation+"'", "DROP TRIGGER calm_added"))
			}
			dump := targettest.Mysqldump(t, server, u.name+generation)
			paths[generation] = filepath.Join(t.TempDir(), generation)
			targettest.Must(t, os.WriteFile(paths[generation], []byte(dump), 0o600))
		}
		content, err := os.ReadFile(paths[generation])
		targettest.Must(t, err)
		return string(content)
	}
	finished := false
	for step := range targettest.KillSteps(t) {
		u.pull(u.whole, u.older, "older")
		_, err := u.whole.DropEarlier(t.Context(), 1)
		targettest.Must(t, err)
		targettest.Must(t, server.Exec("USE site56", "UPDATE page SET title = 'work'"))
		worked := targettest.Content(t, server, u.name)
		u.pull(calm, text("a"), "a")
		u.pull(keeping, text("b"), "b")
		if earlier, err := u.whole.Earlier(t.Context()); err != nil || len(earlier) != 2 || !earlier[1].Part {
			t.Fatalf("before the merge: %+v, %v", earlier, err)
		}
		t.Setenv(targettest.ChildPart, "=stays")
		text("c")
		finished = targettest.RunChild(t, server.URL(u.name), paths["c"], step)
		targettest.Must(t, u.whole.Recover(t.Context()))
		u.pull(keeping, text("d"), "d")
		earlier, err := u.whole.Earlier(t.Context())
		if err != nil || len(earlier) != 2 {
			t.Fatalf("killed at step %d: %+v, %v", step, earlier, err)
		}
		if names, err := server.Databases(); err != nil || slices.ContainsFunc(names, func(name string) bool {
			return strings.HasPrefix(name, u.name+"__dump_older") && name != earlier[1].Database
		}) {
			t.Fatalf("killed at step %d, left behind: %q, %v", step, names, err)
		}
		before := targettest.Content(t, server, u.name)
		targettest.Must(t, u.whole.UndoTo(t.Context(), 1))
		targettest.Must(t, u.whole.UndoTo(t.Context(), 2))
		u.is("two steps back", worked)
		targettest.Must(t, u.whole.UndoTo(t.Context(), 1))
		targettest.Must(t, u.whole.UndoTo(t.Context(), 2))
		u.is("and forward", before)
		if finished {
			break
		}
	}
}
