package swap

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres/admit/admittest"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// function is one that executes a text as whoever calls it.
func function(name, kind, body string) string {
	return "CREATE FUNCTION public." + name + "() RETURNS " + kind + " LANGUAGE plpgsql AS $f$ BEGIN " + body + "; RETURN NULL; EXCEPTION WHEN OTHERS THEN RETURN NULL; END $f$;\n"
}

// reaching are what a hostile text tries to do, once it is executed. Every one has an effect outside of the database that is being loaded. In DIR
// the server may write; DIR/secret it may read.
var reaching = map[string]string{
	"program":            `EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch DIR/made'''`,
	"from program":       `EXECUTE 'CREATE TABLE public.p (a text)'; EXECUTE 'COPY public.p FROM PROGRAM ''touch DIR/made; echo 1'''`,
	"file":               `EXECUTE 'COPY (SELECT 1) TO ''DIR/made'''`,
	"secret":             `EXECUTE 'CREATE TABLE public.p (a text)'; EXECUTE 'COPY public.p FROM ''DIR/secret'''`,
	"read file":          `CREATE TABLE public.p AS SELECT pg_read_file('DIR/secret') AS a`,
	"large object out":   `PERFORM lo_export(lo_from_bytea(0, 'x'), 'DIR/made')`,
	"large object in":    `PERFORM lo_import('DIR/secret')`,
	"role":               `CREATE ROLE made SUPERUSER LOGIN`,
	"superuser":          `ALTER ROLE bystander SUPERUSER`,
	"itself":             `EXECUTE format('ALTER ROLE %I SUPERUSER', current_user)`,
	"membership":         `EXECUTE format('GRANT bystander TO %I', current_user)`,
	"role setting":       `ALTER ROLE bystander SET work_mem = '1MB'`,
	"database setting":   `ALTER DATABASE victim SET work_mem = '1MB'`,
	"database privilege": `REVOKE ALL ON DATABASE victim FROM PUBLIC`,
	"database name":      `ALTER DATABASE victim RENAME TO made`,
	"end sessions":       `PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'victim'`,
	"server process":     `PERFORM pg_reload_conf(), pg_rotate_logfile()`,
	"slot":               `PERFORM pg_create_physical_replication_slot('made')`,
	"auto.conf":          `PERFORM pg_read_file('postgresql.auto.conf'); EXECUTE 'COPY (SELECT ''work_mem=1MB'') TO ''DIR/made'''`,
	"become":             `SET SESSION AUTHORIZATION postgres; ALTER ROLE bystander SUPERUSER`,
	"become by SET ROLE": `SET ROLE postgres; ALTER ROLE bystander SUPERUSER`,
	"reset":              `RESET SESSION AUTHORIZATION; RESET ROLE; ALTER ROLE bystander SUPERUSER`,
	"dblink":             `PERFORM dblink_exec('host=127.0.0.1 port=PORT user=postgres dbname=victim', 'DELETE FROM kept')`,
	"dblink as admin":    `PERFORM dblink_exec('host=127.0.0.1 port=PORT user=administrator password=known dbname=victim', 'DELETE FROM kept')`,
}

