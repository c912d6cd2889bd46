package localdb

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMySQLReplaced counts a live database with a view, and with a table that cannot be read.
func TestMySQLReplaced(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "counted", "CREATE TABLE a (id int)", "INSERT INTO a VALUES (1),(2)", "CREATE TABLE empty (id int)", "CREATE VIEW v AS SELECT * FROM a",
		"CREATE TABLE part (id int) ENGINE=MyISAM", "CREATE TABLE sum (id int) ENGINE=MERGE UNION=(part)", "DROP TABLE part")
	db, _ := open(t, server.URL("counted"))
	load, err := db.Begin(t.Context())
	must(t, err)
	defer load.Discard()
	got, err := load.Replaced(t.Context())
	must(t, err)
	if diff := cmp.Diff(map[string]int64{"a": 2, "empty": 0, "sum": -1}, got); diff != "" {
		t.Error(diff)
	}
}

// TestReplacedOfNone has no live database to count, on either engine.
func TestReplacedOfNone(t *testing.T) {
	mysql, postgres := mariadbServer(t), postgresServer(t)
	must(t, mysql.Exec("DROP DATABASE IF EXISTS uncounted"))
	must(t, postgres.Exec("postgres", "DROP DATABASE IF EXISTS uncounted"))
	for _, url := range []string{mysql.URL("uncounted"), postgres.URL("uncounted")} {
		db, _ := open(t, url)
		load, err := db.Begin(t.Context())
		must(t, err)
		got, err := load.Replaced(t.Context())
		must(t, err)
		if len(got) > 0 {
			t.Errorf("%s: %v", url, got)
		}
		must(t, load.Discard())
	}
}
