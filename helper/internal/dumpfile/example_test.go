package dumpfile_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// object is an object in memory, which has no parts.
type object struct{ bytes.Buffer }

// Room makes it a [dumpfile.Output].
func (*object) Room() int64 { return 0 }

// A dump is written chunk by chunk, and its index says what is in each of them. So a single table can be read again.
func Example() {
	var out object
	w, err := dumpfile.NewWriter(context.Background(), &out, dumpfile.Zstd, 0, 1)
	if err != nil {
		log.Fatal(err)
	}
	for _, chunk := range []struct {
		sql   string
		about dumpfile.About
	}{
		{"CREATE TABLE node (id int);\nCREATE TABLE user (id int);\n", dumpfile.About{Section: dump.Head}},
		{"INSERT INTO node VALUES (1),(2);\n", dumpfile.About{Section: dump.Rows, Table: "node", Rows: 2}},
		{"INSERT INTO user VALUES (7);\n", dumpfile.About{Section: dump.Rows, Table: "user", Rows: 1}},
		{"-- Dump completed\n", dumpfile.About{Section: dump.Tail}},
	} {
		if _, err := w.Add([]byte(chunk.sql), chunk.about); err != nil {
			log.Fatal(err)
		}
	}
	err = w.Close(dumpfile.Index{
		Engine:       "mariadb",
		SnapshotTime: time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC),
		Tables:       []dumpfile.Table{{Name: "node", Rows: 2}, {Name: "user", Rows: 1}},
		Rows:         3,
	})
	if err != nil {
		log.Fatal(err)
	}

	r := bytes.NewReader(out.Bytes())
	index, err := dumpfile.ReadIndex(r, r.Size(), dumpfile.Zstd)
	if err != nil {
		log.Fatal(err)
	}
	chunks, err := dumpfile.NewChunkDecoder(index)
	if err != nil {
		log.Fatal(err)
	}
	defer chunks.Close()
	for i, chunk := range index.Chunks {
		if chunk.Table != "user" {
			continue
		}
		sql, err := chunks.Read(r, i)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d row: %s", chunk.Rows, sql)
	}
	// Output: 1 row: INSERT INTO user VALUES (7);
}

// Any dump is read as one text, whatever compressed it.
func ExampleNewReader() {
	var foreign bytes.Buffer
	tool := gzip.NewWriter(&foreign)
	fmt.Fprintln(tool, "SELECT 1;")
	if err := tool.Close(); err != nil {
		log.Fatal(err)
	}

	r, err := dumpfile.NewReader(&foreign, dumpfile.Gzip)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	sql, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", sql)
	// Output: SELECT 1;
}