// places are the ways to have a body executed: DO is a statement, and all others are found by what is done to the objects that they make.
var places = map[string]func(body string) string{
	"DO": func(body string) string {
		return "DO $d$ BEGIN " + body + "; EXCEPTION WHEN OTHERS THEN NULL; END $d$;\n"
	},
	"a query": func(body string) string { return function("evil", "int", body) + "SELECT public.evil();\n" },
	"a trigger": func(body string) string {
		return function("evil", "trigger", body) + "CREATE TRIGGER t BEFORE INSERT ON public.t FOR EACH STATEMENT EXECUTE FUNCTION public.evil();\n" +
			"COPY public.t (id) FROM stdin;\n7\n\\.\n"
	},
	"a default": func(body string) string {
		return function("evil", "int", body) + "ALTER TABLE public.t ADD COLUMN d int DEFAULT public.evil();\nINSERT INTO public.t (id) VALUES (8);\n"
	},
	"a check": func(body string) string {
		return function("evil", "int", body) + "ALTER TABLE public.t ADD CHECK (public.evil() IS NULL);\n"
	},
	"an index": func(body string) string {
		return strings.Replace(function("evil", "int", body), " AS ", " IMMUTABLE AS ", 1) + "CREATE INDEX i ON public.t ((coalesce(public.evil(), 1) + id));\n"
	},
	"a materialized view": func(body string) string {
		return function("evil", "int", body) + "CREATE MATERIALIZED VIEW public.m AS SELECT public.evil() WITH NO DATA;\nREFRESH MATERIALIZED VIEW public.m;\n"
	},
	"an event trigger": func(body string) string {
		return function("evil", "event_trigger", body) + "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.evil();\nCREATE TABLE public.other (id int);\n"
	},
	"a function of its owner": func(body string) string {
		return strings.Replace(function("evil", "int", body), " AS ", " SECURITY DEFINER AS ", 1) + "ALTER FUNCTION public.evil() OWNER TO postgres;\nSELECT public.evil();\n"
	},
}

