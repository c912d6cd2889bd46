package swap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestMySQLBadDumps(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site5", targettest.Site("old")...)
	old := targettest.Content(t, server, "site5")
	targettest.Must(t, server.Exec("DROP DATABASE IF EXISTS innocent5", "CREATE DATABASE innocent5", "CREATE TABLE innocent5.t (id int)", "INSERT INTO innocent5.t VALUES (1)"))
	const tables = "CREATE TABLE `t` (`id` int PRIMARY KEY, `mail` varchar(9));\n"
	for name, test := range map[string]struct{ dump, want string }{
		"refused statement": {tables + "CREATE TABLE `u` (`id` inx);\n", "statement 2 at byte 60 (\"CREATE TABLE `u` (`id` inx)\") failed: Unknown data type: 'inx'"},
		"refused rows":      {"SET unique_checks=1;" + tables + "INSERT INTO `t` VALUES (1,'a'),(2,'anna');\nALTER TABLE `t` ADD UNIQUE (`mail`);\nINSERT INTO `t` VALUES (3,'anna');\n", "statement 5 at byte 160 (rows of table t) failed: Duplicate entry … for key 'mail'"},
		"cut in a statement": {tables + "INSERT INTO `t` VALUES (1,'ab",
			"read the dump: the dump ends in the middle of a statement"},
		"cut between statements": {"-- MariaDB dump 10.19\n" + tables, "the dump lacks its closing line: it is cut off"},
		"second database":        {"USE `a`;\n" + tables + "USE `b`;\n", "read the dump: the dump is of more than one database: a and b"},
		"drop elsewhere":         {"-- Host: h    Database: a\n" + tables + "DROP TABLE IF EXISTS `t`, `innocent5`.`t`;\n", "read the dump: the dump is of more than one database: a and innocent5"},
		"rows elsewhere":         {"-- Host: h    Database: a\n" + tables + "INSERT INTO innocent5.t VALUES (1);\n", "read the dump: the dump is of more than one database: a and innocent5"},
		"update elsewhere":       {"-- Host: h    Database: a\n" + tables + "UPDATE t, innocent5.t SET id = 2;\n", "read the dump: the dump is of more than one database: a and innocent5"},
		"move elsewhere":         {"-- Host: h    Database: a\n" + tables + "ALTER TABLE a.t RENAME innocent5.u;\n", "read the dump: the dump is of more than one database: a and innocent5"},
		"too few rows":           {tables + "INSERT INTO `t` VALUES (1,'a'),(2,'b');\nDELETE FROM t;\n", "table t has 0 rows after the load, the dump has 2"},
		"table renamed":          {tables + "RENAME TABLE t TO u;\n", "table t is missing after the load"},
		"not SQL":                {tables + "<html>\n", "read the dump: not SQL at byte 60: \"<html>\""},
		"row too long":           {tables + "INSERT INTO `t` VALUES (1,'" + strings.Repeat("x", 3<<20) + "');\n", "a row of table t takes 3145822 bytes, the server's max_allowed_packet is 2097152"},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := targettest.Open(t, server.URL("site5"))
			err := targettest.Pull(t, db, test.dump)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "anna") {
				t.Errorf("personal data in %v", err)
			}
		})
	}
	targettest.WantMySQL(t, server, "site5", old)
	rows, err := server.Query("SELECT COUNT(*) FROM innocent5.t")
	if err != nil || rows[0][0] != "1" {
		t.Errorf("another database was touched: %v, %v", rows, err)
	}
	db, _ := targettest.Open(t, server.URL("site5"))
	var wrong *target.WrongEngineError
	if err := targettest.Pull(t, db, "SET client_encoding = 'UTF8';\n"); !errors.As(err, &wrong) || err.Error() != "the dump is one of PostgreSQL, the target is MariaDB" {
		t.Errorf("a dump of PostgreSQL gives %v", err)
	}
}

// endless gives a dump that does not end: rows, and whatever then is told to do.
type endless struct {
	head  string
	row   string // what follows VALUES
	then  func() error
	after int // reads
}

