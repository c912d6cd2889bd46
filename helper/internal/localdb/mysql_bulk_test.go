package localdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// bulkCase is a table with rows as our dumps write them.
type bulkCase struct {
	definition string
	columns    string
	rows       []string
	text       bool // they have to go as text
}

// longText has everything in it that is written in some way of its own.
var longText = strings.Repeat(`it\'s \\ \0 \n \r \Z "x" ; -- äöü 😀 `, 40)

// bulkCases has all types, and for each the forms in which its values come.
var bulkCases = map[string]bulkCase{
	"integers": {
		"a TINYINT, au TINYINT UNSIGNED, b SMALLINT, c MEDIUMINT, d INT UNSIGNED, e BIGINT, z INT(8) ZEROFILL, t BOOLEAN", "a,au,b,c,d,e,z,t",
		[]string{"NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL", "-128,255,-32768,-8388608,4294967295,-9223372036854775808,42,1", "127,0,32767,8388607,0,9223372036854775807,0,0"}, false,
	},
	"large integers":             {"a BIGINT UNSIGNED", "a", []string{"1", "18446744073709551615", "9223372036854775808", "0"}, false},
	"integers out of range":      {"a TINYINT, b BIGINT, c INT UNSIGNED", "a,b,c", []string{"300,9223372036854775808,5", "-300,18446744073709551615,4294967296"}, false},
	"decimals":                   {"a DECIMAL(65,30), b DECIMAL(10,2) ZEROFILL, c DECIMAL(5,5)", "a,b,c", []string{"-99999999999999999999999999999999999.999999999999999999999999999999,1.50,0.99999", "0.000000000000000000000000000001,0.00,-0.00001", "NULL,0.05,NULL", "-0.0,-0.00,-0.00000"}, false},
	"decimals without a point":   {"a DECIMAL(65,0), b DECIMAL(20,0)", "a,b", []string{"1,-1", "99999999999999999999999999999999999999999999999999999999999999999,18446744073709551615", "-12345678901234567890,0"}, false},
	"decimals that are too long": {"a DECIMAL(65,30)", "a", []string{"0.1234567890123456789012345678901"}, true},
	"floats":                     {"f FLOAT, d DOUBLE, m FLOAT(7,3), u DOUBLE UNSIGNED", "f,d,m,u", []string{"0,1,2,3", "0.1,-0.1,123.456,1.5", "-0e0,-0e0,-0e0,1e+22", "3.4028235e+38,1.7976931348623157e+308,9999.999,5e-324", "1e-45,0.30000000000000004,7,9.007199254740992e+15", "16777216,1.234567e+06,0.001,2.2250738585072014e-308", "NULL,NULL,NULL,NULL"}, false},
	"floats without exponents":   {"f FLOAT, d DOUBLE", "f,d", []string{"0.5,1.25", "-0.1,123456.789"}, false},
	"bits":                       {"a BIT(1), b BIT(8), c BIT(33), d BIT(64)", "a,b,c,d", []string{"x'00',x'00',x'0000000000',x'0000000000000000'", "x'01',x'FF',x'01FFFFFFFF',x'FFFFFFFFFFFFFFFF'", "NULL,x'27',x'000000005C',x'5C275C270A0D001A'"}, false},
	"texts":                      {"a CHAR(60), b VARCHAR(60) NOT NULL, c TEXT, d LONGTEXT", "a,b,c,d", []string{`'','','',''`, `'it\'s','\\','\0\0mid\0','` + longText + `'`, `'trailing  ',' ','ends with \\',NULL`, `NULL,'日本語 😀','),(','NULL'`}, false},
	"texts that are too long":    {"a CHAR(3), b VARCHAR(3), c TINYTEXT", "a,b,c", []string{"'abcd','abcd','" + strings.Repeat("x", 300) + "'", "'日本語文','日本語文','" + strings.Repeat("ä", 200) + "'"}, false},
	"bytes":                      {"a BINARY(4), b VARBINARY(60), c BLOB, d LONGBLOB", "a,b,c,d", []string{"_binary '',_binary '',_binary '',_binary ''", "_binary '\\0\\0\\0\x01',_binary '\xff\\'\xfe',_binary '\\\\\\'',_binary '" + longText + "\xf0\x9f'", "_binary 'a  ',NULL,NULL,_binary '\xc3'"}, false},
	"text that is no UTF-8":      {"a TEXT", "a", []string{"'abc'", "_binary '\xffabc'", "'it\\'s'"}, false},
	"text that is no UTF-8 beside text that is": {"a TEXT", "a", []string{"'äöü'", "_binary '\xffabc'"}, true},
	"latin1":                                {"a VARCHAR(60) CHARACTER SET latin1, b TEXT CHARACTER SET latin1, c CHAR(9) CHARACTER SET latin1", "a,b,c", []string{"'abc','~ \\\\',''", "_binary '\xe4\xf6\xfc',_binary '\xdf\\'','x'", "'',NULL,_binary '\xa4'"}, false},
	"two bytes at least":                    {"a VARCHAR(60) CHARACTER SET ucs2, b TEXT CHARACTER SET utf16, c TEXT CHARACTER SET sjis", "a,b,c", []string{"_binary '\\0a\\0b',_binary '\\0x',_binary '\x83\\\\'", "_binary '',NULL,_binary 'abc'"}, false},
	"texts and bytes in two bytes at least": {"a VARCHAR(60) CHARACTER SET ucs2", "a", []string{"_binary '\\0a\\0b'", "'ab'"}, true},
	"enums and sets":                        {"a ENUM('a','it''s','','ä','1'), b SET('x','ä','1'), c ENUM('ö','o') CHARACTER SET latin1", "a,b,c", []string{"'a','x','o'", `'it\'s','x,ä','ö'`, "'','',NULL", "'1','1','o'"}, false},
	"enums and sets by number":              {"a ENUM('a','b','1'), b SET('x','y','z'), c SET(" + numberedSet(64) + ")", "a,b,c", []string{"1,1,1", "3,7,18446744073709551615", "0,0,0", "NULL,NULL,9223372036854775808"}, false},
	"an enum of names and numbers":          {"a ENUM('a','b','1')", "a", []string{"'1'", "1"}, true},
	"another character set":                 {"a ENUM('ä') CHARACTER SET latin1", "a", []string{"_latin1 x'E4'"}, true},
	"dates":                                 {"a DATE, b DATETIME, c DATETIME(6), d TIME, e TIME(6), f YEAR, g DATETIME(2)", "a,b,c,d,e,f,g", []string{"'0000-00-00','0000-00-00 00:00:00','0000-00-00 00:00:00','00:00:00','-838:59:59',0,'2024-01-01 00:00:00.120000'", "'9999-12-31','9999-12-31 23:59:59','9999-12-31 23:59:59.999999','838:59:59','-00:00:00.000001',1901,NULL", "'2024-00-00','2024-05-00 01:02:03','2024-01-01 00:00:00.100000',NULL,'12:34:56.000100',2155,'2024-02-29'"}, false},
	"timestamps":                            {"a TIMESTAMP NULL, b TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)", "a,b", []string{"NULL,'2024-03-31 02:30:00'", "'1970-01-01 00:00:01','2038-01-19 03:14:07.999999'", "'0000-00-00 00:00:00','0000-00-00 00:00:00'"}, false},
	"JSON":                                  {"a JSON", "a", []string{`'{"k": "it\'s \\"quoted\\" \\\\ \\n 😀", "n": -1.50}'`, "'null'", "NULL"}, false},
	"geometry":                              {"a GEOMETRY, b POINT NOT NULL", "a,b", []string{"NULL,_binary '\\0\\0\\0\\0\x01\x01\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'", "_binary '\xe6\x10\\0\\0\x01\x01\\0\\0\\0\x9a\x99\x99\x99\x99\x99\xf1?\x9a\x99\x99\x99\x99\x99\x01\xc0',_binary '\\0\\0\\0\\0\x01\x01\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\x80\\0\\0\\0\\0\\0\\0\\0\\0'"}, false},
	"network addresses and UUIDs":           {"a UUID, b INET6, c INET4", "a,b,c", []string{"'123e4567-e89b-12d3-a456-426655440000','::','0.0.0.0'", "NULL,'ffff::1','255.255.255.255'"}, false},
	"addresses as text and bytes":           {"a INET6", "a", []string{"'::1'", "_binary '0123456789abcdef'"}, true},
	"zero and numbers given":                {"a INT AUTO_INCREMENT PRIMARY KEY, b INT", "a,b", []string{"0,1", "-5,2", "7,3"}, false},
	"no value for some columns":             {"a INT, v INT AS (a * 2) VIRTUAL, s VARCHAR(41) AS (CONCAT(a, '-')) STORED, d INT NOT NULL DEFAULT 5, i INT INVISIBLE DEFAULT 6, r DOUBLE DEFAULT (1 + 2)", "a", []string{"1", "NULL", "-3"}, false},
	"invisible columns":                     {"a INT, b INT NOT NULL DEFAULT 5 INVISIBLE", "a,b", []string{"1,2", "3,4"}, false},
	"only generated columns":                {"v INT AS (1 + 1) VIRTUAL", "", []string{"", ""}, true},
	"odd names":                             {"`a ``b` INT, `se,lect` INT, `) VALUES (` INT, `it's` INT, `ä` INT", "`a ``b`,`se,lect`,`) VALUES (`,`it's`,`ä`", []string{"1,2,3,4,5", "6,7,8,9,10"}, false},
	"nothing":                               {"a INT, b TEXT, c DOUBLE", "a,b,c", []string{"NULL,NULL,NULL", "NULL,NULL,NULL"}, false},
	"another engine":                        {"a INT, b TEXT", "a,b", []string{"1,'x'", "2,NULL"}, false},
	"partitions":                            {"a INT PRIMARY KEY, b TEXT", "a,b", []string{"1,'x'", "2,NULL", "3,''"}, false},
	"versions of rows":                      {"a INT PRIMARY KEY, b TEXT", "a,b", []string{"1,'x'", "2,NULL"}, false},
	"expressions":                           {"a INT, b DATETIME", "a,b", []string{"1+1,'2024-01-01'", "2,DATE('2024-01-01')"}, true},
	"defaults":                              {"a INT DEFAULT 5", "a", []string{"1", "DEFAULT"}, true},
	"hexadecimal numbers":                   {"a INT, b VARBINARY(9)", "a,b", []string{"0x41,0x41"}, true},
	"escapes of others":                     {"a TEXT", "a", []string{`'\x \% \"'`}, true},
	"doubled quotes":                        {"a TEXT", "a", []string{"'it''s'"}, true},
	"quotation marks":                       {"a TEXT", "a", []string{`"x"`}, true},
	"spaces":                                {"a INT, b INT", "a,b", []string{"1, 2"}, true},
	"more than a value":                     {"a INT, b INT", "a,b", []string{"1,2", "(3)+0,4"}, true},
	"the zero of a negative number":         {"a DOUBLE", "a", []string{"1e-05", "-0.0"}, true},
}

