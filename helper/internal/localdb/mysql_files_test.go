package localdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// baked is a database in chunks, with tables as files.
type baked struct {
	Chunks []Chunk
	Texts  [][]byte
	Files  []FileTable
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

func (r *bakedReader) Close() { clear(r.buffer) }

// dataFolder is where a server keeps its data.
func dataFolder(t *testing.T, server *testserver.MySQL) string {
	t.Helper()
	rows, err := server.Query("SELECT @@datadir")
	must(t, err)
	return rows[0][0]
}

// bake makes chunks of no more than so many bytes of the tables of a database; those that rows names come as rows.
func bake(t *testing.T, server *testserver.MySQL, database string, most int, rows ...string) *baked {
	t.Helper()
	pool, err := mysqlPool(parseURL(t, server.URL(database)))
	must(t, err)
	defer pool.Close()
	conn, err := pool.Conn(t.Context())
	must(t, err)
	s := &mysqlSession{conn: conn}
	defer s.close()
	must(t, s.exec(t.Context(), "USE "+quoteName(database)))
	tables, err := s.tables(t.Context(), database)
	must(t, err)
	b := &baked{}
	head := "SET NAMES utf8mb4;\nSET FOREIGN_KEY_CHECKS=0;\n"
	var quoted []string
	for _, table := range tables {
		definition, err := s.definition(t.Context(), table)
		must(t, err)
		head += definition + ";\n"
		if slices.Contains(rows, table) {
			continue
		}
		quoted = append(quoted, quoteName(table))
		count, err := s.list(t.Context(), "SELECT COUNT(*) AS name FROM "+quoteName(table))
		must(t, err)
		files := FileTable{Name: table, Definition: DefinitionSum(definition), Files: []TableFile{{Name: ".ibd"}, {Name: ".cfg"}}}
		_, err = fmt.Sscan(count[0], &files.Rows)
		must(t, err)
		b.Files = append(b.Files, files)
	}
	b.add(Chunk{Section: Head}, []byte(head))
	for _, table := range rows {
		b.addRows(t, server, database, table)
	}
	must(t, s.exec(t.Context(), "FLUSH TABLES "+strings.Join(quoted, ", ")+" FOR EXPORT"))
	data, err := s.dataFolder(t.Context())
	must(t, err)
	folder, err := s.fileName(t.Context(), database)
	must(t, err)
	for _, table := range b.Files {
		name, err := s.fileName(t.Context(), table.Name)
		must(t, err)
		for i, file := range table.Files {
			text, err := os.ReadFile(filepath.Join(data, folder, name+file.Name))
			must(t, err)
			table.Files[i].Size = int64(len(text))
			for part := range slices.Chunk(text, most) {
				b.add(Chunk{Section: Files, Table: table.Name, File: file.Name}, part)
			}
		}
	}
	must(t, s.exec(t.Context(), "UNLOCK TABLES"))
	return b
}

// addRows adds a table as rows, as mysqldump writes them.
func (b *baked) addRows(t *testing.T, server *testserver.MySQL, database, table string) {
	t.Helper()
	text := command(t, "mariadb-dump", "--no-defaults", "-uroot", "-S", server.Socket, "--compact", "--no-create-info", "--skip-triggers",
		"--skip-extended-insert", "--hex-blob", database, table)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "INSERT INTO ") {
			b.add(Chunk{Section: Rows, Table: table, Rows: 1}, []byte(line))
		}
	}
}
