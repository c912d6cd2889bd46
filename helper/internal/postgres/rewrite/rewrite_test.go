package rewrite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

func TestStatement(t *testing.T) {
	for _, test := range []struct {
		name   string
		server int
		text   string
		want   string // the statements, with ; between them
		notes  string // the same for what is told
	}{
		{"nothing to do", 17, "CREATE TABLE t (a int NOT NULL, compression text DEFAULT 'x')", "CREATE TABLE t (a int NOT NULL, compression text DEFAULT 'x')", ""},
		{"rows are no statements of ours", 10, "INSERT INTO t VALUES ('NULLS NOT DISTINCT')", "INSERT INTO t VALUES ('NULLS NOT DISTINCT')", ""},
		{"as new", 18, "CREATE TABLE t (v int GENERATED ALWAYS AS (a) VIRTUAL)", "CREATE TABLE t (v int GENERATED ALWAYS AS (a) VIRTUAL)", ""},
		{
			"virtual", 17, "CREATE TABLE t (a int, v int GENERATED ALWAYS AS ((a + 1)), w int GENERATED ALWAYS AS ((a)) VIRTUAL NOT NULL, s int GENERATED ALWAYS AS (a) STORED)",
			"CREATE TABLE t (a int, v int GENERATED ALWAYS AS ((a + 1)) STORED, w int GENERATED ALWAYS AS ((a))  STORED NOT NULL, s int GENERATED ALWAYS AS (a) STORED)",
			"table t: this server does not know virtual generated columns (PostgreSQL 18), so that column v is stored",
		},
		{
			"items at both ends", 17, "CREATE TABLE t (CONSTRAINT a CHECK (x > 0) NOT ENFORCED, CONSTRAINT n NOT NULL x, x int, CONSTRAINT k CHECK (x > 1), CONSTRAINT b CHECK (x > 2) NOT ENFORCED)",
			"CREATE TABLE t ( x int, CONSTRAINT k CHECK (x > 1)); ALTER TABLE t ALTER COLUMN x SET NOT NULL",
			"table t: this server does not know NOT ENFORCED (PostgreSQL 18), so that constraint a is left out",
		},
		{"only item", 17, "CREATE TABLE child (CONSTRAINT n NOT NULL x) INHERITS (t)", "CREATE TABLE child () INHERITS (t); ALTER TABLE child ALTER COLUMN x SET NOT NULL", ""},
		{"not null for the table itself", 17, "CREATE TABLE t (b int NOT NULL NO INHERIT, c int)", "CREATE TABLE t (b int NOT NULL, c int)", ""},
		{"named not null", 17, "ALTER TABLE ONLY public.t ADD CONSTRAINT n NOT NULL x", "ALTER TABLE ONLY public.t  ALTER COLUMN x SET NOT NULL", ""},
		{
			"overlaps", 14, "ALTER TABLE ONLY public.t ADD CONSTRAINT k UNIQUE (a, \"B\", at WITHOUT OVERLAPS) DEFERRABLE",
			"ALTER TABLE ONLY public.t ADD CONSTRAINT k  EXCLUDE USING gist (a WITH =, \"B\" WITH =, at WITH &&) DEFERRABLE",
			"table public.t: this server does not know WITHOUT OVERLAPS (PostgreSQL 18), so that k becomes an exclusion constraint",
		},
		{"compression", 13, "CREATE TABLE t (a text COMPRESSION lz4 NOT NULL, compression int)", "CREATE TABLE t (a text NOT NULL, compression int)", "table t: this server does not know COMPRESSION (PostgreSQL 14), which is left out"},
		{"body", 13, "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT '$body$'; END", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $body_$ SELECT '$body$'; $body_$", ""},
		{"return", 13, "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql RETURN (a + 1)", "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $body$SELECT (a + 1)$body$", ""},
		{"multirange", 13, "CREATE TYPE s AS RANGE (subtype = float8, multirange_type_name = m)", "CREATE TYPE s AS RANGE (subtype = float8)", ""},
		{"options", 12, "CREATE INDEX i ON t USING gist (v tsvector_ops (siglen='100'), w) WITH (deduplicate_items=off, fillfactor='70')", "CREATE INDEX i ON t USING gist (v tsvector_ops, w) WITH (fillfactor='70')", "index i: this server does not know options of operator classes (PostgreSQL 13), which are left out"},
		{"all options", 14, "CREATE VIEW v WITH (security_invoker='true') AS SELECT 1", "CREATE VIEW v AS SELECT 1", "view v: this server does not know security_invoker (PostgreSQL 15), so that it reads with its owner's rights"},
		{"trigger", 10, "CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f()", "CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE PROCEDURE f()", ""},
		{"aggregate", 14, "CREATE AGGREGATE g(anyelement) (SFUNC = array_append, STYPE = anyarray)", "CREATE AGGREGATE g(anycompatible) (SFUNC = array_append, STYPE = anycompatiblearray)", ""},
		{"uuid", 17, "CREATE TABLE t (a uuid DEFAULT uuidv4() NOT NULL)", "CREATE TABLE t (a uuid DEFAULT gen_random_uuid() NOT NULL)", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var notes, got []string
			for _, text := range New(test.server, target.NewOnce(func(note string) { notes = append(notes, note) })).Statement([]byte(test.text)) {
				got = append(got, string(text))
			}
			if diff := cmp.Diff(test.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("statements (-want +got):\n%s", diff)
			}
			if told := strings.Join(notes, "; "); (test.notes == "") != (told == "") || !strings.HasPrefix(told, test.notes) {
				t.Errorf("notes %q, want %q", told, test.notes)
			}
		})
	}
}

// A comment on a constraint that the database does not have goes with it.
func TestCommentOnConstraint(t *testing.T) {
	r := New(17, target.NewOnce(func(string) {}))
	r.Statement([]byte("CREATE TABLE public.t (a int CONSTRAINT given NOT NULL)"))
	if left := r.Statement([]byte("COMMENT ON CONSTRAINT given ON public.t IS 'x'")); len(left) != 0 {
		t.Errorf("%s", left)
	}
	if left := r.Statement([]byte("COMMENT ON CONSTRAINT other ON public.t IS 'x'")); len(left) != 1 {
		t.Errorf("%s", left)
	}
}
