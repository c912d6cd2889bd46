// Package restore loads a dump into a throw-away server and compares what is there afterwards with what the dump's index says, and
// with staging if that has not changed since. A dump that was never restored is a hope.
package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/throwaway"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// UnfitError means that a dump cannot be checked in this way. That says nothing about the dump.
type UnfitError struct {
	Name   string // the dump's
	Reason string // a clause, as in "it was made by another tool"
}

func (e *UnfitError) Error() string {
	return e.Name + " cannot be checked by restoring it: " + e.Reason
}

// DifferentError means that a restored dump has other tables or rows than it should have.
type DifferentError struct {
	Name string // the dump's
	// From is what it was compared with: "its index" or "staging".
	From        string
	Differences []string
}

// shownDifferences is how many differences an error shows.
const shownDifferences = 5

func (e *DifferentError) Error() string {
	shown := e.Differences
	more := ""
	if len(shown) > shownDifferences {
		shown, more = shown[:shownDifferences], fmt.Sprintf(" and %d more", len(e.Differences)-shownDifferences)
	}
	return e.Name + ", restored, differs from " + e.From + ": " + strings.Join(shown, "; ") + more
}

// Config says what to restore.
type Config struct {
	Bucket *bucket.Bucket
	// Key names the dump.
	Key string
	// Kinds are the servers to try if there is none of the version that the dump was made from; with Only, they are tried alone.
	Kinds []throwaway.Kind
	Only  bool
	// Load loads a dump's text into a database that does not exist yet. It may keep files in the folder.
	Load func(ctx context.Context, dump bucket.Object, target dburl.URL, folder string) error
	// Staging says where staging is; nil if it is not to be asked.
	Staging  func(context.Context) (source.Config, error)
	Progress dump.Progress
}

// Result is what a check has found.
type Result struct {
	Server  string  // what the dump was loaded into: "mariadbd 10.11.14"
	Tables  int64   // in the restored database
	Rows    int64   // in all of them
	Seconds float64 // to load it
	// Staging says what came of the comparison with staging: "the same", or a clause that says why there was none.
	Staging string
}

// Run checks a dump. It fails with *UnfitError or *DifferentError, with *throwaway.NoServerError, and with what Load returns.
func Run(ctx context.Context, config Config) (result Result, err error) {
	object, err := config.Bucket.Find(ctx, config.Key)
	if err != nil {
		return result, err
	}
	index, err := readIndex(ctx, config.Bucket, object)
	if err != nil {
		return result, err
	}
	server, err := config.start(ctx, index)
	if missing := (*throwaway.NoServerError)(nil); err != nil && ctx.Err() == nil && !errors.As(err, &missing) {
		err = &UnfitError{object.Name, err.Error()}
	}
	if err != nil {
		return result, err
	}
	defer func() {
		if stopErr := server.Stop(); stopErr != nil {
			config.Progress.Note(stopErr.Error())
		}
	}()
	result.Server = server.Source
	config.Progress.Note(fmt.Sprintf("restoring %s into %s", object.Name, server.Source))
	began := time.Now()
	target := server.URL("restore")
	if err := config.Load(ctx, object, target, server.Folder("cache")); err != nil {
		return result, err
	}
	result.Seconds = time.Since(began).Seconds()
	restored, lacking, err := count(ctx, target, index, config.Progress)
	if err != nil {
		return result, err
	}
	result.Tables = int64(len(restored))
	for _, rows := range restored {
		result.Rows += rows
	}
	differences := Compare(expected(index), restored)
	if len(differences) > 0 && len(lacking) > 0 { // their tables are missing
		return result, &UnfitError{object.Name, server.Source + " lacks extension " + strings.Join(lacking, ", ")}
	}
	if len(differences) > 0 {
		return result, &DifferentError{object.Name, "its index", differences}
	}
	result.Staging, err = config.compareStaging(ctx, object, index, restored)
	return result, err
}

func readIndex(ctx context.Context, store *bucket.Bucket, object bucket.Object) (*dumpfile.Index, error) {
	unfit := func(reason string) error { return &UnfitError{object.Name, reason} }
	compression, known := dumpfile.ByName(object.Name)
	if !known {
		return nil, unfit("its name does not have the ending of a dump's name")
	}
	index, err := dumpfile.ReadIndex(store.ReaderAt(ctx, object), object.Size, compression)
	switch {
	case errors.Is(err, dumpfile.ErrNoIndex):
		return nil, unfit("it was made by another tool, so nobody knows what should be in it")
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", object.Name, err)
	case index.Baked != nil:
		return nil, unfit("it is not a dump but was baked from one")
	case index.Engine == "":
		return nil, unfit("it is the output of a command, and does not say for which server")
	}
	return index, nil
}

