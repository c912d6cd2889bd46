package cli

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/pull"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

// earlierVerbs are the flags with which `pull` manages earlier databases and pulls nothing.
var earlierVerbs = []string{"undo", "undo-to", "list-earlier", "drop-earlier"}

// asksForEarlier reports whether one of them is given.
func asksForEarlier(c *cli.Context) bool {
	for _, flag := range earlierVerbs {
		if isGiven(c, flag) {
			return true
		}
	}
	return false
}

// isGiven reports whether a flag is given and not false.
func isGiven(c *cli.Context, flag string) bool {
	text := c.String(flag)
	return c.IsSet(flag) && text != "" && text != "false"
}

// earlierExcludes are groups of flags that exclude each other because of the flags for earlier databases.
func earlierExcludes() [][]string {
	groups := [][]string{earlierVerbs}
	for _, flag := range earlierVerbs[1:] {
		for _, other := range []string{"if-newer", "key", "as-of", "max-age", "dry-run", "tables", "skip-tables", "structure-only-tables", "sql", "full", "hold", "release", "discard-changes"} {
			groups = append(groups, []string{other, flag})
		}
	}
	return groups
}

// earlierNumber parses the number of an earlier database.
func earlierNumber(c *cli.Context, flag string) (int, error) {
	n, err := strconv.Atoi(c.String(flag))
	if err != nil || n < 1 {
		return 0, &usage{fmt.Sprintf("--%s %s: a number that --list-earlier shows is expected, 1 or more", flag, c.String(flag))}
	}
	return n, nil
}

// listedEarlier is one earlier database as --list-earlier shows it.
type listedEarlier struct {
	Number   int       `json:"number"`
	Database string    `json:"database"` // on the server
	Key      string    `json:"key"`      // of the dump that it was loaded from, "" if unknown
	Replaced time.Time `json:"replaced,omitzero"`
	Part     bool      `json:"part"` // it has only the tables that were replaced
	Tables   int64     `json:"tables"`
	Bytes    int64     `json:"bytes"`             // both are -1 if unknown
	Changed  *bool     `json:"changed"`           // whether it was changed after it was pulled, null if unknown
	Changes  []string  `json:"changes,omitempty"` // some of what was changed
}

func (s *session) listEarlier(ctx context.Context) error {
	all, err := pull.ListEarlier(ctx, s.local())
	if err != nil {
		return err
	}
	rows := [][]string{{"NUMBER", "HELD", "REPLACED", "TABLES", "SIZE", "DATABASE", "CHANGED LOCALLY"}}
	list := make([]listedEarlier, len(all))
	for i, k := range all {
		list[i] = listedEarlier{i + 1, k.Database, k.Dump.Key, k.Replaced, k.Part, k.Tables, k.Bytes, nil, k.Changes.Names}
		if changed := k.Changes.Changed(); !k.Changes.Unknown {
			list[i].Changed = &changed
		}
		replaced, tables, size := "-", "-", "-"
		if !k.Replaced.IsZero() {
			replaced = k.Replaced.UTC().Format(time.RFC3339)
		}
		if k.Tables >= 0 {
			tables = strconv.FormatInt(k.Tables, 10)
		}
		if k.Bytes >= 0 {
			size = ui.Bytes(k.Bytes)
		}
		rows = append(rows, []string{strconv.Itoa(i + 1), earlierOrigin(k.Earlier), replaced, tables, size, k.Database, changedIn(k.Changes)})
	}
	if len(all) == 0 {
		s.out.Print("no earlier database of %s is kept\n", s.project.Target.Name)
	} else {
		s.out.Print("%s%s\n", ui.Table(rows), inWords("`dump-helper pull --undo-to NUMBER` brings one back"))
	}
	return s.out.Result(map[string]any{"earlier": list, "kept": s.project.KeepLocal})
}

// changedIn sums up what was changed in an earlier database.
func changedIn(changes target.Changes) string {
	switch {
	case changes.Unknown:
		return "unknown"
	case !changes.Changed():
		return "no"
	}
	return namesOf(changes)
}

// bytesOf adds up the known sizes of earlier databases.
func bytesOf(all []target.Earlier) (bytes int64) {
	for _, k := range all {
		bytes += max(k.Bytes, 0)
	}
	return bytes
}

// amountKept says how many earlier databases there are, and their size.
func amountKept(all []target.Earlier) string {
	if len(all) == 1 {
		return "1 earlier database is kept (" + ui.Bytes(bytesOf(all)) + ")"
	}
	return fmt.Sprintf("%d earlier databases are kept (%s)", len(all), ui.Bytes(bytesOf(all)))
}

// sayKept says after a pull which earlier databases are kept.
func (s *session) sayKept(all []target.Earlier) {
	if len(all) < 2 {
		return
	}
	text := amountKept(all)
	if len(all) > s.project.KeepLocal {
		text += ", more than DUMP_KEEP_LOCAL: a pull drops none that has local changes"
	}
	s.out.Print("%s; %s\n", text, inWords("`dump-helper pull --list-earlier` lists them, --drop-earlier drops them"))
}

// earlier says which earlier databases are kept; "" if none is.
func (s *session) earlier(ctx context.Context, database target.Database) (string, error) {
	all, err := database.Earlier(ctx)
	if err != nil || len(all) == 0 {
		return "", err
	}
	them := "them"
	if len(all) == 1 {
		them = "it"
	}
	return amountKept(all) + inWords("; `dump-helper pull --drop-earlier 1` drops "+them), nil
}

// earlierOrigin names the dump that an earlier database was loaded from.
func earlierOrigin(k target.Earlier) string {
	text := cmp.Or(k.Dump.Key, "unknown origin")
	if k.Part {
		text += ", some tables"
	}
	return text
}

func (s *session) undoTo(c *cli.Context) error {
	n, err := earlierNumber(c, "undo-to")
	if err != nil {
		return err
	}
	target := *s.project.Target
	if err := s.confirm(c, fmt.Sprintf("bring back the earlier database %d of %s at %s?", n, target.Name, target.Address())); err != nil {
		return err
	}
	if err := pull.UndoTo(c.Context, s.undoConfig(c), n); err != nil {
		return err
	}
	s.out.Print("brought back the earlier database %d of %s; %s\n", n, target.Name, inWords("`dump-helper pull --undo` takes that back"))
	return s.out.Result(map[string]any{"undone": true, "number": n, "target": target.String()})
}

func (s *session) dropEarlier(c *cli.Context) error {
	n, err := earlierNumber(c, "drop-earlier")
	if err != nil {
		return err
	}
	target := *s.project.Target
	if err := s.confirm(c, fmt.Sprintf("drop the earlier database %d of %s at %s and all older ones?", n, target.Name, target.Address())); err != nil {
		return err
	}
	dropped, err := pull.DropEarlier(c.Context, s.local(), n)
	if err != nil {
		return err
	}
	names := make([]string, len(dropped))
	for i, k := range dropped {
		names[i] = k.Database
	}
	s.out.Print("dropped %s\n", strings.Join(names, ", "))
	return s.out.Result(map[string]any{"dropped": names, "target": target.String()})
}
