package swap

import (
	"errors"
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

// parted is a site with tables that no foreign key ties to the others.
func parted(generation string) []string {
	return slices.Concat(targettest.Site(generation), []string{
		"CREATE TABLE page (id int PRIMARY KEY, title varchar(200), KEY (title))",
		"CREATE TABLE page_" + generation + " (id int)",
		"INSERT INTO page VALUES (1, '" + generation + "')",
		"CREATE TRIGGER page_added AFTER INSERT ON page FOR EACH ROW SET @x = '" + generation + "'",
		"CREATE TRIGGER page_second AFTER INSERT ON page FOR EACH ROW FOLLOWS page_added SET @x = 2",
		"CREATE TRIGGER log_added BEFORE INSERT ON log FOR EACH ROW SET @y = '" + generation + "'",
	})
}

// contentByHand loads statements and gives what the database holds then: what a part should have led to.
func contentByHand(t *testing.T, server *testserver.MySQL, statements ...string) string {
	t.Helper()
	targettest.Fresh(t, server, "byhand", statements...)
	return targettest.Content(t, server, "byhand")
}

func TestMySQLPart(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "staging30", append(parted("new"), targettest.Oddities("new")...)...)
	dump := targettest.Mysqldump(t, server, "staging30")
	for name, test := range map[string]struct {
		part target.Part
		want []string // statements that make of the old one what a pull of the part should make
	}{
		"only": {targettest.Only("page", "page_new", "page_old"), []string{
			"DROP TABLE page", "CREATE TABLE page (id int PRIMARY KEY, title varchar(200), KEY (title))", "CREATE TABLE page_new (id int)",
			"INSERT INTO page VALUES (1, 'new')",
			"CREATE TRIGGER page_added AFTER INSERT ON page FOR EACH ROW SET @x = 'new'",
			"CREATE TRIGGER page_second AFTER INSERT ON page FOR EACH ROW FOLLOWS page_added SET @x = 2",
		}},
		"a sequence, and who counts by it": {targettest.Only("numbers", "numbered"), []string{
			"CREATE SEQUENCE numbers START WITH 100", "CREATE TABLE numbered (id bigint DEFAULT NEXTVAL(numbers), v int)", "INSERT INTO numbered (v) VALUES (1)",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			targettest.Fresh(t, server, "site30", parted("old")...)
			old := targettest.Content(t, server, "site30")
			targettest.Must(t, server.Exec("CREATE TABLE site30.same_number (id int)", "DROP TABLE site30.same_number"))
			db, said := targettest.OpenPart(t, server.URL("site30"), test.part)
			targettest.Must(t, targettest.Pull(t, db, dump))
			want := contentByHand(t, server, append(parted("old"), test.want...)...)
			if diff := cmp.Diff(want, targettest.Content(t, server, "site30")); diff != "" {
				t.Errorf("after the pull (-want +got):\n%s", diff)
			}
			targettest.NoGarbage(t, server, "site30")
			whole, _ := targettest.Open(t, server.URL("site30"))
			targettest.Must(t, whole.Undo(t.Context()))
			if diff := cmp.Diff(old, targettest.Content(t, server, "site30")); diff != "" {
				t.Errorf("after undo (-want +got):\n%s", diff)
			}
			targettest.NoGarbage(t, server, "site30")
			targettest.Must(t, whole.Undo(t.Context()))
			if diff := cmp.Diff(want, targettest.Content(t, server, "site30")); diff != "" {
				t.Errorf("after undo of undo (-want +got):\n%s", diff)
			}
			if len(said.Lines) > 0 {
				t.Errorf("notes: %q", said.Lines)
			}
		})
	}
	t.Run("all but", func(t *testing.T) {
		targettest.Fresh(t, server, "site30", parted("old")...)
		old := targettest.Content(t, server, "site30")
		db, _ := targettest.OpenPart(t, server.URL("site30"), targettest.AllBut("page", "log", "nothing"))
		targettest.Must(t, targettest.Pull(t, db, dump))
		want := contentByHand(t, server, slices.Concat(parted("new"), targettest.Oddities("new"), []string{
			"UPDATE page SET title = 'old'", "UPDATE log SET what = 'old'",
			"DROP TRIGGER page_added", "CREATE TRIGGER page_added BEFORE INSERT ON page FOR EACH ROW SET @y = 1", "DROP TRIGGER page_added", "DROP TRIGGER page_second", "DROP TRIGGER log_added",
			"CREATE TRIGGER page_added AFTER INSERT ON page FOR EACH ROW SET @x = 'old'",
			"CREATE TRIGGER page_second AFTER INSERT ON page FOR EACH ROW FOLLOWS page_added SET @x = 2",
			"CREATE TRIGGER log_added BEFORE INSERT ON log FOR EACH ROW SET @y = 'old'",
		})...)
		if diff := cmp.Diff(targettest.WithoutCounters(want), targettest.WithoutCounters(targettest.Content(t, server, "site30"))); diff != "" {
			t.Errorf("after the pull (-want +got):\n%s", diff)
		}
		targettest.NoGarbage(t, server, "site30")
		targettest.Must(t, db.Undo(t.Context()))
		if diff := cmp.Diff(old, targettest.Content(t, server, "site30")); diff != "" {
			t.Errorf("after undo (-want +got):\n%s", diff)
		}
	})
}

