package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/pull"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// undoCommand is the command that undoes a pull.
func undoCommand() string { return inWords("dump-helper pull --undo") }

// announce prints one line: there is a newer dump, and why it was not pulled.
func (s *session) announce(plan *pull.Plan) {
	name := s.project.Target.Name
	replace := "`dump-helper pull` replaces it, and --undo brings it back"
	switch plan.Stays {
	case pull.Held:
		replace = "`dump-helper pull --release` lets it be replaced"
	case pull.Changed:
		replace += "; with --discard-changes a hook replaces it as well"
	}
	what := plan.Dump.Key + " is newer"
	if plan.Dump.Key == "" {
		what = "a newer dump"
	}
	s.out.Print("%s, and not pulled: %s %s; %s\n", what, name, because(plan.State), inWords(replace))
}

// because returns the reason why a local database stays as it is.
func because(local pull.State) string {
	switch local.Stays {
	case pull.Held:
		return "is held"
	case pull.Chosen:
		return "holds " + local.Contents.Dump.Key + ", which was asked for"
	case pull.Part:
		return "contains a part of a dump"
	case pull.Undone:
		return "was brought back by --undo"
	case pull.Restored:
		return "was restored or replaced by other means"
	case pull.Foreign:
		return "does not come from a pull"
	}
	return changed(local.Changes)
}

// mostNames is the most changes that are listed.
const mostNames = 5

// changed describes the changes in a local database.
func changed(changes target.Changes) string {
	if changes.Unknown {
		return "may have been changed since it was pulled"
	}
	return fmt.Sprintf("was changed since it was pulled (%s)", namesOf(changes))
}

// namesOf lists the changes.
func namesOf(changes target.Changes) string {
	names := changes.Names
	more := changes.More
	if len(names) > mostNames {
		names, more = names[:mostNames], true
	}
	text := strings.Join(names, ", ")
	if more {
		text += ", …"
	}
	return text
}

// state lists what prevents an automatic pull from replacing a local database.
func state(local pull.State) []string {
	var all []string
	if local.Stays != "" && local.Stays != pull.Changed {
		all = append(all, because(local))
	}
	if local.Changes.Changed() {
		all = append(all, changed(local.Changes))
	}
	return all
}

// contents says which dump the local database was loaded from, and what prevents an automatic pull from replacing it.
func (s *session) contents(ctx context.Context, database target.Database) (string, error) {
	local, err := s.local().State(ctx, database)
	if err != nil {
		return "", err
	}
	stays := state(local)
	if len(stays) == 0 && local.Contents.Dump.Key != "" {
		stays = []string{"unchanged since it was pulled"}
	}
	return strings.Join(append([]string{origin(local.Contents)}, stays...), "; "), nil
}

// withoutRows reports whether the project publishes a table without its rows.
func (s *session) withoutRows(table string) bool {
	names := []string{table}
	if _, name, found := sqltext.SplitName(table); found && s.project.Target.Engine == "postgres" {
		names = append(names, name)
	}
	return wildcard.MatchAny(s.project.Rules.StructureOnly, names...)
}

// local returns the part of a pull's config that is about the local database.
func (s *session) local() pull.Config {
	return pull.Config{
		Target: *s.project.Target, Tokens: s.project.Tokens(), Remember: s.project.RememberTokens, WithoutRows: s.withoutRows, Progress: s.out,
		Keep: s.project.KeepLocal, Project: s.project.DumpsOf, VerifyKeys: s.project.VerifyKeys,
	}
}

// withDumps returns the part of a pull's config that is about the local database and the dumps.
func (s *session) withDumps() pull.Config {
	config := s.local()
	config.OpenBucket, config.BucketName, config.CacheDir = s.openBucket, s.project.Bucket, s.project.CacheDir
	return config
}

func (s *session) hold(c *cli.Context) error {
	if err := pull.Hold(c.Context, s.local()); err != nil {
		return err
	}
	s.out.Print("held %s; %s\n", s.project.Target.Name, inWords("`dump-helper pull --release` lets it be replaced"))
	return s.out.Result(map[string]any{"held": true, "target": s.project.Target.String()})
}

func (s *session) release(c *cli.Context) error {
	if err := pull.Release(c.Context, s.local()); err != nil {
		return err
	}
	s.out.Print("released %s: a pull may replace it; one with --if-newer only if it is unchanged\n", s.project.Target.Name)
	return s.out.Result(map[string]any{"held": false, "target": s.project.Target.String()})
}

// isRestoring reports whether this runs in a hook while DDEV restores a snapshot. The variable with the command of the
// database's container then says so. For PostgreSQL, that variable is never empty.
func isRestoring() bool {
	command := os.Getenv("DDEV_DB_CONTAINER_COMMAND")
	return strings.Contains(command, "restore_snapshot ") || strings.Contains(command, "/mnt/snapshots/")
}

// stayRestored does not touch a database that is being restored, and makes sure that it stays: its token is forgotten. The
// database may not exist yet.
func (s *session) stayRestored() error {
	if err := s.project.RememberTokens(pull.NewToken()); err != nil {
		return err
	}
	s.out.Print("nothing is pulled, because %s is being restored; %s\n", s.project.Target.Name, inWords("`dump-helper pull` replaces it, and --undo brings it back"))
	return s.out.Result(pull.Result{Reason: pull.Restored})
}
