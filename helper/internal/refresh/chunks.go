package refresh

import (
	"bytes"
	"context"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// chunks copies a dump that comes in chunks to the writer, and counts what it copies.
func (r *run) chunks(ctx context.Context, d *source.Dump, info source.Info, writer *dumpfile.Writer) (sqltext.Stats, error) {
	stats := sqltext.Stats{Tables: make(map[string]int64, len(info.Tables))}
	for _, table := range info.Tables {
		stats.Tables[table.Name] = 0
	}
	var mutex sync.Mutex
	err := d.WriteChunks(ctx, func(chunk dump.Chunk) ([]byte, error) {
		length := int64(len(chunk.SQL))
		if chunk.Section != dump.Rows {
			r.meetAll(chunk.SQL, sqltext.DialectOf(info.Engine))
		}
		spare, err := writer.Add(chunk.SQL, dumpfile.About{Section: chunk.Section, Table: chunk.Table, Rows: chunk.Rows})
		if err != nil {
			return nil, err
		}
		mutex.Lock()
		defer mutex.Unlock()
		stats.Bytes += length
		if chunk.Table != "" {
			stats.Tables[chunk.Table] += chunk.Rows
			stats.Rows += chunk.Rows
		}
		r.Progress.Advance(length)
		return spare, nil
	})
	return stats, err
}

// meetAll shows the statements of a text to whom finds out what the dump needs. Heads and tails come one after the other.
func (r *run) meetAll(text []byte, dialect sqltext.Dialect) {
	splitter := sqltext.NewSplitter(bytes.NewReader(text), dialect)
	for {
		piece, err := splitter.Next()
		if err != nil {
			return
		}
		r.needs.Meet(piece)
	}
}
