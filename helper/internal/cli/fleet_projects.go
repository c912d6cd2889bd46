package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/bake"
	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/project"
	"github.com/jobiqo/dump-refresh/helper/internal/refresh"
	"github.com/jobiqo/dump-refresh/helper/internal/throwaway"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

// fleetLoader turns the entries of a fleet into projects. It reads each with the same code as a single command.
type fleetLoader struct {
	out     *ui.Output
	version string
	flags   map[string]string // settings that override all others
	force   bool              // refreshes publish whatever there was before
	watch   *watching         // says which projects have changed; nil if nobody watches
	// restores says how dumps are checked.
	restores restoreOptions
	// rate is shared by all projects; nil leaves each its own.
	rate *bucket.RateLimit
	// sessions are those of all projects.
	sessions *bucket.Sessions
}

// checkouts is how many repositories are fetched at once.
const checkouts = 8

// load returns the projects in the order of their entries. A project's error is in its Problem.
func (l fleetLoader) load(ctx context.Context, config fleet.Config) ([]fleet.Project, error) {
	entries, err := config.Entries(ctx)
	if err != nil {
		return nil, err
	}
	projects := make([]fleet.Project, len(entries))
	var group errgroup.Group
	group.SetLimit(checkouts)
	for i, entry := range entries {
		group.Go(func() error {
			projects[i] = l.project(ctx, entry)
			return nil
		})
	}
	_ = group.Wait()
	fleet.RefuseTwins(projects)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return projects, nil
}

func (l fleetLoader) project(ctx context.Context, entry fleet.Entry) fleet.Project {
	result := fleet.Project{Slot: entry.Slot(), Policy: entry.Policy}
	folder := entry.Path
	if entry.Git != "" {
		result.Name = strings.TrimSuffix(filepath.Base(entry.Git), ".git")
		if result.Problem = entry.Problem; result.Problem != nil {
			return result
		}
		var stale error
		folder, stale, result.Problem = fleet.Checkout(ctx, cacheFolder(), entry)
		if stale != nil {
			l.out.Note("using the settings that were fetched last: " + stale.Error())
		}
		if result.Problem != nil {
			return result
		}
	} else {
		result.Name = filepath.Base(folder)
	}
	s := &session{out: l.out, note: l.out.Note, rate: l.rate, sessions: l.sessions, commandEnvironment: entry.CommandEnvironment()}
	s.project, result.Problem = l.settings(ctx, entry, folder)
	if result.Problem != nil {
		return result
	}
	result.Name = s.project.Name
	if result.Problem = s.project.RequireBucket(); result.Problem != nil {
		return result
	}
	result.Store = "s3://" + s.project.Bucket + "/" + s.project.Prefix
	if result.Problem = s.project.RequireSource(); result.Problem != nil {
		return result
	}
	if s.rate == nil {
		s.rate = bucket.NewRateLimit(s.project.LimitRate)
	}
	result.Host = stagingHost(s.project)
	result.Place = cmp.Or(s.project.Endpoint, "AWS") + " " + result.Store + "/" + s.project.DumpsOf
	result.Around = around(result.Store, s.project.Bucket, entry)
	result.Repository, result.Pinned = entry.Git, entry.Name != ""
	result.Source = refresh.Address(s.project.Source.URL, s.project.SSH)
	result.Command = s.project.Source.Command
	result.Open = s.openBucket
	seen := l.watch != nil && l.watch.seen[result.Slot]
	result.Seen = seen
	result.Refresh = func(ctx context.Context, turn fleet.Turn) (fleet.Outcome, error) {
		mine := *s
		mine.note = turn.Note
		options := refreshOptions{version: l.version, skipBroken: entry.SkipBroken, ifOlderThan: entry.Due(), ifChanged: true}
		if seen { // another process may have just published it
			options.ifOlderThan = min(entry.Due(), entry.MinInterval)
		}
		if l.force {
			options.force, options.ifOlderThan, options.ifChanged = true, 0, false
		}
		return mine.refreshInFleet(ctx, turn, options)
	}
	if l.watch != nil && s.project.Source.URL != nil {
		mine := *s
		mine.note = func(string) {} // a refresh says it
		result.Changed = mine.changedInFleet
	}
	result.Prune = s.pruneInFleet
	result.Restore = func(ctx context.Context, key string, progress dump.Progress) (fleet.Restored, error) {
		mine := *s
		mine.note = progress.Note
		return mine.restoreInFleet(ctx, l.restores, key, progress)
	}
	for _, server := range s.project.Bake {
		result.Bakes = append(result.Bakes, bake.Series(throwaway.Kind(server)))
	}
	result.Bake = func(ctx context.Context, key string, progress dump.Progress) ([]string, error) {
		mine := *s
		mine.note = progress.Note
		return mine.bakeInFleet(ctx, l.version, key, progress)
	}
	return result
}

