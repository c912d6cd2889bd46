package swap

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// The local database may have event triggers, which react to what a pull does in its copy, and be replicated: its slots are not dropped.
func TestPostgresEventsAndReplication(t *testing.T) {
	server, err := testserver.Postgres(t.TempDir(), "wal_level=logical")
	targettest.Must(t, err)
	t.Cleanup(server.Kill)
	targettest.Must(t, server.Exec("postgres", "CREATE DATABASE site", "CREATE DATABASE staging"))
	for _, database := range []string{"site", "staging"} {
		targettest.Must(t, server.Exec(database, "CREATE TABLE t (id int PRIMARY KEY, n text); INSERT INTO t VALUES (1, '"+database+"'); CREATE TABLE u (id int REFERENCES t)",
			"CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'", "CREATE TRIGGER same BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION same()"))
	}
	targettest.Must(t, server.Exec("site", "CREATE PUBLICATION changes FOR TABLE t", "SELECT pg_create_logical_replication_slot('debezium', 'pgoutput')",
		"CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no % here', tg_tag; END$$"))
	targettest.Must(t, server.Exec("site", "CREATE EVENT TRIGGER never ON ddl_command_end EXECUTE FUNCTION no()", "ALTER EVENT TRIGGER never DISABLE",
		"CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no()", "ALTER EVENT TRIGGER no ENABLE ALWAYS"))
	const about = "SELECT n, (SELECT string_agg(evtname || ' ' || evtenabled::text, ', ' ORDER BY evtname) FROM pg_event_trigger), (SELECT count(*) FROM pg_publication) FROM t"
	has := func(database string, want ...string) {
		t.Helper()
		rows, err := server.Query(database, about)
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{want}, rows); diff != "" {
			t.Errorf("%s (-want +got):\n%s", database, diff)
		}
	}

	part := targettest.Only("public.t", "public.u")
	db, said := targettest.OpenPart(t, server.URL("site"), part)
	targettest.Must(t, pullPart(t, server, db, "staging", part))
	has("site", "staging", "never D, no A", "1")
	if diff := cmp.Diff([]string{"what replicates the local database stays with the one that is replaced: replication slot debezium"}, said.Lines); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	whole, said := targettest.Open(t, server.URL("site"))
	dump := targettest.PgDump(t, server, "staging")
	for range 4 {
		targettest.Must(t, targettest.Pull(t, whole, dump))
	}
	if diff := cmp.Diff([]string{"what replicates the local database stays with the one that is replaced: publication changes"}, said.Lines); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	rows, err := server.Query("postgres", "SELECT database FROM pg_replication_slots WHERE slot_name = 'debezium'")
	targettest.Must(t, err)
	if len(rows) != 1 {
		t.Fatal("the replication slot is gone")
	}
	has(rows[0][0], "site", "never D, no A", "1")
}
