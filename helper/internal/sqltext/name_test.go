package sqltext

import "testing"

func TestNames(t *testing.T) {
	for _, test := range []struct{ schema, table, name string }{
		{"public", "node", "public.node"},
		{"a.b", "c", `"a.b".c`},
		{"a", "b.c", "a.b.c"},
		{`"a`, `b".c`, `"""a".b".c`},
		{`a".b`, "c", `"a"".b".c`},
		{"a", `"b".c`, `a."b".c`},
		{"Ä ö", "", "Ä ö."},
	} {
		name := JoinName([]string{test.schema, test.table})
		schema, table, qualified := SplitName(name)
		if name != test.name || schema != test.schema || table != test.table || !qualified {
			t.Errorf("%q: %q, %q, %v, want %q, %q", name, schema, table, qualified, test.schema, test.table)
		}
	}
	for _, name := range []string{"node", `"node`, `"no""de"`} {
		if _, _, qualified := SplitName(name); qualified {
			t.Errorf("%q has a schema", name)
		}
	}
}
