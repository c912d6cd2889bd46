package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/pull"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func pullCommand(version string) *cli.Command {
	return command(cli.Command{
		Name:  "pull",
		Usage: "replace the local database with the newest dump",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "target", Usage: "replace the database at `URL`, such as mysql://user@host/name"},
			&cli.StringFlag{Name: "key", Usage: "pull the dump `KEY` instead of the newest one"},
			&cli.StringFlag{Name: "as-of", Usage: "pull the newest dump made at or before `TIME`, such as 2026-11-22 or 2026-11-22T06:30:00Z"},
			&cli.StringFlag{Name: "max-age", Usage: "refresh first if the newest dump is older than `AGE`, such as 30m, 12h or 2d"},
			&cli.BoolFlag{Name: "if-newer", Usage: "do nothing unless the local database is empty, or unchanged since its pull and older than the newest dump"},
			&cli.BoolFlag{Name: "discard-changes", Usage: "with --if-newer, also replace a local database that was changed since its pull; drop surplus earlier databases even if they were changed"},
			&cli.BoolFlag{Name: "dry-run", Usage: "show what would be pulled, and change nothing"},
			&cli.BoolFlag{Name: "force", Usage: "go on even if the local disk seems too small, or if the dump may be cut off and has far less than the local database; with --undo, even if not all rows can be brought back"},
			&cli.BoolFlag{Name: "strict", Usage: "refuse a dump of which the local server does not take everything as it is"},
			&cli.BoolFlag{Name: "undo", Usage: "bring back the database that the last pull replaced"},
			&cli.StringFlag{Name: "undo-to", Usage: "bring back the earlier database `NUMBER`, as --list-earlier shows it"},
			&cli.BoolFlag{Name: "list-earlier", Usage: "list the earlier databases that are kept, the most recent first"},
			&cli.StringFlag{Name: "drop-earlier", Usage: "drop the earlier database `NUMBER` and all older ones"},
			&cli.BoolFlag{Name: "hold", Usage: "let no pull replace the local database until --release"},
			&cli.BoolFlag{Name: "release", Usage: "let pulls replace the local database again"},
			&cli.BoolFlag{Name: "skip-hooks", Usage: "do not run the pre-import-db and post-import-db hooks that ddev pull-latest-dump runs"},
			&cli.BoolFlag{Name: "hooks", Hidden: true, Usage: "print the hooks that belong to this pull as shell functions"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
			&cli.BoolFlag{Name: "full", Usage: "load all tables, even those that have not changed since the last pull"},
			&cli.BoolFlag{Name: "sql", Usage: "load SQL even if the dump is baked"},
			&cli.StringFlag{Name: "threads", Usage: "load over at most `N` connections, 1 to 16"},
			limitRateFlag(),
		}, selectionFlags()...),
		Action: func(c *cli.Context) error {
			if err := exclusive(c); err != nil {
				return err
			}
			s, err := open(c)
			if err != nil {
				return err
			}
			if err := s.requireTarget(c.Context); err != nil {
				return err
			}
			if c.Bool("if-newer") && !c.Bool("dry-run") && isRestoring() {
				if c.Bool("hooks") {
					return evaluate(c, hookFunctions(nil, nil, false)) // the pull itself prints the message
				}
				return s.stayRestored()
			}
			if c.Bool("hooks") {
				return s.unreplaced(s.printHooks(c, version))
			}
			switch {
			case c.Bool("undo"):
				return s.undo(c)
			case isGiven(c, "undo-to"):
				return s.undoTo(c)
			case c.Bool("list-earlier"):
				return s.listEarlier(c.Context)
			case isGiven(c, "drop-earlier"):
				return s.dropEarlier(c)
			case c.Bool("hold"):
				return s.hold(c)
			case c.Bool("release"):
				return s.release(c)
			}
			return s.unreplaced(s.pull(c, version))
		},
	})
}

// exclusive refuses flags that contradict each other.
func exclusive(c *cli.Context) error {
	for _, group := range append([][]string{
		{"key", "as-of", "max-age"}, {"if-newer", "key", "as-of", "undo"}, {"dry-run", "undo"},
		{"tables", "undo"}, {"skip-tables", "undo"}, {"structure-only-tables", "undo"}, {"sql", "undo"}, {"full", "undo"},
		{"undo", "hold", "release"}, {"if-newer", "hold", "release"}, {"dry-run", "hold", "release"}, {"key", "hold", "release"}, {"as-of", "hold", "release"},
		{"max-age", "hold", "release"}, {"tables", "hold", "release"}, {"skip-tables", "hold", "release"}, {"discard-changes", "hold", "release"}, {"discard-changes", "undo"},
	}, earlierExcludes()...) {
		given := 0
		for _, flag := range group {
			if isGiven(c, flag) {
				given++
			}
		}
		if last := len(group) - 1; given > 1 {
			return &usage{"--" + strings.Join(group[:last], ", --") + " and --" + group[last] + " exclude each other"}
		}
	}
	return nil
}

