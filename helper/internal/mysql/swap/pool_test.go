package swap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// inserts writes many INSERTs, which several sessions share.
func inserts(table string, count int, value func(i int) string) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "INSERT INTO `%s` VALUES (%d,%s),(%d,%s);\n", table, 2*i, value(2*i), 2*i+1, value(2*i+1))
	}
	return text.String()
}

func TestMySQLPool(t *testing.T) {
	server := targettest.MariadbServer(t)
	query := func(statement string) string {
		t.Helper()
		rows, err := server.Query(statement)
		targettest.Must(t, err)
		return fmt.Sprint(rows)
	}
	numbers := make([][]string, 600)
	for i := range numbers {
		numbers[i] = []string{fmt.Sprint(i)}
	}
	padding := func(int) string { return "'" + strings.Repeat("x", 5000) + "'" }
	for name, test := range map[string]struct {
		dump        string
		query, want string
	}{
		"all rows arrive": {
			"CREATE TABLE t (id int PRIMARY KEY, v text);\n" + inserts("t", 500, padding),
			"SELECT COUNT(*), SUM(id), MIN(LENGTH(v)) FROM site30.t", "[[1000 499500 5000]]",
		},
		"what follows rows finds them": {
			"CREATE TABLE t (id int PRIMARY KEY, v text);\n" + inserts("t", 500, padding) +
				"CREATE TABLE counted AS SELECT COUNT(*) AS n FROM t;\nDELETE FROM t WHERE id >= 10;\n" +
				"ALTER TABLE t ADD extra int DEFAULT 7;\nINSERT INTO t (id) VALUES (10);\n",
			"SELECT n, (SELECT COUNT(*) FROM site30.t), (SELECT SUM(extra) FROM site30.t) FROM site30.counted", "[[1000 11 77]]",
		},
		"settings count for all sessions": {
			"CREATE TABLE t (id int PRIMARY KEY, v timestamp);\nSET time_zone = '+05:00', @when = '2026-01-01 05:00:00';\n" +
				inserts("t", 200, func(int) string { return "@when" }),
			"SELECT COUNT(*), COUNT(DISTINCT v), UNIX_TIMESTAMP(MIN(v)) FROM site30.t", "[[400 1 1767225600]]",
		},
		"rows of a table without a key keep their order": {
			"CREATE TABLE t (n int, v text);\n" + inserts("t", 300, padding),
			"SELECT n FROM site30.t", fmt.Sprint(numbers),
		},
		"a transaction of the dump's own is one session's": {
			"CREATE TABLE t (id int PRIMARY KEY, v text);\nSET autocommit=0;\nSTART TRANSACTION;\n" + inserts("t", 50, padding) +
				"ROLLBACK;\n" + inserts("t", 20, padding) + "COMMIT;\n",
			"SELECT COUNT(*) FROM site30.t", "[[40]]",
		},
		"a statement that each session must run once only": {
			"CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, v text);\nINSERT INTO t (v) VALUES ('a');\nUPDATE t SET v = CONCAT(v, 'b');\n",
			"SELECT v FROM site30.t", "[[ab]]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			targettest.Fresh(t, server, "site30", targettest.Site("old")...)
			db, _ := targettest.Open(t, server.URL("site30"))
			load, err := db.Begin(t.Context())
			targettest.Must(t, err)
			_, err = load.Run(t.Context(), strings.NewReader(test.dump), sqltext.MySQL, nil)
			targettest.Must(t, err)
			targettest.Must(t, load.Swap(t.Context(), target.Dump{}))
			targettest.Must(t, load.Discard())
			if got := query(test.query); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			targettest.NoGarbage(t, server, "site30")
		})
	}
}

// TestMySQLPoolFails tells which of many statements failed, though others have been sent since.
func TestMySQLPoolFails(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site31", targettest.Site("old")...)
	old := targettest.Content(t, server, "site31")
	db, _ := targettest.Open(t, server.URL("site31"))
	head := "CREATE TABLE t (id int PRIMARY KEY, v int);\n" + inserts("t", 100, func(int) string { return "1" })
	dump := head + "INSERT INTO `t` VALUES (7,7);\n" + inserts("u", 100, func(int) string { return "1" })
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	_, err = load.Run(t.Context(), strings.NewReader(dump), sqltext.MySQL, nil)
	var failed *target.LoadError
	if !errors.As(err, &failed) || failed.Statement != 102 || failed.Offset != int64(len(head)) || failed.Table != "t" {
		t.Errorf("got %v (%+v), want statement 102 at byte %d", err, failed, len(head))
	}
	if want := "statement 102"; !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "statement") != 1 {
		t.Errorf("the error is %q, it should say %q once", err, want)
	}
	targettest.Must(t, load.Discard())
	targettest.WantMySQL(t, server, "site31", old)

	ctx, cancel := context.WithCancel(t.Context())
	load, err = db.Begin(ctx)
	targettest.Must(t, err)
	cancel()
	if _, err = load.Run(ctx, strings.NewReader(head), sqltext.MySQL, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after Ctrl-C: %v", err)
	}
	targettest.Must(t, load.Discard())
	targettest.WantMySQL(t, server, "site31", old)
}
