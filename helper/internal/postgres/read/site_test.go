package read

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// While the receiver of a dump is slow, and a table has been read in part, no session waits for that table, whatever it
// does with it. The dump notices what it can no longer read.
func TestPostgresDumpHoldsNoTable(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	for _, test := range []struct {
		name, statement string
		changed         bool
	}{
		{"lock", "BEGIN; LOCK TABLE shelf IN ACCESS EXCLUSIVE MODE; COMMIT", false},
		{"lock all", "BEGIN; LOCK TABLE shelf, other IN ACCESS EXCLUSIVE MODE; COMMIT", false},
		{"new column", "ALTER TABLE shelf ADD COLUMN late int", false},
		{"new index", "CREATE INDEX ON shelf (id)", false},
		{"trigger", "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON shelf FOR EACH ROW EXECUTE FUNCTION f()", false},
		{"truncate", "TRUNCATE shelf", true},
		{"truncate one that has not been read", "TRUNCATE other", true},
		{"rewrite", "ALTER TABLE shelf ALTER id TYPE bigint", true},
		{"vacuum", "VACUUM FULL shelf", true},
		{"drop", "DROP TABLE shelf", true},
		{"exchange", "ALTER TABLE shelf RENAME TO gone; ALTER TABLE spare RENAME TO shelf", true},
		{"exchange columns", "ALTER TABLE shelf RENAME id TO gone; ALTER TABLE shelf RENAME copy TO id", true},
		{"column anew", "ALTER TABLE shelf DROP id, ADD id int", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			inPieces(t, 1<<20)
			var err error
			for range 5 {
				freshPostgres(t, "site", shelf+"CREATE TABLE spare (LIKE shelf); INSERT INTO spare VALUES (7); ALTER TABLE shelf ADD copy int;")
				_, ended, goOn := sourcetest.Stuck(t.Context(), t, source.Config{URL: sourcetest.ParseURL(t, server.URL("site")), Threads: 1})
				// pg_dump locks all tables, and ends before the rows have been read.
				eventually(t, server, "postgres", "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'site' AND application_name = 'pg_dump'")
				stop := waits(t, server, "site")
				if err := server.Exec("site", "SET lock_timeout = '1min'", test.statement); err != nil {
					t.Errorf("%s: %v", test.statement, err)
				}
				if longest, whose := stop(); longest > sourcetest.LongestWait {
					t.Errorf("%s waited for %v", whose, longest)
				}
				goOn()
				// The dump may have had no chance to look at what has just ended: then the definitions changed too
				// early.
				if err = <-ended; err == nil || !strings.HasPrefix(err.Error(), "read the definitions: ") {
					break
				}
			}
			if test.changed {
				sourcetest.ExpectError(t, err, source.ErrDefinitionChanged, "")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// A table that is read at once stays locked meanwhile. A session that has to wait for it waits for less than a second,
// because the dump gives way.
func TestPostgresDumpGivesWay(t *testing.T) {
	inPieces(t, 1<<40)
	server := sourcetest.PostgreSQL(t)
	for _, waiter := range []string{"TRUNCATE shelf", "ALTER TABLE shelf ADD COLUMN late int"} {
		freshPostgres(t, "whole", shelf)
		_, ended, goOn := sourcetest.Stuck(t.Context(), t, source.Config{URL: sourcetest.ParseURL(t, server.URL("whole")), Threads: 2})
		stop := waits(t, server, "whole")
		if err := server.Exec("whole", "SET lock_timeout = '1min'", waiter); err != nil {
			t.Errorf("%s: %v", waiter, err)
		}
		if longest, whose := stop(); longest > sourcetest.LongestWait {
			t.Errorf("%s waited for %v", whose, longest)
		}
		goOn()
		words := map[byte]string{'T': "TRUNCATE SHELF", 'A': "ALTER TABLE"}[waiter[0]]
		sourcetest.ExpectError(t, <-ended, source.ErrGaveWay, "the dump gave way to others on staging: "+words+" of postgres waited for shelf")
	}
}

// pg_dump is stopped if another session waits for it.
func TestPostgresClientGivesWay(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	freshPostgres(t, "whole", shelf)
	src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("whole")), Client: true})
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	sourcetest.Hang(t, dump)
	stop := waits(t, server, "whole")
	if err := server.Exec("whole", "SET lock_timeout = '1min'", "TRUNCATE other"); err != nil {
		t.Error(err)
	}
	if longest, whose := stop(); longest > sourcetest.LongestWait {
		t.Errorf("%s waited for %v", whose, longest)
	}
	sourcetest.ExpectError(t, sourcetest.Rest(dump), source.ErrGaveWay, "the dump gave way to others on staging: TRUNCATE OTHER of postgres waited for other")
}

// waits samples how long sessions of the site wait for locks.
func waits(t *testing.T, server *testserver.PG, database string) (stop func() (longest time.Duration, whose string)) {
	return sourcetest.Sample(t, func() ([][]string, error) {
		return server.Query(database, "SELECT pid::text, query FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name <> 'dump-helper' AND datname = current_database()")
	})
}

// A site that reads, writes and migrates all the time never waits for a dump with a slow receiver, and all rows of the
// dump are of one moment.
func TestPostgresBusySite(t *testing.T) {
	inPieces(t, 1<<20)
	freshPostgres(t, "busy", shelf+`CREATE TABLE account_a (amount int); INSERT INTO account_a VALUES (1000000);
		CREATE TABLE account_b (amount int); INSERT INTO account_b VALUES (1000000); CREATE TABLE cache_page (id int PRIMARY KEY, data text);`)
	server := sourcetest.PostgreSQL(t)
	site, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	loop := func(pause time.Duration, statements ...string) {
		group.Go(func() {
			for site.Err() == nil {
				if err := server.Exec("busy", statements...); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(pause)
			}
		})
	}
	loop(20*time.Millisecond, "BEGIN; UPDATE account_a SET amount = amount - 1; UPDATE account_b SET amount = amount + 1; COMMIT",
		"UPDATE shelf SET body = 'y' WHERE id = 1 + (random() * 2000)::int", "SELECT count(*) FROM other")
	loop(700*time.Millisecond, "BEGIN; LOCK TABLE shelf IN ACCESS EXCLUSIVE MODE; COMMIT", "BEGIN; LOCK TABLE other IN ACCESS EXCLUSIVE MODE; COMMIT")
	stop := waits(t, server, "busy")
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("busy")), Threads: 2, StructureOnly: []string{"cache_*"}})
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
	freshPostgres(t, "busy_copy", text)
	rows, err := server.Query("busy_copy", "SELECT ((SELECT amount FROM public.account_a) + (SELECT amount FROM public.account_b))::text, (SELECT count(*) FROM public.shelf)::text")
	if err != nil || rows[0][0] != "2000000" || rows[0][1] != "2500" {
		t.Errorf("the copy has %v: %v", rows, err)
	}
}

// If a table stays locked, the error names it, and whoever holds the lock.
func TestPostgresNamesTheLock(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	for _, client := range []bool{false, true} {
		freshPostgres(t, "guarded", shelf)
		src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("guarded")), Client: client})
		held := make(chan error, 1)
		go func() {
			held <- server.Exec("guarded", "BEGIN", "LOCK TABLE other", "SELECT pg_sleep(60)", "COMMIT")
		}()
		for n := "0"; n == "0"; {
			rows, err := server.Query("postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = 'guarded' AND query LIKE 'SELECT pg_sleep%'")
			if err != nil {
				t.Fatal(err)
			}
			n = rows[0][0]
		}
		d, err := src.Dump(t.Context())
		if err == nil {
			_, err = sourcetest.ReadText(t.Context(), d)
			_ = d.Close()
		}
		sourcetest.ExpectError(t, err, source.ErrGaveWay, "the dump gave way to others on staging: public.other is locked by SELECT PG_SLEEP(60) of postgres (process ")
		if err := server.Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'guarded'"); err != nil {
			t.Fatal(err)
		}
		<-held
	}
}