func (e *endless) Read(p []byte) (int, error) {
	if e.head != "" {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.after--; e.after == 0 {
		if err := e.then(); err != nil {
			return 0, err
		}
	}
	if e.row == "" {
		e.row = "('" + strings.Repeat("x", 200000) + "')"
	}
	return copy(p, "INSERT INTO `t` VALUES "+e.row+";\n"), nil
}

func TestMySQLInterrupted(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site6", targettest.Site("old")...)
	old := targettest.Content(t, server, "site6")
	db, _ := targettest.Open(t, server.URL("site6"))
	broken := errors.New("the network is gone")
	for name, test := range map[string]struct {
		then func(cancel func()) error
		want error
	}{
		"source fails": {func(func()) error { return broken }, broken},
		"Ctrl-C":       {func(cancel func()) error { cancel(); return nil }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			load, err := db.Begin(ctx)
			targettest.Must(t, err)
			_, err = load.Run(ctx, &endless{head: "CREATE TABLE t (v mediumtext);\n", then: func() error { return test.then(cancel) }, after: 10}, sqltext.MySQL, nil)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			targettest.Must(t, load.Discard())
			targettest.Must(t, load.Discard())
			targettest.WantMySQL(t, server, "site6", old)
		})
	}
	t.Run("session killed", func(t *testing.T) {
		load, err := db.Begin(t.Context())
		targettest.Must(t, err)
		_, err = load.Run(t.Context(), &endless{head: "CREATE TABLE t (v mediumtext);\n", after: 10, then: func() error {
			ids, err := server.Query("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = 'site6__dump_incoming'")
			if err != nil || len(ids) < 2 {
				return fmt.Errorf("%v %v", ids, err)
			}
			for _, id := range ids {
				err = errors.Join(err, server.Exec("KILL "+id[0]))
			}
			return err
		}}, sqltext.MySQL, nil)
		var lost *target.LostError
		if !errors.As(err, &lost) {
			t.Errorf("got %v", err)
		}
		targettest.Must(t, load.Discard())
		targettest.WantMySQL(t, server, "site6", old)
	})
}

func TestMySQLTwoAtOnce(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site7", targettest.Site("old")...)
	first, _ := targettest.Open(t, server.URL("site7"))
	second, _ := targettest.Open(t, server.URL("site7"))
	load, err := first.Begin(t.Context())
	targettest.Must(t, err)
	_, err = second.Begin(t.Context())
	var busy *target.BusyError
	if !errors.As(err, &busy) || !busy.Running || !strings.HasPrefix(err.Error(), "another pull or undo of site7 is running (connection ") ||
		!strings.Contains(err.Error(), "of root from ") {
		t.Errorf("the second one gets %v", err)
	}
	stats, err := load.Run(t.Context(), strings.NewReader("CREATE TABLE t (id int);\n"), sqltext.MySQL, nil)
	targettest.Must(t, err)
	targettest.Must(t, load.Compare(t.Context(), stats))
	targettest.Must(t, load.Swap(t.Context(), target.Dump{}))
	targettest.Must(t, load.Discard())
	targettest.Must(t, second.Undo(t.Context()))
}

// TestMySQLTablesHeld swaps while a session of the site holds a table: at first it has to wait, then it
// gives up and leaves everything as it was.
func TestMySQLTablesHeld(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site8", targettest.Site("old")...)
	old := targettest.Content(t, server, "site8")
	u, err := dburl.Parse(server.URL("site8"))
	targettest.Must(t, err)
	pool, err := session.Connect(u)
	targettest.Must(t, err)
	defer pool.Close()
	holder, err := pool.BeginTx(t.Context(), nil)
	targettest.Must(t, err)
	_, err = holder.Exec("SELECT * FROM site8.parent")
	targettest.Must(t, err)
	_, err = holder.Exec("USE site8")
	targettest.Must(t, err)
	db, _ := targettest.Open(t, server.URL("site8"))
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	_, err = load.Run(t.Context(), strings.NewReader("CREATE TABLE t (id int);\n"), sqltext.MySQL, nil)
	targettest.Must(t, err)
	targettest.Must(t, load.(*pull).Load.Lock.Exec(t.Context(), "SET SESSION lock_wait_timeout = 1"))
	err = load.Swap(t.Context(), target.Dump{})
	var busy *target.BusyError
	if !errors.As(err, &busy) || busy.Running || !strings.HasPrefix(err.Error(), "database site8 is in use and cannot be exchanged (connection ") {
		t.Errorf("got %v", err)
	}
	targettest.Must(t, holder.Rollback())
	targettest.Must(t, load.Discard())
	targettest.WantMySQL(t, server, "site8", old)
}

