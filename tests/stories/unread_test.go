package stories

import (
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// Random changes, among them those of which a server remembers little, and refreshes in between: each object is the database at its
// snapshot, whichever tables were not read. The servers' own clients and checksums judge.

// unreadSite is a staging database of one engine.
type unreadSite struct {
	name string
	// exec runs statements in one session that ends afterwards; open runs them in one that stays until the function is called.
	exec func(statements ...string) error
	open func(statements ...string) func(last string) error
	// sums are checksums of the tables, and of those of an object that was loaded elsewhere.
	sums   func() (map[string]string, error)
	load   func(file string) (map[string]string, error)
	whole  func() (string, error) // what the writer has written in all, of the loaded object
	stop   func(hard bool)
	start  func() error
	more   []string // further changes: of any table TABLE_, or of a SMALL one, in a ROUND
	proves bool     // the server can tell of tables
}

// writerTables are written to all the time.
const writerTables = 4

func TestUnread(t *testing.T) {
	t.Parallel()
	rounds := 12
	if os.Getenv("DUMP_TEST_LONG") != "" {
		rounds = 100
	}
	for _, start := range []func(t *testing.T) (*unreadSite, program){unreadMariaDB, unreadMySQL, unreadPostgres} {
		site, p := start(t)
		t.Run(site.name, func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			site.play(t, p.at(t), rand.New(rand.NewPCG(seed, 0)), rounds)
		})
	}
}

func (s *unreadSite) play(t *testing.T, p program, random *rand.Rand, rounds int) {
	var statements []string
	for i := range 3 {
		statements = append(statements, fmt.Sprintf("CREATE TABLE big%d (id INT PRIMARY KEY, v VARCHAR(2000))", i))
		for page := range 12 {
			var rows []string
			for row := range 400 {
				text := make([]byte, 800)
				for i := range text {
					text[i] = byte(random.Uint32())
				}
				rows = append(rows, fmt.Sprintf("(%d, '%s')", page*400+row, base64.StdEncoding.EncodeToString(text)))
			}
			statements = append(statements, fmt.Sprintf("INSERT INTO big%d VALUES %s", i, strings.Join(rows, ",")))
		}
	}
	for i := range 6 {
		statements = append(statements, fmt.Sprintf("CREATE TABLE small%d (id INT PRIMARY KEY, v VARCHAR(2000))", i), fmt.Sprintf("INSERT INTO small%d VALUES (0, 'a'), (1, 'b'), (2, 'c')", i))
	}
	statements = append(statements, "CREATE TABLE parent (id INT PRIMARY KEY)", "CREATE TABLE child (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES parent (id) ON DELETE CASCADE)",
		"CREATE TABLE ledger (n INT)", "INSERT INTO ledger VALUES (0)")
	for i := range 50 {
		statements = append(statements, fmt.Sprintf("INSERT INTO parent VALUES (%d)", i), fmt.Sprintf("INSERT INTO child VALUES (%d)", i))
	}
	for i := range writerTables {
		statements = append(statements, fmt.Sprintf("CREATE TABLE written%d (n INT)", i), fmt.Sprintf("INSERT INTO written%d VALUES (0)", i))
	}
	if err := s.exec(statements...); err != nil {
		t.Fatal(err)
	}

	changes := append([]string{
		"UPDATE TABLE_ SET v = 'rROUND' WHERE id = 1", "UPDATE TABLE_ SET v = 'sROUND' WHERE id = 2", "DELETE FROM TABLE_ WHERE id = 0", "INSERT INTO TABLE_ VALUES (1ROUND, 'new')",
		"TRUNCATE TABLE SMALL", "DELETE FROM parent WHERE id = ROUND", "BEGIN; UPDATE TABLE_ SET v = 'rolled back'; ROLLBACK",
	}, s.more...)
	table := func() string {
		if random.IntN(3) == 0 {
			return fmt.Sprintf("big%d", random.IntN(3))
		}
		return fmt.Sprintf("small%d", random.IntN(6))
	}
	unread, first := 0, true
	for round := range rounds {
		var done []string
		var late []func(string) error
		for range random.IntN(4) {
			change := strings.NewReplacer("TABLE_", table(), "SMALL", fmt.Sprintf("small%d", random.IntN(6)), "ROUND", strconv.Itoa(round)).
				Replace(changes[random.IntN(len(changes))])
			done = append(done, change)
			if err := s.exec(strings.Split(change, "; ")...); err != nil {
				done[len(done)-1] += ": " + err.Error() // such as a second row with that key
			}
		}
		if random.IntN(3) == 0 { // two begin in the same second, and one commits later
			name := table()
			early := s.open("BEGIN", "UPDATE "+name+" SET v = 'early' WHERE id = 1")
			late = append(late, s.open("BEGIN", fmt.Sprintf("UPDATE %s SET v = 'late%d' WHERE id = 2", name, round)))
			done = append(done, "two transactions on "+name)
			_ = early("COMMIT")
		}
		if random.IntN(8) == 0 && !first {
			hard := random.IntN(2) == 0
			done = append(done, fmt.Sprintf("restart, hard: %v", hard))
			s.stop(hard)
			if err := s.start(); err != nil {
				t.Fatal(err)
			}
		}
		writing, stop := make(chan int, 1), make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					writing <- 0
					return
				case <-time.After(time.Duration(rand.IntN(400)) * time.Millisecond):
				}
				_ = s.exec("BEGIN", fmt.Sprintf("UPDATE written%d SET n = n + 1", rand.IntN(writerTables)), "UPDATE ledger SET n = n + 1", "COMMIT")
			}
		}()
		if random.IntN(3) > 0 {
			time.Sleep(3100 * time.Millisecond)
		}
		want, err := s.sums()
		if err != nil {
			t.Fatal(err)
		}
		code, out := p.run("refresh", "--json")
		close(stop)
		<-writing
		if code != 0 {
			t.Fatalf("round %d, %s: %s", round, strings.Join(done, " | "), out)
		}
		if found := regexp.MustCompile(`"unread_tables": ?(\d+)`).FindStringSubmatch(out); found != nil {
			n, _ := strconv.Atoi(found[1])
			unread += n
			done = append(done, found[0])
		}
		first = false
		t.Log(strings.Join(done, " | "))
		keys := slices.DeleteFunc(p.keys(), func(key string) bool { return !strings.HasSuffix(key, ".sql.zst") })
		object, err := p.store.GetObject(p.bucket, slices.Max(keys))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "object.sql.zst")
		if err := os.WriteFile(file, object, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := s.load(file)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, sums := range []map[string]string{want, got} {
			maps.DeleteFunc(sums, func(name, _ string) bool {
				return strings.Contains(name, "written") || strings.Contains(name, "ledger")
			})
		}
		if !maps.Equal(got, want) {
			t.Fatalf("round %d, %s: the object has\n%v\nthe database had\n%v", round, strings.Join(done, " | "), got, want)
		}
		if difference, err := s.whole(); err != nil || difference != "0" {
			t.Fatalf("round %d: what was written differs by %s from the ledger, %v", round, difference, err)
		}
		for _, end := range late {
			_ = end("COMMIT")
		}
	}
	if s.proves != (unread > 0) {
		t.Errorf("%d tables were not read", unread)
	}
}

