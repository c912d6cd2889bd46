package wildcard

import "testing"

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"node", "node", true}, {"node", "nodes", false}, {"node", "nod", false}, {"", "", true}, {"", "a", false},
		{"*", "", true}, {"*", "anything", true}, {"cache_*", "cache_", true}, {"cache_*", "cachet", false},
		{"*_log", "import_log_log", true}, {"*_log", "import_logs", false}, {"a*b*c", "aXbXbc", true}, {"a*b*c", "aXcXb", false},
		{"n?de", "nöde", true}, {"n?de", "nde", false}, {"n?de", "nodde", false}, {"**", "x", true}, {"a**", "a", true}, {"a?*", "a", false},
		{"x.[y]", "x.[y]", true}, {"x.[y]", "xa[y]", false}, {"cache_*", "mycache_page", false}, {"cache_*", "cache_a\nb", true},
		{"[a]", "a", false}, {"a.b", "aXb", false}, {"Node", "node", false},
		{"x.[y]", "x.y", false}, {"cache_*", "CACHE_page", false}, {"a?c", "ac", false}, {"exact", "exact2", false},
		{"*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	} {
		if got := Match(test.pattern, test.name); got != test.want {
			t.Errorf("%q means %q: %v", test.pattern, test.name, got)
		}
	}
}

func TestMatchAny(t *testing.T) {
	for _, test := range []struct {
		patterns, names []string
		want            bool
	}{
		{[]string{"a", "b*"}, []string{"public.bc", "bc"}, true}, {[]string{"a", "b*"}, []string{"public.ab", "ab"}, false},
		{nil, []string{"a"}, false}, {[]string{"*"}, nil, false},
	} {
		if got := MatchAny(test.patterns, test.names...); got != test.want {
			t.Errorf("%q of %q: %v", test.patterns, test.names, got)
		}
	}
}
