package admit

import "testing"

// What dump programs write is sent whoever loads the dump, and what may do anything only where that reaches nothing else.
func TestStatement(t *testing.T) {
	for text, want := range map[string]struct{ confined, unconfined bool }{
		"SET statement_timeout = 0":                                                                 {true, true},
		"SELECT pg_catalog.set_config('search_path', '', false)":                                    {true, true},
		"SELECT pg_catalog.setval('public.\"T_id_seq\"', 1, true)":                                  {true, true},
		"SELECT pg_catalog.setval('t', (SELECT evil()), true)":                                      {true, false},
		"SELECT pg_catalog.lo_open('16', 131072)":                                                   {true, true},
		"SELECT pg_catalog.lo_unlink('16')":                                                         {true, true},
		"SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '16'": {true, true},
		"SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata":                  {true, false},
		"DROP TABLE t":                 {true, true},
		"DROP CAST IF EXISTS (a AS b)": {true, true},
		"DROP OPERATOR CLASS IF EXISTS public.o USING btree":                 {true, true},
		"DROP OPERATOR IF EXISTS public.+ (NONE, int)":                       {true, true},
		"DROP PROCEDURAL LANGUAGE IF EXISTS plperl":                          {true, true},
		"DROP USER MAPPING IF EXISTS FOR a SERVER b":                         {true, true},
		"DROP TEXT SEARCH CONFIGURATION public.c":                            {true, true},
		"DROP EVENT TRIGGER e":                                               {true, true},
		"DROP POLICY p ON public.t":                                          {true, true},
		"ALTER TABLE IF EXISTS ONLY public.t DROP CONSTRAINT IF EXISTS k":    {true, true},
		"ALTER TABLE IF EXISTS public.t ALTER COLUMN id DROP DEFAULT":        {true, true},
		"ALTER TABLE public.t DISABLE TRIGGER ALL":                           {true, true},
		"RESET SESSION AUTHORIZATION":                                        {true, true},
		"INSERT INTO public.t OVERRIDING SYSTEM VALUE VALUES (1)":            {true, true},
		"SELECT pg_read_file('x')":                                           {true, false},
		"SELECT lo_export(1, 'x')":                                           {true, false},
		"DO $$ BEGIN END $$":                                                 {true, false},
		"CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x'":                  {true, false},
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'":         {true, true},
		"CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'x'":         {true, false},
		"COPY public.t (a, \"B c\") FROM stdin":                              {true, true},
		"COPY t FROM PROGRAM 'x'":                                            {false, false},
		"COPY t FROM '/x'":                                                   {false, false},
		"COPY t TO PROGRAM 'x'":                                              {false, false},
		"COPY (SELECT 1) TO STDOUT":                                          {false, false},
		"LOAD 'x'":                                                           {false, false},
		"PREPARE TRANSACTION 'x'":                                            {false, false},
		"REASSIGN OWNED BY a TO b":                                           {false, false},
		"CREATE UNLOGGED TABLE t (a int)":                                    {true, true},
		"CREATE OR REPLACE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)": {true, true},
		"SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'":                                                                                              {true, true},
		"DO $dump$ BEGIN EXECUTE 'ALTER DATABASE ' || pg_catalog.quote_ident(pg_catalog.current_database()) || ' SET search_path TO app, public'; EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLERRM; END $dump$": {true, true},
		"DO $dump$ BEGIN EXECUTE 'ALTER DATABASE ' || pg_catalog.quote_ident(pg_catalog.current_database()) || ' SET a TO b; DROP TABLE t'; EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLERRM; END $dump$":       {true, false},
		"DO $dump$ BEGIN EXECUTE 'ALTER DATABASE ' || pg_catalog.quote_ident(pg_catalog.current_database()) || f('x'); EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLERRM; END $dump$":                            {true, false},
	} {
		if err := Statement([]byte(text), true); (err == nil) != want.confined {
			t.Errorf("%s: confined: %v", text, err)
		}
		if err := Statement([]byte(text), false); (err == nil) != want.unconfined {
			t.Errorf("%s: not confined: %v", text, err)
		}
	}
}

func TestBeyond(t *testing.T) {
	for text, want := range map[string]Turn{
		"ALTER TABLE public.t OWNER TO x":                              AtEnd,
		"ALTER FUNCTION pg_catalog.pg_read_file(text) OWNER TO x":      Never,
		"GRANT SELECT ON TABLE public.spatial_ref_sys TO x":            AtEnd,
		"GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO x": Never,
		"GRANT a TO b": Never,
		"ALTER TABLE public.t DISABLE TRIGGER ALL":                                     AtOnce,
		"ALTER TABLE ONLY public.t ENABLE TRIGGER ALL":                                 AtOnce,
		"ALTER TABLE public.t DISABLE TRIGGER ALL, ADD b int DEFAULT evil()":           Never,
		"ALTER TABLE public.t ALTER COLUMN a SET DEFAULT f()":                          Never,
		"COMMENT ON EXTENSION postgis IS 'x'":                                          AtEnd,
		"CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()":               Event,
		"CREATE EVENT TRIGGER e ON login EXECUTE FUNCTION f()":                         OnLogin,
		"CREATE CAST (int AS text) WITH INOUT":                                         AtOnce,
		"CREATE CAST (int AS text) WITH FUNCTION f(int)":                               Never,
		"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'x'":                      Never,
		"CREATE FUNCTION f() RETURNS int LANGUAGE c AS '$libdir/x', 'y'":               AtOnce,
		"CREATE TABLE t (a int)":                                                       Never,
		"CREATE FOREIGN TABLE f (a int) SERVER s OPTIONS (table_name 'x')":             AtOnce,
		"CREATE FOREIGN TABLE f (a int) SERVER s OPTIONS (filename '/x')":              Never,
		"CREATE FOREIGN TABLE f PARTITION OF t FOR VALUES IN (evil()) SERVER s":        Never,
		"CREATE OPERATOR CLASS o FOR TYPE int USING btree AS OPERATOR 1 <; DROP TABLE": Never,
	} {
		if got := Beyond([]byte(text)).Turn; got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}
