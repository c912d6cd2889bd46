package export

import (
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// DataFolder is where a server keeps its data.
func dataFolder(t *testing.T, server *testserver.MySQL) string {
	t.Helper()
	rows, err := server.Query("SELECT @@datadir")
	targettest.Must(t, err)
	return rows[0][0]
}

// bake makes chunks of no more than so many bytes of a database; the tables that rows names come as rows.
func bake(t *testing.T, server *testserver.MySQL, database string, most int, rows ...string) *targettest.Baked {
	t.Helper()
	d := func(options ...string) string {
		return targettest.Command(t, append([]string{"mariadb-dump", "--no-defaults", "-uroot", "-S", server.Socket, "--skip-comments"}, options...)...)
	}
	b := &targettest.Baked{}
	// Where counters stand is in the files.
	b.Add(dump.StoredChunk{Section: dump.Head}, []byte(targettest.WithoutCounters(d("--no-data", "--skip-triggers", database))))
	tables, err := server.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE <> 'VIEW'", database)
	targettest.Must(t, err)
	var names []string
	for _, row := range tables {
		if !slices.Contains(rows, row[0]) {
			names = append(names, row[0])
		}
	}
	e, err := OpenExport(t.Context(), targettest.ParseURL(t, server.URL(database)), names)
	targettest.Must(t, err)
	defer func() { targettest.Must(t, e.Close()) }()
	b.Left = e.Left
	for _, table := range e.Left {
		rows = append(rows, table.Name)
	}
	for _, table := range rows {
		for line := range strings.Lines(d("--compact", "--no-create-info", "--skip-triggers", "--skip-extended-insert", database, table)) {
			if strings.HasPrefix(line, "INSERT INTO ") {
				b.Add(dump.StoredChunk{Section: dump.Rows, Table: table, Rows: 1}, []byte(line))
			}
		}
	}
	loaded := map[string][32]byte{}
	if targettest.IsOracle(t, server) {
		loaded = definitions(t, server, b.Texts[0], names)
	}
	for _, table := range e.Tables {
		counting := "SELECT COUNT(*) FROM " + mysql.QuoteName(database) + "." + mysql.QuoteName(table.Name)
		count, err := server.Query(counting + " FOR SYSTEM_TIME ALL") // which is an error of most tables
		if err != nil {
			count, err = server.Query(counting)
		}
		targettest.Must(t, err)
		if sum, is := loaded[table.Name]; is {
			table.Definition = sum
		}
		table.Rows, err = strconv.ParseInt(count[0][0], 10, 64)
		targettest.Must(t, err)
		b.Files = append(b.Files, table.FileTable)
		for _, file := range table.Files {
			from, err := e.Open(table, file)
			targettest.Must(t, err)
			text, err := io.ReadAll(from)
			targettest.Must(t, errors.Join(err, from.Close()))
			for part := range slices.Chunk(text, most) {
				b.Add(dump.StoredChunk{Section: dump.Files, Table: table.Name, File: file.Name}, part)
			}
		}
	}
	b.Add(dump.StoredChunk{Section: dump.Tail}, []byte(d("--no-data", "--no-create-info", "--triggers", "--routines", "--events", database)))
	return b
}

// definitions gives what a server makes of a dump's tables. That is not always what it has dumped: MySQL then says of a column with a collation
// which character set it has, too.
func definitions(t *testing.T, server *testserver.MySQL, head []byte, tables []string) map[string][32]byte {
	t.Helper()
	const name = "definitions"
	targettest.Must(t, server.Exec("DROP DATABASE IF EXISTS "+name, "CREATE DATABASE "+name, "USE "+name, string(head)))
	sums := map[string][32]byte{}
	for _, table := range tables {
		rows, err := server.Query("SHOW CREATE TABLE " + name + "." + mysql.QuoteName(table))
		targettest.Must(t, err)
		sums[table] = rewrite.DefinitionSum(rows[0][1])
	}
	return sums
}

// noStrays fails the test where there are files that no table has.
func noStrays(t *testing.T, server *testserver.MySQL, database string) {
	t.Helper()
	known := "SELECT CONCAT(NAME, '.ibd') FROM information_schema.INNODB_SYS_TABLES"
	if targettest.IsOracle(t, server) {
		known = "SELECT SUBSTRING(FILE_NAME, 3) FROM information_schema.FILES WHERE STATUS = 'NORMAL'"
	}
	rows, err := server.Query(known)
	targettest.Must(t, err)
	var files []string
	for _, row := range rows {
		files = append(files, row[0])
	}
	found, err := filepath.Glob(filepath.Join(dataFolder(t, server), database+"*", "*"))
	targettest.Must(t, err)
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

// pullBaked is PullChunks with a dump that has a name.
func pullBaked(t *testing.T, db target.Database, chunks dump.Chunks) error {
	t.Helper()
	_, err := targettest.PullChunks(t, db, chunks)
	return err
}

// padded fills tables of a site, whose files then have more than a chunk.
var padded = []string{
	"INSERT INTO parent SELECT seq, REPEAT(SHA2(seq, 256), 3) FROM " + targettest.Seq(100, 3000),
	"CREATE TABLE `sp ecial-ü#1` (id int AUTO_INCREMENT PRIMARY KEY, v text, KEY (v(20)))",
	"INSERT INTO `sp ecial-ü#1` (v) SELECT REPEAT(SHA2(seq, 256), 10) FROM " + targettest.Seq(1, 2000),
	"DELETE FROM `sp ecial-ü#1` WHERE id > 1990",
}

func TestMySQLFiles(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "staging60", append(targettest.Site("new"), padded...)...)
		want := targettest.Content(t, server, "staging60")
		chunks := bake(t, server, "staging60", 256<<10, "only_new")
		if len(chunks.Files) != 3 {
			t.Fatalf("as files come %v, %v", chunks.Files, chunks.Left)
		}
		targettest.Fresh(t, server, "site60", targettest.Site("old")...)
		old := targettest.Content(t, server, "site60")
		db, said := targettest.Open(t, server.URL("site60"))
		takes, err := db.TakesFiles(t.Context())
		targettest.Must(t, err)
		if want := map[bool]string{true: "mysql-", false: "mariadb-"}[targettest.IsOracle(t, server)]; !strings.HasPrefix(takes.Series(), want) || takes.PageSize != 16<<10 {
			t.Errorf("the server takes files of %+v", takes)
		}
		targettest.NoGarbage(t, server, "site60")
		// What the swap finds in the scratch database has nothing left of how it came.
		var before []string
		target.OnStep = func(step string) {
			if step == "journal written" {
				before, err = filepath.Glob(filepath.Join(dataFolder(t, server), "site60__dump_incoming", "*.cfg"))
			}
		}
		defer func() { target.OnStep = func(string) {} }()
		targettest.Must(t, pullBaked(t, db, chunks))
		if err != nil || len(before) > 0 {
			t.Errorf("left by the import: %v, %v", before, err)
		}
		targettest.WantMySQL(t, server, "site60", want)
		noStrays(t, server, "site60")
		targettest.Must(t, server.Exec("USE site60", "INSERT INTO `sp ecial-ü#1` (v) VALUES ('next')", "DELETE FROM parent WHERE id = 2"))
		rows, err := server.Query("SELECT id, (SELECT COUNT(*) FROM site60.child), (SELECT COUNT(*) FROM site60.parent USE INDEX (PRIMARY))" +
			" FROM site60.`sp ecial-ü#1` FORCE INDEX (v) WHERE v = 'next'")
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{{"2048", "1", "2903"}}, rows); diff != "" {
			t.Errorf("the database does not go on (-want +got):\n%s", diff)
		}
		targettest.Must(t, db.Undo(t.Context()))
		targettest.WantMySQL(t, server, "site60", old)
		noStrays(t, server, "site60")
		if len(said.Lines) > 0 {
			t.Errorf("notes: %q", said.Lines)
		}
	})
}