// bulkOptions are what comes behind the definitions of some tables.
var bulkOptions = map[string]string{
	"another engine": "ENGINE=MyISAM", "partitions": "PARTITION BY HASH (a) PARTITIONS 3", "versions of rows": "WITH SYSTEM VERSIONING",
}

func numberedSet(count int) string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("'m%d'", i)
	}
	return strings.Join(names, ",")
}

// statement gives the line of a dump that holds the rows.
func (c bulkCase) statement(table string) string {
	columns := c.columns
	if !strings.Contains(columns, "`") && columns != "" {
		columns = "`" + strings.ReplaceAll(columns, ",", "`,`") + "`"
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", quoteName(table), columns, strings.Join(c.rows, "),("))
}

// bulkSession is a session as those of a load are, in a database of its own that is empty.
func bulkSession(t *testing.T, server *testserver.MySQL, database string) *mysqlSession {
	t.Helper()
	fresh(t, server, database)
	db, _ := open(t, server.URL(database))
	s, err := db.(*mysqlDatabase).connect(t.Context())
	must(t, err)
	t.Cleanup(s.close)
	for _, statement := range []string{
		"CREATE DATABASE " + database + " CHARSET utf8mb4", "USE " + database,
		"SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+05:30'",
	} {
		must(t, s.exec(t.Context(), statement))
	}
	return s
}

// Rows that are sent as values are what they are as text, judged by CHECKSUM TABLE and mariadb-dump; and what cannot
// be sent so is not.
func TestMySQLBulk(t *testing.T) {
	server := mariadbServer(t)
	texts, values := bulkSession(t, server, "bulk_texts"), bulkSession(t, server, "bulk_values")
	for name, c := range bulkCases {
		definition := fmt.Sprintf("CREATE TABLE %s (%s) CHARSET=utf8mb4 %s", quoteName(name), c.definition, bulkOptions[name])
		must(t, texts.exec(t.Context(), definition))
		must(t, values.exec(t.Context(), definition))
		want, err := texts.retry(t.Context(), c.statement(name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := values.insertBulk(t.Context(), name, []byte(c.statement(name)), 1<<20)
		if c.text {
			if err != errNotBulk {
				t.Errorf("%s: got %d, %v; it has to go as text", name, got.rows, err)
			}
			must(t, texts.exec(t.Context(), "DROP TABLE "+quoteName(name)))
			must(t, values.exec(t.Context(), "DROP TABLE "+quoteName(name)))
			continue
		}
		if err != nil || got.rows != want {
			t.Errorf("%s: got %d, %v; want %d", name, got.rows, err, want)
		}
	}
	want, err := server.Checksums("bulk_texts")
	must(t, err)
	got, err := server.Checksums("bulk_values")
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checksums (-text +values):\n%s", diff)
	}
	dump := func(database string) []string {
		return strings.Split(mysqldump(t, server, database, "--skip-comments", "--skip-extended-insert"), "\n")
	}
	if diff := cmp.Diff(dump("bulk_texts"), dump("bulk_values")); diff != "" {
		t.Errorf("dumps (-text +values):\n%s", diff)
	}
}

// One statement after the other goes in, of one table and of others, with kinds of values that change between them.
func TestMySQLBulkStatements(t *testing.T) {
	server := mariadbServer(t)
	s := bulkSession(t, server, "bulk_many")
	for _, name := range []string{"a", "b"} {
		must(t, s.exec(t.Context(), "CREATE TABLE "+name+" (id INT, d DOUBLE, t TEXT) CHARSET=latin1"))
	}
	for _, step := range []struct{ table, rows string }{
		{"a", "(1,NULL,NULL)"}, {"a", "(2,5,NULL),(3,NULL,'x')"}, {"a", "(4,0.5,'y')"}, {"b", "(1,1e-05,'z')"}, {"b", "(2,7,_binary '\xff')"},
		{"a", "(5,1e+22,_binary 'b'),(6,-3,'c')"}, {"a", "(7,8,'ascii')"},
	} {
		_, err := s.insertBulk(t.Context(), step.table, []byte("INSERT INTO `"+step.table+"` (`id`,`d`,`t`) VALUES "+step.rows), 1<<20)
		if err != nil {
			t.Errorf("%s %s: %v", step.table, step.rows, err)
		}
	}
	if _, err := s.insertBulk(t.Context(), "a", []byte("INSERT INTO `a` (`id`,`d`,`t`) VALUES (8,8,'ä')"), 1<<20); err != errNotBulk {
		t.Errorf("text among bytes gives %v", err)
	}
	if _, err := s.insertBulk(t.Context(), "a", []byte("INSERT INTO `a` (`id`,`d`,`t`) VALUES (8,8,'"+strings.Repeat("x", 100)+"')"), 100); err != errNotBulk {
		t.Errorf("a row of more than a packet gives %v", err)
	}
	if _, err := s.insertBulk(t.Context(), "c", []byte("INSERT INTO `c` (`id`) VALUES (8)"), 100); err != errNotBulk {
		t.Errorf("a table that is not there gives %v", err)
	}
	rows, err := server.Query("SELECT id, d, HEX(t) FROM bulk_many.a UNION ALL SELECT id, d, HEX(t) FROM bulk_many.b")
	must(t, err)
	want := "[[1 NULL NULL] [2 5 NULL] [3 NULL 78] [4 0.5 79] [5 1e+22 62] [6 -3 63] [7 8 6173636969] [1 1e-05 7A] [2 7 FF]]"
	if got := fmt.Sprint(rows); got != want {
		t.Errorf("rows are\n%s, want\n%s", got, want)
	}
	rows, err = server.Query("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")
	must(t, err)
	if rows[0][1] != "0" && rows[0][1] != "1" {
		t.Errorf("%s statements are prepared", rows[0][1])
	}
}

// Of two sessions that wait for each other the server ends one, whose rows go in nevertheless.
func TestMySQLBulkDeadlock(t *testing.T) {
	server := mariadbServer(t)
	s := bulkSession(t, server, "bulk_deadlock")
	must(t, s.exec(t.Context(), "CREATE TABLE t (id INT PRIMARY KEY)"))
	must(t, s.exec(t.Context(), "CREATE TABLE u (id INT PRIMARY KEY)"))
	pool, err := mysqlPool(parseURL(t, server.URL("bulk_deadlock")))
	must(t, err)
	defer pool.Close()
	other, err := pool.BeginTx(t.Context(), nil)
	must(t, err)
	// Who has changed less is ended.
	_, err = other.Exec("INSERT INTO bulk_deadlock.u SELECT seq FROM bulk_deadlock.seq_1_to_1000")
	must(t, err)
	_, err = other.Exec("INSERT INTO bulk_deadlock.t VALUES (1)")
	must(t, err)
	done := make(chan error, 1)
	go func() {
		rows, err := s.insertBulk(t.Context(), "t", []byte("INSERT INTO `t` (`id`) VALUES (2),(1)"), 1<<20)
		if err == nil && rows.rows != 2 {
			err = fmt.Errorf("%d rows", rows)
		}
		done <- err
	}()
	waitFor(t, server, "SELECT COUNT(*) > 0 FROM information_schema.INNODB_LOCK_WAITS")
	_, err = other.Exec("INSERT INTO bulk_deadlock.t VALUES (2)")
	must(t, err)
	select {
	case err := <-done:
		t.Fatalf("it has ended with %v, and did not try again", err)
	case <-time.After(50 * time.Millisecond):
	}
	must(t, other.Rollback())
	must(t, <-done)
}

// waitFor waits until a query says 1. What InnoDB tells of locks it looks up again only when nobody has asked for a
// tenth of a second.
func waitFor(t *testing.T, server *testserver.MySQL, query string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		rows, err := server.Query(query)
		must(t, err)
		if rows[0][0] == "1" {
			return
		}
	}
	t.Errorf("never true: %s", query)
}

// What goes wrong in bulk is told as of a text.
func TestMySQLBulkFailures(t *testing.T) {
	server := mariadbServer(t)
	var ended time.Time
	load := func(ctx context.Context, text string, then func(l *mysqlLoad)) error {
		t.Helper()
		db, _ := open(t, server.URL("bulk_failures"))
		load, err := db.Begin(ctx)
		must(t, err)
		defer func() { must(t, load.Discard()) }()
		load.(*mysqlPull).mysqlLoad.bulkAbove = 0
		chunks := &pgTexts{onRead: func(_ context.Context, i int) error {
			if i == 1 && then != nil {
				then(load.(*mysqlPull).mysqlLoad)
			}
			return nil
		}}
		chunks.add(Head, "", 0, "/*!40101 SET NAMES utf8mb4 */;\nCREATE TABLE `t` (`id` INT PRIMARY KEY, `mail` VARCHAR(9), UNIQUE (`mail`));\n")
		chunks.add(Rows, "t", 2, "INSERT INTO `t` (`id`,`mail`) VALUES "+text+";\n")
		_, err = load.RunChunks(ctx, chunks, nil)
		ended = time.Now()
		for _, s := range load.(*mysqlPull).mysqlLoad.crew.sessions {
			if s.wire == nil || !s.wire.bulk {
				t.Error("the session does not know bulk")
			}
		}
		return err
	}
	must(t, load(t.Context(), "(1,'a'),(2,'b')", nil))
	t.Run("duplicate", func(t *testing.T) {
		err := load(t.Context(), "(1,'anna'),(2,'anna')", nil)
		var failed *LoadError
		if want := "the statement at byte 108 (rows of table t) failed: Duplicate entry … for key 'mail'"; !errors.As(err, &failed) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
	t.Run("too few rows", func(t *testing.T) {
		if err := load(t.Context(), "(1,'a')", nil); err == nil || err.Error() != "table t has 1 rows after the load, the dump has 2" {
			t.Errorf("got %v", err)
		}
	})
	// waiting has a load wait for a lock of another session, which then is let go long after something has happened.
	waiting := func(t *testing.T, ctx context.Context, then func(l *mysqlLoad)) error {
		pool, err := mysqlPool(parseURL(t, server.URL("bulk_failures")))
		must(t, err)
		defer pool.Close()
		other, err := pool.BeginTx(context.WithoutCancel(ctx), nil)
		must(t, err)
		var happened time.Time
		released := make(chan error, 1)
		err = load(ctx, "(1,'a'),(2,'b')", func(l *mysqlLoad) {
			_, err = other.Exec("INSERT INTO bulk_failures__dump_incoming.t VALUES (2, 'b')")
			must(t, err)
			go func() {
				waitFor(t, server, "SELECT COUNT(*) > 0 FROM information_schema.INNODB_LOCK_WAITS")
				happened = time.Now()
				then(l)
				time.Sleep(time.Second)
				released <- other.Rollback()
			}()
		})
		must(t, <-released)
		if took := ended.Sub(happened); took < 0 || took > time.Second/2 {
			t.Errorf("it ended %s afterwards", took)
		}
		return err
	}
	t.Run("Ctrl-C", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := waiting(t, ctx, func(*mysqlLoad) { cancel() }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("session killed", func(t *testing.T) {
		err := waiting(t, t.Context(), func(l *mysqlLoad) {
			for _, s := range l.crew.sessions {
				must(t, server.Exec(fmt.Sprintf("KILL %d", s.id)))
			}
		})
		var lost *LostError
		if !errors.As(err, &lost) {
			t.Errorf("got %v", err)
		}
	})
}

// Where texts mean something else, or the server is none of those that know how, rows go as text.
func TestMySQLBulkUnknown(t *testing.T) {
	server := mariadbServer(t)
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
			db, _ := open(t, server.URL("bulk_unknown"))
			load, err := db.Begin(t.Context())
			must(t, err)
			defer func() { must(t, load.Discard()) }()
			l := load.(*mysqlPull).mysqlLoad
			l.bulkAbove = 0
			chunks := &pgTexts{}
			chunks.add(Head, "", 0, test.head+"CREATE TABLE `t` (`id` INT);\n")
			chunks.add(Rows, "t", 1, "INSERT INTO `t` (`id`) VALUES (1);\n")
			_, err = load.RunChunks(t.Context(), chunks, nil)
			must(t, err)
			if used := slices.ContainsFunc(l.crew.sessions, func(s *mysqlSession) bool { return s.prepared != nil }); used != test.bulk {
				t.Errorf("in bulk: %v", used)
			}
		})
	}
}
