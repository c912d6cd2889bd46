package dumpfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// formatVersion is the format that this version writes, and the newest that it reads. Fields that a reader may ignore are
// added without a new number.
const formatVersion = 1

// Index describes the contents of a dump.
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
	SourceState   string      `json:"source_state,omitempty"` // the source's state just before the snapshot; only the source's package understands it
	// TableStates are the states of tables at the same moment, by their names. A table of which the server cannot tell has none.
	TableStates map[string]string `json:"table_states,omitempty"`
	Origin      Origin            `json:"origin,omitzero"` // which database it was made of
	Rules       Rules             `json:"rules"`
	// Masking is nil if no columns were masked.
	Masking *Masking `json:"masking,omitempty"`
	Tables  []Table  `json:"tables"`
	Rows    int64    `json:"rows"` // of all tables with a known number
	// TextRows are those rows of a dump with sections that are in no chunk of rows but in the text before or after, by table.
	TextRows map[string]int64 `json:"text_rows,omitempty"`
	RawBytes int64            `json:"raw_bytes"` // of SQL
	// Needs are what the definitions ask of a server; nil if nobody has looked.
	Needs *dump.Needs `json:"needs,omitempty"`
	// Chunks follow one another in the object, and decompressed in the SQL text.
	Chunks []Chunk `json:"chunks"`
	// Baked describes an object with tables as files; nil in a dump.
	Baked *Baked `json:"baked,omitempty"`

	// ReadIndex sets these.
	Signature *IndexSignature `json:"-"` // nil if nobody has signed the dump
	signed    []byte          // the JSON without the signature and the last brace
	at        int64           // offset of the index in the object
	size      int64           // the size of the object
	payload   Digest          // the hash of the stored index
}

// Digest is the SHA-256 of the index that ReadIndex found. It identifies the dump.
func (idx *Index) Digest() Digest { return idx.payload }

// Origin tells whether two dumps were made of the same database, but not of which one.
type Origin struct {
	Address secret.Fingerprint `json:"address,omitempty"` // host, port and name of the database
	Server  secret.Fingerprint `json:"server,omitempty"`  // what the server says about itself, and name of the database
}

// Rules are the tables that were treated differently.
type Rules struct {
	StructureOnly []string `json:"structure_only,omitempty"` // dumped without their rows
	Excluded      []string `json:"excluded,omitempty"`       // not dumped
	Filtered      []string `json:"filtered,omitempty"`       // dumped without the rows that a rule leaves out
	Broken        []string `json:"broken,omitempty"`         // not dumped because nobody can read them, such as "view v: reason"
	LeftOut       []string `json:"left_out,omitempty"`       // what belongs to staging's server rather than to its database, such as "the options of server s"
}

// Masking says what was masked, and by which rules and key.
type Masking struct {
	Version int      `json:"version"` // of the maskers
	Rules   string   `json:"rules"`   // identifies rules and key: with the same ones, the same rows become the same
	Key     string   `json:"key"`     // names the key without giving it away
	Columns []string `json:"columns"` // as table.column: masker
	// Searched is for how many values of these columns the SQL was searched, and Canaries for how many planted ones.
	Searched int `json:"searched,omitempty"`
	Canaries int `json:"canaries,omitempty"`
	// Accepted are the columns that may have such values, as table.column: reason.
	Accepted []string `json:"accepted,omitempty"`
}

// IsMasked reports whether any column was masked. Rules that match nothing do not count.
func (idx *Index) IsMasked() bool {
	return idx != nil && idx.Masking != nil && len(idx.Masking.Columns) > 0
}

// Table is a table in the dump.
type Table struct {
	Name string `json:"name"`
	// Rows is -1 if the SQL text does not tell how many there will be, as with INSERT … SELECT.
	Rows int64 `json:"rows"`
}

// Chunk is a range of the SQL text, compressed by itself.
type Chunk struct {
	Offset  int64  `json:"offset"` // in the object, in bytes
	Size    int64  `json:"size"`   // in the object, in bytes
	RawSize int64  `json:"raw_size"`
	SHA256  Digest `json:"sha256"` // of the bytes in the object
	// RawSHA256 is that of the SQL; nil in the dumps of earlier versions. It is a pointer because a forged index of many chunks
	// without it would take more memory.
	RawSHA256 *Digest `json:"raw_sha256,omitempty"`
	// Partial means that the chunk ends inside a statement that the next one continues.
	Partial bool `json:"partial,omitempty"`
	About

	check uint32 // the last four bytes of the chunk: a zstd frame's own checksum
}