func TestMySQLRefusals(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "si_te9", targettest.Site("old")...)
	targettest.Must(t, server.Exec("CREATE OR REPLACE USER poor@'%' IDENTIFIED BY 'pw'", "GRANT ALL ON `si\\_te9`.* TO poor@'%'"))
	targettest.WantRefusals(t, server.URLAs("poor", "wrong", "si_te9"), "mysql://root@127.0.0.1:1/x")
	db, _ := targettest.Open(t, server.URLAs("poor", "pw", "si_te9"))
	_, err := db.Begin(t.Context())
	var privilege *target.PrivilegeError
	if !errors.As(err, &privilege) {
		t.Fatalf("without privileges: %v", err)
	}
	// What the error says to run must be enough for the whole way.
	for grant := range strings.SplitSeq(privilege.Grant, "; ") {
		targettest.Must(t, server.Exec(grant))
	}
	if !strings.Contains(privilege.Grant, "`si\\_te9\\_\\_dump\\_%`") {
		t.Errorf("grant: %s", privilege.Grant)
	}
	// The routines and views of others come back, in the name of whom may make them.
	dump := "CREATE DEFINER=`root`@`localhost` VIEW v AS SELECT 1 AS one;\nCREATE TABLE t (id int);\n"
	if err := targettest.Pull(t, db, dump); errors.As(err, &privilege) && strings.Contains(privilege.Grant, "mysql.proc") {
		targettest.Must(t, server.Exec(privilege.Grant))
		targettest.Must(t, targettest.Pull(t, db, dump))
	} else {
		t.Errorf("routines that cannot be seen: %v", err)
	}
	targettest.Must(t, db.Undo(t.Context()))
	rows, err := server.Query("SELECT COUNT(*) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'si_te9' AND DEFINER LIKE 'poor@%'")
	targettest.Must(t, err)
	if rows[0][0] != "3" {
		t.Errorf("views after undo: %v", rows)
	}
}

// TestMySQLDiskFull loads into a server whose disk is too small.
func TestMySQLDiskFull(t *testing.T) {
	server, _ := targettest.SmallDisk(t)
	targettest.Must(t, server.Exec("CREATE DATABASE site", "CREATE TABLE site.t (id int)", "INSERT INTO site.t VALUES (1)"))
	old := targettest.Content(t, server, "site")
	db, _ := targettest.Open(t, server.URL("site"))
	rows := &endless{
		head: "CREATE TABLE t (v varchar(2000));\n", row: "('" + strings.Repeat("x", 1000) + "')" + strings.Repeat(",('"+strings.Repeat("y", 1000)+"')", 200),
		after: 2000, then: func() error { return io.EOF },
	}
	targettest.WantNoSpace(t, db, rows, sqltext.MySQL)
	targettest.WantMySQL(t, server, "site", old)
}

// TestMySQLServerDies loses the server itself while it loads.
func TestMySQLServerDies(t *testing.T) {
	dir := t.TempDir()
	server, err := testserver.MariaDB(dir)
	targettest.Must(t, err)
	defer server.Stop()
	targettest.Must(t, server.Exec("CREATE DATABASE site", "CREATE TABLE site.t (id int)", "INSERT INTO site.t VALUES (1)"))
	old := targettest.Content(t, server, "site")
	db, _ := targettest.Open(t, server.URL("site"))
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	_, err = load.Run(t.Context(), &endless{head: "CREATE TABLE t (v mediumtext);\n", after: 5, then: func() error { server.Kill(); return nil }}, sqltext.MySQL, nil)
	var lost *target.LostError
	if !errors.As(err, &lost) {
		t.Errorf("got %v", err)
	}
	var unreachable *target.UnreachableError
	if err := load.Discard(); !errors.As(err, &unreachable) {
		t.Errorf("discard without a server gives %v", err)
	}
	targettest.Must(t, server.Restart())
	targettest.Must(t, db.Recover(t.Context()))
	targettest.WantMySQL(t, server, "site", old)
}

