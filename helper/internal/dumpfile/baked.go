package dumpfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// An object with tables as files is made from a dump, for one series of servers. It has the dump's head and tail, the files of
// some tables, and the rows of those tables that cannot come as files. It is another form of the dump and may be deleted at any
// time.

// Baked says from which dump an object with tables as files was made, and which servers can use the files.
type Baked struct {
	Dump      string `json:"dump"`       // the last part of the dump's key
	DumpIndex Digest `json:"dump_index"` // the Digest of the dump's index
	Engine    string `json:"engine"`     // mariadb or mysql
	Version   string `json:"version"`    // the version of the server that wrote the files: "11.8.3"
	PageSize  int64  `json:"page_size"`  // in bytes
	// Tables are the tables that come as files, in the order of their chunks.
	Tables []BakedTable `json:"tables"`
	// Checksums are the results of CHECKSUM TABLE on the server that wrote the files, by name. Some or all may be missing.
	Checksums map[string]uint32 `json:"checksums,omitempty"`
}

// BakedTable is a table that comes as files. Its rows are counted in the index's Tables.
type BakedTable struct {
	Name string `json:"name"`
	// Definition is the SHA-256 of SHOW CREATE TABLE without the value of the counter. If a server describes the table
	// differently after it has run the head, it must not import the files.
	Definition Digest      `json:"definition"`
	RowFormat  string      `json:"row_format"`
	Files      []BakedFile `json:"files"` // in the order of their chunks
}

// BakedFile is a file of a table. It consists of the chunks of [dump.Files] that name it, one after the other.
type BakedFile struct {
	// Name is what follows the table's name in the file's name: ".ibd", ".cfg", "#P#p0.ibd". No other names are allowed:
	// servers trust further files in a database's folder.
	Name string `json:"name"`
	Size int64  `json:"size"` // in bytes
}

// UnmarshalJSON rejects a table without files, for the same reason as Chunk rejects one without size.
func (t *BakedTable) UnmarshalJSON(text []byte) error {
	type fields BakedTable // without this method
	var read fields
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	if len(read.Files) == 0 {
		return fmt.Errorf("table %.100q has no file", read.Name)
	}
	*t = BakedTable(read)
	return nil
}

// bakedFileName matches names that cannot lead out of the database's folder.
var bakedFileName = regexp.MustCompile(`^(#[0-9A-Za-z_@#$-]+)?\.(ibd|cfg)$`)

// The possible page sizes of InnoDB, in bytes.
const (
	leastPageSize = 4 << 10
	mostPageSize  = 64 << 10
)

// checkFiles compares the chunks of files with Baked.
func (idx *Index) checkFiles() error {
	b := idx.Baked
	if b == nil {
		for i, chunk := range idx.Chunks {
			if chunk.Section == dump.Files {
				return fmt.Errorf("chunk %d belongs to a file, but the index describes no files", i)
			}
		}
		return nil
	}
	if size := b.PageSize; size < leastPageSize || size > mostPageSize || size&(size-1) != 0 {
		return fmt.Errorf("%d bytes is no page size of InnoDB", size)
	}
	first := slices.IndexFunc(idx.Chunks, func(chunk Chunk) bool { return chunk.Section == dump.Files })
	if first < 0 {
		return errors.New("no table comes as files")
	}
	tables := make(map[string]bool) // whether they come as files; its size is bounded by the index's
	for _, table := range idx.Tables {
		tables[table.Name] = false
	}
	chunks := idx.Chunks[first:]
	for _, table := range b.Tables {
		if asFiles, known := tables[table.Name]; !known || asFiles {
			return fmt.Errorf("table %.100q comes as files but is not in the dump, or is there twice", table.Name)
		}
		tables[table.Name] = true
		var err error
		if chunks, err = table.check(chunks); err != nil {
			return err
		}
	}
	if len(chunks) > 0 && chunks[0].Section == dump.Files {
		return fmt.Errorf("the index does not describe file %.100q of table %.100q", chunks[0].File, chunks[0].Table)
	}
	for i, chunk := range idx.Chunks[:first] {
		if chunk.Section == dump.Rows && tables[chunk.Table] {
			return fmt.Errorf("chunk %d has rows of table %.100q, which comes as files", i, chunk.Table)
		}
	}
	return nil
}

// check removes the chunks of the table's files from those that are left.
func (t BakedTable) check(chunks []Chunk) (rest []Chunk, err error) {
	if len(t.Files) == 0 {
		return nil, fmt.Errorf("table %.100q has no file", t.Name)
	}
	names := make(map[string]bool)
	for _, file := range t.Files {
		if names[file.Name] {
			return nil, fmt.Errorf("table %.100q has file %.100q twice", t.Name, file.Name)
		}
		names[file.Name] = true
		if chunks, err = file.check(t.Name, chunks); err != nil {
			return nil, err
		}
	}
	return chunks, nil
}

// check removes the file's chunks from those that are left.
func (f BakedFile) check(table string, chunks []Chunk) (rest []Chunk, err error) {
	if !bakedFileName.MatchString(f.Name) {
		return nil, fmt.Errorf("table %.100q has a file %.100q", table, f.Name)
	}
	left := f.Size
	for left > 0 && len(chunks) > 0 {
		chunk := chunks[0]
		if chunk.Section != dump.Files || chunk.Table != table || chunk.File != f.Name || chunk.Partial || chunk.RawSize > left {
			break
		}
		left -= chunk.RawSize
		chunks = chunks[1:]
	}
	if f.Size <= 0 || left != 0 {
		return nil, fmt.Errorf("the chunks do not add up to the %d bytes of file %.100q of table %.100q", f.Size, f.Name, table)
	}
	return chunks, nil
}