// TestMySQLFilesPart replaces some tables of a database by files, and all but some.
func TestMySQLFilesPart(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "staging61", append(targettest.Site("new"), padded...)...)
		all := bake(t, server, "staging61", 256<<10, "only_new")
		if len(all.Files) != 3 {
			t.Fatalf("as files come %v, %v", all.Files, all.Left)
		}
		for name, test := range map[string]struct {
			part target.Part
			want [][]string
		}{
			"some":     {targettest.Only("parent", "child"), [][]string{{"new", "old", "1"}}},
			"all but":  {targettest.AllBut("parent", "child"), [][]string{{"old", "new", "1"}}}, // what the dump lacks goes
			"as files": {targettest.Only("sp ecial-ü#1"), [][]string{{"old", "old", "2"}}},
		} {
			t.Run(name, func(t *testing.T) {
				targettest.Fresh(t, server, "site61", targettest.Site("old")...)
				db, _ := targettest.OpenPart(t, server.URL("site61"), test.part)
				chunks := &targettest.Baked{Files: all.Files}
				for i, chunk := range all.Chunks {
					if chunk.Section != dump.Files && chunk.Section != dump.Rows || test.part.Includes(chunk.Table) {
						chunks.Chunks, chunks.Texts = append(chunks.Chunks, chunk), append(chunks.Texts, all.Texts[i])
					}
				}
				targettest.Must(t, pullBaked(t, db, chunks))
				got, err := server.Query("SELECT (SELECT name FROM site61.parent WHERE id = 1), (SELECT what FROM site61.log LIMIT 1)," +
					" (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site61' AND TABLE_NAME = 'sp ecial-ü#1')" +
					" + (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site61' AND TABLE_NAME = 'only_old')")
				targettest.Must(t, err)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				targettest.NoGarbage(t, server, "site61")
				noStrays(t, server, "site61")
			})
		}
	})
}
