package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// TestMySQLReplaced counts a live database with a view, and with a table that cannot be read.
func TestMySQLReplaced(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "counted", "CREATE TABLE a (id int)", "INSERT INTO a VALUES (1),(2)", "CREATE TABLE empty (id int)", "CREATE VIEW v AS SELECT * FROM a",
		"CREATE TABLE part (id int) ENGINE=MyISAM", "CREATE TABLE sum (id int) ENGINE=MERGE UNION=(part)", "DROP TABLE part")
	db, _ := targettest.Open(t, server.URL("counted"))
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	defer load.Discard()
	got, err := load.Replaced(t.Context())
	targettest.Must(t, err)
	if diff := cmp.Diff(map[string]int64{"a": 2, "empty": 0, "sum": -1}, got); diff != "" {
		t.Error(diff)
	}
}

// TestReplacedOfNone has no live database to count, on either engine.
func TestReplacedOfNone(t *testing.T) {
	mysql, postgres := targettest.MariadbServer(t), targettest.PostgresServer(t)
	targettest.Must(t, mysql.Exec("DROP DATABASE IF EXISTS uncounted"))
	targettest.Must(t, postgres.Exec("postgres", "DROP DATABASE IF EXISTS uncounted"))
	for _, url := range []string{mysql.URL("uncounted"), postgres.URL("uncounted")} {
		db, _ := targettest.Open(t, url)
		load, err := db.Begin(t.Context())
		targettest.Must(t, err)
		got, err := load.Replaced(t.Context())
		targettest.Must(t, err)
		if len(got) > 0 {
			t.Errorf("%s: %v", url, got)
		}
		targettest.Must(t, load.Discard())
	}
}