// hostile are texts of their own.
var hostile = map[string]string{
	"COPY TO PROGRAM":               `COPY public.t TO PROGRAM 'touch DIR/made';`,
	"COPY of a query":               `COPY (SELECT 1) TO PROGRAM 'touch DIR/made';`,
	"COPY FROM PROGRAM":             `COPY public.t FROM PROGRAM 'touch DIR/made; echo 3';`,
	"COPY TO a file":                `COPY public.t TO 'DIR/made';`,
	"COPY FROM a file":              "CREATE TABLE public.s (a text);\nCOPY public.s FROM 'DIR/secret';",
	"COPY with a comment":           `/* FROM stdin */ COPY public.t /* FROM stdin */ TO /* a */ PROGRAM 'touch DIR/made';`,
	"COPY in a nested comment":      "/* /* */ COPY public.t FROM stdin; */ COPY public.t TO PROGRAM 'touch DIR/made';",
	"two statements":                "SELECT 1 \\; COPY public.t TO PROGRAM 'touch DIR/made';",
	"ALTER SYSTEM":                  `ALTER SYSTEM SET work_mem = '1MB';`,
	"ALTER ROLE":                    `ALTER ROLE bystander SUPERUSER;`,
	"ALTER USER":                    `ALTER USER bystander PASSWORD 'x';`,
	"ALTER ROLE … IN DATABASE":      `ALTER ROLE bystander IN DATABASE victim SET work_mem = '1MB';`,
	"CREATE ROLE":                   `CREATE ROLE made SUPERUSER;`,
	"CREATE USER":                   `CREATE USER made SUPERUSER;`,
	"CREATE GROUP":                  `CREATE GROUP made;`,
	"DROP ROLE":                     `DROP ROLE bystander;`,
	"DROP OWNED":                    `DROP OWNED BY bystander;`,
	"REASSIGN OWNED":                `REASSIGN OWNED BY postgres TO bystander;`,
	"GRANT of a role":               `GRANT pg_execute_server_program TO bystander;`,
	"GRANT of a role with admin":    `GRANT postgres TO bystander WITH ADMIN OPTION;`,
	"GRANT on another database":     `GRANT ALL ON DATABASE victim TO bystander;`,
	"GRANT on a tablespace":         `GRANT CREATE ON TABLESPACE pg_default TO bystander;`,
	"GRANT on a parameter":          `GRANT SET, ALTER SYSTEM ON PARAMETER work_mem TO bystander;`,
	"ALTER DATABASE SET":            `ALTER DATABASE victim SET work_mem = '1MB';`,
	"ALTER DATABASE OWNER":          `ALTER DATABASE victim OWNER TO bystander;`,
	"CREATE DATABASE":               `CREATE DATABASE made;`,
	"DROP DATABASE":                 `DROP DATABASE victim;`,
	"COMMENT ON DATABASE":           `COMMENT ON DATABASE victim IS 'x';`,
	"COMMENT ON ROLE":               `COMMENT ON ROLE bystander IS 'x';`,
	"CREATE TABLESPACE":             `CREATE TABLESPACE made LOCATION 'DIR';`,
	"CREATE SUBSCRIPTION":           `CREATE SUBSCRIPTION made CONNECTION 'host=127.0.0.1' PUBLICATION p WITH (connect = false);`,
	"LOAD":                          `LOAD 'auto_explain';`,
	"CHECKPOINT":                    `CHECKPOINT;`,
	"PREPARE TRANSACTION":           "BEGIN;\nCREATE TABLE public.p (a int);\nPREPARE TRANSACTION 'made';",
	"C function":                    "CREATE FUNCTION public.evil(cstring) RETURNS int LANGUAGE c STRICT AS '/lib/x86_64-linux-gnu/libc.so.6', 'system';\nSELECT public.evil('touch DIR/made');",
	"C function of an extension":    "CREATE FUNCTION public.evil(text, text) RETURNS text LANGUAGE c AS '$libdir/dblink', 'dblink_exec';\nSELECT public.evil('host=127.0.0.1 port=PORT user=administrator password=known dbname=victim', 'DELETE FROM kept');",
	"internal function":             "CREATE FUNCTION public.evil(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all';\nCREATE TABLE public.p AS SELECT public.evil('DIR/secret');",
	"internal function, export":     "CREATE FUNCTION public.evil(oid, text) RETURNS int LANGUAGE internal AS 'be_lo_export';\nSELECT public.evil(lo_from_bytea(0, 'x'), 'DIR/made');",
	"untrusted language":            "CREATE EXTENSION plpython3u;\nCREATE FUNCTION public.evil() RETURNS int LANGUAGE plpython3u AS $$ open('DIR/made', 'w').write('x') $$;\nSELECT public.evil();",
	"file_fdw":                      "CREATE EXTENSION file_fdw;\nCREATE SERVER s FOREIGN DATA WRAPPER file_fdw;\nCREATE FOREIGN TABLE public.f (a text) SERVER s OPTIONS (filename 'DIR/secret');\nCREATE TABLE public.p AS SELECT a FROM public.f;",
	"file_fdw, program":             "CREATE EXTENSION file_fdw;\nCREATE SERVER s FOREIGN DATA WRAPPER file_fdw;\nCREATE FOREIGN TABLE public.f (a text) SERVER s OPTIONS (program 'touch DIR/made');\nCREATE TABLE public.p AS SELECT a FROM public.f;",
	"postgres_fdw":                  "CREATE EXTENSION postgres_fdw;\nCREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port 'PORT', dbname 'victim');\nCREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'administrator', password 'known');\nCREATE FOREIGN TABLE public.f (id int) SERVER s OPTIONS (table_name 'kept');\nDELETE FROM public.f;",
	"postgres_fdw in DO":            "CREATE EXTENSION postgres_fdw;\nCREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw;\nDO $$ BEGIN CREATE SERVER q FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port 'PORT', dbname 'victim'); CREATE USER MAPPING FOR CURRENT_USER SERVER q OPTIONS (user 'administrator', password 'known'); CREATE FOREIGN TABLE public.f (id int) SERVER q OPTIONS (table_name 'kept'); DELETE FROM public.f; END $$;",
	"server of ours, in DO":         "CREATE EXTENSION postgres_fdw;\nCREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw;\nCREATE FOREIGN TABLE public.f (id int) SERVER s OPTIONS (table_name 'kept');\nDO $$ BEGIN ALTER SERVER s OPTIONS (ADD host '127.0.0.1', ADD port 'PORT', ADD dbname 'victim'); CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'administrator', password 'known'); DELETE FROM public.f; END $$;",
	"dblink":                        "CREATE EXTENSION dblink;\nSELECT dblink_exec('host=127.0.0.1 port=PORT user=administrator password=known dbname=victim', 'DELETE FROM kept');",
	"dblink, granted":               "CREATE EXTENSION dblink;\nGRANT EXECUTE ON FUNCTION public.dblink_exec(text, text) TO PUBLIC;\nSELECT dblink_exec('host=127.0.0.1 port=PORT user=administrator password=known dbname=victim', 'DELETE FROM kept');",
	"catalog function, granted":     "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC;\nCREATE TABLE public.p AS SELECT pg_read_file('DIR/secret');",
	"SET SESSION AUTHORIZATION":     "SET SESSION AUTHORIZATION postgres;\nALTER TABLE public.t ADD COLUMN x int;\nDO $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch DIR/made'; END $$;",
	"RESET SESSION AUTHORIZATION":   "RESET SESSION AUTHORIZATION;\nDO $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch DIR/made'; END $$;",
	"DISCARD ALL":                   "DISCARD ALL;\nDO $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch DIR/made'; END $$;",
	"psql's shell":                  "\\! touch DIR/made\n",
	"psql's copy":                   "\\copy public.t to program 'touch DIR/made'\n",
	"psql's output":                 "\\o DIR/made\nSELECT 1;\n",
	"psql's gexec":                  "SELECT 'COPY (SELECT 1) TO PROGRAM ''touch DIR/made'''\n\\gexec\n",
	"psql's input":                  "\\i DIR/secret\n",
	"cast between built-in types":   "CREATE FUNCTION public.evil(regprocedure) RETURNS text LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch DIR/made'; RETURN 'x'; END $$;\nCREATE CAST (regprocedure AS text) WITH FUNCTION public.evil(regprocedure) AS IMPLICIT;",
	"operator before the catalog's": "CREATE FUNCTION public.evil(name, name) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch DIR/made'; RETURN true; END $$;\nCREATE OPERATOR public.= (FUNCTION = public.evil, LEFTARG = name, RIGHTARG = name);\nALTER DATABASE site SET search_path = public, pg_catalog;",
	"search path of the database":   "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$;\nCREATE FUNCTION public.to_jsonb(pg_class) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch DIR/made'; RETURN '{}'; END $$;",
	"partition bound":               "CREATE FUNCTION public.evil() RETURNS int LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch DIR/made'; RETURN 1; END $$;\nCREATE TABLE public.q (id int) PARTITION BY LIST (id);\nCREATE EXTENSION file_fdw;\nCREATE SERVER s FOREIGN DATA WRAPPER file_fdw;\nCREATE FOREIGN TABLE public.f PARTITION OF public.q FOR VALUES IN (public.evil()) SERVER s;",
	"function before an extension":  "CREATE FUNCTION public.pg_extension_config_dump(text, text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch DIR/made'; END $$;\nCREATE EXTENSION postgis WITH SCHEMA public;",
	"constant in an index":          "CREATE FUNCTION public.evil(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN COPY (SELECT 1) TO PROGRAM 'touch DIR/made'; END IF; RETURN 1; END $$;\nCREATE INDEX i ON public.t ((id + public.evil(1)));",
}

