package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/pull"
)

func TestListsOfTables(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want pull.Selection
	}{
		"nothing":  {nil, pull.Selection{}},
		"a list":   {[]string{"--structure-only-tables", "node, field_*,,users?"}, pull.Selection{StructureOnly: []string{"node", "field_*", "users?"}}},
		"each":     {[]string{"--tables", "a,b*", "--skip-tables=bc", "--structure-only-tables=bd"}, pull.Selection{Tables: []string{"a", "b*"}, Skip: []string{"bc"}, StructureOnly: []string{"bd"}}},
		"repeated": {[]string{"--structure-only-tables=cache_*", "--structure-only-tables=log,queue"}, pull.Selection{StructureOnly: []string{"cache_*", "log", "queue"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got pull.Selection
			app := newApp("test")
			app.Commands = []*cli.Command{command(cli.Command{Name: "pull", Flags: selectionFlags(), Action: func(c *cli.Context) (err error) {
				got, err = selection(c)
				return err
			}})}
			if err := app.RunContext(t.Context(), append([]string{"dump-helper", "pull"}, test.args...)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreUnexported(pull.Selection{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
