package dumpfile

import (
	"crypto/sha256"
	"encoding/json"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// TestDiff compares two dumps by their indexes.
func TestDiff(t *testing.T) {
	chunk := func(section dump.Section, table, text string) Chunk {
		sum := Digest(sha256.Sum256([]byte(text)))
		return Chunk{RawSize: int64(len(text)), RawSHA256: &sum, About: About{Section: section, Table: table}}
	}
	index := func(tables []Table, chunks ...Chunk) *Index { return &Index{Tables: tables, Chunks: chunks} }
	head, tail := chunk(dump.Head, "", "head"), chunk(dump.Tail, "", "tail")
	before := index([]Table{{"a", 2}, {"b", 1}, {"old", 0}}, head, chunk(dump.Rows, "a", "1"), chunk(dump.Rows, "a", "22"), chunk(dump.Rows, "b", "1"), tail)
	unhashed := index([]Table{{"a", 2}, {"b", 2}, {"old", 0}}, head)
	unhashed.Chunks[0].RawSHA256 = nil
	for name, test := range map[string]struct {
		after *Index
		want  string
	}{
		"the same, in another order": {
			index(before.Tables, head, chunk(dump.Rows, "b", "1"), chunk(dump.Rows, "a", "22"), chunk(dump.Rows, "a", "1"), tail),
			`{"definitions":false,"tables":null}`,
		},
		"rows of one table": {
			index(before.Tables, head, chunk(dump.Rows, "a", "1"), chunk(dump.Rows, "a", "333"), chunk(dump.Rows, "b", "1"), tail),
			`{"definitions":false,"tables":[{"name":"a","before":2,"after":2,"changed_bytes":3}]}`,
		},
		"a chunk less": {
			index([]Table{{"a", 1}, {"b", 1}, {"old", 0}}, head, chunk(dump.Rows, "a", "1"), chunk(dump.Rows, "b", "1"), tail),
			`{"definitions":false,"tables":[{"name":"a","before":2,"after":1,"changed_bytes":0}]}`,
		},
		"the same chunk twice": {
			index(before.Tables, head, chunk(dump.Rows, "a", "1"), chunk(dump.Rows, "a", "1"), chunk(dump.Rows, "a", "22"), chunk(dump.Rows, "b", "1"), tail),
			`{"definitions":false,"tables":[{"name":"a","before":2,"after":2,"changed_bytes":1}]}`,
		},
		"another table": {
			index([]Table{{"a", 2}, {"b", 1}, {"new", -1}}, chunk(dump.Head, "", "another"), chunk(dump.Rows, "a", "1"), chunk(dump.Rows, "a", "22"), chunk(dump.Rows, "b", "1"), tail),
			`{"definitions":true,"tables":[{"name":"new","after":-1,"changed_bytes":0},{"name":"old","before":0,"changed_bytes":0}]}`,
		},
		"without hashes": {unhashed, `{"tables":[{"name":"b","before":1,"after":2}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(Diff(before, test.after))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
