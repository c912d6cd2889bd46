package load

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// The lines are those of pg_dump and pg_dumpall, and of people.
func TestPostgresConnect(t *testing.T) {
	for line, want := range map[string]string{
		"\\connect shop\n":  "shop",
		"\\c \"My Shop\"\n": "My Shop",
		"\\connect -reuse-previous=on \"dbname='my-shop'\"\n":               "my-shop",
		"\\connect -reuse-previous=on \"dbname='it\\'s \"\"x\"\" \\\\'\"\n": `it's "x" \`,
		"\\restrict abc\n": "",
		"\\connect\n":      "",
	} {
		l := &Load{}
		if l.command(line); l.entered != want {
			t.Errorf("%q: got %q, want %q", line, l.entered, want)
		}
	}
}

// A server's other databases are in a dump of all, without content.
func TestPostgresSeveralDatabases(t *testing.T) {
	l := &Load{}
	for _, name := range []string{"template1", "postgres", "shop"} {
		l.command(`\connect ` + name)
	}
	if err := errors.Join(l.fills(), l.fills()); err != nil {
		t.Fatal(err)
	}
	l.command(`\connect blog`)
	var several *target.SeveralDatabasesError
	if err := l.fills(); !errors.As(err, &several) || several.First != "shop" || several.Second != "blog" {
		t.Errorf("got %v", err)
	}
}

func TestPostgresClears(t *testing.T) {
	for text, want := range map[string]struct{ unknown, forbidden bool }{
		"DROP TABLE public.t":                                             {true, true},
		"DROP EXTENSION IF EXISTS plpgsql":                                {true, true},
		"ALTER TABLE ONLY public.t DROP CONSTRAINT k":                     {true, false},
		"ALTER TABLE public.t ALTER COLUMN id DROP DEFAULT":               {true, false},
		"ALTER DOMAIN public.d DROP CONSTRAINT k":                         {true, false},
		"SELECT pg_catalog.lo_unlink('16')":                               {true, false},
		"CREATE OR REPLACE VIEW app.v AS\nSELECT\n    NULL::integer AS a": {true, false},
		"CREATE OR REPLACE VIEW app.v AS SELECT a FROM t":                 {false, false},
		"ALTER TABLE public.t ALTER COLUMN id SET DEFAULT 1":              {false, false},
		"SELECT setval('a', 1)":                                           {false, false},
		"CREATE TABLE public.t (a x)":                                     {false, false},
	} {
		for code, want := range map[string]bool{postgres.UndefinedTable: want.unknown, postgres.InsufficientPrivilege: want.forbidden} {
			if got := clears([]byte(text), &pgconn.PgError{Code: code}); got != want {
				t.Errorf("%s: %s: got %v", text, code, got)
			}
		}
	}
}
