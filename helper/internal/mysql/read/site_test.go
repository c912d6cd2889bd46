package read

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

var mysqldServer = sync.OnceValues(func() (*testserver.MySQL, error) {
	return testserver.Mysqld(filepath.Join(sourcetest.ServersDir, "mysqld"))
})

// sites has a server of each family.
func sites(t *testing.T, do func(t *testing.T, server *testserver.MySQL)) {
	t.Helper()
	t.Run("mariadb", func(t *testing.T) { do(t, sourcetest.MariaDB(t)) })
	t.Run("mysql", func(t *testing.T) {
		server, err := mysqldServer()
		if err != nil {
			t.Fatal(err)
		}
		sourcetest.RememberStop(server.Kill)
		do(t, server)
	})
}

// siteSession opens a session of the site.
func siteSession(t *testing.T, server *testserver.MySQL, database string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/%s?interpolateParams=true", server.Port, database))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = conn.Close(), db.Close() })
	return conn
}

// fill makes a table with that many rows of 4 KB.
func fill(table, columns, values string, rows int) []string {
	return []string{
		fmt.Sprintf("CREATE TABLE %s (%s, body VARCHAR(4000) CHARACTER SET latin1)", table, columns),
		"/*M! SET SESSION max_recursive_iterations = 1000000 */",
		"/*!80000 SET SESSION cte_max_recursion_depth = 1000000 */",
		fmt.Sprintf("INSERT INTO %s WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT %s, REPEAT('x', 4000) FROM n", table, rows, values),
		"ANALYZE TABLE " + table,
	}
}

// makeSite makes a database anew.
func makeSite(t *testing.T, server *testserver.MySQL, name string, statements ...string) {
	t.Helper()
	all := append([]string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name, "USE " + name}, statements...)
	if err := server.Exec(all...); err != nil {
		t.Fatal(err)
	}
}

// While the receiver of a dump is slow, and a table has been read in part, no session waits for that table, whatever it
// does with it.
func TestMySQLDumpHoldsNoTable(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		statements := []string{
			"LOCK TABLES book WRITE", "UNLOCK TABLES", "LOCK TABLES book READ", "UNLOCK TABLES",
			"FLUSH TABLES book", "FLUSH TABLES", "FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES", "ANALYZE TABLE book",
			"CREATE TRIGGER after_book AFTER INSERT ON book FOR EACH ROW SET @x = 1", "DROP TRIGGER after_book",
			"ALTER TABLE book COMMENT 'other'", "ALTER TABLE book ADD more INT", "ALTER TABLE book DROP more, ALGORITHM=COPY",
			"CREATE INDEX i ON book (isbn)", "OPTIMIZE TABLE book", "RENAME TABLE book TO old, new TO book", "TRUNCATE old", "TRUNCATE book", "DROP TABLE book",
		}
		for name, threads := range map[string]int{"one connection": 1, "several": 3} {
			t.Run(name, func(t *testing.T) {
				makeSite(t, server, "held", append(fill("book", "shelf INT, isbn VARCHAR(20) CHARACTER SET latin1, PRIMARY KEY (shelf, isbn)", "i DIV 1000, CONCAT('b', i)", 12000),
					"CREATE TABLE new LIKE book", "CREATE TABLE aside (id INT PRIMARY KEY)", "INSERT INTO aside VALUES (1)", "CREATE VIEW looked AS SELECT * FROM book")...)
				_, ended, goOn := sourcetest.Stuck(t.Context(), t, source.Config{URL: sourcetest.ParseURL(t, server.URL("held")), Threads: threads})
				site := siteSession(t, server, "held")
				if _, err := site.ExecContext(t.Context(), "SET SESSION lock_wait_timeout = 1"); err != nil {
					t.Fatal(err)
				}
				for _, statement := range statements {
					if _, err := site.ExecContext(t.Context(), statement); err != nil {
						t.Errorf("%s: %v", statement, err)
					}
				}
				goOn()
				if err := <-ended; threads == 1 {
					sourcetest.ExpectError(t, err, source.ErrDefinitionChanged, "book")
				}
			})
		}
	})
}

