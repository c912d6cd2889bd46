package pull

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

func TestNarrow(t *testing.T) {
	chunk := func(at int64, section dump.Section, table string, rows int64) dumpfile.Chunk {
		return dumpfile.Chunk{Offset: at, Size: 100_000, RawSize: 500_000, About: dumpfile.About{Section: section, Table: table, Rows: rows}}
	}
	index := &dumpfile.Index{
		Engine: "postgres", Rows: 60, RawBytes: 3_000_000,
		Tables: []dumpfile.Table{{Name: "public.a", Rows: 30}, {Name: "public.b", Rows: 10}, {Name: "other.a", Rows: 20}, {Name: "public.none", Rows: 0}},
		Chunks: []dumpfile.Chunk{
			chunk(20, dump.Head, "", 0), chunk(100_020, dump.Rows, "public.a", 30), chunk(200_020, dump.Rows, "public.b", 10),
			chunk(300_020, dump.Rows, "other.a", 20), chunk(400_020, dump.Rows, "other.a", 0), chunk(500_020, dump.Tail, "", 0),
		},
	}
	for name, test := range map[string]struct {
		selection Selection
		rows      []int64 // of each table
		bytes     int64
		ranges    []bucket.Range
	}{
		"all":                       {Selection{}, []int64{30, 10, 20, 0}, 3_000_000, []bucket.Range{{Offset: 20, Size: 600_000}}},
		"one, with its schema":      {Selection{Tables: []string{"public.a"}}, []int64{30, 0, 0, 0}, 1_500_000, []bucket.Range{{Offset: 20, Size: 200_000}, {Offset: 500_020, Size: 100_000}}},
		"in each schema, not rows":  {Selection{StructureOnly: []string{"a"}}, []int64{0, 10, 0, 0}, 1_500_000, []bucket.Range{{Offset: 20, Size: 600_000}}},
		"a small gap":               {Selection{Skip: []string{"public.a", "none"}}, []int64{0, 10, 20, 0}, 2_500_000, []bucket.Range{{Offset: 20, Size: 600_000}}},
		"these, but not those":      {Selection{Tables: []string{"?"}, Skip: []string{"b"}, StructureOnly: []string{"other.*"}}, []int64{30, 0, 0, 0}, 1_500_000, []bucket.Range{{Offset: 20, Size: 200_000}, {Offset: 500_020, Size: 100_000}}},
		"one that is without a row": {Selection{Tables: []string{"none"}}, []int64{0, 0, 0, 0}, 1_000_000, []bucket.Range{{Offset: 20, Size: 100_000}, {Offset: 500_020, Size: 100_000}}},
	} {
		part, err := test.selection.narrow(index)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var rows []int64
		var sum int64
		for _, table := range part.Tables {
			rows, sum = append(rows, table.Rows), sum+table.Rows
		}
		if diff := cmp.Diff(test.rows, rows); diff != "" || sum != part.Rows || part.RawBytes != test.bytes {
			t.Errorf("%s: %d rows, %d bytes of SQL, %s", name, part.Rows, part.RawBytes, diff)
		}
		got, bytes := ranges(part)
		for _, r := range got {
			bytes -= r.Size
		}
		if diff := cmp.Diff(test.ranges, got); diff != "" || bytes != 0 {
			t.Errorf("%s: ranges (-want +got)\n%s, %d bytes too many", name, diff, bytes)
		}
	}
	if index.Tables[0].Rows != 30 || len(index.Chunks) != 6 {
		t.Error("the index itself is changed")
	}
	if _, err := (Selection{Tables: []string{"a", "c"}}).narrow(index); !errors.Is(err, ErrNoSuchTable) {
		t.Errorf("an unknown table gives %v", err)
	}
	if _, err := (Selection{Skip: []string{"public.*", "a"}}).narrow(index); !errors.Is(err, ErrNothingLeft) {
		t.Errorf("what leaves nothing gives %v", err)
	}
	index.Engine = "mariadb"
	if _, err := (Selection{Tables: []string{"a"}}).narrow(index); !errors.Is(err, ErrNoSuchTable) {
		t.Errorf("a name without its schema gives %v", err)
	}
}

