package pull

import (
	"context"
	"fmt"
	"io"
	"os"

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
func (p *Plan) replace(ctx context.Context, file *os.File) (sqltext.Stats, error) {
	name := p.database.Info().Name
	text, err := p.open(file)
	if err != nil {
		return sqltext.Stats{}, fmt.Errorf("read %s: %w", p.Dump.Name, err)
	}
	defer func() { _ = text.Close() }()
	load, err := p.database.Begin(ctx)
	if err != nil {
		return sqltext.Stats{}, err
	}
	defer func() { _ = load.Discard() }()

	p.Progress.Phase("loading into "+name, p.expected())
	stats, err := load.Run(ctx, text, p.dialect, p.Progress.Advance)
	if err != nil {
		return stats, fmt.Errorf("load %s: %w", p.Dump.Name, notSQL(err))
	}
	p.Progress.Phase("comparing", 0)
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

// open gives the dump's text; that of our own dumps chunk by chunk, each checked before a byte of it
// is handed on.
func (p *Plan) open(file *os.File) (io.ReadCloser, error) {
	if p.index != nil {
		return dumpfile.NewChunkReader(file, p.index, 0)
	}
	return dumpfile.NewReader(file, p.compression)
}

func (p *Plan) expected() int64 {
	if p.index == nil {
		return 0
	}
	return p.index.RawBytes
}