// A reader that fails keeps no locks while the others still hand on what they have read.
func TestMySQLFailedReaderHoldsNoTable(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		makeSite(t, server, "failing", append(fill("book", "id INT PRIMARY KEY", "i", 12000), "DO SLEEP(1.1)")...) // its age is known to the second
		source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("failing")), Threads: 2})
		d, err := source.Dump(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		var emitted atomic.Int32
		taken, stuck, goOn, ended := make(chan struct{}, 100), make(chan struct{}), make(chan struct{}), make(chan error, 1)
		t.Cleanup(sync.OnceFunc(func() { close(stuck) }))
		go func() {
			ended <- d.WriteChunks(t.Context(), func(chunk dump.Chunk) ([]byte, error) {
				if chunk.Section != dump.Rows {
					return nil, nil
				}
				wait := goOn
				if emitted.Add(1) == 1 {
					wait = stuck
				}
				taken <- struct{}{}
				<-wait
				return nil, nil
			})
		}()
		<-taken
		<-taken // both have read, and hold nothing
		site := siteSession(t, server, "failing")
		for _, statement := range []string{"SET SESSION lock_wait_timeout = 1", "ALTER TABLE book ADD more INT, ALGORITHM=COPY"} {
			if _, err := site.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		const sessions = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = 'failing'"
		before, err := server.Query(sessions)
		if err != nil {
			t.Fatal(err)
		}
		close(goOn)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			now, err := server.Query(sessions)
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("the reader that failed is still there (%v)", err)
			}
			if now[0][0] < before[0][0] {
				break
			}
		}
		if _, err := site.ExecContext(t.Context(), "TRUNCATE book"); err != nil {
			t.Error(err)
		}
	})
}

// A table without a key is read by one query. A session that has to wait for it waits for less than a second, because
// the dump gives way.
func TestMySQLDumpGivesWay(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		for _, waiter := range []string{"ALTER TABLE heap COMMENT 'x'", "TRUNCATE heap", "LOCK TABLES heap WRITE"} {
			makeSite(t, server, "heaps", fill("heap", "id INT", "i", 12000)...)
			_, ended, goOn := sourcetest.Stuck(t.Context(), t, source.Config{URL: sourcetest.ParseURL(t, server.URL("heaps")), Threads: 2})
			stop := sourcetest.Waits(t, server)
			site := siteSession(t, server, "heaps")
			for _, statement := range []string{"SET SESSION lock_wait_timeout = 60", waiter} {
				if _, err := site.ExecContext(t.Context(), statement); err != nil {
					t.Errorf("%s: %v", statement, err)
				}
			}
			goOn()
			words := strings.ToUpper(strings.Join(strings.Fields(waiter)[:2], " "))
			sourcetest.ExpectError(t, <-ended, source.ErrGaveWay, "read table heap: the dump gave way to others on staging: "+words+" of root waited for it")
			if longest, whose := stop(); longest > sourcetest.LongestWait {
				t.Errorf("%s waited for %v", whose, longest)
			}
		}
	})
}

// A table that takes another one's name is not mistaken for it, though the server reports no error.
func TestMySQLExchangedTable(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		makeSite(t, server, "exchanged", append(fill("first", "id INT PRIMARY KEY", "i", 2000),
			"CREATE TABLE second (id INT PRIMARY KEY)", "INSERT INTO second VALUES (1), (2)", "DO SLEEP(1.1)", // its age is known to the second
			"CREATE TABLE ghost LIKE second", "INSERT INTO ghost VALUES (1)")...)
		_, ended, goOn := sourcetest.Stuck(t.Context(), t, source.Config{URL: sourcetest.ParseURL(t, server.URL("exchanged")), Threads: 1, Exclude: []string{"ghost"}})
		if err := server.Exec("RENAME TABLE exchanged.second TO exchanged.gone, exchanged.ghost TO exchanged.second"); err != nil {
			t.Fatal(err)
		}
		goOn()
		sourcetest.ExpectError(t, <-ended, source.ErrDefinitionChanged, "another one has its name now")
	})
}

