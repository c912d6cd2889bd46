package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

func TestInspectShowsWhatTakesTheMostFirst(t *testing.T) {
	rows := func(table string, count, raw, size int64) dumpfile.Chunk {
		return dumpfile.Chunk{RawSize: raw, Size: size, About: dumpfile.About{Section: dump.Rows, Table: table, Rows: count}}
	}
	index := &dumpfile.Index{
		Engine: "mariadb", EngineVersion: "10.11.19", Client: "dump-helper 1.0",
		Tables: []dumpfile.Table{{Name: "cache"}, {Name: "node", Rows: 30}, {Name: "user", Rows: 5}},
		Chunks: []dumpfile.Chunk{
			{RawSize: 900_000, Size: 100_000, About: dumpfile.About{Section: dump.Head}},
			rows("user", 5, 2000, 1000), rows("node", 10, 4000, 700), rows("node", 20, 3000, 600),
			{RawSize: 9, Size: 9, About: dumpfile.About{Section: dump.Tail}},
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

func TestInspectShowsWhichTablesComeAsFiles(t *testing.T) {
	file := func(table, name string, raw, size int64) dumpfile.Chunk {
		return dumpfile.Chunk{RawSize: raw, Size: size, About: dumpfile.About{Section: dump.Files, Table: table, File: name}}
	}
	index := &dumpfile.Index{
		Engine: "mariadb", EngineVersion: "10.6.22", RawBytes: 301_002_029, Rows: 36,
		Tables: []dumpfile.Table{{Name: "cache"}, {Name: "node", Rows: 30}, {Name: "search", Rows: 6}},
		Chunks: []dumpfile.Chunk{
			{RawSize: 20, Size: 20, About: dumpfile.About{Section: dump.Head}},
			{RawSize: 1000, Size: 100, About: dumpfile.About{Section: dump.Rows, Table: "search", Rows: 6}},
			file("cache", ".ibd", 1_000_000, 1000), file("node", ".ibd", 200_000_000, 700_000), file("node", ".ibd", 100_000_000, 600_000),
			file("node", ".cfg", 1000, 500), {RawSize: 9, Size: 9, About: dumpfile.About{Section: dump.Tail}},
		},
		Baked: &dumpfile.Baked{Dump: "shop.sql.zst", Engine: "mariadb", Version: "11.8.3", PageSize: 16 << 10, Tables: []dumpfile.BakedTable{
			{Name: "cache", Files: []dumpfile.BakedFile{{Name: ".ibd", Size: 1_000_000}}},
			{Name: "node", Files: []dumpfile.BakedFile{{Name: ".ibd", Size: 300_000_000}, {Name: ".cfg", Size: 1000}}},
		}},
	}
	want := `
tables as files of shop.sql.zst
written by      mariadb 11.8.3, in pages of 16 KiB
snapshot        0001-01-01T00:00:00Z
engine          mariadb 10.6.22
contents        3 tables, 36 rows, 1.0 kB of SQL and 301 MB in 3 files of 2 tables in 7 chunks

TABLE   ROWS  COMES AS  SIZE    STORED
node    30    2 files   300 MB  1.3 MB
cache   0     1 file    1.0 MB  1.0 kB
search  6     rows      1.0 kB  100 B
`
	if diff := cmp.Diff(want, describeIndex(index)); diff != "" {
		t.Error(diff)
	}
}

func TestObjectsAreWhatTheirNamesSay(t *testing.T) {
	index := func(dump, engine, version string) *dumpfile.Index {
		return &dumpfile.Index{Baked: &dumpfile.Baked{Dump: dump, Engine: engine, Version: version}}
	}
	object := func(series string) bucket.Object {
		if series == "" {
			return bucket.Object{Name: "shop.sql.zst"}
		}
		return bucket.Object{Name: bucket.Beside("shop.sql.zst", series), Series: series}
	}
	for _, test := range []struct {
		object bucket.Object
		index  *dumpfile.Index
		want   bool
	}{
		{object(""), &dumpfile.Index{}, true},
		{object(""), index("shop.sql.zst", "mariadb", "11.8.3"), false},
		{object("mariadb-11.8"), &dumpfile.Index{}, false},
		{object("mariadb-11.8"), index("shop.sql.zst", "mariadb", "11.8.3"), true},
		{object("mariadb-11.8"), index("shop.sql.zst", "mariadb", "11.8"), true},
		{object("mariadb-11.8"), index("shop.sql.zst", "mariadb", "11.80.1"), false},
		{object("mariadb-11.8"), index("shop.sql.zst", "mysql", "11.8.3"), false},
		{object("mariadb-11.8"), index("other.sql.zst", "mariadb", "11.8.3"), false},
	} {
		if got := isNamedRight(test.object, test.index); got != test.want {
			t.Errorf("%s with %+v: %v", test.object.Name, test.index.Baked, got)
		}
	}
}
