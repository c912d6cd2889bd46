package pull

import (
	"context"
	"fmt"
	"io"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/localdb"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// A loaded database takes about this share of the size of its SQL: indexes come on top of the rows,
// and pages are not full.
const spacePerByte = 1.6

// preflight refuses what the local server's disk has no room for.
func (p *Plan) preflight(ctx context.Context) error {
	if p.index == nil || p.Force {
		return nil // how much SQL there is in a foreign dump shows only when it is read
	}
	need := int64(spacePerByte * float64(p.index.RawBytes))
	if free, known := p.database.FreeBytes(ctx); known && free < need {
		return fmt.Errorf("%w: about %d MB are needed beside the old one, %d MB are free",
			ErrTargetSpace, need/1_000_000, free/1_000_000)
	}
	return nil
}

// replace loads the dump beside the live database, compares, and swaps. It says what the dump held.
func (p *Plan) replace(ctx context.Context, dump *entry) (stats sqltext.Stats, err error) {
	defer func() {
		// What a load says of a dump that does not come is a consequence.
		if err == nil {
			return
		}
		if failed := dump.abandon(); failed != nil {
			err = failed
		}
	}()
	name := p.database.Info().Name
	if err := p.await(ctx, dump); err != nil {
		return stats, err
	}
	load, err := p.database.Begin(ctx)
	if err != nil {
		return stats, err
	}
	defer func() { _ = load.Discard() }()

	phase := "loading into " + name
	if !dump.isWhole() {
		phase = "fetching and " + phase
	}
	p.Progress.Phase(phase, p.expected())
	stats, err = p.load(ctx, load, dump)
	if err != nil {
		return stats, fmt.Errorf("load %s: %w", p.Dump.Name, notSQL(err))
	}
	p.Progress.Phase("comparing", 0)
	if err := dump.wait(); err != nil {
		return stats, err
	}
	if err := complete(stats, p.index); err != nil {
		return stats, fmt.Errorf("%s: %w", p.Dump.Name, err)
	}
	if err := load.Compare(ctx, stats); err != nil {
		return stats, fmt.Errorf("compare %s: %w", name, err)
	}
	p.Progress.Phase("swapping", 0)
	if err := load.Swap(ctx, localdb.Dump{Key: p.Dump.Key, Time: p.Dump.Time}); err != nil {
		return stats, fmt.Errorf("swap %s: %w", name, err)
	}
	return stats, nil
}

// inChunks says whether the dump is loaded chunk by chunk, while others are still coming, or as one text.
func (p *Plan) inChunks() bool { return p.index != nil && p.index.Sectioned() }

// await returns when there is something to load: the first chunk, or all of a dump that has to be there as a whole.
func (p *Plan) await(ctx context.Context, dump *entry) error {
	// Nobody else can use a PostgreSQL database while tables of it are replaced: not for as long as the network takes.
	if !p.inChunks() || len(p.Selection.Tables) > 0 && p.dialect == sqltext.Postgres {
		return dump.wait()
	}
	first := p.index.Chunks[0]
	return dump.await(ctx, first.Offset, first.Offset+first.Size)
}

func (p *Plan) load(ctx context.Context, load localdb.Load, dump *entry) (sqltext.Stats, error) {
	if p.inChunks() {
		return load.RunChunks(ctx, newChunks(p.index, dump.at), p.Progress.Advance)
	}
	text, err := p.open(dump)
	if err != nil {
		return sqltext.Stats{}, err
	}
	defer func() { _ = text.Close() }()
	return load.Run(ctx, text, p.dialect, p.Progress.Advance)
}

// open gives the text of a dump that is there; that of our own dumps chunk by chunk, each checked before a byte
// of it is handed on.
func (p *Plan) open(dump *entry) (io.ReadCloser, error) {
	if p.index != nil {
		return dumpfile.NewChunkReader(dump.file, p.index, 0)
	}
	return dumpfile.NewReader(io.NewSectionReader(dump.file, 0, p.Dump.Size), p.compression)
}

func (p *Plan) expected() int64 {
	if p.index == nil {
		return 0
	}
	return p.index.RawBytes
}