// unreadProgram publishes to a bucket of its own.
func unreadProgram(t *testing.T, bucket, url string) program {
	t.Helper()
	store, err := minio()
	if err != nil {
		t.Fatal(err)
	}
	if err := store.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	return program{t: t, store: store, bucket: bucket, cache: t.TempDir(), place: place{staging: url, local: url}}
}

// wholeQuery is what the writer's tables differ by from its ledger.
func wholeQuery(prefix string) string {
	var tables []string
	for i := range writerTables {
		tables = append(tables, fmt.Sprintf("(SELECT n FROM %swritten%d)", prefix, i))
	}
	return "SELECT " + strings.Join(tables, " + ") + " - (SELECT n FROM " + prefix + "ledger)"
}

func unreadMariaDB(t *testing.T) (*unreadSite, program) {
	server, err := testserver.MariaDB(t.TempDir(), "--table-definition-cache=2000")
	if err != nil {
		t.Fatal(err)
	}
	site, p := unreadMySQLSite(t, server, "mariadb", localServer)
	site.proves = true
	site.more = append(site.more, "RENAME TABLE small0 TO x, small1 TO small0, x TO small1", "ANALYZE TABLE TABLE_; FLUSH TABLES",
		"CREATE TABLE eROUND LIKE SMALL; ALTER TABLE eROUND PARTITION BY HASH (id) PARTITIONS 1; ALTER TABLE eROUND EXCHANGE PARTITION p0 WITH TABLE SMALL",
		"XA START 'xROUND'; UPDATE TABLE_ SET v = 'xaROUND' WHERE id = 1; XA END 'xROUND'; XA PREPARE 'xROUND'; XA COMMIT 'xROUND'",
		"SET unique_checks = 0, foreign_key_checks = 0; TRUNCATE SMALL; INSERT INTO SMALL VALUES (5, 'bulkROUND')")
	return site, p
}

func unreadMySQL(t *testing.T) (*unreadSite, program) {
	server, err := testserver.Mysqld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return unreadMySQLSite(t, server, "mysql", mysqlLocal)
}

