package targettest

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Texts is a dump in chunks.
type Texts struct {
	Entries     []dump.StoredChunk
	Texts       []string
	OnRead      func(ctx context.Context, i int) error // before a chunk is given; may be nil
	Opened      atomic.Int64
	OpenReaders atomic.Int64
}

// List returns the chunks.
func (p *Texts) List() []dump.StoredChunk { return p.Entries }

// Tables returns none: no table is stored as files.
func (p *Texts) Tables() []dump.FileTable { return nil }

// Open returns a reader.
func (p *Texts) Open() (dump.ChunkReader, error) {
	p.Opened.Add(1)
	p.OpenReaders.Add(1)
	return &pgTextReader{chunks: p}, nil
}

// Add adds a chunk.
func (p *Texts) Add(section dump.Section, table string, rows int64, text string) {
	p.Entries = append(p.Entries, dump.StoredChunk{Section: section, Table: table, Rows: rows, Bytes: int64(len(text))})
	p.Texts = append(p.Texts, text)
}

// pgTextReader reads texts in a buffer that the next one overwrites, as its contract allows.
type pgTextReader struct {
	chunks *Texts
	buffer []byte
}

func (r *pgTextReader) Read(ctx context.Context, i int) ([]byte, error) {
	clear(r.buffer)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.chunks.OnRead != nil {
		if err := r.chunks.OnRead(ctx, i); err != nil {
			return nil, err
		}
	}
	r.buffer = append(r.buffer[:0], r.chunks.Texts[i]...)
	return r.buffer, nil
}

func (r *pgTextReader) Has(int) bool { return true }

func (r *pgTextReader) Close() {
	clear(r.buffer)
	r.chunks.OpenReaders.Add(-1)
}

// PullChunks loads, compares and swaps a dump in chunks.
func PullChunks(t *testing.T, db target.Database, chunks dump.Chunks) (sqltext.Stats, error) {
	t.Helper()
	load, err := db.Begin(t.Context())
	Must(t, err)
	defer func() { Must(t, load.Discard()) }()
	var reported atomic.Int64
	stats, err := load.RunChunks(t.Context(), chunks, func(bytes int64) { reported.Add(bytes) })
	if err != nil {
		return stats, err
	}
	if reported.Load() != stats.Bytes {
		t.Errorf("the progress reached %d of %d bytes", reported.Load(), stats.Bytes)
	}
	if err := load.Compare(t.Context(), stats); err != nil {
		return stats, err
	}
	return stats, load.Swap(t.Context(), DumpOf("chunks"))
}

// Narrowed leaves out rows of tables that are not of a part, as a pull does.
func (p *Texts) Narrowed(part target.Part) *Texts {
	narrow := &Texts{}
	for i, chunk := range p.Entries {
		if chunk.Section != dump.Rows || part.Includes(chunk.Table) {
			narrow.Add(chunk.Section, chunk.Table, chunk.Rows, p.Texts[i])
		}
	}
	return narrow
}

// Stream returns a reader of a text.
func (r *pgTextReader) Stream(ctx context.Context, i int) io.Reader {
	return &textStream{ctx: ctx, reader: r, i: i}
}

// textStream reads a text that is asked for with the first read.
type textStream struct {
	ctx    context.Context
	reader dump.ChunkReader
	i      int
	text   io.Reader
}

func (s *textStream) Read(p []byte) (int, error) {
	if s.text == nil {
		text, err := s.reader.Read(s.ctx, s.i)
		if err != nil {
			return 0, err
		}
		s.text = bytes.NewReader(bytes.Clone(text))
	}
	return s.text.Read(p)
}
