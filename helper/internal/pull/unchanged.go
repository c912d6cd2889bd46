package pull

import (
	"context"
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A table stays where it is if its rows are the same in the dump that the local database was loaded from and in the chosen one, and if the
// server can prove that nobody has touched it since. Only the other tables are loaded and exchanged, in the same single step as always.

// minUnchanged is how many bytes of SQL must be spared, and unchangedShare the share of the dump: less is loaded in the time that it takes to
// find out.
const minUnchanged, unchangedShare = 8 << 20, 0.25

// mostTries is how often tables that seemed to be unchanged are given up before all of the dump is loaded.
const mostTries = 3

// onlyChanged loads the dump without the tables that have not changed. Done is false if all of it must be loaded.
func (p *Plan) onlyChanged(ctx context.Context, cache *cache, result *Result) (stats sqltext.Stats, done bool, err error) {
	database, able := p.database.(target.Staying)
	if !able || p.Remember == nil { // then there are no fingerprints
		return stats, false, nil
	}
	same := p.sameRows(ctx, cache)
	if p.index != nil && len(same) == len(p.index.Tables) {
		delete(same, smallest(same)) // a swap needs a table
	}
	if !p.pays(same) {
		return stats, false, nil
	}
	p.Progress.Phase("looking for tables that have not changed", 0)
	untouched, err := database.Untouched(ctx, names(same))
	switch {
	case ctx.Err() != nil:
		return stats, false, context.Cause(ctx)
	case err != nil:
		p.Progress.Note("all tables are loaded: " + err.Error())
		return stats, false, nil //nolint:nilerr // the load says whether this is the end of the pull
	}
	staying := make(map[string]int64, len(untouched))
	for _, table := range untouched {
		staying[table] = same[table]
	}
	for range mostTries {
		if !p.pays(staying) {
			break
		}
		stats, err = p.loadBeside(ctx, cache, staying, result)
		var different *target.DifferentError
		var tied *target.ForeignKeyError
		switch {
		case errors.As(err, &different):
			p.Progress.Note(different.Error() + "; they are loaded as well")
			remove(staying, different.Tables...)
		case errors.As(err, &tied):
			p.Progress.Note(tied.Error() + "; they are loaded as well")
			remove(staying, append(tied.Missing, tied.Table, tied.Refers)...)
		default:
			return stats, err == nil, err
		}
	}
	return stats, false, nil
}

// sameRows returns the tables that have the same rows in the dump that the local database was loaded from, with the size of their SQL.
func (p *Plan) sameRows(ctx context.Context, cache *cache) map[string]int64 {
	held := p.Contents.Dump
	if p.Full || p.Strict || held.Index == "" || !p.Selection.isAll() || !p.dump().inChunks() {
		return nil
	}
	before := p.index
	if held.Index != before.Digest().String() {
		if before = p.earlierIndex(ctx, cache, held); before == nil {
			return nil
		}
	}
	return dumpfile.Unchanged(before, p.index)
}

// earlierIndex returns the index of the dump that the local database was loaded from, from the cache or from the bucket; nil if it cannot
// be had.
func (p *Plan) earlierIndex(ctx context.Context, cache *cache, held target.Dump) *dumpfile.Index {
	if file, _, index := cache.open(held); file != nil {
		_ = file.Close()
		return index
	}
	object, err := p.bucket.Find(ctx, held.Key)
	if err != nil {
		return nil // it was deleted meanwhile
	}
	return indexOf(p.bucket.ReaderAt(ctx, object), object.Size, held)
}

// pays reports whether enough is spared if some tables stay.
func (p *Plan) pays(staying map[string]int64) bool {
	bytes := sum(staying)
	return bytes >= minUnchanged && float64(bytes) >= unchangedShare*float64(p.index.RawBytes)
}

// loadBeside loads the dump without the rows of some tables, and swaps the others in.
func (p *Plan) loadBeside(ctx context.Context, cache *cache, staying map[string]int64, result *Result) (stats sqltext.Stats, err error) {
	part := *p
	part.narrowed = true
	stays, staysFolded := among(names(staying))
	has, bytes := not(stays), sum(staying)
	part.index = withRowsOf(p.index, has)
	if cache.has(p.Contents.Dump.Key) {
		part.whole = p.index // most of it is here, and the next pull needs it here as well
	}
	config := p.targetConfig()
	config.Part = target.Part{Has: has, Folded: not(staysFolded), Unchanged: true}
	if part.database, err = engine.OpenTarget(ctx, config); err != nil {
		return stats, err
	}
	defer func() { _ = part.database.Close() }()
	if p.files != nil && p.files.Refused == nil {
		files := *p.files
		files.source.index = withRowsOf(files.source.index, has)
		files.Tables = int64(len(files.source.index.Baked.Tables))
		part.files = &files
		if files.Tables == 0 {
			part.files = nil
		}
	}
	p.Progress.Note(fmt.Sprintf("%d of %d tables have not changed and stay, %d MB of SQL", len(staying), len(p.index.Tables), bytes/1_000_000))
	stats, err = part.byFilesOrSQL(ctx, cache, result)
	if err == nil {
		result.Tables, result.Rows = int64(len(p.index.Tables)), p.index.Rows
		result.UnchangedTables, result.UnchangedBytes = int64(len(staying)), bytes
	}
	p.Stays, p.Changes = part.Stays, part.Changes
	return stats, err
}

// sum adds up sizes.
func sum(sizes map[string]int64) (bytes int64) {
	for _, size := range sizes {
		bytes += size
	}
	return bytes
}

func names(sizes map[string]int64) []string {
	list := make([]string, 0, len(sizes))
	for name := range sizes {
		list = append(list, name)
	}
	return list
}

// smallest returns the name with the least size.
func smallest(sizes map[string]int64) (name string) {
	for candidate, size := range sizes {
		if name == "" || size < sizes[name] || size == sizes[name] && candidate < name {
			name = candidate
		}
	}
	return name
}

func remove(sizes map[string]int64, names ...string) {
	for _, name := range names {
		delete(sizes, name)
	}
}