// TestMySQLPartStays looks at what a pull of a part, and its undo, must not touch: what has changed beside the part.
func TestMySQLPartStays(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "staging31", append(parted("new"), "CREATE TRIGGER clash BEFORE INSERT ON page FOR EACH ROW SET @z = 1", "CREATE TABLE was_view (id int)")...)
	dump := targettest.Mysqldump(t, server, "staging31")
	targettest.Fresh(t, server, "site31", append(parted("old"), "CREATE TRIGGER clash BEFORE INSERT ON log FOR EACH ROW SET @z = 2", "CREATE VIEW was_view AS SELECT 1 AS one")...)
	old := targettest.Content(t, server, "site31")
	numbers := func() [][]string {
		t.Helper()
		rows, err := server.Query("SELECT NAME, TABLE_ID FROM information_schema.INNODB_SYS_TABLES WHERE NAME IN ('site31/parent', 'site31/child', 'site31/only_old') ORDER BY 1")
		targettest.Must(t, err)
		return rows
	}
	before := numbers()
	db, said := targettest.OpenPart(t, server.URL("site31"), targettest.Only("page", "was_view"))
	targettest.Must(t, targettest.Pull(t, db, dump))
	if diff := cmp.Diff(before, numbers()); diff != "" {
		t.Errorf("tables that stay are others (-want +got):\n%s", diff)
	}
	said.Want(t, "trigger clash is left out: an object that stays has that name")
	targettest.Must(t, server.Exec("USE site31", "INSERT INTO parent VALUES (9, 'mine')", "CREATE VIEW mine AS SELECT 1 AS one", "CREATE TABLE own (id int)"))
	targettest.Must(t, db.Undo(t.Context()))
	rows, err := server.Query("SELECT (SELECT COUNT(*) FROM site31.parent WHERE id = 9), (SELECT one FROM site31.mine), (SELECT COUNT(*) FROM site31.own), (SELECT one FROM site31.was_view)")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"1", "1", "0", "1"}}, rows); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	targettest.Must(t, server.Exec("USE site31", "DELETE FROM parent WHERE id = 9", "DROP VIEW mine", "DROP TABLE own"))
	if diff := cmp.Diff(old, targettest.Content(t, server, "site31")); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	// The whole can be pulled over a part, and a part over the whole.
	whole, _ := targettest.Open(t, server.URL("site31"))
	targettest.Must(t, targettest.Pull(t, db, dump))
	targettest.Must(t, targettest.Pull(t, whole, dump))
	if diff := cmp.Diff(targettest.Content(t, server, "staging31"), targettest.Content(t, server, "site31")); diff != "" {
		t.Errorf("after a pull of the whole (-want +got):\n%s", diff)
	}
	targettest.Must(t, targettest.Pull(t, db, dump))
	targettest.Must(t, whole.Undo(t.Context()))
	if diff := cmp.Diff(targettest.Content(t, server, "staging31"), targettest.Content(t, server, "site31")); diff != "" {
		t.Errorf("after undo of a part (-want +got):\n%s", diff)
	}
}