// UnmarshalJSON rejects a chunk without size. Otherwise a forged index of many chunks that take three bytes each would make a
// reader allocate forty times its length.
func (c *Chunk) UnmarshalJSON(text []byte) error {
	type fields Chunk // without this method
	var read fields
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	if read.Size <= 0 || read.Size > maxChunkSize || read.RawSize <= 0 || read.RawSize > maxChunkRaw {
		return fmt.Errorf("the chunk at byte %d has an invalid size", read.Offset)
	}
	*c = Chunk(read)
	return nil
}

// Digest is a SHA-256; its text is lower-case hexadecimal.
type Digest [sha256.Size]byte

// String returns the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

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

// maxIndexSize is the largest block for that many chunks, in bytes. It bounds what a forged index can make a reader
// allocate.
func maxIndexSize(chunks int) int64 {
	return 4<<20 + 1<<10*int64(min(chunks, maxChunks+3))
}

// encode returns the index as a block. The signer may be nil.
func (idx *Index) encode(signer Signer) ([]byte, error) {
	text, err := json.Marshal(idx)
	if err != nil {
		return nil, fmt.Errorf("encode the dump's index: %w", err)
	}
	if signer != nil {
		text = sign(text, signer)
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

// decodeIndex decodes a block that was found at an offset of an object. It checks everything that the block says about the
// object; first is where the first chunk must begin.
func decodeIndex(block []byte, c Compression, at, size, first int64) (*Index, error) {
	if len(block) < indexHeader || string(block[:len(indexMark)]) != indexMark {
		return nil, corrupt(at, "the index has no mark")
	}
	text := block[indexHeader:]
	if sum := sha256.Sum256(text); !bytes.Equal(sum[:], block[len(indexMark):indexHeader]) {
		return nil, corrupt(at, "the index has another SHA-256 than it says")
	}
	// A newer format may change the types of fields, but not of these two.
	var newer struct {
		Format      int    `json:"format"`
		ToolVersion string `json:"tool_version"`
	}
	err := json.Unmarshal(text, &newer)
	if newer.Format > formatVersion {
		return nil, &NewerFormatError{newer.Format, newer.ToolVersion}
	}
	idx := &Index{at: at, size: size, payload: sha256.Sum256(block)}
	if err == nil {
		err = json.Unmarshal(text, idx)
	}
	if err == nil {
		err = idx.check(c, first)
	}
	if err != nil {
		return nil, corrupt(at, "the index is wrong: %.300v", err)
	}
	idx.findSignature(text)
	return idx, nil
}

// check checks the index for contradictions with itself and with the object.
func (idx *Index) check(c Compression, first int64) error {
	if idx.Format < 1 {
		return fmt.Errorf("unknown format %d", idx.Format)
	}
	if idx.Compression != c {
		return fmt.Errorf("compression %q in a %s file", idx.Compression, c)
	}
	if idx.Rows < 0 {
		return fmt.Errorf("%d rows", idx.Rows)
	}
	tables := make(map[string]bool) // its size is bounded by the index's
	for _, table := range idx.Tables {
		if table.Rows < -1 {
			return fmt.Errorf("table %.100q has %d rows", table.Name, table.Rows)
		}
		if tables[table.Name] {
			return fmt.Errorf("table %.100q is there twice", table.Name)
		}
		tables[table.Name] = true
	}
	if len(idx.Chunks) > maxChunks {
		return fmt.Errorf("%d chunks", len(idx.Chunks))
	}
	end, raw := first, int64(0)
	for i, chunk := range idx.Chunks {
		if chunk.Offset != end || chunk.Size > idx.at-end {
			return fmt.Errorf("chunk %d is not where the one before ends", i)
		}
		end += chunk.Size
		raw += chunk.RawSize
	}
	if raw != idx.RawBytes {
		return errors.New("the sizes of the chunks do not add up")
	}
	return idx.checkSections()
}

// dataEnd is the end of the last chunk in the object.
func (idx *Index) dataEnd(first int64) int64 {
	if len(idx.Chunks) == 0 {
		return first
	}
	last := idx.Chunks[len(idx.Chunks)-1]
	return last.Offset + last.Size
}