// Changes to a table after its rows have been read do not make the dump start again.
func TestMySQLAlteredLater(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		makeSite(t, server, "later", append(fill("first", "id INT PRIMARY KEY", "i", 2000), "CREATE TABLE second (id INT PRIMARY KEY)", "INSERT INTO second VALUES (1)")...)
		sum, err := server.Checksums("later")
		if err != nil {
			t.Fatal(err)
		}
		source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("later")), Threads: 1})
		altered := sync.OnceFunc(func() {
			if err := server.Exec("USE later", "ALTER TABLE first ADD more INT", "TRUNCATE first"); err != nil {
				t.Error(err)
			}
		})
		chunks, _ := sourcetest.ChunksOf(t, source, func(chunk dump.Chunk) {
			if chunk.Table == "second" {
				altered()
			}
		})
		restoreTo(t, server, "later_copy", sourcetest.Joined(chunks))
		got, err := server.Checksums("later_copy")
		if err != nil || got["first"] != sum["first"] || got["second"] != sum["second"] {
			t.Errorf("checksums %v, want %v: %v", got, sum, err)
		}
	})
}

// restoreTo loads a dump into a new database of a server, with the plain client.
func restoreTo(t *testing.T, server *testserver.MySQL, database, text string) {
	t.Helper()
	if err := server.Exec("DROP DATABASE IF EXISTS "+database, "CREATE DATABASE "+database); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mariadb", "--no-defaults", "--skip-ssl", "--protocol=tcp", "--host=127.0.0.1", fmt.Sprintf("--port=%d", server.Port), "--user=root", database)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("restore: %v: %s", err, out)
	}
}

// Pages follow keys of all kinds, in the server's order.
func TestMySQLPages(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		var statements []string
		for name, key := range map[string][2]string{
			"int":       {"a INT", "i - 5000"},
			"unsigned":  {"a BIGINT UNSIGNED", "18446744073709551615 - i"},
			"text":      {"a VARCHAR(40) COLLATE utf8mb4_unicode_ci", "CONCAT(CASE i % 4 WHEN 0 THEN 'ä' WHEN 1 THEN 'Z''' WHEN 2 THEN '\\\\😀' ELSE '' END, i)"},
			"latin1":    {"a CHAR(40) CHARACTER SET latin1 COLLATE latin1_german1_ci", "CONCAT(IF(i % 2, 'ß', 'é'), i)"},
			"sjis":      {"a VARCHAR(40) CHARACTER SET sjis", "CONCAT(IF(i % 2, 'ソ', '表'), i)"},
			"utf16":     {"a VARCHAR(40) CHARACTER SET utf16", "CONCAT('x', i)"},
			"bytes":     {"a VARBINARY(40)", "UNHEX(SHA2(i, 256))"},
			"decimal":   {"a DECIMAL(20,4)", "i * 1.0625 - 3000"},
			"datetime":  {"a DATETIME(6)", "'2020-01-01 00:00:00.000001' + INTERVAL i * 1001 MICROSECOND"},
			"timestamp": {"a TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", "'2020-01-01' + INTERVAL i MINUTE"},
			"date":      {"a DATE", "'1000-01-01' + INTERVAL i DAY"},
			"two":       {"a INT, b VARCHAR(20)", "i DIV 500, CONCAT('k', i)"},
			"three":     {"a VARCHAR(20), b DATE, c INT", "CONCAT('k', i DIV 400), '2020-01-01' + INTERVAL (i DIV 50) DAY, i"},
			"enum":      {"a ENUM('x','y'), b INT", "1 + i % 2, i"},
			"partial":   {"a TEXT", "CONCAT('k', i)"},
			"falling":   {"a INT", "i"},
		} {
			columns := strings.Split(key[0], ",")
			names := "a"
			if len(columns) > 1 && !strings.Contains(key[0], "DECIMAL") && !strings.Contains(key[0], "ENUM('x'") {
				names = strings.Join([]string{"a", "b", "c"}[:len(columns)], ", ")
			}
			switch name {
			case "enum":
				names = "a, b"
			case "partial":
				names = "a(30)"
			case "falling":
				names = "a DESC"
			}
			filled := fill("`"+name+"`", "n INT, "+key[0]+", PRIMARY KEY ("+names+")", "i, "+key[1], 1200)
			statements = append(statements, filled...)
		}
		makeSite(t, server, "pages", append([]string{"SET NAMES utf8mb4", "SET time_zone = '+00:00'"}, statements...)...)
		source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("pages")), Threads: 2})
		chunks, _ := sourcetest.ChunksOf(t, source)
		restoreTo(t, server, "pages_copy", sourcetest.Joined(chunks))
		want, err := server.Checksums("pages")
		if err != nil {
			t.Fatal(err)
		}
		got, err := server.Checksums("pages_copy")
		if err != nil {
			t.Fatal(err)
		}
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s: checksum %s, want %s", name, got[name], want[name])
			}
		}
	})
}

