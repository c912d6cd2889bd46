package localdb

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// only is the part that consists of some tables.
func only(tables ...string) Part {
	return Part{Has: func(table string) bool { return slices.Contains(tables, table) }, TablesOnly: true}
}

// allBut is the part that consists of everything but some tables.
func allBut(tables ...string) Part {
	return Part{Has: func(table string) bool { return !slices.Contains(tables, table) }}
}

// parted is a site with tables that no foreign key ties to the others.
func parted(generation string) []string {
	return slices.Concat(site(generation), []string{
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
	fresh(t, server, "byhand", statements...)
	return content(t, server, "byhand")
}

func TestMySQLPart(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "staging30", append(parted("new"), oddities("new")...)...)
	dump := mysqldump(t, server, "staging30")
	for name, test := range map[string]struct {
		part Part
		want []string // statements that make of the old one what a pull of the part should make
	}{
		"only": {only("page", "page_new", "page_old"), []string{
			"DROP TABLE page", "CREATE TABLE page (id int PRIMARY KEY, title varchar(200), KEY (title))", "CREATE TABLE page_new (id int)",
			"INSERT INTO page VALUES (1, 'new')",
			"CREATE TRIGGER page_added AFTER INSERT ON page FOR EACH ROW SET @x = 'new'",
			"CREATE TRIGGER page_second AFTER INSERT ON page FOR EACH ROW FOLLOWS page_added SET @x = 2",
		}},
		"a sequence, and who counts by it": {only("numbers", "numbered"), []string{
			"CREATE SEQUENCE numbers START WITH 100", "CREATE TABLE numbered (id bigint DEFAULT NEXTVAL(numbers), v int)", "INSERT INTO numbered (v) VALUES (1)",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			fresh(t, server, "site30", parted("old")...)
			old := content(t, server, "site30")
			must(t, server.Exec("CREATE TABLE site30.same_number (id int)", "DROP TABLE site30.same_number"))
			db, said := openPart(t, server.URL("site30"), test.part)
			must(t, pull(t, db, dump))
			want := contentByHand(t, server, append(parted("old"), test.want...)...)
			if diff := cmp.Diff(want, content(t, server, "site30")); diff != "" {
				t.Errorf("after the pull (-want +got):\n%s", diff)
			}
			noRubbish(t, server, "site30")
			whole, _ := open(t, server.URL("site30"))
			must(t, whole.Undo(t.Context()))
			if diff := cmp.Diff(old, content(t, server, "site30")); diff != "" {
				t.Errorf("after undo (-want +got):\n%s", diff)
			}
			noRubbish(t, server, "site30")
			must(t, whole.Undo(t.Context()))
			if diff := cmp.Diff(want, content(t, server, "site30")); diff != "" {
				t.Errorf("after undo of undo (-want +got):\n%s", diff)
			}
			if len(said.lines) > 0 {
				t.Errorf("notes: %q", said.lines)
			}
		})
	}
	t.Run("all but", func(t *testing.T) {
		fresh(t, server, "site30", parted("old")...)
		old := content(t, server, "site30")
		db, _ := openPart(t, server.URL("site30"), allBut("page", "log", "nothing"))
		must(t, pull(t, db, dump))
		want := contentByHand(t, server, slices.Concat(parted("new"), oddities("new"), []string{
			"UPDATE page SET title = 'old'", "UPDATE log SET what = 'old'",
			"DROP TRIGGER page_added", "CREATE TRIGGER page_added BEFORE INSERT ON page FOR EACH ROW SET @y = 1", "DROP TRIGGER page_added", "DROP TRIGGER page_second", "DROP TRIGGER log_added",
			"CREATE TRIGGER page_added AFTER INSERT ON page FOR EACH ROW SET @x = 'old'",
			"CREATE TRIGGER page_second AFTER INSERT ON page FOR EACH ROW FOLLOWS page_added SET @x = 2",
			"CREATE TRIGGER log_added BEFORE INSERT ON log FOR EACH ROW SET @y = 'old'",
		})...)
		if diff := cmp.Diff(rowsOnly(want), rowsOnly(content(t, server, "site30"))); diff != "" {
			t.Errorf("after the pull (-want +got):\n%s", diff)
		}
		noRubbish(t, server, "site30")
		must(t, db.Undo(t.Context()))
		if diff := cmp.Diff(old, content(t, server, "site30")); diff != "" {
			t.Errorf("after undo (-want +got):\n%s", diff)
		}
	})
}

// rowsOnly is a dump without the counters of tables.
func rowsOnly(dump string) string { return counters.ReplaceAllString(dump, "") }

// TestMySQLPartStays looks at what a pull of a part, and its undo, must not touch: what has changed beside the part.
func TestMySQLPartStays(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "staging31", append(parted("new"), "CREATE TRIGGER clash BEFORE INSERT ON page FOR EACH ROW SET @z = 1", "CREATE TABLE was_view (id int)")...)
	dump := mysqldump(t, server, "staging31")
	fresh(t, server, "site31", append(parted("old"), "CREATE TRIGGER clash BEFORE INSERT ON log FOR EACH ROW SET @z = 2", "CREATE VIEW was_view AS SELECT 1 AS one")...)
	old := content(t, server, "site31")
	numbers := func() [][]string {
		t.Helper()
		rows, err := server.Query("SELECT NAME, TABLE_ID FROM information_schema.INNODB_SYS_TABLES WHERE NAME IN ('site31/parent', 'site31/child', 'site31/only_old') ORDER BY 1")
		must(t, err)
		return rows
	}
	before := numbers()
	db, said := openPart(t, server.URL("site31"), only("page", "was_view"))
	must(t, pull(t, db, dump))
	if diff := cmp.Diff(before, numbers()); diff != "" {
		t.Errorf("tables that stay are others (-want +got):\n%s", diff)
	}
	said.want(t, "trigger clash is left out: one that stays has that name")
	must(t, server.Exec("USE site31", "INSERT INTO parent VALUES (9, 'mine')", "CREATE VIEW mine AS SELECT 1 AS one", "CREATE TABLE own (id int)"))
	must(t, db.Undo(t.Context()))
	rows, err := server.Query("SELECT (SELECT COUNT(*) FROM site31.parent WHERE id = 9), (SELECT one FROM site31.mine), (SELECT COUNT(*) FROM site31.own), (SELECT one FROM site31.was_view)")
	must(t, err)
	if diff := cmp.Diff([][]string{{"1", "1", "0", "1"}}, rows); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	must(t, server.Exec("USE site31", "DELETE FROM parent WHERE id = 9", "DROP VIEW mine", "DROP TABLE own"))
	if diff := cmp.Diff(old, content(t, server, "site31")); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	// The whole can be pulled over a part, and a part over the whole.
	whole, _ := open(t, server.URL("site31"))
	must(t, pull(t, db, dump))
	must(t, pull(t, whole, dump))
	if diff := cmp.Diff(content(t, server, "staging31"), content(t, server, "site31")); diff != "" {
		t.Errorf("after a pull of the whole (-want +got):\n%s", diff)
	}
	must(t, pull(t, db, dump))
	must(t, whole.Undo(t.Context()))
	if diff := cmp.Diff(content(t, server, "staging31"), content(t, server, "site31")); diff != "" {
		t.Errorf("after undo of a part (-want +got):\n%s", diff)
	}
}