// around is the folder in which other projects of the fleet have their dumps, too.
func around(store, bucketName string, entry fleet.Entry) string {
	before, _, named := strings.Cut(entry.Prefix, "{name}")
	if !named {
		return store
	}
	return strings.TrimSuffix("s3://"+bucketName+"/"+before[:strings.LastIndex(before, "/")+1], "/")
}

// settingsLimit is how long reading the settings of one project may take.
const settingsLimit = 20 * time.Second

var errSettingsLimit = fmt.Errorf("its settings could not be read within %s; the file system does not answer", settingsLimit)

// settings reads the settings of a project in a folder.
func (l fleetLoader) settings(ctx context.Context, entry fleet.Entry, folder string) (*project.Project, error) {
	settings := maps.Clone(entry.Set)
	if settings == nil {
		settings = map[string]string{}
	}
	maps.Copy(settings, l.flags)
	options := project.Options{
		Dir: folder, Only: true, Environ: environment(), Flags: settings, Name: entry.Name, Prefix: entry.Prefix, Visible: entry.Visible,
	}
	if entry.Trust != fleet.TrustFull {
		options.Fleet = &project.Fleet{Keep: project.Range(entry.Keep), KeepDays: project.Range(entry.KeepDays)}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, settingsLimit, errSettingsLimit)
	defer cancel()
	p, err := project.Load(ctx, options)
	switch {
	case errors.Is(err, project.ErrNoProject):
		err = &fleet.ConfigError{File: folder, Text: "no .ddev/config.yaml in this folder"}
	case errors.Is(err, project.ErrNotTrusted):
		err = &refusedError{err, entry}
	}
	return p, err
}

// refusedError means that a project's own files say what only the operator of the fleet decides.
type refusedError struct {
	error
	entry fleet.Entry
}

func (e *refusedError) Unwrap() error { return e.error }

// refusals returns what was refused.
func (e *refusedError) refusals() (refused []*project.ConfigError) {
	var all project.ConfigErrors
	if errors.As(e.error, &all) {
		for _, one := range all {
			if errors.Is(one, project.ErrNotTrusted) {
				refused = append(refused, one)
			}
		}
	}
	return refused
}

// hint names the lines that would allow it.
func (e *refusedError) hint() string {
	var names []string
	for _, refused := range e.refusals() {
		if strings.HasPrefix(refused.Name, "DUMP_") && !slices.Contains(names, refused.Name) {
			names = append(names, refused.Name)
		}
	}
	hint := "if everybody who may push to this repository may act as the operator of the fleet, write " + e.entry.Allow
	if len(names) > 0 {
		hint += "; if not, give it values of yours: set: {" + strings.Join(names, ": …, ") + ": …}"
	}
	return hint
}

// stagingHost returns the server whose connections a refresh uses.
func stagingHost(p *project.Project) string {
	var parts []string
	if p.SSH != "" {
		parts = append(parts, p.SSH)
	}
	if url := p.Source.URL; url != nil {
		parts = append(parts, net.JoinHostPort(url.Host, strconv.Itoa(url.Port)))
	}
	return strings.Join(parts, " ")
}

// cacheFolder is the folder for checkouts.
func cacheFolder() string {
	if folder := os.Getenv("DUMP_CACHE_DIR"); filepath.IsAbs(folder) {
		return folder
	}
	if folder, err := os.UserCacheDir(); err == nil {
		return filepath.Join(folder, "dump-refresh")
	}
	return filepath.Join(os.TempDir(), "dump-refresh-"+strconv.Itoa(os.Getuid()))
}

// labels maps each project's slot to the name to show: the project's own, unless others have the same.
func labels(projects []fleet.Project) map[string]string {
	count := map[string]int{}
	for _, p := range projects {
		count[p.Name]++
	}
	result := map[string]string{}
	for _, p := range projects {
		result[p.Slot] = p.Name
		if count[p.Name] > 1 {
			result[p.Slot] += " (" + p.Slot + ")"
		}
	}
	return result
}