func (s *session) pull(c *cli.Context, version string) error {
	ctx := c.Context
	config, err := s.pullConfig(c, version)
	if err != nil {
		return err
	}
	mayReplace := func() error {
		return s.confirm(c, fmt.Sprintf("replace %s%s at %s?", cmp.Or(partOf(config.Selection), "the database "), s.project.Target.Name, s.project.Target.Address()))
	}
	if !config.IfNewer && !config.DryRun {
		if err := mayReplace(); err != nil { // before a refresh, which may take a long time
			return err
		}
	}
	plan, err := pull.Prepare(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = plan.Close() }()
	if config.DryRun {
		return s.preview(ctx, plan)
	}
	if err := plan.Allowed(); err != nil {
		return err
	}
	if !plan.Needed {
		return s.leave(plan)
	}
	if config.IfNewer {
		if err := mayReplace(); err != nil {
			return err
		}
	}
	result, err := plan.Run(ctx)
	s.out.Finish()
	if err != nil {
		return err
	}
	if !result.Replaced {
		return s.leave(plan) // the local database has changed meanwhile
	}
	s.rememberNewest(plan)
	tables, content := ui.Count(result.Tables, "table"), "SQL"
	var kinds []string
	if result.UnchangedTables > 0 {
		kinds = append(kinds, fmt.Sprintf("%d unchanged", result.UnchangedTables))
	}
	if result.Files {
		kinds, content = append(kinds, fmt.Sprintf("%d as files", result.FileTables)), "files and SQL"
	}
	if len(kinds) > 0 {
		tables += " (" + strings.Join(kinds, ", ") + ")"
	}
	s.out.Print("replaced %s%s with %s\n%s, %s, %s of %s (%s fetched, %s cached), %s\n",
		partOf(config.Selection), s.project.Target.Name, result.Key, tables, ui.Count(result.Rows, "row"),
		ui.Bytes(result.LoadedBytes), content, ui.Bytes(result.FetchedBytes), ui.Bytes(result.CachedBytes),
		ui.Duration(time.Duration(result.Seconds*float64(time.Second))))
	if !plan.Contents.Empty {
		result.Undo = undoCommand()
		s.out.Print("%s brings the earlier one back\n", result.Undo)
	}
	if kept, err := plan.Kept(ctx); err == nil { // an error here is not one of the pull
		result.Earlier, result.EarlierBytes = len(kept), bytesOf(kept)
		s.sayKept(kept)
	}
	return s.out.Result(result)
}

// partOf introduces the name of a database of which only a part is replaced; "" if all of it is.
func partOf(selection pull.Selection) string {
	if selection.IsPart() {
		return "a part of "
	}
	return ""
}

// pullConfig turns the flags into the config of a pull.
func (s *session) pullConfig(c *cli.Context, version string) (pull.Config, error) {
	asOf, err := moment(c, "as-of")
	if err != nil {
		return pull.Config{}, err
	}
	maxAge, err := age(c, "max-age")
	if err != nil {
		return pull.Config{}, err
	}
	threads, err := threads(c)
	if err != nil {
		return pull.Config{}, err
	}
	selection, err := selection(c)
	if err != nil {
		return pull.Config{}, err
	}
	if err := s.project.RequireBucket(); err != nil {
		return pull.Config{}, err
	}
	config := s.withDumps()
	config.Key, config.AsOf, config.MaxAge = c.String("key"), asOf, maxAge
	config.IfNewer, config.DiscardChanges, config.DryRun = c.Bool("if-newer"), c.Bool("discard-changes"), c.Bool("dry-run")
	config.Strict = c.Bool("strict")
	config.Selection, config.Threads, config.OnlySQL = selection, threads, c.Bool("sql")
	config.Force, config.Full = c.Bool("force"), c.Bool("full")
	config.RequireMasked, config.Masks = s.project.RequireMasked, len(s.project.Rules.Columns) > 0
	if !c.Bool("yes") {
		config.Accept = s.accept
	}
	if s.project.Source.IsSet() {
		config.Refresh = func(ctx context.Context) error {
			_, err := s.refresh(ctx, refreshOptions{version: version, ifOlderThan: maxAge})
			return err
		}
	}
	return config, nil
}