func TestMySQLPartHeld(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "staging32", parted("new")...)
	dump := mysqldump(t, server, "staging32")
	fresh(t, server, "site32", parted("old")...)
	part, _ := openPart(t, server.URL("site32"), only("page"))
	everything, _ := openPart(t, server.URL("site32"), allBut("page_none"))
	whole, _ := open(t, server.URL("site32"))
	must(t, pullAs(t, part, dump, dumpOf("a part")))
	wantHeld(t, whole, "")
	if held(t, whole).Created.IsZero() {
		t.Error("nobody knows when it was made")
	}
	must(t, pullAs(t, whole, dump, dumpOf("first")))
	must(t, pullAs(t, part, dump, dumpOf("a part")))
	wantHeld(t, whole, "first")
	must(t, pullAs(t, everything, dump, dumpOf("all of its tables")))
	wantHeld(t, whole, "first")
	must(t, whole.Undo(t.Context()))
	wantHeld(t, whole, "first")
	must(t, pullAs(t, whole, dump, dumpOf("second")))
	wantHeld(t, whole, "second")
	// Where nothing was, a part is no dump, and older than any.
	fresh(t, server, "site32")
	part, _ = openPart(t, server.URL("site32"), only("page"))
	must(t, pullAs(t, part, dump, dumpOf("a part")))
	if got := held(t, whole); got != (Held{}) {
		t.Errorf("it holds %+v", got)
	}
	rows, err := server.Query("SELECT GROUP_CONCAT(TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site32'")
	must(t, err)
	if rows[0][0] != "page" {
		t.Errorf("it has the tables %s", rows[0][0])
	}
	must(t, whole.Undo(t.Context()))
	if got := held(t, whole); got != (Held{Empty: true, Choice: Undone}) {
		t.Errorf("it holds %+v", got)
	}
}

