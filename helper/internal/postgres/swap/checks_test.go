package swap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// A CHECK may hold for rows when they are written, and not when they are loaded: it calls a function that gives another result. This costs the CHECK's
// validation, also where rows come in a stream, which can be read once.
func TestPostgresChecksOfStreams(t *testing.T) {
	server := targettest.PostgresServer(t)
	const table = "CREATE TABLE public.a (id int, note text, CONSTRAINT few CHECK (id > 1), CONSTRAINT short CHECK (length(note) < 9));\n" +
		"CREATE TABLE public.b (id int CONSTRAINT kept CHECK (id > 0));\n"
	var many strings.Builder // several parts
	for i := range 120_000 {
		fmt.Fprintf(&many, "%d\tline\\n%s\\\\\n", i+2, strings.Repeat("x", 60))
	}
	const few = "constraint few of table public.a is left unvalidated: some rows of the dump violate it"
	const short = "constraint short of table public.a is left unvalidated: some rows of the dump violate it"
	for name, test := range map[string]struct {
		rows  string
		count string
		notes []string
	}{
		"COPY":                  {"COPY public.a (id, note) FROM stdin;\n2\ta\n1\tb\n3\tlonger than that\n\\.\n", "3", []string{few, short}},
		"COPY in a transaction": {"BEGIN;\nCOPY public.a (id, note) FROM stdin;\n2\ta\n1\tb\n\\.\nCOPY public.b (id) FROM stdin;\n1\n\\.\nCOMMIT;\n", "2", []string{few}},
		"INSERT":                {"INSERT INTO public.a VALUES (2, 'a'), (1, 'b');\nINSERT INTO public.a VALUES (0, NULL);\n", "3", []string{few}},
		"INSERT in a transaction": {
			"BEGIN;\nINSERT INTO public.a VALUES (2, 'a'), (3, 'b');\nINSERT INTO public.a VALUES (1, 'longer than that');\nINSERT INTO public.a VALUES (0, NULL);\n" +
				"INSERT INTO public.b VALUES (1);\nCOMMIT;\n", "4", []string{few, short},
		},
		"COPY of many":    {"COPY public.a (id, note) FROM stdin;\n" + many.String() + "1\t\\N\n\\.\n", "120001", []string{few, short}},
		"COPY of nothing": {"COPY public.a (id, note) FROM stdin;\n\\.\n", "0", nil},
	} {
		t.Run(name, func(t *testing.T) {
			targettest.FreshPG(t, server, "site67")
			db, said := targettest.Open(t, server.URL("site67"))
			targettest.Must(t, targettest.Pull(t, db, table+test.rows))
			got, err := server.Query("site67", "SELECT count(*), (SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint WHERE contype = 'c' AND conrelid IN ('a'::regclass, 'b'::regclass)) FROM a")
			targettest.Must(t, err)
			if diff := cmp.Diff([][]string{{test.count, "few kept short"}}, got); diff != "" {
				t.Errorf("rows, constraints (-want +got):\n%s", diff)
			}
			slices.Sort(said.Lines)
			if diff := cmp.Diff(test.notes, said.Lines); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}
