package load

import "testing"

// Tables and rows are never left out, nor what would move rows.
func TestWhatMayBeLeftOut(t *testing.T) {
	for text, want := range map[string]string{
		"CREATE TABLE public.t (a int)":                                                     "",
		"CREATE UNLOGGED TABLE public.t (a int)":                                            "",
		"CREATE SCHEMA s":                                                                   "",
		"CREATE SEQUENCE s":                                                                 "",
		"COPY public.t FROM stdin":                                                          "",
		"INSERT INTO t VALUES (1)":                                                          "",
		"SELECT pg_catalog.setval('s', 1)":                                                  "",
		"DO $$ BEGIN END $$":                                                                "",
		"UPDATE t SET a = 1":                                                                "",
		"ALTER TABLE ONLY public.t ATTACH PARTITION public.p DEFAULT":                       "",
		"ALTER TABLE ONLY public.t INHERIT public.p":                                        "",
		"ALTER TABLE public.t ADD COLUMN b int":                                             "",
		"CREATE UNIQUE INDEX i ON public.t USING btree (a)":                                 "index i",
		"CREATE OR REPLACE VIEW public.v AS SELECT 1":                                       "view public.v",
		"CREATE MATERIALIZED VIEW public.v AS SELECT 1 WITH NO DATA":                        "materialized view public.v",
		"REFRESH MATERIALIZED VIEW public.v":                                                "materialized view public.v",
		"CREATE POLICY p ON public.t FOR SELECT TO r USING (true)":                          "policy p of table public.t",
		"CREATE CONSTRAINT TRIGGER g AFTER INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION f()": "trigger g of table s.t",
		"CREATE RULE r AS ON INSERT TO public.t DO INSTEAD NOTHING":                         "rule r of table public.t",
		"CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public":                         "extension postgis",
		"CREATE FUNCTION public.f(a int) RETURNS int LANGUAGE c AS 'x'":                     "function public.f",
		"CREATE OPERATOR CLASS public.o FOR TYPE int USING hash AS STORAGE x":               "operator class public.o",
		"CREATE FOREIGN TABLE public.f (a int) SERVER s":                                    "foreign table public.f",
		"CREATE TEXT SEARCH CONFIGURATION c (PARSER = p)":                                   "text search configuration c",
		"CREATE CAST (a AS b) WITH INOUT":                                                   "cast",
		"ALTER TABLE ONLY public.t ADD CONSTRAINT k PRIMARY KEY (a)":                        "constraint k of table public.t",
		"ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT f()":                          "a property of column a of table public.t",
		"ALTER TABLE public.t ENABLE ROW LEVEL SECURITY":                                    "a property of table public.t",
		"ALTER INDEX public.i ATTACH PARTITION public.j":                                    "a property of index public.i",
		"COMMENT ON INDEX public.i IS 'x'":                                                  "the comment on index public.i",
		"COMMENT ON COLUMN public.t.a IS 'x'":                                               "the comment on column public.t.a",
	} {
		if what, _ := defines([]byte(text)); what != want {
			t.Errorf("%s: got %q, want %q", text, what, want)
		}
	}
}
