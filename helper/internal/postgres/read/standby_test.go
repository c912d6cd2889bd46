package read

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// startStandby starts a standby of the shared server, with what that has by now.
func startStandby(t *testing.T, options ...string) *testserver.PG {
	t.Helper()
	dir, err := os.MkdirTemp(sourcetest.ServersDir, "standby-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	runClient(t, "postgres", "", "pg_basebackup", "--pgdata="+data, "--write-recovery-conf", "--checkpoint=fast")
	if owner, err := user.Lookup("postgres"); err == nil && os.Geteuid() == 0 {
		if out, err := exec.Command("chown", "-R", owner.Uid+":"+owner.Gid, data).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	standby, err := testserver.Postgres(dir, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(standby.Kill)
	return standby
}

// A standby has no rows of unlogged tables, no values of unlogged sequences, and no serializable transactions.
func TestPostgresStandbyUnlogged(t *testing.T) {
	freshPostgres(t, "unlogged", `
		CREATE TABLE node (id serial PRIMARY KEY, title text); INSERT INTO node (title) VALUES ('of node');
		CREATE UNLOGGED TABLE cache (id serial PRIMARY KEY, node int REFERENCES node, data text); INSERT INTO cache (node, data) VALUES (1, 'of cache');
		CREATE UNLOGGED TABLE ruled (data text); INSERT INTO ruled VALUES ('of ruled');
		CREATE TABLE log (day int, what text) PARTITION BY RANGE (day); CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (1) TO (2);
		CREATE UNLOGGED TABLE log_2 PARTITION OF log FOR VALUES FROM (2) TO (3); INSERT INTO log VALUES (1, 'of log_1'), (2, 'of log_2');
		CREATE MATERIALIZED VIEW summary AS SELECT * FROM cache;`)
	standby := startStandby(t)
	for _, strict := range []bool{false, true} {
		if strict {
			server := sourcetest.PostgreSQL(t)
			if err := server.Exec("unlogged", "ALTER DATABASE unlogged SET default_transaction_isolation = 'serializable'", "SELECT lo_from_bytea(0, 'of large')"); err != nil {
				t.Fatal(err)
			}
			eventually(t, standby, "postgres", "SELECT count(*) = 1 FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'unlogged'")
		}
		for _, client := range []bool{false, true} {
			src, notes := sourcetest.Open(t, source.Config{
				URL: sourcetest.ParseURL(t, standby.URL("unlogged")), StructureOnly: []string{"ruled"}, Client: client,
			})
			const note = "without rows and values, since the server is a standby, which has none of what is unlogged: public.cache, public.cache_id_seq, public.log_2"
			if !slices.Contains(*notes, note) {
				t.Errorf("client %v, strict %v: notes %q", client, strict, *notes)
			}
			structure := strings.Join(src.Info().StructureOnly, " ")
			if structure != "public.cache public.log_2 public.ruled" {
				t.Errorf("without rows: %s", structure)
			}
			text := sourcetest.DumpText(t, src)
			sourcetest.Expect(t, text, "CREATE UNLOGGED TABLE public.cache", "of node", "of log_1", "CREATE UNLOGGED SEQUENCE public.cache_id_seq",
				"setval('public.node_id_seq', 1, true)", "!of cache", "!of log_2", "!setval('public.cache_id_seq'")
			if strict {
				sourcetest.Expect(t, text, "lo_create")
			}
			freshPostgres(t, "unlogged restored", text)
		}
	}
}