// state is everything of a server that a dump must not change. FILES is what is in the folder.
func state(t *testing.T, server *testserver.PG, dir string) string {
	t.Helper()
	var text strings.Builder
	for _, query := range []string{
		"SELECT string_agg(to_jsonb(a)::text, E'\\n' ORDER BY rolname) FROM (SELECT * FROM pg_authid) a",
		"SELECT string_agg(m.roleid || ' ' || m.member, E'\\n' ORDER BY m.roleid, m.member) FROM pg_auth_members m",
		"SELECT string_agg(d.datname || ' ' || setrole || setconfig::text, E'\\n' ORDER BY 1) FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase WHERE d.datname !~ '^site' OR setdatabase = 0",
		"SELECT string_agg(concat_ws(' ', datname, datdba, coalesce(datacl, acldefault('d', datdba)), datconnlimit, shobj_description(oid, 'pg_database')), E'\\n' ORDER BY datname) FROM pg_database WHERE datname !~ '__dump_previous|^site$'",
		"SELECT string_agg(concat_ws(' ', spcname, spcowner, coalesce(spcacl, acldefault('t', spcowner)), spcoptions), E'\\n' ORDER BY spcname) FROM pg_tablespace",
		"SELECT string_agg(name || '=' || setting, E'\\n' ORDER BY name) FROM pg_file_settings",
		"SELECT string_agg(to_jsonb(s)::text, E'\\n') FROM pg_shdescription s WHERE classoid = 'pg_authid'::regclass",
		"SELECT count(*)::text FROM pg_prepared_xacts", "SELECT count(*)::text FROM pg_replication_slots", "SELECT count(*)::text FROM pg_subscription",
		"SELECT string_agg(to_jsonb(p)::text, E'\\n') FROM pg_parameter_acl p",
	} {
		rows, err := server.Query("postgres", query)
		targettest.Must(t, err)
		fmt.Fprintln(&text, rows)
	}
	files, err := os.ReadDir(dir)
	targettest.Must(t, err)
	for _, file := range files {
		fmt.Fprintln(&text, "file", file.Name())
	}
	auto, err := server.Query("postgres", "SELECT pg_read_file('postgresql.auto.conf')")
	targettest.Must(t, err)
	for _, database := range []string{"victim", "postgres"} {
		rows, err := server.Query(database, "SELECT string_agg(c.oid::regclass || ' ' || c.relowner || coalesce(c.relacl::text, ''), E'\\n' ORDER BY c.oid) FROM pg_class c WHERE c.oid >= 16384"+
			" UNION ALL SELECT count(*)::text FROM pg_proc UNION ALL SELECT nspname || nspacl::text FROM pg_namespace WHERE nspname = 'public'")
		targettest.Must(t, err)
		fmt.Fprintln(&text, database, rows)
	}
	kept, err := server.Query("victim", "SELECT string_agg(id::text, ',') FROM kept")
	targettest.Must(t, err)
	return text.String() + fmt.Sprint(auto, kept)
}

