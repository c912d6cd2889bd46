package pull

import (
	"context"
	"fmt"
	"io"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// longestStatement is the longest statement that may span several chunks, in bytes. No server accepts one of more than
// 1 GiB. It bounds the memory that a forged index can ask for.
var longestStatement = 1<<30 + 64<<20

// chunks are the chunks of a dump's index. Those that share a statement are joined.
type chunks struct {
	index *dumpfile.Index
	runs  []run
	list  []dump.StoredChunk
	dump  *partialFile
	// head reads what comes before the rows, which is needed before the fetch begins.
	head func(context.Context) io.ReaderAt
	// begin is called whenever another chunk is asked for. It has the fetch begin.
	begin func()
}

// run is the chunks from first to last, which together contain whole statements.
type run struct{ first, last int }

func newChunks(index *dumpfile.Index, d *partialFile) *chunks {
	c := &chunks{index: index, dump: d, head: d.at, begin: func() {}}
	joining := false
	for i, chunk := range index.Chunks {
		if !joining {
			c.runs = append(c.runs, run{first: i})
			c.list = append(c.list, dump.StoredChunk{Section: chunk.Section, Table: chunk.Table, File: chunk.File})
		}
		joined := &c.list[len(c.list)-1]
		joined.Rows += chunk.Rows
		joined.Bytes += chunk.RawSize
		c.runs[len(c.runs)-1].last = i
		joining = chunk.Partial
	}
	return c
}

// List returns the chunks in the order in which they restore the dump.
func (c *chunks) List() []dump.StoredChunk { return c.list }

// Tables returns the tables that are stored as files.
func (c *chunks) Tables() []dump.FileTable {
	if c.index.Baked == nil {
		return nil
	}
	rows := make(map[string]int64, len(c.index.Tables))
	for _, table := range c.index.Tables {
		rows[table.Name] = table.Rows
	}
	var all []dump.FileTable
	for _, table := range c.index.Baked.Tables {
		files := dump.FileTable{Name: table.Name, Definition: table.Definition, Rows: rows[table.Name], Checksum: c.index.Baked.Checksums[table.Name]}
		for _, file := range table.Files {
			files.Files = append(files.Files, dump.TableFile(file))
		}
		all = append(all, files)
	}
	return all
}

// Open returns a reader of the chunks' texts.
func (c *chunks) Open() (dump.ChunkReader, error) {
	decoder, err := dumpfile.NewChunkDecoder(c.index)
	if err != nil {
		return nil, fmt.Errorf("read the dump: %w", err)
	}
	return &chunkReader{chunks: c, decoder: decoder}, nil
}

type chunkReader struct {
	*chunks
	decoder *dumpfile.ChunkDecoder
}

func (r *chunkReader) Read(ctx context.Context, i int) ([]byte, error) {
	run, source := r.runs[i], r.source(ctx, i)
	text, err := r.decoder.Read(source, run.first)
	if err != nil || run.first == run.last {
		return text, err
	}
	// Such statements are rare, so their memory is not reused. It grows with the text, whatever the index says.
	joined := append([]byte(nil), text...)
	for next := run.first + 1; next <= run.last; next++ {
		if text, err = r.decoder.Read(source, next); err != nil {
			return nil, err
		}
		if len(joined)+len(text) > longestStatement {
			return nil, &dumpfile.DamagedError{
				Kind: dumpfile.ErrCorrupt, Offset: r.index.Chunks[run.first].Offset,
				Reason: fmt.Sprintf("a statement of more than %d bytes begins here", longestStatement),
			}
		}
		joined = append(joined, text...)
	}
	return joined, nil
}

// source returns what a chunk is read from.
func (r *chunkReader) source(ctx context.Context, i int) io.ReaderAt {
	if r.list[i].Section == dump.Head && !r.isThere(i) {
		return r.head(ctx)
	}
	r.begin()
	return r.dump.at(ctx)
}

// Stream returns a reader of the parts of a text, each checked before any of its bytes is returned.
func (r *chunkReader) Stream(ctx context.Context, i int) io.Reader {
	return &runReader{chunkReader: r, from: r.source(ctx, i), next: r.runs[i].first, last: r.runs[i].last}
}

// runReader reads the chunks of a run one after the other.
type runReader struct {
	*chunkReader
	from       io.ReaderAt
	next, last int
	left       []byte
}

func (r *runReader) Read(p []byte) (int, error) {
	for len(r.left) == 0 {
		if r.next > r.last {
			return 0, io.EOF
		}
		var err error
		if r.left, err = r.decoder.Read(r.from, r.next); err != nil {
			return 0, err
		}
		r.next++
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

func (r *chunkReader) Has(i int) bool {
	r.begin()
	return r.isThere(i)
}

func (r *chunkReader) isThere(i int) bool {
	first, last := r.index.Chunks[r.runs[i].first], r.index.Chunks[r.runs[i].last]
	return r.dump.has(first.Offset, last.Offset+last.Size)
}

func (r *chunkReader) Close() { r.decoder.Close() }
