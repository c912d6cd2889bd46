package swap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/load"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// bulkSession is a session as those of a load are, in a database of its own that is empty.
func bulkSession(t *testing.T, server *testserver.MySQL, database string) *session.Session {
	t.Helper()
	targettest.Fresh(t, server, database)
	db, _ := targettest.Open(t, server.URL(database))
	s, err := db.(*Database).Connect(t.Context())
	targettest.Must(t, err)
	t.Cleanup(s.Close)
	for _, statement := range []string{
		"CREATE DATABASE " + database + " CHARSET utf8mb4", "USE " + database,
		"SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+05:30'",
	} {
		targettest.Must(t, s.Exec(t.Context(), statement))
	}
	return s
}

// Rows that are sent as values are what they are as text, judged by CHECKSUM TABLE and mariadb-dump; and what cannot
// be sent so is not.
func TestMySQLBulk(t *testing.T) {
	server := targettest.MariadbServer(t)
	texts, values := bulkSession(t, server, "bulk_texts"), bulkSession(t, server, "bulk_values")
	for name, c := range targettest.BulkCases {
		definition := fmt.Sprintf("CREATE TABLE %s (%s) CHARSET=utf8mb4 %s", mysql.QuoteName(name), c.Definition, targettest.BulkOptions[name])
		targettest.Must(t, texts.Exec(t.Context(), definition))
		targettest.Must(t, values.Exec(t.Context(), definition))
		want, err := texts.Retry(t.Context(), c.Statement(name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := load.InsertBulk(t.Context(), values, name, []byte(c.Statement(name)), 1<<20)
		if c.Text {
			if err != load.ErrNotBulk {
				t.Errorf("%s: got %d, %v; it has to go as text", name, got.Rows, err)
			}
			targettest.Must(t, texts.Exec(t.Context(), "DROP TABLE "+mysql.QuoteName(name)))
			targettest.Must(t, values.Exec(t.Context(), "DROP TABLE "+mysql.QuoteName(name)))
			continue
		}
		if err != nil || got.Rows != want {
			t.Errorf("%s: got %d, %v; want %d", name, got.Rows, err, want)
		}
	}
	want, err := server.Checksums("bulk_texts")
	targettest.Must(t, err)
	got, err := server.Checksums("bulk_values")
	targettest.Must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checksums (-text +values):\n%s", diff)
	}
	dump := func(database string) []string {
		return strings.Split(targettest.Mysqldump(t, server, database, "--skip-comments", "--skip-extended-insert"), "\n")
	}
	if diff := cmp.Diff(dump("bulk_texts"), dump("bulk_values")); diff != "" {
		t.Errorf("dumps (-text +values):\n%s", diff)
	}
}

// One statement after the other goes in, of one table and of others, with kinds of values that change between them.
func TestMySQLBulkStatements(t *testing.T) {
	server := targettest.MariadbServer(t)
	s := bulkSession(t, server, "bulk_many")
	for _, name := range []string{"a", "b"} {
		targettest.Must(t, s.Exec(t.Context(), "CREATE TABLE "+name+" (id INT, d DOUBLE, t TEXT) CHARSET=latin1"))
	}
	for _, step := range []struct{ table, rows string }{
		{"a", "(1,NULL,NULL)"}, {"a", "(2,5,NULL),(3,NULL,'x')"}, {"a", "(4,0.5,'y')"}, {"b", "(1,1e-05,'z')"}, {"b", "(2,7,_binary '\xff')"},
		{"a", "(5,1e+22,_binary 'b'),(6,-3,'c')"}, {"a", "(7,8,'ascii')"},
	} {
		_, err := load.InsertBulk(t.Context(), s, step.table, []byte("INSERT INTO `"+step.table+"` (`id`,`d`,`t`) VALUES "+step.rows), 1<<20)
		if err != nil {
			t.Errorf("%s %s: %v", step.table, step.rows, err)
		}
	}
	if _, err := load.InsertBulk(t.Context(), s, "a", []byte("INSERT INTO `a` (`id`,`d`,`t`) VALUES (8,8,'ä')"), 1<<20); err != load.ErrNotBulk {
		t.Errorf("text among bytes gives %v", err)
	}
	if _, err := load.InsertBulk(t.Context(), s, "a", []byte("INSERT INTO `a` (`id`,`d`,`t`) VALUES (8,8,'"+strings.Repeat("x", 100)+"')"), 100); err != load.ErrNotBulk {
		t.Errorf("a row of more than a packet gives %v", err)
	}
	if _, err := load.InsertBulk(t.Context(), s, "c", []byte("INSERT INTO `c` (`id`) VALUES (8)"), 100); err != load.ErrNotBulk {
		t.Errorf("a table that is not there gives %v", err)
	}
	rows, err := server.Query("SELECT id, d, HEX(t) FROM bulk_many.a UNION ALL SELECT id, d, HEX(t) FROM bulk_many.b")
	targettest.Must(t, err)
	want := "[[1 NULL NULL] [2 5 NULL] [3 NULL 78] [4 0.5 79] [5 1e+22 62] [6 -3 63] [7 8 6173636969] [1 1e-05 7A] [2 7 FF]]"
	if got := fmt.Sprint(rows); got != want {
		t.Errorf("rows are\n%s, want\n%s", got, want)
	}
	// The server may still be closing the sessions of other tests.
	waitFor(t, server, "SELECT VARIABLE_VALUE <= 1 FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'Prepared_stmt_count'")
}

// Of two sessions that wait for each other the server ends one, whose rows go in nevertheless.
func TestMySQLBulkDeadlock(t *testing.T) {
	server := targettest.MariadbServer(t)
	s := bulkSession(t, server, "bulk_deadlock")
	targettest.Must(t, s.Exec(t.Context(), "CREATE TABLE t (id INT PRIMARY KEY)"))
	targettest.Must(t, s.Exec(t.Context(), "CREATE TABLE u (id INT PRIMARY KEY)"))
	pool, err := session.Connect(targettest.ParseURL(t, server.URL("bulk_deadlock")))
	targettest.Must(t, err)
	defer pool.Close()
	other, err := pool.BeginTx(t.Context(), nil)
	targettest.Must(t, err)
	// Who has changed less is ended.
	_, err = other.Exec("INSERT INTO bulk_deadlock.u SELECT seq FROM bulk_deadlock.seq_1_to_1000")
	targettest.Must(t, err)
	_, err = other.Exec("INSERT INTO bulk_deadlock.t VALUES (1)")
	targettest.Must(t, err)
	done := make(chan error, 1)
	go func() {
		rows, err := load.InsertBulk(t.Context(), s, "t", []byte("INSERT INTO `t` (`id`) VALUES (2),(1)"), 1<<20)
		if err == nil && rows.Rows != 2 {
			err = fmt.Errorf("%d rows", rows)
		}
		done <- err
	}()
	waitFor(t, server, "SELECT COUNT(*) > 0 FROM information_schema.INNODB_LOCK_WAITS")
	_, err = other.Exec("INSERT INTO bulk_deadlock.t VALUES (2)")
	targettest.Must(t, err)
	select {
	case err := <-done:
		t.Fatalf("it has ended with %v, and did not try again", err)
	case <-time.After(50 * time.Millisecond):
	}
	targettest.Must(t, other.Rollback())
	targettest.Must(t, <-done)
}

// waitFor waits until a query says 1. What InnoDB tells of locks it looks up again only when nobody has asked for a
// tenth of a second.
func waitFor(t *testing.T, server *testserver.MySQL, query string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		rows, err := server.Query(query)
		targettest.Must(t, err)
		if rows[0][0] == "1" {
			return
		}
	}
	t.Errorf("never true: %s", query)
}