// pullText pulls a dump, and undoes what it leaves.
func pullText(t *testing.T, url, text string) error {
	t.Helper()
	db, err := Open(t.Context(), target.Config{URL: targettest.ParseURL(t, url), Token: "x"})
	targettest.Must(t, err)
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	stats, err := load.Run(t.Context(), strings.NewReader(text), sqltext.Postgres, nil)
	if err == nil {
		stats.Tables = nil // it may drop what it has
		err = load.Compare(t.Context(), stats)
	}
	if err == nil {
		err = load.Swap(t.Context(), targettest.DumpOf("x"))
	}
	targettest.Must(t, load.Discard())
	return err
}

// Whatever a dump contains, nothing but the database that it is loaded into changes, and nothing of the server's files gets into that.
func TestHostileDumps(t *testing.T) {
	server, err := testserver.Postgres(t.TempDir())
	targettest.Must(t, err)
	t.Cleanup(server.Kill)
	dir, err := os.MkdirTemp("", "hostile-")
	targettest.Must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	targettest.Must(t, os.Chmod(dir, 0o777))
	const secret = "nobody may read this"
	targettest.Must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(secret+"\n"), 0o644))
	targettest.FreshPG(t, server, "victim", "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (1), (2)")
	targettest.FreshPG(t, server, "site", "CREATE TABLE old (id int)")
	targettest.Must(t, server.Exec("postgres", "CREATE ROLE bystander LOGIN", "CREATE ROLE administrator LOGIN SUPERUSER PASSWORD 'known'"))
	texts := map[string]string{}
	for name, text := range hostile {
		texts[name] = text
	}
	for place, text := range places {
		for name, body := range reaching {
			if !targettest.Long() && place != "DO" && name != "program" {
				continue
			}
			before := ""
			if strings.HasPrefix(name, "dblink") {
				before = "CREATE EXTENSION dblink WITH SCHEMA public;\n"
			}
			texts[name+" in "+place] = before + text(body)
		}
	}
	made := 15
	if targettest.Long() {
		made = 1500
	}
	random := rand.New(rand.NewPCG(18, 4)) // the same statements each time
	for i := range made {
		text, _ := admittest.Statement(random.IntN)
		texts[fmt.Sprintf("grammar %d", i)] = text + ";"
	}
	fill := strings.NewReplacer("DIR", dir, "PORT", fmt.Sprint(server.Port))
	want := state(t, server, dir)
	reset := func() { // so that the next one has a chance
		targettest.FreshPG(t, server, "victim", "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (1), (2)")
		_ = os.Remove(filepath.Join(dir, "made"))
	}
	pulled := 0
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			err := pullText(t, server.URL("site"), "CREATE TABLE public.t (id int);\nCOPY public.t FROM stdin;\n1\n2\n\\.\n"+fill.Replace(text)+"\n")
			if diff := cmp.Diff(want, state(t, server, dir)); diff != "" {
				t.Errorf("pulled (%v): outside of the database (-want +got):\n%s\n\nof the text\n%s", err, diff, text)
				reset()
			}
			if found, err := server.Query("site", "SELECT a FROM public.p WHERE a ~ '"+secret+"'"); err == nil && len(found) > 0 {
				t.Errorf("a file of the server is in the database")
			}
			targettest.NoGarbagePG(t, server, "site")
			if err == nil {
				pulled++
			}
		})
	}
	t.Logf("%d of %d texts were pulled without an error", pulled, len(texts))
}