func TestMySQLPartForeignKeys(t *testing.T) {
	server := mariadbServer(t)
	tables := []string{
		"CREATE TABLE a (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES a (id))", "CREATE TABLE b (id int PRIMARY KEY, a int, CONSTRAINT ba FOREIGN KEY (a) REFERENCES a (id))",
		"CREATE TABLE c (id int PRIMARY KEY, b int, CONSTRAINT cb FOREIGN KEY (b) REFERENCES b (id) ON DELETE CASCADE)", "CREATE TABLE d (id int PRIMARY KEY)",
		"INSERT INTO a VALUES (1, NULL), (2, 1)", "INSERT INTO b VALUES (1, 1)", "INSERT INTO c VALUES (1, 1)",
	}
	fresh(t, server, "staging33", append(tables, "CREATE TABLE e (id int PRIMARY KEY, d int, CONSTRAINT ed FOREIGN KEY (d) REFERENCES d (id))")...)
	dump := mysqldump(t, server, "staging33")
	fresh(t, server, "site33", tables...)
	old := content(t, server, "site33")
	for want, part := range map[string]Part{
		"a foreign key of table b, which would stay, refers to table a, which would be replaced; missing b,c":     only("a"),
		"a foreign key of table c, which would be replaced, refers to table b, which would stay; missing a,b":     only("c", "d"),
		"a foreign key of table b, which would be replaced, refers to table a, which would stay; missing a":       allBut("a"),
		"a foreign key of table c, which would stay, refers to table b, which would be replaced; missing c":       allBut("c", "d"),
		"load: a foreign key of table e, which would be replaced, refers to table d, which would stay; missing d": only("e"),
	} {
		u := parseURL(t, server.URL("site33"))
		db, err := tryOpen(t, Config{URL: u, Part: part})
		if err == nil {
			if err = pull(t, db, dump); err != nil {
				err = errors.Join(errors.New("load"), err)
			}
			must(t, db.Close())
		}
		var tied *ForeignKeyError
		if !errors.As(err, &tied) || strings.ReplaceAll(err.Error(), "\n", ": ")+"; missing "+strings.Join(tied.Missing, ",") != want {
			t.Errorf("%v, %+v\nwant %s", err, tied, want)
		}
		wantMySQL(t, server, "site33", old)
	}
	db, _ := openPart(t, server.URL("site33"), only("a", "b", "c"))
	must(t, server.Exec("USE site33", "UPDATE a SET up = 2 WHERE id = 1"))
	must(t, pull(t, db, dump))
	must(t, server.Exec("USE site33", "DELETE FROM b"))
	rows, err := server.Query("SELECT (SELECT COUNT(*) FROM site33.c), (SELECT COUNT(*) FROM site33__dump_previous.c)")
	must(t, err)
	if diff := cmp.Diff([][]string{{"0", "1"}}, rows); diff != "" {
		t.Errorf("the keys lead elsewhere (-want +got):\n%s", diff)
	}
	// What ties the rest to the part since then keeps the part from going back.
	must(t, server.Exec("USE site33", "ALTER TABLE d ADD a int, ADD CONSTRAINT da FOREIGN KEY (a) REFERENCES a (id)"))
	var tied *ForeignKeyError
	if err := db.Undo(t.Context()); !errors.As(err, &tied) || len(tied.Missing) > 0 {
		t.Errorf("undo gives %v", err)
	}
	must(t, server.Exec("USE site33", "ALTER TABLE d DROP FOREIGN KEY da, DROP a, DROP KEY IF EXISTS da"))
	must(t, db.Undo(t.Context()))
	must(t, server.Exec("USE site33", "UPDATE a SET up = NULL WHERE id = 1"))
	wantMySQL(t, server, "site33", old)
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
	server := mariadbServer(t)
	fresh(t, server, "staging34", small("new")...)
	text := mysqldump(t, server, "staging34")
	dump := filepath.Join(t.TempDir(), "dump.sql")
	must(t, os.WriteFile(dump, []byte(text), 0o600))
	fresh(t, server, "older34", small("older")...)
	older := mysqldump(t, server, "older34")
	part := only("page", "page_new")
	fresh(t, server, "site34", small("oldest")...)
	oldest := content(t, server, "site34")
	whole, _ := open(t, server.URL("site34"))
	must(t, pullAs(t, whole, older, dumpOf("older")))
	old := content(t, server, "site34")
	db, _ := openPart(t, server.URL("site34"), part)
	must(t, pullAs(t, db, text, dumpOf("new")))
	new := content(t, server, "site34")
	if new == old || strings.Count(new, "@x = 'older'") != 1 || strings.Count(new, "@x = 'new'") != 1 {
		t.Fatalf("a part gives\n%s", new)
	}
	t.Setenv(childPart, "page,page_new")
	for _, undo := range []bool{false, true} {
		wentOn := map[string]int{}
		for step := 1; ; step++ {
			fresh(t, server, "site34", small("oldest")...)
			must(t, pullAs(t, whole, older, dumpOf("older")))
			from, to, task := old, new, dump
			if undo {
				must(t, pullAs(t, db, text, dumpOf("new")))
				from, to, task = new, old, ""
			}
			finished := runChild(t, server.URL("site34"), task, step)
			must(t, whole.Recover(t.Context()))
			noRubbish(t, server, "site34")
			before := oldest
			switch now := content(t, server, "site34"); now {
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
			wantHeld(t, whole, "older")
			must(t, whole.Undo(t.Context()))
			if diff := cmp.Diff(before, content(t, server, "site34")); diff != "" {
				t.Fatalf("undo %v, killed at step %d, then undone (-want +got):\n%s", undo, step, diff)
			}
			if finished {
				break
			}
		}
		if wentOn["from"] < 2 || wentOn["to"] < 5 {
			t.Errorf("too few steps: %v", wentOn)
		}
	}
}
