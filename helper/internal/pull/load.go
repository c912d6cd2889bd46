package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// preflight fails if the local server's disk has no space for the dump.
func (p *Plan) preflight(ctx context.Context, from source) error {
	if from.index == nil || p.Force {
		return nil // the size of a foreign dump's SQL is unknown until it is read
	}
	need := from.need()
	if free, known := p.database.FreeBytes(ctx); known && free < need {
		err := fmt.Errorf("%w: the new copy needs about %d MB, %d MB are free",
			ErrTargetSpace, need/1_000_000, free/1_000_000)
		if earlier, failed := p.database.Earlier(ctx); failed == nil && len(earlier) > 0 {
			taking := &EarlierRoomError{Err: err}
			for _, k := range earlier {
				taking.Bytes = append(taking.Bytes, k.Bytes)
			}
			return taking
		}
		return err
	}
	return nil
}

// loadAndSwap loads a fetched object beside the live database, compares, and swaps. It returns the counts of the dump.
func (p *Plan) loadAndSwap(ctx context.Context, from source, e *entry) (stats sqltext.Stats, err error) {
	defer func() {
		// If the fetch has failed, the error of the load is only a consequence.
		if err == nil {
			return
		}
		if failed := e.abandon(); failed != nil {
			err = failed
		}
	}()
	name := p.database.Info().Name
	if p.needsAll(from) {
		if err := e.wait(); err != nil {
			return stats, err
		}
	}
	load, err := p.database.Begin(ctx)
	if err != nil {
		return stats, err
	}
	defer func() { _ = load.Discard() }()

	stats, err = p.load(ctx, load, from, e)
	if err != nil {
		return stats, p.notLoaded(from.object.Name, notSQL(err))
	}
	p.Progress.Phase("comparing", 0)
	if err := e.wait(); err != nil {
		return stats, err
	}
	if err := complete(stats, from.index, from.rows()); err != nil {
		return stats, fmt.Errorf("%s: %w", from.object.Name, err)
	}
	if err := load.Compare(ctx, stats); err != nil {
		return stats, fmt.Errorf("compare %s: %w", name, err)
	}
	if err := p.judge(ctx, load, from, stats); err != nil {
		return stats, err
	}
	if err := p.recheck(ctx); err != nil {
		return stats, err
	}
	p.Progress.Phase("swapping", 0)
	p.remember(append([]string{p.token}, p.Tokens...)...) // if the process is killed, either token may be the right one
	if err := load.Swap(ctx, p.loaded()); err != nil {
		return stats, fmt.Errorf("swap %s: %w", name, err)
	}
	p.remember(p.token)
	return stats, nil
}

// needsAll reports whether the load needs the whole dump at its beginning.
func (p *Plan) needsAll(from source) bool {
	// A PostgreSQL database is locked while tables of it are replaced. That must not take as long as the network does.
	return !from.inChunks() || len(p.Selection.Tables) > 0 && p.dialect == sqltext.Postgres
}

// load loads a dump. If its rows are yet to be fetched, the fetch begins when the server has taken the tables.
func (p *Plan) load(ctx context.Context, load target.Load, from source, e *entry) (sqltext.Stats, error) {
	loading := "loading into " + p.database.Info().Name
	if e.isWhole() {
		p.Progress.Phase(loading, from.rawBytes())
	}
	if !from.inChunks() {
		text, err := from.open(e)
		if err != nil {
			return sqltext.Stats{}, err
		}
		defer func() { _ = text.Close() }()
		return load.Run(ctx, text, p.dialect, p.Progress.Advance)
	}
	chunks := newChunks(from.index, e.partialFile)
	if !e.isWhole() {
		p.Progress.Phase("making the tables of "+p.database.Info().Name, 0)
		chunks.head = func(ctx context.Context) io.ReaderAt { return p.bucket.ReaderAt(ctx, from.object) }
		chunks.begin = sync.OnceFunc(func() {
			e.begin()
			p.Progress.Phase("fetching and "+loading, from.rawBytes()-from.headBytes())
		})
	}
	return load.RunChunks(ctx, chunks, p.Progress.Advance)
}

// open returns the text of a complete dump. The text of our own dumps comes chunk by chunk, each checked before any of its
// bytes is returned.
func (s source) open(e *entry) (io.ReadCloser, error) {
	if s.index != nil {
		return dumpfile.NewChunkReader(e.file, s.index, 0)
	}
	return dumpfile.NewReader(io.NewSectionReader(e.file, 0, s.object.Size), s.compression)
}

// notLoaded says which dump could not be loaded. If the server does not take some tables, the way without them keeps the selection.
func (p *Plan) notLoaded(name string, err error) error {
	var refused *target.TablesError
	if errors.As(err, &refused) {
		refused.Skipped = p.Selection.Skip
		refused.Foretold(p.lacks)
	}
	return fmt.Errorf("load %s: %w", name, err)
}

// loaded is what the local database is loaded from.
func (p *Plan) loaded() target.Dump {
	dump := target.Dump{Key: p.Dump.Key, Time: p.Dump.Time}
	if p.index != nil && p.Selection.isAll() {
		dump.Index = p.index.Digest().String()
	}
	return dump
}
