package source

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
)

// Whoever changes a rule gets a new dump, although staging is the same.
func TestStateKnowsTheRules(t *testing.T) {
	seen := map[string]string{}
	for name, config := range map[string]Config{
		"none":             {},
		"structure only":   {StructureOnly: []string{"log"}},
		"excluded":         {Exclude: []string{"log"}},
		"where":            {Rows: []rowfilter.Rule{{Table: "log", Where: "a"}}},
		"another where":    {Rows: []rowfilter.Rule{{Table: "log", Where: "b"}}},
		"limit":            {Rows: []rowfilter.Rule{{Table: "log", Limit: 5}}},
		"another limit":    {Rows: []rowfilter.Rule{{Table: "log", Limit: 6}}},
		"of another table": {Rows: []rowfilter.Rule{{Table: "logs", Limit: 5}}},
		"client":           {Client: true},
	} {
		state := config.StateOf("mysql://h/d").String()
		if other := seen[state]; other != "" {
			t.Errorf("%s has the state of %s", name, other)
		}
		seen[state] = name
	}
	one, two := Config{Exclude: []string{"a", "b"}}, Config{Exclude: []string{"b", "a"}}
	if one.StateOf("").String() != two.StateOf("").String() {
		t.Error("the order of a list counts")
	}
}
