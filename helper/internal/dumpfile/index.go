package dumpfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// formatVersion is the format that this version writes, and the newest that it reads. Fields that a
// reader may ignore are added without a new number.
const formatVersion = 1

// Index says what a dump holds and where.
type Index struct {
	Format        int         `json:"format"`
	Compression   Compression `json:"compression"`
	ToolVersion   string      `json:"tool_version"`
	Project       string      `json:"project,omitempty"`
	Publisher     string      `json:"publisher,omitempty"` // who made it, as in "ada@laptop"
	Engine        string      `json:"engine,omitempty"`    // mariadb, mysql or postgres
	EngineVersion string      `json:"engine_version,omitempty"`
	Client        string      `json:"client,omitempty"` // the program that produced the SQL, with its version
	SnapshotTime  time.Time   `json:"snapshot_time"`
	Rules         Rules       `json:"rules"`
	Tables        []Table     `json:"tables"`
	Rows          int64       `json:"rows"`      // of all tables that tell
	RawBytes      int64       `json:"raw_bytes"` // of SQL
	// Chunks follow one another in the object and, decompressed, in the SQL text.
	Chunks []Chunk `json:"chunks"`

	// Where ReadIndex found it.
	at      int64  // offset of the index in the object
	size    int64  // of the object
	payload Digest // of the index as it is stored
}

// Rules names the tables that were treated differently.
type Rules struct {
	StructureOnly []string `json:"structure_only,omitempty"` // dumped without their rows
	Excluded      []string `json:"excluded,omitempty"`       // not dumped
}

// Table is a table in the dump.
type Table struct {
	Name string `json:"name"`
	// Rows is -1 where the SQL text does not tell how many there will be, as with INSERT … SELECT.
	Rows int64 `json:"rows"`
}

// Chunk is a span of the SQL text, compressed by itself.
type Chunk struct {
	Offset  int64  `json:"offset"` // in the object, bytes
	Size    int64  `json:"size"`   // in the object, bytes
	RawSize int64  `json:"raw_size"`
	SHA256  Digest `json:"sha256"` // of its bytes in the object
	// Partial means that the chunk ends inside a statement, which the next one goes on with.
	Partial bool `json:"partial,omitempty"`
	About

	check uint32 // the last four bytes of the chunk: a zstd frame's own checksum
}

// About says what the statements of a chunk are. Of a dump that was written as one stream nothing is said.
type About struct {
	Section Section `json:"section,omitempty"`
	// Table is the one whose rows a chunk of SectionRows has, and Rows is how many. Where a statement is so long
	// that it takes several chunks, the last of them has the rows.
	Table string `json:"table,omitempty"`
	Rows  int64  `json:"rows,omitempty"`
}

// Section is what a chunk's statements are for. The sections of a dump follow one another.
type Section string

const (
	// SectionHead is what comes before all rows: settings, tables.
	SectionHead Section = "head"
	// SectionRows is rows of one table. Every line is a whole statement; chunks may be loaded in any order, and
	// at the same time.
	SectionRows Section = "rows"
	// SectionTail is what comes after all rows: views, triggers, indexes.
	SectionTail Section = "tail"
)

// Digest is a SHA-256; its text is lower-case hexadecimal.
type Digest [sha256.Size]byte

