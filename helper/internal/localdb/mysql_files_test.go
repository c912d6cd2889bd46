package localdb

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// baked is a database in chunks, with tables as files.
type baked struct {
	Chunks []Chunk
	Texts  [][]byte
	Files  []FileTable
	left   []LeftTable
	// OnRead is called before a chunk is given; it may be nil.
	OnRead func(ctx context.Context, i int) error `json:"-"`
}

func (b *baked) List() []Chunk              { return b.Chunks }
func (b *baked) Tables() []FileTable        { return b.Files }
func (b *baked) Open() (ChunkReader, error) { return &bakedReader{baked: b}, nil }

func (b *baked) add(chunk Chunk, text []byte) {
	chunk.Bytes = int64(len(text))
	b.Chunks = append(b.Chunks, chunk)
	b.Texts = append(b.Texts, text)
}

// bakedReader gives texts in a buffer that the next one overwrites, as its contract allows.
type bakedReader struct {
	baked  *baked
	buffer []byte
}

func (r *bakedReader) Read(ctx context.Context, i int) ([]byte, error) {
	clear(r.buffer)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.baked.OnRead != nil {
		if err := r.baked.OnRead(ctx, i); err != nil {
			return nil, err
		}
	}
	r.buffer = append(r.buffer[:0], r.baked.Texts[i]...)
	return r.buffer, nil
}

func (r *bakedReader) Has(int) bool { return true }

func (r *bakedReader) Close() { clear(r.buffer) }

// dataFolder is where a server keeps its data.
func dataFolder(t *testing.T, server *testserver.MySQL) string {
	t.Helper()
	rows, err := server.Query("SELECT @@datadir")
	must(t, err)
	return rows[0][0]
}

// bake makes chunks of no more than so many bytes of a database; the tables that rows names come as rows.
func bake(t *testing.T, server *testserver.MySQL, database string, most int, rows ...string) *baked {
	t.Helper()
	dump := func(options ...string) string {
		return command(t, append([]string{"mariadb-dump", "--no-defaults", "-uroot", "-S", server.Socket, "--skip-comments"}, options...)...)
	}
	b := &baked{}
	// Where counters stand is in the files.
	b.add(Chunk{Section: Head}, []byte(counters.ReplaceAllString(dump("--no-data", "--skip-triggers", database), "")))
	tables, err := server.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE <> 'VIEW'", database)
	must(t, err)
	var names []string
	for _, row := range tables {
		if !slices.Contains(rows, row[0]) {
			names = append(names, row[0])
		}
	}
	e, err := OpenExport(t.Context(), parseURL(t, server.URL(database)), names)
	must(t, err)
	defer func() { must(t, e.Close()) }()
	b.left = e.Left
	for _, table := range e.Left {
		rows = append(rows, table.Name)
	}
	for _, table := range rows {
		for line := range strings.Lines(dump("--compact", "--no-create-info", "--skip-triggers", "--skip-extended-insert", database, table)) {
			if strings.HasPrefix(line, "INSERT INTO ") {
				b.add(Chunk{Section: Rows, Table: table, Rows: 1}, []byte(line))
			}
		}
	}
	loaded := map[string][32]byte{}
	if isOracle(t, server) {
		loaded = definitions(t, server, b.Texts[0], names)
	}
	for _, table := range e.Tables {
		counting := "SELECT COUNT(*) FROM " + quoteName(database) + "." + quoteName(table.Name)
		count, err := server.Query(counting + " FOR SYSTEM_TIME ALL") // which is an error of most tables
		if err != nil {
			count, err = server.Query(counting)
		}
		must(t, err)
		if sum, is := loaded[table.Name]; is {
			table.Definition = sum
		}
		table.Rows, err = strconv.ParseInt(count[0][0], 10, 64)
		must(t, err)
		b.Files = append(b.Files, table.FileTable)
		for _, file := range table.Files {
			from, err := e.Open(table, file)
			must(t, err)
			text, err := io.ReadAll(from)
			must(t, errors.Join(err, from.Close()))
			for part := range slices.Chunk(text, most) {
				b.add(Chunk{Section: Files, Table: table.Name, File: file.Name}, part)
			}
		}
	}
	b.add(Chunk{Section: Tail}, []byte(dump("--no-data", "--no-create-info", "--triggers", "--routines", "--events", database)))
	return b
}