// accept asks whether to load a dump that may be cut off. Without a terminal the answer is no.
func (s *session) accept(ctx context.Context, refused *pull.GateError) error {
	s.out.Finish()
	agreed, err := s.out.Confirm(ctx, refused.Error()+"; load it anyway?")
	switch {
	case errors.Is(err, ui.ErrNoAnswer):
		return refused
	case err != nil:
		return err
	case !agreed:
		return errDeclined
	}
	return nil
}

// printHooks prints what the host command evaluates before the pull: the functions that run the hooks, or empty ones if the
// local database will not be replaced. A pull that is certain to fail does so here, before any hook has run. One that is not
// needed ends here. A database that is brought back has long been imported, but what depends on it, such as a site's caches, has to
// follow as after an import.
func (s *session) printHooks(c *cli.Context, version string) error {
	pre, post := s.project.Hooks("pre-import-db"), s.project.Hooks("post-import-db")
	if !c.Bool("skip-hooks") && (c.Bool("undo") || isGiven(c, "undo-to")) {
		return evaluate(c, hookFunctions(nil, post, s.project.FailOnHookFail))
	}
	if c.Bool("skip-hooks") || asksForEarlier(c) || c.Bool("hold") || c.Bool("release") || c.Bool("dry-run") || len(pre)+len(post) == 0 {
		return evaluate(c, hookFunctions(nil, nil, false))
	}
	config, err := s.pullConfig(c, version)
	if err != nil {
		return err
	}
	config.DryRun = true
	plan, err := pull.Prepare(c.Context, config)
	if err != nil {
		return err
	}
	defer func() { _ = plan.Close() }()
	if err := plan.Allowed(); err != nil {
		return err
	}
	switch {
	case !plan.Needed:
		var said strings.Builder
		s.out.Stdout = &said
		if err := s.leave(plan); err != nil {
			return err
		}
		return evaluate(c, "printf '%s' "+quote(said.String())+"\nexit 0\n")
	case !plan.RefreshFirst:
		if _, err := plan.Inspect(c.Context); err != nil {
			return err
		}
	}
	return evaluate(c, hookFunctions(pre, post, s.project.FailOnHookFail))
}

// evaluate prints shell code for the host command to evaluate.
func evaluate(c *cli.Context, text string) error {
	_, err := fmt.Fprint(c.App.Writer, text)
	return err
}

// leave prints that the local database stays as it is, and why.
func (s *session) leave(plan *pull.Plan) error {
	s.rememberNewest(plan)
	s.nothingToDo(plan)
	result := pull.Result{Key: plan.Dump.Key, SnapshotTime: plan.Dump.Time, Held: plan.Contents.Hold}
	if plan.Newer {
		result.Announced, result.Reason = true, plan.Stays
	}
	return s.out.Result(struct {
		pull.Result
		Changed []string `json:"changed,omitempty"` // the local changes since the pull, if they are the reason
	}{result, plan.Changes.Names})
}

// rememberNewest stores a plan's dump for `ddev describe`, if it is the newest one.
func (s *session) rememberNewest(plan *pull.Plan) {
	if plan.Key == "" && plan.AsOf.IsZero() && plan.Dump.Key != "" {
		s.remember(plan.Dump.Key, plan.Dump.Size)
	}
}

// nothingToDo prints why a plan leaves the local database as it is.
func (s *session) nothingToDo(plan *pull.Plan) {
	name := s.project.Target.Name
	switch {
	case plan.Offline:
		s.out.Note("cannot reach the bucket, " + name + " stays as it is")
	case plan.NoDump != nil:
		s.out.Note(s.noDump(plan.NoDump.Target, plan.NoDump.Others) + "; " + name + " stays as it is")
		s.out.Note("hint: " + inWords(emptyHint(plan.NoDump.Others)))
	case plan.Newer:
		s.announce(plan)
	case plan.Contents.Dump.Key != "":
		s.out.Print("nothing to do, %s holds %s\n", name, plan.Contents.Dump.Key)
	default:
		s.out.Print("nothing to do, %s is not older than %s\n", name, plan.Dump.Key)
	}
}