// TestNarrowFiles leaves out the files of tables that come without rows, or not at all.
func TestNarrowFiles(t *testing.T) {
	chunk := func(at int64, section dump.Section, table, file string) dumpfile.Chunk {
		return dumpfile.Chunk{Offset: at, Size: 100, RawSize: 500, About: dumpfile.About{Section: section, Table: table, File: file}}
	}
	file := []dumpfile.BakedFile{{Name: ".ibd", Size: 500}}
	index := &dumpfile.Index{
		Engine: "mariadb", Rows: 60, RawBytes: 2500,
		Tables: []dumpfile.Table{{Name: "a", Rows: 30}, {Name: "b", Rows: 10}, {Name: "text", Rows: 20}},
		Chunks: []dumpfile.Chunk{
			chunk(20, dump.Head, "", ""), chunk(120, dump.Rows, "text", ""),
			chunk(220, dump.Files, "a", ".ibd"), chunk(320, dump.Files, "b", ".ibd"), chunk(420, dump.Tail, "", ""),
		},
		Baked: &dumpfile.Baked{Tables: []dumpfile.BakedTable{{Name: "a", Files: file}, {Name: "b", Files: file}}},
	}
	for name, test := range map[string]struct {
		selection Selection
		tables    []string // that come as files
		chunks    []int64  // where they lie
		rows      int64
	}{
		"all":                     {Selection{}, []string{"a", "b"}, []int64{20, 120, 220, 320, 420}, 60},
		"one":                     {Selection{Tables: []string{"b"}}, []string{"b"}, []int64{20, 320, 420}, 10},
		"one without its rows":    {Selection{StructureOnly: []string{"a"}}, []string{"b"}, []int64{20, 120, 320, 420}, 30},
		"one that comes as text":  {Selection{Tables: []string{"text"}}, nil, []int64{20, 120, 420}, 20},
		"all but one of the text": {Selection{Skip: []string{"text"}}, []string{"a", "b"}, []int64{20, 220, 320, 420}, 40},
	} {
		part, err := test.selection.narrow(index)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var tables []string
		for _, table := range part.Baked.Tables {
			tables = append(tables, table.Name)
		}
		var chunks []int64
		for _, chunk := range part.Chunks {
			chunks = append(chunks, chunk.Offset)
		}
		if diff := cmp.Diff(test.tables, tables) + cmp.Diff(test.chunks, chunks); diff != "" || part.Rows != test.rows || part.RawBytes != 500*int64(len(chunks)) {
			t.Errorf("%s: %d rows, %d bytes, %s", name, part.Rows, part.RawBytes, diff)
		}
		if got := (source{index: part}).fileBytes(); got != 500*int64(len(tables)) {
			t.Errorf("%s: %d bytes of files", name, got)
		}
	}
	if len(index.Baked.Tables) != 2 || len(index.Chunks) != 5 {
		t.Error("the index itself is changed")
	}
}

func TestPart(t *testing.T) {
	index := &dumpfile.Index{Engine: "mariadb", Tables: []dumpfile.Table{{Name: "node"}, {Name: "node__body"}, {Name: "users"}}}
	for name, test := range map[string]struct {
		selection    Selection
		count        int64
		part         bool
		tablesOnly   bool
		node, absent bool // whether these belong to the part
	}{
		"all":                  {Selection{}, 3, false, false, true, true},
		"all, some empty":      {Selection{StructureOnly: []string{"node"}}, 3, false, false, true, true},
		"some":                 {Selection{Tables: []string{"node*"}}, 2, true, true, true, false},
		"all but some":         {Selection{Skip: []string{"node"}}, 2, true, false, false, true},
		"some, but not others": {Selection{Tables: []string{"*"}, Skip: []string{"users", "absent"}}, 2, true, true, true, false},
		"some, empty":          {Selection{Tables: []string{"node"}, StructureOnly: []string{"node"}}, 1, true, true, true, false},
	} {
		part := test.selection.part(false)
		has := func(table string) bool { return part.Has == nil || part.Has(table) }
		if got := test.selection.count(index); got != test.count || test.selection.IsPart() != test.part || (part.Has != nil) != test.part ||
			part.TablesOnly != test.tablesOnly || has("node") != test.node || has("absent") != test.absent {
			t.Errorf("%s: %d tables, %+v", name, got, part)
		}
	}
	if part := (Selection{Skip: []string{"node"}}).part(true); part.Has("public.node") || !part.Has("public.nodes") {
		t.Error("a table of PostgreSQL is not known without its schema")
	}
}