// The official client is stopped if another session waits for it.
func TestMySQLClientGivesWay(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		makeSite(t, server, "heaps", fill("heap", "id INT", "i", 12000)...)
		src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("heaps")), Client: true})
		dump, err := src.Dump(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer dump.Close()
		sourcetest.Hang(t, dump)
		site := siteSession(t, server, "heaps")
		stop := sourcetest.Waits(t, server)
		if _, err := site.ExecContext(t.Context(), "ALTER TABLE heap COMMENT 'x'"); err != nil {
			t.Error(err)
		}
		if longest, whose := stop(); longest > sourcetest.LongestWait {
			t.Errorf("%s waited for %v", whose, longest)
		}
		sourcetest.ExpectError(t, sourcetest.Rest(dump), source.ErrGaveWay, "read table heap: the dump gave way to others on staging: ALTER TABLE of root waited for it")
	})
}

// A site that reads, writes and migrates all the time never waits for a dump with a slow receiver, and all rows of the
// dump are of one moment.
func TestMySQLBusySite(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		makeSite(t, server, "busysite", append(fill("page", "id INT PRIMARY KEY", "i", 9000),
			"CREATE TABLE account_a (id INT PRIMARY KEY, amount INT)", "INSERT INTO account_a VALUES (1, 1000000)",
			"CREATE TABLE account_b (id INT PRIMARY KEY, amount INT)", "INSERT INTO account_b VALUES (1, 1000000)",
			"CREATE TABLE cache_page (id INT PRIMARY KEY, data TEXT)")...)
		site, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		loop := func(pause time.Duration, statements ...string) {
			conn := siteSession(t, server, "busysite")
			group.Go(func() {
				for site.Err() == nil {
					for _, statement := range statements {
						if _, err := conn.ExecContext(t.Context(), statement); err != nil {
							t.Errorf("%s: %v", statement, err)
							return
						}
					}
					time.Sleep(pause)
				}
			})
		}
		loop(10*time.Millisecond, "START TRANSACTION", "UPDATE account_a SET amount = amount - 1", "UPDATE account_b SET amount = amount + 1", "COMMIT",
			"UPDATE page SET body = 'y' WHERE id = FLOOR(1 + RAND() * 9000)")
		loop(10*time.Millisecond, "SELECT COUNT(*) FROM page WHERE id < 100", "INSERT IGNORE INTO cache_page VALUES (1 + RAND() * 1000, 'x')")
		loop(50*time.Millisecond, "TRUNCATE cache_page", "LOCK TABLES page WRITE", "UNLOCK TABLES", "FLUSH TABLES", "OPTIMIZE TABLE cache_page", "CREATE TABLE shadow LIKE cache_page",
			"RENAME TABLE cache_page TO gone, shadow TO cache_page", "DROP TABLE gone")
		stop := sourcetest.Waits(t, server)
		source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("busysite")), Threads: 2, StructureOnly: []string{"cache_*"}, Exclude: []string{"gone", "shadow"}})
		text, failed := sourcetest.DumpOfBusySite(t.Context(), source)
		longest, whose := stop()
		cancel()
		group.Wait()
		if failed != nil {
			t.Fatal(failed)
		}
		if longest > sourcetest.LongestWait {
			t.Errorf("%s waited for %v", whose, longest)
		}
		restoreTo(t, server, "busysite_copy", text)
		rows, err := server.Query("SELECT (SELECT amount FROM busysite_copy.account_a) + (SELECT amount FROM busysite_copy.account_b), (SELECT COUNT(*) FROM busysite_copy.page)")
		if err != nil || rows[0][0] != "2000000" || rows[0][1] != "9000" {
			t.Errorf("the copy has %v: %v", rows, err)
		}
	})
}