func unreadMySQLSite(t *testing.T, server *testserver.MySQL, name string, local func() (*testserver.MySQL, error)) (*unreadSite, program) {
	t.Helper()
	t.Cleanup(server.Kill)
	database := "line_unread_" + name
	target, err := local()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Exec("CREATE DATABASE " + database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Exec("DROP DATABASE IF EXISTS " + database) })
	site := &unreadSite{
		name: name, start: server.Restart,
		exec: func(statements ...string) error {
			return server.Exec(append([]string{"USE " + database}, statements...)...)
		},
		open: func(statements ...string) func(string) error {
			session, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/%s", server.Port, database))
			if err != nil {
				t.Fatal(err)
			}
			session.SetMaxOpenConns(1)
			for _, statement := range statements {
				_, _ = session.Exec(statement)
			}
			return func(last string) error {
				_, err := session.Exec(last)
				return errors.Join(err, session.Close())
			}
		},
		sums: func() (map[string]string, error) { return server.Checksums(database) },
		load: func(file string) (map[string]string, error) {
			if err := target.Exec("DROP DATABASE IF EXISTS "+database, "CREATE DATABASE "+database); err != nil {
				return nil, err
			}
			if out, err := exec.Command("sh", "-c", fmt.Sprintf("zstd -dcq '%s' | mariadb --skip-ssl --protocol=tcp -h 127.0.0.1 -P %d -u root %s", file, target.Port, database)).CombinedOutput(); err != nil || len(out) > 0 {
				return nil, fmt.Errorf("%w: %s", errors.Join(err, errors.New("load")), out)
			}
			return target.Checksums(database)
		},
		whole: func() (string, error) {
			rows, err := target.Query(wholeQuery(database + "."))
			if err != nil {
				return "", err
			}
			return rows[0][0], nil
		},
		stop: func(hard bool) {
			if hard {
				server.Kill()
			} else {
				server.Stop()
			}
		},
		more: []string{"ALTER TABLE TABLE_ ADD COLUMN cROUND INT DEFAULT 7", "OPTIMIZE TABLE TABLE_", "DROP TABLE SMALL; CREATE TABLE SMALL (id INT PRIMARY KEY, v VARCHAR(2000))"},
	}
	return site, unreadProgram(t, "line-unread-"+name, server.URL(database))
}

func unreadPostgres(t *testing.T) (*unreadSite, program) {
	server, err := testserver.Postgres(t.TempDir(), "max_prepared_transactions=5")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	const database, loaded = "unread", "unread_loaded"
	if err := server.Exec("postgres", "CREATE DATABASE "+database); err != nil {
		t.Fatal(err)
	}
	sums := func(database string) (map[string]string, error) {
		tables, err := server.Query(database, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
		sums := map[string]string{}
		for _, table := range tables {
			rows, err := server.Query(database, fmt.Sprintf("SELECT count(*)::text || ' ' || coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM %s t", table[0]))
			if err != nil {
				return nil, err
			}
			sums[table[0]] = rows[0][0]
		}
		return sums, err
	}
	site := &unreadSite{
		name: "postgres", start: server.Restart, proves: true,
		exec: func(statements ...string) error { return server.Exec(database, statements...) },
		open: func(statements ...string) func(string) error {
			session, err := pgx.Connect(t.Context(), server.URL(database))
			if err != nil {
				t.Fatal(err)
			}
			for _, statement := range statements {
				_, _ = session.Exec(t.Context(), statement)
			}
			return func(last string) error {
				_, err := session.Exec(t.Context(), last)
				return errors.Join(err, session.Close(t.Context()))
			}
		},
		sums: func() (map[string]string, error) { return sums(database) },
		load: func(file string) (map[string]string, error) {
			if err := server.Exec("postgres", "DROP DATABASE IF EXISTS "+loaded, "CREATE DATABASE "+loaded); err != nil {
				return nil, err
			}
			if out, err := exec.Command("sh", "-c", fmt.Sprintf("zstd -dcq '%s' | psql -q -v ON_ERROR_STOP=1 '%s'", file, server.URL(loaded))).CombinedOutput(); err != nil {
				return nil, fmt.Errorf("%w: %s", err, out)
			}
			return sums(loaded)
		},
		whole: func() (string, error) {
			rows, err := server.Query(loaded, wholeQuery(""))
			if err != nil {
				return "", err
			}
			return fmt.Sprint(rows[0][0]), nil
		},
		stop: func(hard bool) {
			if hard {
				server.Kill()
			} else {
				server.Stop()
			}
		},
		more: []string{"ALTER TABLE TABLE_ ADD COLUMN cROUND INT DEFAULT 7", "VACUUM FULL TABLE_", "VACUUM ANALYZE",
			"ALTER TABLE small0 RENAME TO x; ALTER TABLE small1 RENAME TO small0; ALTER TABLE x RENAME TO small1",
			"BEGIN; UPDATE TABLE_ SET v = 'twoROUND' WHERE id = 1; PREPARE TRANSACTION 'pROUND'; COMMIT PREPARED 'pROUND'",
			"UPDATE TABLE_ SET v = 'resetROUND'; SELECT pg_sleep(1.1); SELECT pg_stat_reset_single_table_counters('TABLE_'::regclass)"},
	}
	return site, unreadProgram(t, "line-unread-postgres", server.URL(database))
}