// TestMySQLForeignDump loads what other servers write, and looks at what came of it.
func TestMySQLForeignDump(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site10")
	text, err := os.ReadFile(filepath.Join("testdata", "mysql8.sql"))
	targettest.Must(t, err)
	db, said := targettest.Open(t, server.URL("site10"))
	targettest.Must(t, targettest.Pull(t, db, string(text)))
	got := targettest.Content(t, server, "site10")
	for _, want := range []string{
		"COLLATE=utf8mb4_uca1400_nopad_ai_ci", // or whatever comes nearest
		"'CREATE DEFINER=`x`@`y` … COLLATE utf8mb4_0900_ai_ci; USE `other`;'",
		"DEFINER=`root`@`", "TRIGGER `t_added` BEFORE INSERT ON `node`", "PROCEDURE `count_nodes`",
		"CONSTRAINT `fk` FOREIGN KEY (`parent`) REFERENCES `node` (`nid`)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, part := range []string{
		"collation utf8mb4_0900_ai_ci is unknown here: utf8mb4_uca1400_nopad_ai_ci takes its place",
		"definer staging@10.0.0.% does not exist here: root@",
		"the dump's GRANT statements are skipped", "the dump's CREATE USER statements are skipped",
	} {
		said.Want(t, part)
	}
	rows, err := server.Query("SELECT COUNT(*) FROM site10.titles")
	targettest.Must(t, err)
	if rows[0][0] != "2" {
		t.Errorf("the view gives %v", rows)
	}
	rows, err = server.Query("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'staging_db'")
	targettest.Must(t, err)
	if rows[0][0] != "0" {
		t.Error("the dump made a database of its own")
	}
}

// TestMySQLEventSleeps makes sure that an event does nothing while it waits in the scratch database.
func TestMySQLEventSleeps(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site11")
	db, _ := targettest.Open(t, server.URL("site11"))
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	defer load.Discard()
	_, err = load.Run(t.Context(), strings.NewReader("CREATE TABLE t (id int);\n"+
		"CREATE EVENT a ON SCHEDULE EVERY 1 DAY DO INSERT INTO t VALUES (1);\n"+
		"CREATE EVENT IF NOT EXISTS b ON SCHEDULE EVERY 1 DAY DISABLE DO INSERT INTO t VALUES (1);\n"), sqltext.MySQL, nil)
	targettest.Must(t, err)
	query := "SELECT EVENT_NAME, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA LIKE 'site11%' ORDER BY 1"
	rows, err := server.Query(query)
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"a", "DISABLED"}, {"b", "DISABLED"}}, rows); diff != "" {
		t.Errorf("before the swap (-want +got):\n%s", diff)
	}
	targettest.Must(t, load.Swap(t.Context(), target.Dump{}))
	rows, err = server.Query(query)
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"a", "ENABLED"}, {"b", "DISABLED"}}, rows); diff != "" {
		t.Errorf("after the swap (-want +got):\n%s", diff)
	}
}

// TestMySQLLongInsert loads an INSERT that is longer than the server takes.
func TestMySQLLongInsert(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site12")
	var dump strings.Builder
	dump.WriteString("CREATE TABLE t (id int, v mediumtext);\nINSERT INTO `t` (`id`, `v`) VALUES ")
	for i := range 50 {
		if i > 0 {
			dump.WriteString(",")
		}
		fmt.Fprintf(&dump, "(%d,'),(%s')", i, strings.Repeat("x", 100000+i))
	}
	dump.WriteString(";\n")
	db, _ := targettest.Open(t, server.URL("site12"))
	targettest.Must(t, targettest.Pull(t, db, dump.String()))
	rows, err := server.Query("SELECT COUNT(*), SUM(LENGTH(v)), SUM(id) FROM site12.t")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"50", fmt.Sprint(50*100003 + 1225), "1225"}}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
