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

// Event triggers may belong to a superuser, and the pull's account to nobody but itself. It replaces tables where that is about rows alone, and else says
// what stands in its way.
func TestPostgresEventsOfOthers(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.Must(t, server.Exec("postgres", "CREATE ROLE events LOGIN CREATEDB PASSWORD 'hush'"))
	t.Cleanup(func() {
		_ = server.Exec("postgres", "DROP DATABASE IF EXISTS site71", "DROP DATABASE IF EXISTS site71__dump_previous", "DROP ROLE events")
	})
	const tables = "CREATE TABLE free (id int); CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)"
	targettest.FreshPG(t, server, "staging71", tables+"; INSERT INTO free VALUES (7)")
	targettest.FreshPG(t, server, "site71", tables+"; ALTER TABLE free OWNER TO events; ALTER TABLE parent OWNER TO events; ALTER TABLE child OWNER TO events; ALTER DATABASE site71 OWNER TO events",
		"CREATE TABLE fired (tag text); GRANT INSERT ON fired TO events", "CREATE FUNCTION react() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO fired VALUES (tg_tag); END$$")
	targettest.Must(t, server.Exec("site71", "CREATE EVENT TRIGGER \"A b\" ON ddl_command_end EXECUTE FUNCTION react()"))
	pull := func(tables ...string) error {
		part := targettest.Only(tables...)
		db, _ := targettest.OpenPart(t, server.URLAs("events", "hush", "site71"), part)
		return pullPart(t, server, db, "staging71", part)
	}
	const want = `not allowed to disable event trigger "A b": it would react to what the pull changes, and belongs to another role`
	if err := pull("public.parent", "public.child"); err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
	targettest.Must(t, pull("public.free"))
	rows, err := server.Query("site71", "SELECT (SELECT count(*) FROM free), (SELECT count(*) FROM fired)")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"1", "0"}}, rows); diff != "" {
		t.Errorf("rows, events (-want +got):\n%s", diff)
	}
	targettest.Must(t, server.Exec("site71", "ALTER EVENT TRIGGER \"A b\" DISABLE"))
	targettest.Must(t, pull("public.parent", "public.child"))
}

// Since version 17, an event trigger may react to logins: no session of a superuser's pull wakes it. That of a dump stays out.
func TestPostgresLoginEvents(t *testing.T) {
	server, err := testserver.PostgresVersion(t.TempDir(), 18)
	targettest.Must(t, err)
	t.Cleanup(server.Kill)
	targettest.Must(t, server.Exec("postgres", "CREATE DATABASE site"))
	targettest.Must(t, server.Exec("site", "CREATE TABLE t (id int); INSERT INTO t VALUES (1)",
		"CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN IF current_setting('application_name') LIKE 'dump-helper%' THEN RAISE EXCEPTION 'no login'; END IF; END$$"))
	targettest.Must(t, server.Exec("site", "CREATE EVENT TRIGGER no ON login EXECUTE FUNCTION no()", "ALTER EVENT TRIGGER no ENABLE ALWAYS"))
	db, said := targettest.Open(t, server.URL("site"))
	const dump = "CREATE TABLE public.t (id int);\nCOPY public.t (id) FROM stdin;\n2\n3\n\\.\n" +
		"CREATE FUNCTION public.log() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$;\n" +
		"CREATE EVENT TRIGGER log ON login\n   EXECUTE FUNCTION public.log();\nALTER EVENT TRIGGER log ENABLE ALWAYS;\nALTER EVENT TRIGGER log OWNER TO postgres;\nCOMMENT ON EVENT TRIGGER log IS 'x';\n" +
		"CREATE EVENT TRIGGER late ON ddl_command_end\n   EXECUTE FUNCTION public.log();\n"
	targettest.Must(t, targettest.Pull(t, db, dump))
	if diff := cmp.Diff([]string{"event trigger log is left out: it would react to each login"}, said.Lines); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	has := func(want string) {
		t.Helper()
		rows, err := server.Query("site", "SELECT (SELECT string_agg(id::text, ' ') FROM t), (SELECT string_agg(evtname, ' ') FROM pg_event_trigger)")
		targettest.Must(t, err)
		if got := rows[0][0] + ", " + rows[0][1]; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	has("2 3, late")
	targettest.Must(t, targettest.Pull(t, db, dump)) // no event trigger of the first one reacts
	has("2 3, late")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.Must(t, db.Undo(t.Context()))
	has("2 3, late")
}
