package pull

import (
	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// source is the object that the local database is loaded from: a dump or an object that was baked from it.
type source struct {
	object      bucket.Object
	compression dumpfile.Compression
	index       *dumpfile.Index // of the selected part; nil for a dump by another tool
	whole       *dumpfile.Index // of all of the object, where all of it is fetched although only a part is loaded
}

// inChunks reports whether it is loaded chunk by chunk, while it is fetched. Otherwise it is loaded as one text.
func (s source) inChunks() bool { return s.index != nil && s.index.Sectioned() }

// rawBytes is the size of the decompressed dump; 0 if it is unknown.
func (s source) rawBytes() int64 {
	if s.index == nil {
		return 0
	}
	return s.index.RawBytes
}

// headBytes is the size of the text before the rows; 0 if it is unknown.
func (s source) headBytes() (bytes int64) {
	if s.index == nil {
		return 0
	}
	for _, chunk := range s.index.Chunks {
		if chunk.Section == dump.Head {
			bytes += chunk.RawSize
		}
	}
	return bytes
}

// rows is the number of rows; 0 if it is unknown.
func (s source) rows() int64 {
	if s.index == nil {
		return 0
	}
	return s.index.Rows
}

// fileBytes is the size of the tables' files.
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

// spacePerByte is about how large a loaded database is in relation to its SQL: indexes come on top of the rows, and pages
// are not full.
const spacePerByte = 1.6

// need is about how many bytes of the local server's disk it takes.
func (s source) need() int64 {
	files := s.fileBytes()
	return files + int64(spacePerByte*float64(s.rawBytes()-files))
}
