package swap

import (
	"errors"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// What keeps a database from being exchanged is named before anything is loaded, and the remedy removes it.
func TestPostgresObstacles(t *testing.T) {
	server, err := testserver.Postgres(t.TempDir(), "max_prepared_transactions=2", "wal_level=logical")
	targettest.Must(t, err)
	t.Cleanup(server.Kill)
	targettest.Must(t, server.Exec("postgres", "CREATE DATABASE site", "CREATE ROLE owner LOGIN CREATEDB PASSWORD 'x'", "ALTER DATABASE site OWNER TO owner"))
	targettest.Must(t, server.Exec("site", "CREATE TABLE t (id int); ALTER TABLE t OWNER TO owner"))
	super, _ := targettest.Open(t, server.URL("site"))
	owner, _ := targettest.Open(t, server.URLAs("owner", "x", "site"))
	for _, test := range []struct {
		db         target.Database
		in         string
		statements []string
		what       string
		undo       bool // is refused, too
	}{
		{super, "site", []string{"BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'o''clock'"},
			"database site has the prepared transaction 'o''clock' of postgres, which keeps it from being renamed", true},
		{super, "site", []string{"CREATE SUBSCRIPTION copy CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false, slot_name = NONE)"},
			"database site has the subscription copy, which would go on in the database that was replaced", true},
		{super, "postgres", []string{"ALTER DATABASE site ALLOW_CONNECTIONS false"}, "database site accepts no connections", false},
		{owner, "postgres", []string{"ALTER DATABASE site CONNECTION LIMIT 0"}, "database site has the connection limit 0", false},
	} {
		targettest.Must(t, server.Exec(test.in, test.statements...))
		err := test.db.Check(t.Context())
		var obstacle *target.ObstacleError
		if !errors.As(err, &obstacle) || err.Error() != test.what {
			t.Fatalf("%q: %v", test.what, err)
		}
		remedy, _, _ := strings.Cut(obstacle.Remedy, "; or ")
		remedy, _, _ = strings.Cut(remedy, "; in ")
		targettest.Must(t, server.Exec(test.in, strings.Split(remedy, "; ")...))
		if err := test.db.Check(t.Context()); err != nil {
			t.Errorf("after %s: %v", remedy, err)
		}
	}

	// A template is replaced by one, and dropped when its time has come.
	targettest.Must(t, server.Exec("postgres", "ALTER DATABASE site IS_TEMPLATE true"))
	dump := targettest.PgDump(t, server, "site")
	for range 2 {
		targettest.Must(t, targettest.Pull(t, super, dump))
	}
	rows, err := server.Query("postgres", "SELECT string_agg(datname || ' ' || datistemplate, ', ' ORDER BY datname) FROM pg_database WHERE datname LIKE 'site%'")
	targettest.Must(t, err)
	if rows[0][0] != "site true, site__dump_previous true" {
		t.Errorf("databases %s", rows[0][0])
	}
	targettest.Must(t, server.Exec("site", "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'a'"))
	var obstacle *target.ObstacleError
	if err := super.Undo(t.Context()); !errors.As(err, &obstacle) {
		t.Errorf("an undo beside a prepared transaction gives %v", err)
	}
	targettest.Must(t, server.Exec("site", "ROLLBACK PREPARED 'a'"))
	targettest.Must(t, super.Undo(t.Context()))

	// The site may be in the database from which others are renamed.
	targettest.Must(t, server.Exec("postgres", "CREATE TABLE mine (id int)"))
	own, _ := targettest.Open(t, server.URL("postgres"))
	targettest.Must(t, targettest.Pull(t, own, dump))
	rows, err = server.Query("postgres", "SELECT to_regclass('t') IS NOT NULL, to_regclass('mine') IS NULL")
	targettest.Must(t, err)
	if rows[0][0] != "t" || rows[0][1] != "t" {
		t.Errorf("the database has %v", rows)
	}
	targettest.Must(t, own.Undo(t.Context()))
}
