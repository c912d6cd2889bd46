package pull

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/localdb"
)

// A loaded database takes about this share of the size of its SQL: indexes come on top of the rows,
// and pages are not full.
const spacePerByte = 1.6

// preflight refuses what can be known to fail, before anything is fetched or touched.
func (r *run) preflight(ctx context.Context, database localdb.Database) error {
	if r.index == nil || r.Force {
		return nil // how much SQL there is in a foreign dump shows only when it is read
	}
	need := int64(spacePerByte * float64(r.index.RawBytes))
	if free, known := database.FreeBytes(ctx); known && free < need {
		return fmt.Errorf("%w: about %d MB are needed beside the old one, %d MB are free",
			ErrTargetSpace, need/1_000_000, free/1_000_000)
	}
	return nil
}

// replace loads the dump beside the live database, compares, and swaps.
func (r *run) replace(ctx context.Context, database localdb.Database, file *os.File) error {
	text, err := r.open(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", r.object.Name, err)
	}
	defer func() { _ = text.Close() }()
	load, err := database.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = load.Discard() }()

	r.Progress.Phase("loading into "+database.Info().Name, r.expected())
	stats, err := load.Run(ctx, text, r.dialect, r.Progress.Advance)
	if err != nil {
		return fmt.Errorf("load %s: %w", r.object.Name, notSQL(err))
	}
	r.Progress.Phase("comparing", 0)
	if err := complete(stats, r.index); err != nil {
		return fmt.Errorf("%s: %w", r.object.Name, err)
	}
	if err := load.Compare(ctx, stats); err != nil {
		return fmt.Errorf("compare %s: %w", database.Info().Name, err)
	}
	r.Progress.Phase("swapping", 0)
	if err := load.Swap(ctx); err != nil {
		return fmt.Errorf("swap %s: %w", database.Info().Name, err)
	}
	r.result.LoadedBytes, r.result.Tables, r.result.Rows = stats.Bytes, int64(len(stats.Tables)), stats.Rows
	return nil
}

// open gives the dump's text; that of our own dumps chunk by chunk, each checked before a byte of it
// is handed on.
func (r *run) open(file *os.File) (io.ReadCloser, error) {
	if r.index != nil {
		return dumpfile.NewChunkReader(file, r.index, 0)
	}
	return dumpfile.NewReader(file, r.compression)
}

func (r *run) expected() int64 {
	if r.index == nil {
		return 0
	}
	return r.index.RawBytes
}
