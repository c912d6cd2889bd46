package staging

import (
	"testing"
	"time"
)

// While whoever takes a dump takes long, and a table has been read in part, nobody waits for it, whatever they do with
// the table. What cannot be read any more is noticed.
func TestPostgresDumpHoldsNoTable(t *testing.T) {
	server := postgreSQL(t)
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
			freshPostgres(t, "site", shelf+"CREATE TABLE spare (LIKE shelf); INSERT INTO spare VALUES (7); ALTER TABLE shelf ADD copy int;")
			_, ended, goOn := stuck(t.Context(), t, Config{URL: parseURL(t, server.URL("site")), Threads: 1})
			// pg_dump, which locks all tables, comes a second time for the tail, and goes before the rows are there.
			for _, count := range []string{"3", "2"} {
				for deadline := time.Now().Add(10 * time.Second); sessions(t, "site") != count && time.Now().Before(deadline); {
				}
			}
			if err := server.Exec("site", "SET lock_timeout = '1s'", test.statement); err != nil {
				t.Errorf("%s: %v", test.statement, err)
			}
			goOn()
			err := <-ended
			if test.changed {
				expectError(t, err, ErrDefinitionChanged, "")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// A table that is read at once is locked as long as that takes. Who waits for it waits for less than a second: the dump
// gives way.
func TestPostgresDumpGivesWay(t *testing.T) {
	inPieces(t, 1<<40)
	server := postgreSQL(t)
	for _, waiter := range []string{"TRUNCATE shelf", "ALTER TABLE shelf ADD COLUMN late int"} {
		freshPostgres(t, "whole", shelf)
		_, ended, goOn := stuck(t.Context(), t, Config{URL: parseURL(t, server.URL("whole")), Threads: 2})
		if err := server.Exec("whole", "SET lock_timeout = '1s'", waiter); err != nil {
			t.Errorf("%s: %v", waiter, err)
		}
		goOn()
		words := map[byte]string{'T': "TRUNCATE SHELF", 'A': "ALTER TABLE"}[waiter[0]]
		expectError(t, <-ended, ErrGaveWay, "the dump gave way to others on staging: "+words+" of postgres waited for shelf")
	}
}

// pg_dump is ended where somebody waits for it.
func TestPostgresClientGivesWay(t *testing.T) {
	server := postgreSQL(t)
	freshPostgres(t, "whole", shelf)
	source, _ := open(t, Config{URL: parseURL(t, server.URL("whole")), Client: true})
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	hang(t, dump)
	if err := server.Exec("whole", "SET lock_timeout = '1s'", "TRUNCATE other"); err != nil {
		t.Error(err)
	}
	expectError(t, rest(dump), ErrGaveWay, "the dump gave way to others on staging: TRUNCATE OTHER of postgres waited for other")
}