// definitions gives what a server makes of a dump's tables. That is not always what it has dumped: MySQL then says of a column with a collation
// which character set it has, too.
func definitions(t *testing.T, server *testserver.MySQL, head []byte, tables []string) map[string][32]byte {
	t.Helper()
	const name = "definitions"
	must(t, server.Exec("DROP DATABASE IF EXISTS "+name, "CREATE DATABASE "+name, "USE "+name, string(head)))
	sums := map[string][32]byte{}
	for _, table := range tables {
		rows, err := server.Query("SHOW CREATE TABLE " + name + "." + quoteName(table))
		must(t, err)
		sums[table] = DefinitionSum(rows[0][1])
	}
	return sums
}

// clone is a copy that can be changed.
func (b *baked) clone() *baked {
	c := &baked{Chunks: slices.Clone(b.Chunks), Texts: slices.Clone(b.Texts), Files: slices.Clone(b.Files)}
	for i := range c.Files {
		c.Files[i].Files = slices.Clone(c.Files[i].Files)
	}
	return c
}

// chunk gives the first chunk of a file.
func (b *baked) chunk(table, file string) int {
	return slices.IndexFunc(b.Chunks, func(c Chunk) bool { return c.Table == table && c.File == file })
}

// change changes the first chunk of a file, which stays as long as it was.
func (b *baked) change(table, file string, change func(text []byte)) *baked {
	c := b.clone()
	i := c.chunk(table, file)
	c.Texts[i] = slices.Clone(c.Texts[i])
	change(c.Texts[i])
	return c
}

// noStrays fails the test where there are files that no table has.
func noStrays(t *testing.T, server *testserver.MySQL, database string) {
	t.Helper()
	known := "SELECT CONCAT(NAME, '.ibd') FROM information_schema.INNODB_SYS_TABLES"
	if isOracle(t, server) {
		known = "SELECT SUBSTRING(FILE_NAME, 3) FROM information_schema.FILES WHERE STATUS = 'NORMAL'"
	}
	rows, err := server.Query(known)
	must(t, err)
	var files []string
	for _, row := range rows {
		files = append(files, row[0])
	}
	found, err := filepath.Glob(filepath.Join(dataFolder(t, server), database+"*", "*"))
	must(t, err)
	for _, path := range found {
		name, ending, _ := strings.Cut(filepath.Base(path), ".")
		folder := filepath.Base(filepath.Dir(path))
		if name == "db" && ending == "opt" || slices.Contains([]string{"frm", "MYD", "MYI", "MAD", "MAI", "TRG", "TRN", "sdi"}, ending) && folder != database+"__dump_incoming" {
			continue
		}
		if !slices.Contains(files, folder+"/"+filepath.Base(path)) {
			t.Errorf("a stray file: %s", path)
		}
	}
}

// pullBaked is pullChunks with a dump that has a name.
func pullBaked(t *testing.T, db Database, chunks Chunks) error {
	t.Helper()
	_, err := pullChunks(t, db, chunks)
	return err
}

// padded fills tables of a site, whose files then have more than a chunk.
var padded = []string{
	"INSERT INTO parent SELECT seq, REPEAT(SHA2(seq, 256), 3) FROM " + seq(100, 3000),
	"CREATE TABLE `sp ecial-ü#1` (id int AUTO_INCREMENT PRIMARY KEY, v text, KEY (v(20)))",
	"INSERT INTO `sp ecial-ü#1` (v) SELECT REPEAT(SHA2(seq, 256), 10) FROM " + seq(1, 2000),
	"DELETE FROM `sp ecial-ü#1` WHERE id > 1990",
}

