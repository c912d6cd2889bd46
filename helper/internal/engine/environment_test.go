package engine

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// hostile are the variables of libpq and of the driver that hold no credentials, with values that no connection of ours may obey.
var hostile = map[string]string{
	"PGHOST": "db.invalid", "PGHOSTADDR": "192.0.2.99", "PGPORT": "1", "PGDATABASE": "nowhere", "PGUSER": "nobody", "PGAPPNAME": "somebody else",
	"PGCONNECT_TIMEOUT": "never", "PGCLIENTENCODING": "nonsense", "PGDATESTYLE": "nonsense", "PGTZ": "nonsense", "PGGEQO": "nonsense",
	"PGOPTIONS": "-c no_such_setting=1", "PGSERVICE": "no such service", "PGSERVICEFILE": "/dev/null/none", "PGSYSCONFDIR": "/dev/null/none",
	"PGSSLMODE": "nonsense", "PGSSLROOTCERT": "/dev/null/none", "PGSSLCRL": "/dev/null", "PGSSLCRLDIR": "/dev/null", "PGSSLSNI": "nonsense",
	"PGSSLCERTMODE": "nonsense", "PGSSLNEGOTIATION": "nonsense", "PGSSLCOMPRESSION": "1", "PGREQUIRESSL": "1",
	"PGSSLMINPROTOCOLVERSION": "nonsense", "PGSSLMAXPROTOCOLVERSION": "nonsense", "PGMINPROTOCOLVERSION": "nonsense", "PGMAXPROTOCOLVERSION": "nonsense",
	"PGCHANNELBINDING": "nonsense", "PGREQUIREAUTH": "nonsense", "PGREQUIREPEER": "nobody", "PGTARGETSESSIONATTRS": "nonsense",
	"PGLOADBALANCEHOSTS": "nonsense", "PGKRBSRVNAME": "nobody", "PGGSSLIB": "nonsense", "PGGSSENCMODE": "nonsense", "PGGSSDELEGATION": "nonsense",
	"PGREALM": "nowhere", "PGLOCALEDIR": "/dev/null/none",
}

// Of PostgreSQL's variables only those with credentials count, in both directions.
func TestPostgresEnvironment(t *testing.T) {
	certs, err := testserver.NewCerts(filepath.Join(t.TempDir(), "certs"))
	targettest.Must(t, err)
	dir := t.TempDir()
	server, err := testserver.Postgres(dir, certs.PostgresOptions()...)
	targettest.Must(t, err)
	t.Cleanup(server.Kill)
	targettest.Must(t, server.Exec("postgres", "CREATE DATABASE shop", "CREATE ROLE reader LOGIN SUPERUSER PASSWORD 'right'", "CREATE ROLE holder LOGIN SUPERUSER"))
	targettest.Must(t, server.Exec("shop", "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)"))
	rules := filepath.Join(dir, "data", "pg_hba.conf")
	text, err := os.ReadFile(rules)
	targettest.Must(t, err)
	targettest.Must(t, os.WriteFile(rules, append([]byte("hostssl all holder 127.0.0.1/32 cert\n"), text...), 0o600))
	targettest.Must(t, server.Exec("postgres", "SELECT pg_reload_conf()"))
	cert, key, err := certs.Client("holder")
	targettest.Must(t, err)
	passwords := filepath.Join(t.TempDir(), "pgpass")
	targettest.Must(t, os.WriteFile(passwords, []byte("127.0.0.1:"+strconv.Itoa(server.Port)+":*:reader:right\n"), 0o600))

	for name, test := range map[string]struct {
		url         string
		credentials map[string]string
	}{
		"of the URL":    {server.URLAs("reader", "right", "shop"), map[string]string{"PGPASSWORD": "wrong", "PGPASSFILE": "/dev/null/none"}},
		"password":      {server.URLAs("reader", "", "shop"), map[string]string{"PGPASSWORD": "right"}},
		"password file": {server.URLAs("reader", "", "shop"), map[string]string{"PGPASSFILE": passwords}},
		"certificate":   {server.URLAs("holder", "", "shop") + "?tls=on", map[string]string{"PGSSLCERT": cert, "PGSSLKEY": key}},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range hostile {
				t.Setenv(name, value)
			}
			for name, value := range test.credentials {
				t.Setenv(name, value)
			}
			temporary := t.TempDir()
			t.Setenv("TMPDIR", temporary)
			u := targettest.ParseURL(t, test.url)
			for _, client := range []bool{false, true} {
				if err := dumpWith(t, source.Config{URL: &u, Client: client}); err != nil {
					t.Errorf("source, by client %v: %v", client, err)
				}
			}
			if err := tryTarget(t, u); err != nil {
				t.Errorf("target: %v", err)
			}
			if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