// start starts the first server that there is. The error is about the first one that was wanted.
func (c *Config) start(ctx context.Context, index *dumpfile.Index) (*throwaway.Server, error) {
	release, _ := version.Parse(index.EngineVersion)
	own := throwaway.Kind{Engine: index.Engine, Version: release.Series()}
	if index.Engine == string(dburl.Postgres) {
		own.Version = strconv.Itoa(release.Major)
	}
	kinds := slices.DeleteFunc(slices.Clone(c.Kinds), func(kind throwaway.Kind) bool { return kind.Engine != index.Engine })
	if !c.Only {
		kinds = append([]throwaway.Kind{own}, kinds...)
	}
	var first error
	for _, kind := range kinds {
		c.Progress.Phase("starting "+kind.String(), 0)
		server, err := throwaway.Start(ctx, kind, c.Progress.Note)
		if missing := (*throwaway.NoServerError)(nil); err == nil || !errors.As(err, &missing) {
			return server, err
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = &throwaway.NoServerError{Kind: own, Reasons: []string{"no server of this kind was named"}}
	}
	return nil, first
}

// count counts the rows of all tables of a database, and of those that the index has besides, which may be an extension's. lacking are the extensions
// that the database should have.
func count(ctx context.Context, target dburl.URL, index *dumpfile.Index, progress dump.Progress) (counted map[string]int64, lacking []string, err error) {
	progress.Phase("counting rows", 0)
	restored, err := engine.OpenSource(ctx, source.Config{URL: &target, Note: func(string) {}})
	if err != nil {
		return nil, nil, fmt.Errorf("look at what was restored: %w", err)
	}
	defer func() { _ = restored.Close() }()
	info := restored.Info()
	names := tables(info)
	if target.Engine == dburl.Postgres {
		for _, table := range index.Tables {
			if !slices.Contains(names, table.Name) {
				names = append(names, table.Name)
			}
		}
	}
	if counted, err = restored.Count(ctx, names); err != nil {
		return nil, nil, fmt.Errorf("look at what was restored: %w", err)
	}
	has := extensions(info.Needs)
	return counted, slices.DeleteFunc(extensions(index.Needs), func(name string) bool { return slices.Contains(has, name) }), nil
}

// extensions are the names of those that a database has.
func extensions(needs *dump.Needs) (names []string) {
	if needs == nil {
		return nil
	}
	for _, extension := range needs.Extensions {
		name, _, _ := strings.Cut(extension, " ")
		names = append(names, name)
	}
	return names
}

func tables(info source.Info) []string {
	names := make([]string, len(info.Tables))
	for i, table := range info.Tables {
		names[i] = table.Name
	}
	return names
}

// expected is what the index says: the rows of each table, -1 if nobody knows how many.
func expected(index *dumpfile.Index) map[string]int64 {
	rows := make(map[string]int64, len(index.Tables))
	for _, table := range index.Tables {
		rows[table.Name] = table.Rows
	}
	return rows
}

// Compare says how the rows of tables differ from what they should be, in the order of the tables' names. A negative number is unknown.
func Compare(want, got map[string]int64) (differences []string) {
	names := make([]string, 0, len(want))
	for name := range want {
		names = append(names, name)
	}
	for name := range got {
		if _, known := want[name]; !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		wanted, should := want[name]
		rows, is := got[name]
		switch {
		case !is:
			differences = append(differences, "table "+name+" is missing")
		case !should:
			differences = append(differences, "table "+name+" should not be there")
		case wanted >= 0 && rows != wanted:
			differences = append(differences, fmt.Sprintf("table %s has %d rows instead of %d", name, rows, wanted))
		}
	}
	return differences
}

// compareStaging compares with staging, if that is as it was when the dump was made: else every difference may be one of today.
func (c *Config) compareStaging(ctx context.Context, object bucket.Object, index *dumpfile.Index, restored map[string]int64) (string, error) {
	if c.Staging == nil {
		return "not asked", nil
	}
	c.Progress.Phase("asking staging", 0)
	staging, err := c.openStaging(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "cannot be asked: " + err.Error(), nil
	}
	defer func() { _ = staging.Close() }()
	unchanged := func() (string, error) {
		state, err := staging.State(ctx)
		switch {
		case err != nil:
			return "", err
		case state.Doubt != "":
			return "cannot tell whether it has changed since: " + state.Doubt, nil
		case index.SourceState == "" || !state.Same(index.SourceState):
			return "has changed since", nil
		}
		return "", nil
	}
	if reason, err := unchanged(); reason != "" || err != nil {
		return reason, err
	}
	counted, err := staging.Count(ctx, fullTables(staging.Info()))
	if errors.Is(err, source.ErrUncounted) {
		return "cannot count rows", nil
	}
	if err != nil {
		return "", err
	}
	// A change while it was counted is none of the dump's.
	if reason, err := unchanged(); reason != "" || err != nil {
		return reason, err
	}
	if differences := Compare(ruled(staging.Info(), counted), ofStaging(staging.Info(), restored, index)); len(differences) > 0 {
		return "differs", &DifferentError{object.Name, "staging, which has not changed since", differences}
	}
	return "the same", nil
}

func (c *Config) openStaging(ctx context.Context) (*source.Source, error) {
	config, err := c.Staging(ctx)
	if err != nil {
		return nil, err
	}
	config.Note = func(string) {} // what a refresh says, too
	return engine.OpenSource(ctx, config)
}

// fullTables are the tables all of whose rows go into a dump.
func fullTables(info source.Info) []string {
	return slices.DeleteFunc(tables(info), func(name string) bool {
		return slices.Contains(info.StructureOnly, name) || slices.Contains(info.Filtered, name)
	})
}

// ruled adds the tables without rows, and those with some of them, of which nobody has counted how many.
func ruled(info source.Info, counted map[string]int64) map[string]int64 {
	for _, name := range info.Filtered {
		counted[name] = -1
	}
	for _, name := range info.StructureOnly {
		counted[name] = 0
	}
	return counted
}

// ofStaging leaves out the tables that the dump has and a list of staging's tables has not: extensions'.
func ofStaging(info source.Info, restored map[string]int64, index *dumpfile.Index) map[string]int64 {
	if index.Engine != string(dburl.Postgres) {
		return restored
	}
	known := tables(info)
	all := expected(index)
	own := maps.Clone(restored)
	maps.DeleteFunc(own, func(name string, _ int64) bool {
		_, dumped := all[name]
		return dumped && !slices.Contains(known, name)
	})
	return own
}