// previewed is the result of a dry run.
type previewed struct {
	Key          string    `json:"key"`
	Replaced     bool      `json:"replaced"`
	WouldReplace bool      `json:"would_replace"`
	WouldRefresh bool      `json:"would_refresh"`
	Holds        string    `json:"holds"` // the key of the dump that the local database was loaded from, "" if unknown
	Announced    bool      `json:"announced"`
	Reason       string    `json:"reason,omitempty"`  // why an automatic pull does not replace the local database
	Held         bool      `json:"held"`              // with --hold
	Changed      []string  `json:"changed,omitempty"` // the local changes since the pull
	Tables       int64     `json:"tables,omitempty"`
	Rows         int64     `json:"rows,omitempty"`
	RawBytes     int64     `json:"raw_bytes,omitempty"`
	ObjectBytes  int64     `json:"object_bytes,omitempty"`
	Files        bool      `json:"files"`                 // whether tables would be imported as files
	FileTables   int64     `json:"file_tables,omitempty"` // how many
	NoFiles      string    `json:"no_files,omitempty"`    // why none would although the dump is baked
	SnapshotTime time.Time `json:"snapshot_time,omitzero"`
}

// preview prints what a pull would do.
func (s *session) preview(ctx context.Context, plan *pull.Plan) error {
	if err := plan.Look(ctx); err != nil {
		return err
	}
	would := previewed{
		WouldReplace: plan.Needed && plan.Allowed() == nil, WouldRefresh: plan.RefreshFirst, Holds: plan.Contents.Dump.Key,
		Announced: plan.IfNewer && plan.Newer && !plan.Needed, Reason: string(plan.Stays), Held: plan.Contents.Hold, Changed: plan.Changes.Names,
	}
	if plan.Needed {
		for _, is := range state(plan.State) {
			s.out.Print("%s %s\n", s.project.Target.Name, is)
		}
	}
	if err := plan.Allowed(); err != nil {
		return s.out.Result(would)
	}
	target := s.project.Target.Name + " (" + origin(plan.Contents) + ")"
	if plan.RefreshFirst {
		newest := "there is no dump yet"
		if plan.Dump.Key != "" {
			newest = plan.Dump.Key + " is from " + plan.Dump.Time.Format(time.RFC3339)
		}
		s.out.Print("would refresh first, %s\nwould replace %s%s with the fresh dump\n", newest, partOf(plan.Selection), target)
		return s.out.Result(would)
	}
	would.Key, would.ObjectBytes, would.SnapshotTime = plan.Dump.Key, plan.Dump.Size, plan.Dump.Time
	if !plan.Needed {
		s.nothingToDo(plan)
		return s.out.Result(would)
	}
	index, err := plan.Inspect(ctx)
	if err != nil {
		return err
	}
	content := ui.Bytes(plan.Dump.Size) + ", made by another tool"
	if index != nil {
		would.Tables, would.Rows, would.RawBytes = plan.Tables(), index.Rows, index.RawBytes
		content = fmt.Sprintf("%s, %s, %s of SQL", ui.Count(would.Tables, "table"), ui.Count(would.Rows, "row"), ui.Bytes(would.RawBytes))
	}
	s.out.Print("would replace %s%s with %s: %s\n", partOf(plan.Selection), target, would.Key, content)
	switch files := plan.Files(); {
	case files == nil:
	case files.Refused != nil:
		would.NoFiles = files.Refused.Error()
		s.out.Print("all tables would be loaded as SQL: %s\n", would.NoFiles)
	default:
		would.Files, would.FileTables = true, files.Tables
		s.out.Print("%s would be imported as files of %s from %s: %s\n",
			ui.Count(files.Tables, "table"), ui.Bytes(files.Bytes), files.Key, ui.Bytes(files.Size))
	}
	return s.out.Result(would)
}

// origin says where the contents of a database come from.
func origin(held target.Contents) string {
	switch {
	case held.Empty:
		return "empty"
	case held.Dump.Key == "":
		return "of unknown origin"
	}
	return "holds " + held.Dump.Key
}

// undoConfig turns the flags into the config of an undo, which may need a dump.
func (s *session) undoConfig(c *cli.Context) pull.Config {
	config := s.local()
	if s.project.Bucket != "" {
		config = s.withDumps()
	}
	config.CacheDir, config.Force = s.project.CacheDir, c.Bool("force")
	return config
}

func (s *session) undo(c *cli.Context) error {
	target := *s.project.Target
	if err := s.confirm(c, fmt.Sprintf("bring back the earlier database %s at %s?", target.Name, target.Address())); err != nil {
		return err
	}
	if err := pull.Undo(c.Context, s.undoConfig(c)); err != nil {
		return err
	}
	s.out.Print("brought back the earlier database %s; undo again to take that back\n", target.Name)
	return s.out.Result(map[string]any{"undone": true, "target": target.String()})
}