func TestMySQLPartHeld(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "staging32", parted("new")...)
	dump := targettest.Mysqldump(t, server, "staging32")
	targettest.Fresh(t, server, "site32", parted("old")...)
	part, _ := targettest.OpenPart(t, server.URL("site32"), targettest.Only("page"))
	everything, _ := targettest.OpenPart(t, server.URL("site32"), targettest.AllBut("page_none"))
	whole, _ := targettest.Open(t, server.URL("site32"))
	targettest.Must(t, targettest.PullAs(t, part, dump, targettest.DumpOf("a part")))
	targettest.WantContents(t, whole, "")
	if targettest.ReadContents(t, whole).Created.IsZero() {
		t.Error("nobody knows when it was made")
	}
	targettest.Must(t, targettest.PullAs(t, whole, dump, targettest.DumpOf("first")))
	targettest.Must(t, targettest.PullAs(t, part, dump, targettest.DumpOf("a part")))
	targettest.WantContents(t, whole, "first")
	targettest.Must(t, targettest.PullAs(t, everything, dump, targettest.DumpOf("all of its tables")))
	targettest.WantContents(t, whole, "first")
	targettest.Must(t, whole.Undo(t.Context()))
	targettest.WantContents(t, whole, "first")
	targettest.Must(t, targettest.PullAs(t, whole, dump, targettest.DumpOf("second")))
	targettest.WantContents(t, whole, "second")
	// Where nothing was, a part is no dump, and older than any.
	targettest.Fresh(t, server, "site32")
	part, _ = targettest.OpenPart(t, server.URL("site32"), targettest.Only("page"))
	targettest.Must(t, targettest.PullAs(t, part, dump, targettest.DumpOf("a part")))
	if got := targettest.ReadContents(t, whole); got != (target.Contents{}) {
		t.Errorf("it holds %+v", got)
	}
	rows, err := server.Query("SELECT GROUP_CONCAT(TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site32'")
	targettest.Must(t, err)
	if rows[0][0] != "page" {
		t.Errorf("it has the tables %s", rows[0][0])
	}
	targettest.Must(t, whole.Undo(t.Context()))
	if got := targettest.ReadContents(t, whole); got != (target.Contents{Empty: true, Choice: target.Undone}) {
		t.Errorf("it holds %+v", got)
	}
}

func TestMySQLPartForeignKeys(t *testing.T) {
	server := targettest.MariadbServer(t)
	tables := []string{
		"CREATE TABLE a (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES a (id))", "CREATE TABLE b (id int PRIMARY KEY, a int, CONSTRAINT ba FOREIGN KEY (a) REFERENCES a (id))",
		"CREATE TABLE c (id int PRIMARY KEY, b int, CONSTRAINT cb FOREIGN KEY (b) REFERENCES b (id) ON DELETE CASCADE)", "CREATE TABLE d (id int PRIMARY KEY)",
		"INSERT INTO a VALUES (1, NULL), (2, 1)", "INSERT INTO b VALUES (1, 1)", "INSERT INTO c VALUES (1, 1)",
	}
	targettest.Fresh(t, server, "staging33", append(tables, "CREATE TABLE e (id int PRIMARY KEY, d int, CONSTRAINT ed FOREIGN KEY (d) REFERENCES d (id))")...)
	dump := targettest.Mysqldump(t, server, "staging33")
	targettest.Fresh(t, server, "site33", tables...)
	old := targettest.Content(t, server, "site33")
	for want, part := range map[string]target.Part{
		"a foreign key of table b, which would stay, refers to table a, which would be replaced; missing b,c":     targettest.Only("a"),
		"a foreign key of table c, which would be replaced, refers to table b, which would stay; missing a,b":     targettest.Only("c", "d"),
		"a foreign key of table b, which would be replaced, refers to table a, which would stay; missing a":       targettest.AllBut("a"),
		"a foreign key of table c, which would stay, refers to table b, which would be replaced; missing c":       targettest.AllBut("c", "d"),
		"load: a foreign key of table e, which would be replaced, refers to table d, which would stay; missing d": targettest.Only("e"),
	} {
		u := targettest.ParseURL(t, server.URL("site33"))
		db, err := targettest.TryOpen(t, target.Config{URL: u, Part: part})
		if err == nil {
			if err = targettest.Pull(t, db, dump); err != nil {
				err = errors.Join(errors.New("load"), err)
			}
			targettest.Must(t, db.Close())
		}
		var tied *target.ForeignKeyError
		if !errors.As(err, &tied) || strings.ReplaceAll(err.Error(), "\n", ": ")+"; missing "+strings.Join(tied.Missing, ",") != want {
			t.Errorf("%v, %+v\nwant %s", err, tied, want)
		}
		targettest.WantMySQL(t, server, "site33", old)
	}
	db, _ := targettest.OpenPart(t, server.URL("site33"), targettest.Only("a", "b", "c"))
	targettest.Must(t, server.Exec("USE site33", "UPDATE a SET up = 2 WHERE id = 1"))
	targettest.Must(t, targettest.Pull(t, db, dump))
	targettest.Must(t, server.Exec("USE site33", "DELETE FROM b"))
	rows, err := server.Query("SELECT (SELECT COUNT(*) FROM site33.c), (SELECT COUNT(*) FROM site33__dump_previous.c)")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"0", "1"}}, rows); diff != "" {
		t.Errorf("the keys lead elsewhere (-want +got):\n%s", diff)
	}
	// What ties the rest to the part since then keeps the part from going back.
	targettest.Must(t, server.Exec("USE site33", "ALTER TABLE d ADD a int, ADD CONSTRAINT da FOREIGN KEY (a) REFERENCES a (id)"))
	var tied *target.ForeignKeyError
	if err := db.Undo(t.Context()); !errors.As(err, &tied) || len(tied.Missing) > 0 {
		t.Errorf("undo gives %v", err)
	}
	targettest.Must(t, server.Exec("USE site33", "ALTER TABLE d DROP FOREIGN KEY da, DROP a, DROP KEY IF EXISTS da"))
	targettest.Must(t, db.Undo(t.Context()))
	targettest.Must(t, server.Exec("USE site33", "UPDATE a SET up = NULL WHERE id = 1"))
	targettest.WantMySQL(t, server, "site33", old)
}