func TestMySQLFiles(t *testing.T) {
	eachServer(t, func(t *testing.T, server *testserver.MySQL) {
		fresh(t, server, "staging60", append(site("new"), padded...)...)
		want := content(t, server, "staging60")
		chunks := bake(t, server, "staging60", 256<<10, "only_new")
		if len(chunks.Files) != 3 {
			t.Fatalf("as files come %v, %v", chunks.Files, chunks.left)
		}
		fresh(t, server, "site60", site("old")...)
		old := content(t, server, "site60")
		db, said := open(t, server.URL("site60"))
		takes, err := db.TakesFiles(t.Context())
		must(t, err)
		if want := map[bool]string{true: "mysql-", false: "mariadb-"}[isOracle(t, server)]; !strings.HasPrefix(takes.Series(), want) || takes.PageSize != 16<<10 {
			t.Errorf("the server takes files of %+v", takes)
		}
		noRubbish(t, server, "site60")
		// What the swap finds in the scratch database has nothing left of how it came.
		var before []string
		onStep = func(step string) {
			if step == "journal written" {
				before, err = filepath.Glob(filepath.Join(dataFolder(t, server), "site60__dump_incoming", "*.cfg"))
			}
		}
		defer func() { onStep = func(string) {} }()
		must(t, pullBaked(t, db, chunks))
		if err != nil || len(before) > 0 {
			t.Errorf("left by the import: %v, %v", before, err)
		}
		wantMySQL(t, server, "site60", want)
		noStrays(t, server, "site60")
		must(t, server.Exec("USE site60", "INSERT INTO `sp ecial-ü#1` (v) VALUES ('next')", "DELETE FROM parent WHERE id = 2"))
		rows, err := server.Query("SELECT id, (SELECT COUNT(*) FROM site60.child), (SELECT COUNT(*) FROM site60.parent USE INDEX (PRIMARY))" +
			" FROM site60.`sp ecial-ü#1` FORCE INDEX (v) WHERE v = 'next'")
		must(t, err)
		if diff := cmp.Diff([][]string{{"2048", "1", "2903"}}, rows); diff != "" {
			t.Errorf("the database does not go on (-want +got):\n%s", diff)
		}
		must(t, db.Undo(t.Context()))
		wantMySQL(t, server, "site60", old)
		noStrays(t, server, "site60")
		if len(said.lines) > 0 {
			t.Errorf("notes: %q", said.lines)
		}
	})
}

// TestMySQLFilesPart replaces some tables of a database by files, and all but some.
func TestMySQLFilesPart(t *testing.T) {
	eachServer(t, func(t *testing.T, server *testserver.MySQL) {
		fresh(t, server, "staging61", append(site("new"), padded...)...)
		all := bake(t, server, "staging61", 256<<10, "only_new")
		if len(all.Files) != 3 {
			t.Fatalf("as files come %v, %v", all.Files, all.left)
		}
		for name, test := range map[string]struct {
			part Part
			want [][]string
		}{
			"some":     {only("parent", "child"), [][]string{{"new", "old", "1"}}},
			"all but":  {allBut("parent", "child"), [][]string{{"old", "new", "1"}}}, // what the dump lacks goes
			"as files": {only("sp ecial-ü#1"), [][]string{{"old", "old", "2"}}},
		} {
			t.Run(name, func(t *testing.T) {
				fresh(t, server, "site61", site("old")...)
				db, _ := openPart(t, server.URL("site61"), test.part)
				chunks := &baked{Files: all.Files}
				for i, chunk := range all.Chunks {
					if chunk.Section != Files && chunk.Section != Rows || test.part.has(chunk.Table) {
						chunks.Chunks, chunks.Texts = append(chunks.Chunks, chunk), append(chunks.Texts, all.Texts[i])
					}
				}
				must(t, pullBaked(t, db, chunks))
				got, err := server.Query("SELECT (SELECT name FROM site61.parent WHERE id = 1), (SELECT what FROM site61.log LIMIT 1)," +
					" (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site61' AND TABLE_NAME = 'sp ecial-ü#1')" +
					" + (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site61' AND TABLE_NAME = 'only_old')")
				must(t, err)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				noRubbish(t, server, "site61")
				noStrays(t, server, "site61")
			})
		}
	})
}