// What goes wrong in bulk is told as of a text.
func TestMySQLBulkFailures(t *testing.T) {
	server := targettest.MariadbServer(t)
	loaded := func() {}
	loading := func(ctx context.Context, text string, then func(l *load.Load)) error {
		t.Helper()
		db, _ := targettest.Open(t, server.URL("bulk_failures"))
		load, err := db.Begin(ctx)
		targettest.Must(t, err)
		defer func() { targettest.Must(t, load.Discard()) }()
		load.(*pull).Load.BulkAbove = 0
		chunks := &targettest.Texts{OnRead: func(_ context.Context, i int) error {
			if i == 1 && then != nil {
				then(load.(*pull).Load)
			}
			return nil
		}}
		chunks.Add(dump.Head, "", 0, "/*!40101 SET NAMES utf8mb4 */;\nCREATE TABLE `t` (`id` INT PRIMARY KEY, `mail` VARCHAR(9), UNIQUE (`mail`));\n")
		chunks.Add(dump.Rows, "t", 2, "INSERT INTO `t` (`id`,`mail`) VALUES "+text+";\n")
		_, err = load.RunChunks(ctx, chunks, nil)
		loaded()
		for _, s := range load.(*pull).Load.Pool.Sessions {
			if s.Wire == nil || !s.Wire.Bulk {
				t.Error("the session does not know bulk")
			}
		}
		return err
	}
	targettest.Must(t, loading(t.Context(), "(1,'a'),(2,'b')", nil))
	t.Run("duplicate", func(t *testing.T) {
		err := loading(t.Context(), "(1,'anna'),(2,'anna')", nil)
		var failed *target.LoadError
		if want := "the statement at byte 108 (rows of table t) failed: Duplicate entry … for key 'mail'"; !errors.As(err, &failed) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
	t.Run("too few rows", func(t *testing.T) {
		if err := loading(t.Context(), "(1,'a')", nil); err == nil || err.Error() != "table t has 1 rows after the load, the dump has 2" {
			t.Errorf("got %v", err)
		}
	})
	// waiting makes a load wait for another session's lock, and calls then. The load must end before that session gives up its lock.
	waiting := func(t *testing.T, ctx context.Context, then func(l *load.Load)) error {
		pool, err := session.Connect(targettest.ParseURL(t, server.URL("bulk_failures")))
		targettest.Must(t, err)
		defer pool.Close()
		other, err := pool.BeginTx(context.WithoutCancel(ctx), nil)
		targettest.Must(t, err)
		ended, released := make(chan struct{}), make(chan error, 1)
		loaded = sync.OnceFunc(func() { close(ended) })
		began := false
		err = loading(ctx, "(1,'a'),(2,'b')", func(l *load.Load) {
			began = true
			_, err = other.Exec("INSERT INTO bulk_failures__dump_incoming.t VALUES (2, 'b')")
			targettest.Must(t, err)
			go func() {
				waitFor(t, server, "SELECT COUNT(*) > 0 FROM information_schema.INNODB_LOCK_WAITS")
				then(l)
				select {
				case <-ended:
				case <-time.After(time.Minute):
					t.Error("the load still waits for the lock")
				}
				released <- other.Rollback()
			}()
		})
		if !began {
			_ = other.Rollback()
			t.Fatalf("the load ended before it could wait: %v", err)
		}
		targettest.Must(t, <-released)
		return err
	}
	t.Run("Ctrl-C", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := waiting(t, ctx, func(*load.Load) { cancel() }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("session killed", func(t *testing.T) {
		err := waiting(t, t.Context(), func(l *load.Load) {
			for _, s := range l.Pool.Sessions {
				// A load ends its other sessions when it loses one, perhaps before they are killed: error 1094.
				if err := server.Exec(fmt.Sprintf("KILL %d", s.ID)); err != nil && mysql.Errno(err) != 1094 {
					t.Error(err)
				}
			}
		})
		var lost *target.LostError
		if !errors.As(err, &lost) {
			t.Errorf("got %v", err)
		}
	})
}

// Where texts mean something else, or the server is none of those that know how, rows go as text.
func TestMySQLBulkUnknown(t *testing.T) {
	server := targettest.MariadbServer(t)
	for name, test := range map[string]struct {
		head string
		bulk bool
	}{
		"as our dumps begin":     {"SET NAMES utf8mb4;\n", true},
		"other backslashes":      {"SET NAMES utf8mb4;\nSET sql_mode = 'NO_BACKSLASH_ESCAPES';\n", false},
		"another character set":  {"SET NAMES latin1;\n", false},
		"another one for values": {"SET NAMES utf8mb4;\nSET character_set_connection = latin1;\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := targettest.Open(t, server.URL("bulk_unknown"))
			load, err := db.Begin(t.Context())
			targettest.Must(t, err)
			defer func() { targettest.Must(t, load.Discard()) }()
			l := load.(*pull).Load
			l.BulkAbove = 0
			chunks := &targettest.Texts{}
			chunks.Add(dump.Head, "", 0, test.head+"CREATE TABLE `t` (`id` INT);\n")
			chunks.Add(dump.Rows, "t", 1, "INSERT INTO `t` (`id`) VALUES (1);\n")
			_, err = load.RunChunks(t.Context(), chunks, nil)
			targettest.Must(t, err)
			if used := slices.ContainsFunc(l.Pool.Sessions, func(s *session.Session) bool { return s.Prepared != nil }); used != test.bulk {
				t.Errorf("in bulk: %v", used)
			}
		})
	}
}