// MarshalText returns the digest in hexadecimal.
func (d Digest) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, d[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("a SHA-256 has %d digits, not %d", hex.EncodedLen(len(d)), len(text))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// The index is stored as a block: a mark, the SHA-256 of the JSON, the JSON.
const (
	indexMark   = "dumpidx1"
	indexHeader = len(indexMark) + sha256.Size
)

// maxIndexSize is how long the block of a dump with that many chunks may be, in bytes. It bounds
// what a forged index can make a reader allocate.
func maxIndexSize(chunks int) int64 {
	return 4<<20 + 1<<10*int64(chunks)
}

// encode returns the index as a block.
func (idx *Index) encode() ([]byte, error) {
	text, err := json.Marshal(idx)
	if err != nil {
		return nil, fmt.Errorf("encode the dump's index: %w", err)
	}
	sum := sha256.Sum256(text)
	block := make([]byte, 0, indexHeader+len(text))
	block = append(block, indexMark...)
	block = append(block, sum[:]...)
	block = append(block, text...)
	if limit := maxIndexSize(len(idx.Chunks)); int64(len(block)) > limit {
		return nil, fmt.Errorf("the dump's index of %d tables takes %d bytes; the limit is %d", len(idx.Tables), len(block), limit)
	}
	return block, nil
}

// decodeIndex reads a block that was found at an offset of an object, and checks all that it says
// about the object; first is where the first chunk has to begin.
func decodeIndex(block []byte, c Compression, at, size, first int64) (*Index, error) {
	if len(block) < indexHeader || string(block[:len(indexMark)]) != indexMark {
		return nil, corrupt(at, "the index has no mark")
	}
	text := block[indexHeader:]
	if sum := sha256.Sum256(text); !bytes.Equal(sum[:], block[len(indexMark):indexHeader]) {
		return nil, corrupt(at, "the index has another SHA-256 than it says")
	}
	idx := &Index{at: at, size: size, payload: sha256.Sum256(block)}
	err := json.Unmarshal(text, idx)
	// A newer format may have changed the types of fields, but not of these two.
	if idx.Format > formatVersion {
		return nil, &NewerFormatError{idx.Format, idx.ToolVersion}
	}
	if err == nil {
		err = idx.check(c, first)
	}
	if err != nil {
		return nil, corrupt(at, "the index is wrong: %v", err)
	}
	return idx, nil
}

// check compares the index with itself and with the object that it was found in.
func (idx *Index) check(c Compression, first int64) error {
	if idx.Format < 1 {
		return fmt.Errorf("there is no format %d", idx.Format)
	}
	if idx.Compression != c {
		return fmt.Errorf("compression %q in a %s file", idx.Compression, c)
	}
	if idx.Rows < 0 {
		return fmt.Errorf("%d rows", idx.Rows)
	}
	for _, table := range idx.Tables {
		if table.Rows < -1 {
			return fmt.Errorf("table %q has %d rows", table.Name, table.Rows)
		}
	}
	if err := idx.checkSections(); err != nil {
		return err
	}
	end, raw := first, int64(0)
	for i, chunk := range idx.Chunks {
		if chunk.Size <= 0 || chunk.Size > maxChunkSize || chunk.RawSize <= 0 || chunk.RawSize > maxChunkRaw {
			return fmt.Errorf("chunk %d has a size that no chunk has", i)
		}
		if chunk.Offset != end || chunk.Size > idx.at-end {
			return fmt.Errorf("chunk %d is not where the one before ends", i)
		}
		end += chunk.Size
		raw += chunk.RawSize
	}
	if raw != idx.RawBytes {
		return errors.New("the sizes of the chunks do not add up")
	}
	return nil
}

// checkSections says what is wrong with what the chunks are said to be.
func (idx *Index) checkSections() error {
	left := make(map[string]int64, len(idx.Tables))
	for _, table := range idx.Tables {
		left[table.Name] = table.Rows
	}
	before := Chunk{}
	for i, chunk := range idx.Chunks {
		place, known := sectionOrder[chunk.Section]
		switch {
		case !known:
			return fmt.Errorf("chunk %d is of a section %q", i, chunk.Section)
		case i > 0 && (place < sectionOrder[before.Section] || (place == 0) != (before.Section == "")):
			return fmt.Errorf("chunk %d of section %q follows one of section %q", i, chunk.Section, before.Section)
		case before.Partial && (chunk.Section != before.Section || chunk.Table != before.Table):
			return fmt.Errorf("chunk %d does not go on with the one before, which ends inside a statement", i)
		case chunk.Rows < 0 || chunk.Section != SectionRows && (chunk.Rows > 0 || chunk.Table != ""):
			return fmt.Errorf("chunk %d of section %q has %d rows of table %q", i, chunk.Section, chunk.Rows, chunk.Table)
		}
		if chunk.Section == SectionRows {
			if _, known := left[chunk.Table]; !known {
				return fmt.Errorf("chunk %d has rows of table %q, which the dump does not have", i, chunk.Table)
			}
			left[chunk.Table] -= chunk.Rows
		}
		before = chunk
	}
	if before.Section == "" {
		return nil
	}
	for _, table := range idx.Tables {
		if left[table.Name] != 0 {
			return fmt.Errorf("the chunks do not have the %d rows of table %q", table.Rows, table.Name)
		}
	}
	return nil
}

// sectionOrder is how sections follow one another; a dump has either none or all.
var sectionOrder = map[Section]int{"": 0, SectionHead: 1, SectionRows: 2, SectionTail: 3}

// Sectioned says whether the chunks tell what they are: then rows can be loaded in any order.
func (idx *Index) Sectioned() bool { return len(idx.Chunks) > 0 && idx.Chunks[0].Section != "" }

// dataEnd is where the last chunk ends in the object.
func (idx *Index) dataEnd(first int64) int64 {
	if len(idx.Chunks) == 0 {
		return first
	}
	last := idx.Chunks[len(idx.Chunks)-1]
	return last.Offset + last.Size
}