// small is as little as there must be of everything that a swap of a part meets.
func small(generation string) []string {
	return []string{
		"CREATE TABLE stays (id int)", "CREATE TABLE page (title varchar(200))", "CREATE TABLE page_" + generation + " (id int)",
		"INSERT INTO page VALUES ('" + generation + "')", "INSERT INTO stays VALUES (1)",
		"CREATE TRIGGER stays_added BEFORE INSERT ON stays FOR EACH ROW SET @x = '" + generation + "'",
		"CREATE TRIGGER page_added BEFORE INSERT ON page FOR EACH ROW SET @x = '" + generation + "'",
		"CREATE VIEW v AS SELECT title, '" + generation + "' AS generation FROM page",
	}
}

// TestMySQLKilledPart is TestMySQLKilledPull for a part, and for its undo.
func TestMySQLKilledPart(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "staging34", small("new")...)
	text := targettest.Mysqldump(t, server, "staging34")
	dump := filepath.Join(t.TempDir(), "dump.sql")
	targettest.Must(t, os.WriteFile(dump, []byte(text), 0o600))
	targettest.Fresh(t, server, "older34", small("older")...)
	older := targettest.Mysqldump(t, server, "older34")
	part := targettest.Only("page", "page_new")
	targettest.Fresh(t, server, "site34", small("oldest")...)
	oldest := targettest.Content(t, server, "site34")
	whole, _ := targettest.Open(t, server.URL("site34"))
	targettest.Must(t, targettest.PullAs(t, whole, older, targettest.DumpOf("older")))
	old := targettest.Content(t, server, "site34")
	db, _ := targettest.OpenPart(t, server.URL("site34"), part)
	targettest.Must(t, targettest.PullAs(t, db, text, targettest.DumpOf("new")))
	new := targettest.Content(t, server, "site34")
	if new == old || strings.Count(new, "@x = 'older'") != 1 || strings.Count(new, "@x = 'new'") != 1 {
		t.Fatalf("a part gives\n%s", new)
	}
	t.Setenv(targettest.ChildPart, "page,page_new")
	for _, undo := range []bool{false, true} {
		wentOn := map[string]int{}
		for step := range targettest.KillSteps(t) {
			targettest.Fresh(t, server, "site34", small("oldest")...)
			targettest.Must(t, targettest.PullAs(t, whole, older, targettest.DumpOf("older")))
			from, to, task := old, new, dump
			if undo {
				targettest.Must(t, targettest.PullAs(t, db, text, targettest.DumpOf("new")))
				from, to, task = new, old, ""
			}
			finished := targettest.RunChild(t, server.URL("site34"), task, step)
			targettest.Must(t, whole.Recover(t.Context()))
			targettest.NoGarbage(t, server, "site34")
			before := oldest
			switch now := targettest.Content(t, server, "site34"); now {
			case from:
				wentOn["from"]++
				if undo {
					before = to
				}
			case to:
				wentOn["to"]++
				before = from
			default:
				t.Fatalf("undo %v, killed at step %d: neither old nor new: (-old +got)\n%s", undo, step, cmp.Diff(old, now))
			}
			targettest.WantContents(t, whole, "older")
			targettest.Must(t, whole.Undo(t.Context()))
			if diff := cmp.Diff(before, targettest.Content(t, server, "site34")); diff != "" {
				t.Fatalf("undo %v, killed at step %d, then undone (-want +got):\n%s", undo, step, diff)
			}
			if finished {
				break
			}
		}
		if stride := targettest.KillStride(); wentOn["from"] < 2/stride || wentOn["to"] < 5/stride {
			t.Errorf("too few steps: %v", wentOn)
		}
	}
}
