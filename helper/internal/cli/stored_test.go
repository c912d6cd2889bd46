package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

func TestInspectShowsWhatTakesTheMostFirst(t *testing.T) {
	rows := func(table string, count, raw, size int64) dumpfile.Chunk {
		return dumpfile.Chunk{RawSize: raw, Size: size, About: dumpfile.About{Section: dumpfile.SectionRows, Table: table, Rows: count}}
	}
	index := &dumpfile.Index{
		Engine: "mariadb", EngineVersion: "10.11.19", Client: "dump-helper 1.0",
		Tables: []dumpfile.Table{{Name: "cache"}, {Name: "node", Rows: 30}, {Name: "user", Rows: 5}},
		Chunks: []dumpfile.Chunk{
			{RawSize: 900_000, Size: 100_000, About: dumpfile.About{Section: dumpfile.SectionHead}},
			rows("user", 5, 2000, 1000), rows("node", 10, 4000, 700), rows("node", 20, 3000, 600),
			{RawSize: 9, Size: 9, About: dumpfile.About{Section: dumpfile.SectionTail}},
		},
	}
	_, table, _ := strings.Cut(describeIndex(index), "TABLE")
	want := `  ROWS  SQL     STORED
node   30    7.0 kB  1.3 kB
user   5     2.0 kB  1.0 kB
cache  0     0 B     0 B
`
	if diff := cmp.Diff(want, table); diff != "" {
		t.Error(diff)
	}
	first := storedTable{Name: "node", Rows: 30, RawBytes: 7000, ObjectBytes: 1300, Chunks: 2}
	if diff := cmp.Diff(first, storedTables(index)[0]); diff != "" {
		t.Error(diff)
	}

	// Nothing is known of the chunks of a dump that was one stream.
	for i := range index.Chunks {
		index.Chunks[i].About = dumpfile.About{}
	}
	_, table, _ = strings.Cut(describeIndex(index), "TABLE")
	if diff := cmp.Diff("  ROWS\ncache  0\nnode   30\nuser   5\n", table); diff != "" {
		t.Error(diff)
	}
	if storedTables(index) != nil {
		t.Error("sizes of tables that nobody knows")
	}
}
