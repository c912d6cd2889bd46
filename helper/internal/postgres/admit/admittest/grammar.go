// Package admittest has statements for tests of what a dump may do.
package admittest

import "github.com/jobiqo/dump-refresh/tests/grammar"

// Statement makes a statement of PostgreSQL by a grammar. It reports whether the statement reaches for other databases, roles, settings of the
// server, or files. In it, DIR stands for a folder in which the server may write, DIR/secret for a file that it may read, and PORT for its port. The
// other database is called victim, its table kept; the roles are bystander, and administrator, whose password is known.
func Statement(choose grammar.Choose) (text string, reaches bool) {
	return grammar.Grammar{Rules: rules, Gaps: gaps}.Statement(choose)
}

var gaps = []string{"\n", "\t", "/**/", " /* /* x */ ; */ ", " -- x;\n", "\f", "  ", " "}

var rules = map[string][]string{
	"statement": {
		"{rows}", "{rows}", "{table}", "{table}", "{alter}", "{set}", "{set}", "{do}", "{do}", "{do}", "{called}", "{called}", "{called}", "{copy}", "{copy}", "{role}", "{database}", "{server}", "{foreign}", "{object}", "{drop}",
		"{rows};\n{called}", "{set};\n{do}", "{function};\n{used}", "{function};\n{used}", "{function};\n{used}", "{extension};\n{beyond}", "{extension};\n{beyond}",
	},
	"rows": {
		"INSERT INTO {t} VALUES ({value})", "INSERT INTO {t} (id) SELECT {value}", "UPDATE {t} SET id = {value}", "DELETE FROM {t} WHERE id = {value}", "TRUNCATE {t}", "WITH x AS (DELETE FROM {t} RETURNING *) SELECT * FROM x",
		"INSERT INTO {t} VALUES (1) RETURNING {value}", "MERGE INTO {t} USING t AS s ON false WHEN NOT MATCHED THEN INSERT VALUES ({value})",
	},
	"t":     {"public.t", "t", "ONLY public.t", "\"public\".\"t\"", "U&\"\\0070ublic\".t", "site__dump_incoming.public.t", "!victim.public.kept", "!pg_catalog.pg_authid", "!pg_catalog.pg_database", "!pg_catalog.pg_largeobject"},
	"value": {"1", "NULL", "'7'", "$$8$$::int", "(SELECT 1)", "coalesce({value}, {value})", "length({call}::text)", "(SELECT length({call}::text))", "CASE WHEN {call} IS NULL THEN 1 END"},
	// Calls with an effect, or whose answer nobody may have.
	"call": {
		"pg_catalog.now()", "!pg_read_file('DIR/secret')", "!pg_read_binary_file('DIR/secret')", "!pg_catalog . pg_ls_dir('DIR')", "!\"pg_catalog\".\"pg_read_file\"('DIR/secret', 0, 9)", "!pg_stat_file('DIR/secret')", "!lo_export(lo_from_bytea(0, 'x'), 'DIR/made')",
		"!lo_import('DIR/secret')", "!pg_reload_conf()", "!pg_rotate_logfile()", "!pg_switch_wal()", "!pg_create_restore_point('made')", "!pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'victim'", "!pg_create_physical_replication_slot('made')",
		"!pg_create_logical_replication_slot('made', 'pgoutput')", "!dblink_exec('host=127.0.0.1 port=PORT user=administrator password=known dbname=victim', 'DELETE FROM kept')", "!set_config('role', 'postgres', false)", "!set_config('session_authorization', 'postgres', false)",
		"!pg_import_system_collations('public')", "!pg_notify('made', 'x')", "!pg_stat_reset_shared('bgwriter')", "!query_to_xml('DELETE FROM pg_catalog.pg_authid', true, true, '')", "!database_to_xml(true, true, '')", "!pg_promote()", "!pg_replication_origin_create('made')",
		"!pg_logical_emit_message(false, 'made', 'x')", "!currtid2('pg_catalog.pg_authid', '(0,1)')", "!ts_stat('SELECT pg_read_file(''DIR/secret'')::tsvector')", "!brin_summarize_new_values('i')", "!pg_catalog.pg_extension_config_dump('t', '')",
	},
	// What is executed as text or in a body.
	"effect": {
		"SELECT {call}", "SELECT {call}", "{role}", "{database}", "{server}", "{copied}", "{become}; {role}", "{become}; {copied}", "{rows}", "CREATE TABLE public.p AS SELECT {call} AS a", "{foreign}", "{extension}", "REFRESH MATERIALIZED VIEW public.m",
	},
	"become": {"RESET ROLE", "!SET ROLE postgres", "!SET SESSION AUTHORIZATION postgres", "!SET LOCAL ROLE administrator", "RESET SESSION AUTHORIZATION", "!SET SESSION AUTHORIZATION DEFAULT", "DISCARD ALL", "RESET ALL", "!GRANT postgres TO CURRENT_USER"},
	"copied": {
		"!COPY (SELECT 1) TO PROGRAM 'touch DIR/made'", "!COPY public.t TO 'DIR/made'", "!COPY public.t FROM PROGRAM 'touch DIR/made; echo 3'", "!COPY public.p FROM 'DIR/secret'", "!COPY (DELETE FROM public.t RETURNING id) TO 'DIR/made' WITH (FORMAT binary)",
	},
	"copy": {
		"COPY {t} FROM stdin;\n5\n\\.\n", "COPY {t} (id) FROM stdin WITH (FORMAT csv);\n6\n\\.\n", "{copied}", "!COPY public.t FROM stdin PROGRAM 'touch DIR/made'", "!COPY BINARY public.t TO 'DIR/made'", "!COPY public.t (id) TO STDOUT; {copied}",
		"!COPY public.t FROM STDIN WHERE length({call}::text) > 0;\n5\n\\.\n", "COPY public.t FROM stdin;\n9\n\\.\n{copied}",
	},
	"do": {
		"DO {body}", "DO LANGUAGE plpgsql {body}", "DO 'BEGIN {quoted}; END'", "DO LANGUAGE {untrusted} $$ import os; os.system('touch DIR/made') $$",
	},
	"quoted":    {"PERFORM 1", "!CREATE ROLE made SUPERUSER", "!COPY (SELECT 1) TO PROGRAM ''touch DIR/made''", "!ALTER DATABASE victim RENAME TO made"},
	"body":      {"$b$ BEGIN {plain}; EXCEPTION WHEN OTHERS THEN NULL; END $b$", "$b$ BEGIN EXECUTE $e$ {effect} $e$; EXCEPTION WHEN OTHERS THEN NULL; END $b$", "$b$ BEGIN EXECUTE format('%s', $e$ {effect} $e$); END $b$"},
	"plain":     {"NULL", "PERFORM {call}", "{role}", "{database}", "{copied}", "{become}; {role}"},
	"untrusted": {"!plpython3u", "!plperlu", "!pltclu", "!c", "!internal"},
	"called": {
		"SELECT {value}", "SELECT pg_catalog.setval('public.s', 5, true)", "SELECT {call}", "SELECT pg_catalog.set_config('search_path', '', false)", "SELECT pg_catalog.set_config('{parameter}', '1', false)", "VALUES ({value})", "TABLE public.t", "EXPLAIN ANALYZE {effect}", "PREPARE x AS {effect}",
		"SELECT * FROM {t} WHERE {call} IS NOT NULL", "CALL public.q()", "EXECUTE x", "DECLARE c CURSOR WITH HOLD FOR SELECT {call}", "SELECT {call} INTO public.p", "CREATE TABLE public.p AS SELECT {call} AS a", "SELECT 1 \\gexec\n", "\\! touch DIR/made\n", "\\copy public.t to program 'touch DIR/made'\n",
	},
	"set": {
		"SET statement_timeout = 0", "SET search_path = {path}", "SET SESSION {parameter} = '1'", "SET {parameter} TO DEFAULT", "{become}", "SET LOCAL check_function_bodies = false", "SET session_replication_role = replica", "SET row_security = off", "SET TRANSACTION READ ONLY",
		"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET default_transaction_read_only = on", "SET local_preload_libraries = '$libdir/plugins/x'", "!SET session_preload_libraries = 'auto_explain'", "SET client_encoding = 'LATIN1'", "SET standard_conforming_strings = off",
		"SET backslash_quote = on", "BEGIN", "COMMIT", "!PREPARE TRANSACTION 'made'", "ROLLBACK", "SAVEPOINT a", "!LISTEN made", "!LOCK TABLE pg_catalog.pg_authid",
	},
	"path":      {"public, pg_catalog", "''", "pg_temp, public", "\"$user\", public", "public"},
	"parameter": {"work_mem", "dynamic_library_path", "log_statement", "zero_damaged_pages", "allow_system_table_mods", "lo_compat_privileges", "default_tablespace", "temp_tablespaces", "shared_preload_libraries", "application_name", "role", "session_authorization", "plpgsql.extra_errors"},
	"table": {
		"CREATE TABLE public.p (a text)", "CREATE TABLE public.p (a int DEFAULT {value})", "CREATE TABLE public.p (a int CHECK ({value} > 0))", "CREATE TABLE public.p (a int GENERATED ALWAYS AS (length({call}::text)) STORED)", "CREATE TABLE public.p (LIKE {t} INCLUDING ALL)",
		"CREATE UNLOGGED TABLE public.p (a int) TABLESPACE pg_default", "!CREATE TABLE public.p (a int) TABLESPACE pg_global", "!CREATE TABLE pg_catalog.p (a int)", "CREATE TABLE public.p PARTITION OF public.t FOR VALUES IN ({value})", "CREATE TEMP TABLE p (a int) ON COMMIT DROP",
		"CREATE SEQUENCE public.s START WITH 1", "CREATE INDEX i ON public.t ((id + {value}))", "CREATE MATERIALIZED VIEW public.m AS SELECT {value} AS a WITH NO DATA", "CREATE VIEW public.v AS SELECT {call} AS a", "CREATE STATISTICS public.st ON id, id FROM public.t",
	},
	"alter": {
		"ALTER TABLE {t} ADD COLUMN c int DEFAULT {value}", "ALTER TABLE {t} ALTER COLUMN id TYPE bigint USING {value}", "ALTER TABLE {t} ADD CHECK ({value} > 0)", "ALTER TABLE {t} OWNER TO bystander", "ALTER TABLE {t} OWNER TO postgres", "ALTER TABLE {t} DISABLE TRIGGER ALL", "ALTER TABLE {t} SET SCHEMA pg_catalog",
		"ALTER TABLE {t} SET TABLESPACE pg_default", "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY", "!ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE pg_global", "ALTER SCHEMA public OWNER TO bystander", "!ALTER SCHEMA pg_catalog RENAME TO made", "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO bystander",
		"!ALTER FUNCTION pg_catalog.pg_read_file(text) OWNER TO bystander", "!ALTER EXTENSION plpgsql ADD TABLE public.t", "!ALTER EXTENSION plpgsql UPDATE", "ALTER LARGE OBJECT 5 OWNER TO bystander",
	},
	"drop": {"DROP TABLE IF EXISTS {t}", "DROP SCHEMA IF EXISTS public CASCADE", "!DROP OWNED BY bystander", "!DROP OWNED BY CURRENT_USER", "!REASSIGN OWNED BY postgres TO bystander", "DROP EXTENSION IF EXISTS plpgsql CASCADE", "!DROP TABLESPACE pg_default", "!DROP ROLE IF EXISTS bystander", "!DROP DATABASE victim WITH (FORCE)", "!DROP SUBSCRIPTION made", "!DROP FUNCTION pg_catalog.pg_read_file(text)"},
	"role": {
		"!CREATE ROLE made SUPERUSER LOGIN", "!CREATE USER made", "!CREATE GROUP made", "!ALTER ROLE bystander SUPERUSER", "!ALTER USER bystander PASSWORD 'x'", "!ALTER ROLE ALL SET work_mem = '1MB'", "!ALTER ROLE CURRENT_USER SUPERUSER", "!ALTER ROLE bystander IN DATABASE victim SET work_mem = '1MB'", "!ALTER GROUP bystander ADD USER administrator",
		"!GRANT pg_execute_server_program TO bystander", "!GRANT postgres TO bystander WITH ADMIN OPTION", "!GRANT administrator TO CURRENT_USER", "!ALTER ROLE bystander RENAME TO made", "!COMMENT ON ROLE bystander IS 'x'", "!SECURITY LABEL ON ROLE bystander IS 'x'", "!GRANT bystander TO SESSION_USER", "!REVOKE bystander FROM administrator",
	},
	"database": {
		"!ALTER DATABASE victim SET work_mem = '1MB'", "!ALTER DATABASE victim OWNER TO bystander", "!ALTER DATABASE victim RENAME TO made", "!ALTER DATABASE victim ALLOW_CONNECTIONS false", "!CREATE DATABASE made", "!CREATE DATABASE made TEMPLATE victim", "!GRANT ALL ON DATABASE victim TO bystander", "!REVOKE ALL ON DATABASE victim FROM PUBLIC",
		"!COMMENT ON DATABASE victim IS 'x'", "!ALTER DATABASE postgres CONNECTION LIMIT 0", "!ALTER DATABASE template1 IS_TEMPLATE false", "\\connect victim\n{rows}", "!ALTER DATABASE victim REFRESH COLLATION VERSION",
	},
	"server": {
		"!ALTER SYSTEM SET work_mem = '1MB'", "!ALTER SYSTEM RESET ALL", "!CREATE TABLESPACE made LOCATION 'DIR'", "!ALTER TABLESPACE pg_default SET (seq_page_cost = 2)", "!GRANT CREATE ON TABLESPACE pg_default TO bystander", "!GRANT SET, ALTER SYSTEM ON PARAMETER work_mem TO bystander", "!LOAD 'auto_explain'", "!CHECKPOINT", "!NOTIFY made",
		"!CREATE SUBSCRIPTION made CONNECTION 'host=127.0.0.1' PUBLICATION p WITH (connect = false)", "!VACUUM FULL pg_catalog.pg_authid", "!REINDEX SYSTEM postgres", "!CLUSTER", "!ANALYZE pg_catalog.pg_authid", "!DISCARD ALL",
	},
	"extension": {"CREATE EXTENSION dblink WITH SCHEMA public", "CREATE EXTENSION IF NOT EXISTS postgres_fdw", "CREATE EXTENSION file_fdw", "!CREATE EXTENSION plpython3u", "CREATE EXTENSION adminpack", "CREATE EXTENSION lo", "CREATE EXTENSION dblink SCHEMA public CASCADE"},
	"foreign": {
		"CREATE SERVER s FOREIGN DATA WRAPPER {wrapper} OPTIONS (host '127.0.0.1', port 'PORT', dbname 'victim')", "CREATE SERVER s FOREIGN DATA WRAPPER {wrapper}", "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'administrator', password 'known')", "CREATE FOREIGN TABLE public.f (id int) SERVER s OPTIONS (table_name 'kept')",
		"!CREATE FOREIGN TABLE public.f (a text) SERVER s OPTIONS (filename 'DIR/secret')", "!CREATE FOREIGN TABLE public.f (a text) SERVER s OPTIONS (program 'touch DIR/made')", "!IMPORT FOREIGN SCHEMA public FROM SERVER s INTO public", "ALTER SERVER s OPTIONS (ADD host '127.0.0.1')", "CREATE FOREIGN DATA WRAPPER w HANDLER postgres_fdw_handler",
	},
	"wrapper": {"postgres_fdw", "file_fdw", "dblink_fdw"},
	"beyond":  {"{foreign};\n{foreign};\n{reached}", "{foreign};\n{foreign};\n{foreign};\n{reached}", "{reached}", "DO {body}", "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC;\n{reached}", "ALTER FUNCTION public.dblink_exec(text, text) OWNER TO bystander;\n{reached}"},
	"reached": {"SELECT 1", "!DELETE FROM public.f", "!CREATE TABLE public.p AS SELECT a FROM public.f", "!SELECT public.dblink_exec('host=127.0.0.1 port=PORT user=administrator password=known dbname=victim', 'DELETE FROM kept')", "!SELECT public.dblink_connect('s')", "!SELECT pg_file_write('DIR/made', 'x', false)", "!SELECT public.dblink('s', 'DELETE FROM kept')"},
	"function": {
		"CREATE FUNCTION public.evil() RETURNS {result} LANGUAGE plpgsql {how} AS {body}", "CREATE OR REPLACE FUNCTION public.evil() RETURNS int {how} LANGUAGE sql AS $b$ {effect}; SELECT 1 $b$", "CREATE FUNCTION public.evil() RETURNS int LANGUAGE sql {how} RETURN {value}", "CREATE PROCEDURE public.q() LANGUAGE plpgsql AS {body}",
		"!CREATE FUNCTION public.evil(cstring) RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system'", "!CREATE FUNCTION public.evil(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all'", "!CREATE FUNCTION public.evil() RETURNS int LANGUAGE {untrusted} AS 'x'",
	},
	"result": {"int", "trigger", "event_trigger", "void", "SETOF int"},
	"how":    {"", "SECURITY DEFINER", "IMMUTABLE", "IMMUTABLE SECURITY DEFINER", "SET role = postgres", "SET session_authorization = postgres", "SET search_path = public", "STRICT COST 1"},
	"used": {
		"SELECT public.evil()", "ALTER FUNCTION public.evil() OWNER TO postgres;\nSELECT public.evil()", "CREATE TRIGGER g BEFORE INSERT ON public.t FOR EACH {each} EXECUTE FUNCTION public.evil();\nCOPY public.t FROM stdin;\n5\n\\.\n", "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.evil();\nCREATE TABLE public.o (a int)",
		"ALTER TABLE public.t ADD COLUMN d int DEFAULT public.evil()", "CREATE INDEX i ON public.t ((id + coalesce(public.evil(), 1)))", "ALTER TABLE public.t ADD CHECK (public.evil() IS NULL)", "CREATE RULE r AS ON INSERT TO public.t DO ALSO SELECT public.evil();\nINSERT INTO public.t VALUES (5)",
		"CREATE MATERIALIZED VIEW public.m AS SELECT public.evil() AS a", "CREATE VIEW public.v AS SELECT public.evil() AS a;\nALTER VIEW public.v OWNER TO postgres;\nSELECT * FROM public.v", "CREATE POLICY y ON public.t USING (public.evil() IS NULL);\nALTER TABLE public.t FORCE ROW LEVEL SECURITY",
		"CREATE AGGREGATE public.ag (int) (SFUNC = int4pl, STYPE = int);\nSELECT public.evil()", "CREATE DOMAIN public.do AS int CHECK (public.evil() IS NULL);\nCREATE TABLE public.p (a public.do DEFAULT 1);\nINSERT INTO public.p DEFAULT VALUES", "CALL public.q()", "CREATE CAST (regprocedure AS text) WITH FUNCTION public.evil(regprocedure) AS IMPLICIT",
		"CREATE STATISTICS public.st ON (public.evil()), id FROM public.t;\nANALYZE public.t", "CREATE PUBLICATION pu FOR TABLE public.t WHERE (public.evil() IS NULL)",
	},
	"each": {"ROW", "STATEMENT"},
	"object": {
		"CREATE SCHEMA AUTHORIZATION bystander", "CREATE SCHEMA made CREATE TABLE x (a int)", "CREATE TYPE public.ty AS ENUM ('a')", "CREATE COLLATION public.co FROM \"C\"", "CREATE CONVERSION public.cv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8", "!CREATE LANGUAGE plpython3u", "!CREATE TRUSTED LANGUAGE made HANDLER plpgsql_call_handler",
		"CREATE OPERATOR public.= (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)", "COMMENT ON TABLE public.t IS 'x'", "!SECURITY LABEL ON TABLE public.t IS 'x'", "CREATE ACCESS METHOD am TYPE TABLE HANDLER heap_tableam_handler", "CREATE TEXT SEARCH DICTIONARY public.di (TEMPLATE = simple, STOPWORDS = english)",
		"CREATE TEXT SEARCH DICTIONARY public.di (TEMPLATE = ispell, DictFile = '../../DIR/secret', AffFile = 'x')", "GRANT SELECT ON {t} TO PUBLIC", "GRANT ALL ON SCHEMA public TO bystander", "!GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC", "CREATE TRANSFORM FOR int LANGUAGE plpgsql (FROM SQL WITH FUNCTION prsd_lextype(internal))",
	},
}
