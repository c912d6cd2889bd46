package pull

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// source is an object that the local database is loaded from: a dump, or what was baked of it.
type source struct {
	object      bucket.Object
	compression dumpfile.Compression
	index       *dumpfile.Index // of what is selected; nil for a dump that others made
}

// inChunks says whether it is loaded chunk by chunk, while others are still coming, or as one text.
func (s source) inChunks() bool { return s.index != nil && s.index.Sectioned() }

// await returns when the first of its chunks has come.
func (s source) await(ctx context.Context, e *entry) error {
	first := s.index.Chunks[0]
	return e.await(ctx, first.Offset, first.Offset+first.Size)
}

// rawBytes is how much there is to load, 0 if nobody knows.
func (s source) rawBytes() int64 {
	if s.index == nil {
		return 0
	}
	return s.index.RawBytes
}

// rows is how many of them there are, 0 if nobody knows.
func (s source) rows() int64 {
	if s.index == nil {
		return 0
	}
	return s.index.Rows
}

// fileBytes is how much of what there is to load is files of tables.
func (s source) fileBytes() (bytes int64) {
	if s.index == nil || s.index.Baked == nil {
		return 0
	}
	for _, table := range s.index.Baked.Tables {
		for _, file := range table.Files {
			bytes += file.Size
		}
	}
	return bytes
}

// A loaded database takes about this share of the size of its SQL: indexes come on top of the rows,
// and pages are not full.
const spacePerByte = 1.6

// need is how many bytes of the local server's disk it takes, about.
func (s source) need() int64 {
	files := s.fileBytes()
	return files + int64(spacePerByte*float64(s.rawBytes()-files))
}
