package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/pull"
)

// selectionFlags select the tables to pull. Each takes a list and may be repeated.
func selectionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "tables", Usage: "pull only the tables in `LIST`, such as node,field_*; all others stay as they are"},
		&cli.StringSliceFlag{Name: "skip-tables", Usage: "leave the tables in `LIST` as they are, such as users,sessions"},
		&cli.StringSliceFlag{Name: "structure-only-tables", Usage: "pull the tables in `LIST` without their rows, such as node,cache_*"},
	}
}

// selection parses the flags that select tables.
func selection(c *cli.Context) (chosen pull.Selection, err error) {
	for _, of := range []struct {
		flag string
		list *[]string
	}{{"tables", &chosen.Tables}, {"skip-tables", &chosen.Skip}, {"structure-only-tables", &chosen.StructureOnly}} {
		if *of.list, err = tableList(c, of.flag); err != nil {
			return pull.Selection{}, err
		}
	}
	return chosen, nil
}

// tableList parses a flag that holds names of tables.
func tableList(c *cli.Context, flag string) ([]string, error) {
	var names []string
	for _, list := range c.StringSlice(flag) {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 && c.IsSet(flag) {
		return nil, &usage{fmt.Sprintf("--%s: names of tables are expected, such as node,cache_*", flag)}
	}
	return names, nil
}
