package pull

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// RowsGoneError means that undo cannot bring back the rows of tables that stayed in the last pull, because no dump has them any more.
type RowsGoneError struct {
	Tables []string
	Key    string // of the dump
	Err    error
}

func (e *RowsGoneError) Error() string {
	return fmt.Sprintf("the last pull left tables where they were that have changed since: %s; their rows of %s cannot be had: %v", strings.Join(e.Tables, ", "), e.Key, e.Err)
}

// returnTouched prepares undo. Tables that stayed in the pull are in no earlier database. If they have changed since, they are loaded from
// the dump that they were as in, and added to it.
func (c Config) returnTouched(ctx context.Context, database target.Database, number int) error {
	staying, able := database.(target.Staying)
	if !able {
		return nil
	}
	tables, dumps, err := staying.Touched(ctx, number)
	if err != nil || len(tables) == 0 {
		return err
	}
	p, closeAll, err := c.openForTables(ctx, tables)
	if err != nil {
		return err
	}
	defer closeAll()
	e, err := p.findAnyOf(ctx, dumps)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && c.Force:
		c.Progress.Note(fmt.Sprintf("they stay as they are, because %s cannot be had: %v", dumps[0].Key, err))
		return nil
	case err != nil:
		return &RowsGoneError{Tables: tables, Key: dumps[0].Key, Err: err}
	}
	defer e.close()
	which := fmt.Sprintf("%d tables that stayed in the last pull have changed since, and are loaded again", len(tables))
	if len(tables) == 1 {
		which = "1 table that stayed in the last pull has changed since, and is loaded again"
	}
	c.Progress.Note(which)
	return p.loadAndReturn(ctx, e, number)
}

// errOtherDump means that no object is the dump that is meant.
var errOtherDump = errors.New("the bucket and the cache do not have this dump any more")

// openForTables opens the local database for a load of some tables.
func (c Config) openForTables(ctx context.Context, tables []string) (*Plan, func(), error) {
	only, folded := among(tables)
	p := &Plan{Config: c, narrowed: true, only: only, dialect: targetDialect(c.Target)}
	config := p.targetConfig()
	config.Part = target.Part{Has: only, Folded: folded, TablesOnly: true}
	var err error
	p.database, err = engine.OpenTarget(ctx, config)
	return p, func() { _ = p.Close() }, err
}

// loadAndReturn loads the plan's tables and adds them to an earlier database.
func (p *Plan) loadAndReturn(ctx context.Context, e *entry, number int) error {
	load, err := p.database.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = load.Discard() }()
	stats, err := p.load(ctx, load, p.dump(), e)
	if err == nil {
		err = e.wait()
	}
	if err == nil {
		err = complete(stats, p.index, p.index.Rows)
	}
	if err == nil {
		err = load.Compare(ctx, stats)
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", p.Dump.Name, err)
	}
	return load.(target.Returning).Return(ctx, number) //nolint:forcetypeassert // the database implements Staying
}

// findAnyOf finds the first of some dumps that can be had, in the cache or in the bucket.
func (p *Plan) findAnyOf(ctx context.Context, dumps []target.Dump) (e *entry, err error) {
	err = errOtherDump
	for _, dump := range dumps {
		if e, err = p.findAgain(ctx, dump); err == nil {
			break
		}
	}
	return e, err
}

// findAgain finds a dump that was pulled before.
func (p *Plan) findAgain(ctx context.Context, from target.Dump) (*entry, error) {
	p.compression, _ = dumpfile.ByName(from.Key)
	p.Dump = bucket.Object{Key: from.Key, Name: path.Base(from.Key), Time: from.Time}
	cache, err := newCache(p.CacheDir, p.BucketName, p.Dump, p.Progress)
	if err != nil {
		return nil, err
	}
	if file, size, index := cache.open(from); file != nil {
		p.Dump.Size = size
		p.index = withRowsOf(index, p.only)
		return cachedEntry(file, p.Dump), nil
	}
	if p.OpenBucket == nil || from.Index == "" {
		return nil, errOtherDump
	}
	p.Key = from.Key
	if err := p.choose(ctx); err != nil {
		return nil, err
	}
	index := indexOf(p.bucket.ReaderAt(ctx, p.Dump), p.Dump.Size, from)
	if index == nil {
		return nil, errOtherDump
	}
	p.index = withRowsOf(index, p.only)
	return p.fetch(ctx, cache, p.dump())
}
