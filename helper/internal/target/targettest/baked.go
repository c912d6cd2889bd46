package targettest

import (
	"context"
	"io"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// Baked is a database in chunks, with tables as files.
type Baked struct {
	Chunks []dump.StoredChunk
	Texts  [][]byte
	Files  []dump.FileTable
	Left   []dump.LeftTable
	// OnRead is called before a chunk is given; it may be nil.
	OnRead func(ctx context.Context, i int) error `json:"-"`
}

// List returns the chunks.
func (b *Baked) List() []dump.StoredChunk { return b.Chunks }

// Tables returns the tables that are stored as files.
func (b *Baked) Tables() []dump.FileTable { return b.Files }

// Open returns a reader.
func (b *Baked) Open() (dump.ChunkReader, error) { return &bakedReader{baked: b}, nil }

// Add adds a chunk.
func (b *Baked) Add(chunk dump.StoredChunk, text []byte) {
	chunk.Bytes = int64(len(text))
	b.Chunks = append(b.Chunks, chunk)
	b.Texts = append(b.Texts, text)
}

// bakedReader reads texts in a buffer that the next one overwrites, as its contract allows.
type bakedReader struct {
	baked  *Baked
	buffer []byte
}

func (r *bakedReader) Read(ctx context.Context, i int) ([]byte, error) {
	clear(r.buffer)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.baked.OnRead != nil {
		if err := r.baked.OnRead(ctx, i); err != nil {
			return nil, err
		}
	}
	r.buffer = append(r.buffer[:0], r.baked.Texts[i]...)
	return r.buffer, nil
}

// Stream returns a reader of a text.
func (r *bakedReader) Stream(ctx context.Context, i int) io.Reader {
	return &textStream{ctx: ctx, reader: r, i: i}
}

func (r *bakedReader) Has(int) bool { return true }

func (r *bakedReader) Close() { clear(r.buffer) }

// Clone is a copy that can be changed.
func (b *Baked) Clone() *Baked {
	c := &Baked{Chunks: slices.Clone(b.Chunks), Texts: slices.Clone(b.Texts), Files: slices.Clone(b.Files)}
	for i := range c.Files {
		c.Files[i].Files = slices.Clone(c.Files[i].Files)
	}
	return c
}

// Chunk returns the first chunk of a file.
func (b *Baked) Chunk(table, file string) int {
	return slices.IndexFunc(b.Chunks, func(c dump.StoredChunk) bool { return c.Table == table && c.File == file })
}

// Change changes the first chunk of a file, which stays as long as it was.
func (b *Baked) Change(table, file string, change func(text []byte)) *Baked {
	c := b.Clone()
	i := c.Chunk(table, file)
	c.Texts[i] = slices.Clone(c.Texts[i])
	change(c.Texts[i])
	return c
}