// Names without a schema are looked for in the server's own first. What the pull's own account does of a dump is for the dump's objects alone.
func TestDumpsSpareTheCatalog(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site7", "SELECT 1")
	targettest.Must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE visitor; EXCEPTION WHEN duplicate_object THEN NULL; END $$"))
	catalog := func() [][]string {
		rows, err := server.Query("site7", "SELECT 'pg_read_file', proowner::regrole || coalesce(proacl::text, '') FROM pg_proc WHERE proname = 'pg_read_file'"+
			" UNION ALL SELECT relname, relowner::regrole || coalesce(relacl::text, '') FROM pg_class WHERE oid < 16384"+
			" UNION ALL SELECT nspname, coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname = 'pg_catalog'"+
			" UNION ALL SELECT 'columns', count(*)::text FROM pg_attribute WHERE attrelid < 16384 AND attacl IS NOT NULL"+
			" UNION ALL SELECT 'integer_ops', (SELECT count(*) FROM pg_amproc WHERE amprocfamily < 16384)::text || (SELECT count(*) FROM pg_amop WHERE amopfamily < 16384)::text ORDER BY 1, 2")
		targettest.Must(t, err)
		return rows
	}
	want := catalog()
	db, said := targettest.Open(t, server.URL("site7"))
	targettest.Must(t, targettest.Pull(t, db, `
SET search_path = public, pg_catalog;
CREATE TABLE t (id int);
CREATE FUNCTION f(int2, oid) RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER TABLE t OWNER TO visitor;
GRANT SELECT ON TABLE t TO PUBLIC;
GRANT EXECUTE ON FUNCTION pg_read_file(text) TO visitor;
ALTER FUNCTION pg_read_file(text, bigint, bigint) OWNER TO visitor;
GRANT SELECT ON TABLE pg_authid TO visitor;
GRANT SELECT (rolpassword) ON pg_authid TO visitor;
GRANT SELECT ON ALL TABLES IN SCHEMA pg_catalog TO visitor;
GRANT CREATE ON SCHEMA pg_catalog TO visitor;
ALTER TABLE pg_database OWNER TO visitor;
ALTER OPERATOR FAMILY integer_ops USING btree ADD FUNCTION 1 (int2, oid) f(int2, oid);
`))
	if diff := cmp.Diff(want, catalog()); diff != "" {
		t.Errorf("the server's own objects (-want +got):\n%s", diff)
	}
	rows, err := server.Query("site7", "SELECT string_agg(relname || ' ' || relowner::regrole || ' ' || coalesce(relacl::text, ''), ', ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
	targettest.Must(t, err)
	if got, want := rows[0][0], "t visitor {visitor=arwdDxt/visitor,=r/visitor}"; got != want {
		t.Errorf("the dump's own objects: %s", got)
	}
	if notes := strings.Join(said.Lines, "\n"); !strings.Contains(notes, "a GRANT of the dump is skipped: it would change what is the server's own") {
		t.Errorf("notes: %s", notes)
	}
}
