package bake

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/throwaway"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// Stories in tests/stories bake with the compiled program. These tests cover what stories cannot reach.

var minio = sync.OnceValues(func() (*testserver.S3, error) {
	folder, err := os.MkdirTemp("", "bake-minio-")
	if err != nil {
		return nil, err
	}
	server, err := testserver.MinIO(folder)
	cleanup = func() {
		if server != nil {
			server.Stop()
		}
		_ = os.RemoveAll(folder)
	}
	return server, err
})

var cleanup = func() {}

func TestMain(m *testing.M) {
	status := m.Run()
	cleanup()
	os.Exit(status)
}

// here is the kind of this machine's own server.
func here(t *testing.T) throwaway.Kind {
	t.Helper()
	said, err := exec.Command("mariadbd", "--no-defaults", "--version").Output()
	version := regexp.MustCompile(`Ver ([0-9]+\.[0-9]+)`).FindSubmatch(said)
	if err != nil || version == nil {
		t.Fatalf("no mariadbd (%v); install the package mariadb-server", err)
	}
	return throwaway.Kind{Engine: "mariadb", Version: string(version[1])}
}

// hereMySQL puts the tests' MySQL on the PATH and returns its kind.
func hereMySQL(t *testing.T) throwaway.Kind {
	t.Helper()
	path, err := testserver.Program("mysqld", "make tools")
	must(t, err)
	t.Setenv("PATH", filepath.Dir(path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	said, err := exec.Command(path, "--no-defaults", "--version").Output()
	version := regexp.MustCompile(`Ver ([0-9]+\.[0-9]+)`).FindSubmatch(said)
	if err != nil || version == nil {
		t.Fatalf("%s says %q, %v", path, said, err)
	}
	return throwaway.Kind{Engine: "mysql", Version: string(version[1])}
}

// quiet is a Progress that records the notes.
type quiet struct{ notes []string }

func (q *quiet) Phase(string, int64) {}

func (q *quiet) Advance(int64) {}

func (q *quiet) Note(line string) { q.notes = append(q.notes, line) }

// site is a bucket with a dump of three tables: one that can come as files, one that cannot and has statements of several
// chunks, and a small one.
type site struct {
	bucket *bucket.Bucket
	dump   string
	chunks []written
	config Config
}

type written struct {
	text  string
	about dumpfile.About
}

func newSite(t *testing.T) *site {
	t.Helper()
	store, err := minio()
	must(t, err)
	name := fmt.Sprintf("bake-%d", time.Now().UnixNano())
	must(t, store.CreateBucket(name))
	environment := map[string]string{}
	for _, pair := range store.Owner().Environ() {
		key, value, _ := strings.Cut(pair, "=")
		environment[key] = value
	}
	s := &site{}
	s.bucket, err = bucket.Open(t.Context(), bucket.Config{
		Bucket: name, Prefix: "shop", Project: "shop", Endpoint: store.Endpoint, Region: "us-east-1", Environment: environment,
	})
	must(t, err)

	var rows, other []string
	for i := range 2000 {
		rows = append(rows, fmt.Sprintf("(%d,'%s')", i, strings.Repeat("text ", 40)))
	}
	for i := range 3 { // 10 MB each: the second and third chunk of each continue a statement
		other = append(other, fmt.Sprintf("INSERT INTO old VALUES (%d,'%s');\n", i, strings.Repeat(fmt.Sprint("long", i), 2_000_000)))
	}
	s.chunks = []written{
		{"CREATE TABLE page (id INT PRIMARY KEY, t TEXT) ENGINE=InnoDB;\nCREATE TABLE old (id INT PRIMARY KEY, t LONGTEXT) ENGINE=MyISAM;\n" +
			"CREATE TABLE tiny (id INT PRIMARY KEY) ENGINE=InnoDB;\n", dumpfile.About{Section: dump.Head}},
		{"INSERT INTO page VALUES " + strings.Join(rows, ",") + ";\n", dumpfile.About{Section: dump.Rows, Table: "page", Rows: 2000}},
		{other[0], dumpfile.About{Section: dump.Rows, Table: "old", Rows: 1}},
		{other[1] + other[2], dumpfile.About{Section: dump.Rows, Table: "old", Rows: 2}},
		{"INSERT INTO tiny VALUES (1);\n", dumpfile.About{Section: dump.Rows, Table: "tiny", Rows: 1}},
		{"-- Dump completed\n", dumpfile.About{Section: dump.Tail}},
	}
	s.dump = s.bucket.NewKey(time.Now(), ".sql.zst")
	upload, err := s.bucket.Upload(t.Context(), s.dump, bucket.UploadOptions{})
	must(t, err)
	writer, err := dumpfile.NewWriter(t.Context(), upload, dumpfile.Zstd, 1, 0)
	must(t, err)
	for _, chunk := range s.chunks {
		_, err := writer.Add([]byte(chunk.text), chunk.about)
		must(t, err)
	}
	must(t, writer.Close(dumpfile.Index{
		ToolVersion: "older", Project: "shop", Engine: "mariadb", EngineVersion: "10.6.1", SnapshotTime: time.Now().UTC(), Rows: 2004,
		Rules:  dumpfile.Rules{StructureOnly: []string{"tiny"}},
		Tables: []dumpfile.Table{{Name: "old", Rows: 3}, {Name: "page", Rows: 2000}, {Name: "tiny", Rows: 1}},
	}))
	must(t, upload.Complete(t.Context()))
	s.config = Config{
		Project: "shop", ToolVersion: "newer", Publisher: "ada@laptop", Bucket: s.bucket, Kinds: []throwaway.Kind{here(t)},
		Load: s.load, Progress: &quiet{},
	}
	return s
}

// load stands in for the pull.
func (s *site) load(ctx context.Context, _ bucket.Object, target dburl.URL, _ string) error {
	db, err := sql.Open("mysql", fmt.Sprintf("root@unix(%s)/?maxAllowedPacket=0", target.Host))
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	statements := []string{"CREATE DATABASE " + target.Name, "USE " + target.Name}
	for _, chunk := range s.chunks {
		statements = append(statements, strings.Split(chunk.text, ";\n")...)
	}
	for _, statement := range statements {
		if statement == "" || strings.HasPrefix(statement, "--") {
			continue
		}
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Everything but the files is copied from the dump, byte for byte and chunk for chunk, and so is the index.
func TestBakedObject(t *testing.T) {
	s := newSite(t)
	result, err := Run(t.Context(), s.config)
	must(t, err)
	made := result.Objects[0]
	if result.Dump != s.dump || !made.Published || made.Tables != 1 || made.Small != 1 || len(made.Left) != 1 || made.Left[0].Name != "old" {
		t.Errorf("got %+v", result)
	}
	object, err := s.bucket.Head(t.Context(), made.Key)
	must(t, err)
	index, err := dumpfile.ReadIndex(s.bucket.ReaderAt(t.Context(), object), object.Size, dumpfile.Zstd)
	must(t, err)
	ordinary, err := s.bucket.Head(t.Context(), s.dump)
	must(t, err)
	of, err := dumpfile.ReadIndex(s.bucket.ReaderAt(t.Context(), ordinary), ordinary.Size, dumpfile.Zstd)
	must(t, err)

	if index.Publisher != "ada@laptop" || index.ToolVersion != "newer" || index.Engine != of.Engine || index.EngineVersion != of.EngineVersion ||
		!index.SnapshotTime.Equal(of.SnapshotTime) || index.Rows != of.Rows || !slices.Equal(index.Tables, of.Tables) ||
		!slices.Equal(index.Rules.StructureOnly, of.Rules.StructureOnly) {
		t.Errorf("the index says %+v\nand the dump's %+v", index, of)
	}
	baked := index.Baked
	if baked.Dump != ordinary.Name || baked.DumpIndex != of.Digest() || baked.Engine != "mariadb" || baked.PageSize != 16384 ||
		len(baked.Tables) != 1 || baked.Tables[0].Name != "page" {
		t.Errorf("baked is %+v", baked)
	}
	isText := func(chunk dumpfile.Chunk) bool {
		return chunk.Section != dump.Files && chunk.Table != "page"
	}
	if got, want := texts(t, s.bucket, object, index, isText), texts(t, s.bucket, ordinary, of, isText); !slices.EqualFunc(got, want, same) {
		t.Errorf("%d chunks are not the %d of the dump", len(got), len(want))
	} else if partial := slices.ContainsFunc(got, func(text chunkText) bool { return text.Partial }); !partial {
		t.Error("no chunk ends inside a statement")
	}
}

type chunkText struct {
	dumpfile.Chunk
	text []byte
}

func same(a, b chunkText) bool {
	return a.About == b.About && a.Partial == b.Partial && bytes.Equal(a.text, b.text)
}

func texts(t *testing.T, from *bucket.Bucket, object bucket.Object, index *dumpfile.Index, wanted func(dumpfile.Chunk) bool) (all []chunkText) {
	t.Helper()
	decoder, err := dumpfile.NewChunkDecoder(index)
	must(t, err)
	defer decoder.Close()
	for i, chunk := range index.Chunks {
		if wanted(chunk) {
			text, err := decoder.Read(from.ReaderAt(t.Context(), object), i)
			must(t, err)
			all = append(all, chunkText{chunk, bytes.Clone(text)})
		}
	}
	return all
}

// If a dump is deleted while it is baked, nothing is published.
func TestDumpGoes(t *testing.T) {
	s := newSite(t)
	s.config.Progress = &deleting{quiet: &quiet{}, at: "finishing the upload", do: func() { must(t, s.bucket.Delete(t.Context(), bucket.Object{Key: s.dump})) }}
	_, err := Run(t.Context(), s.config)
	if !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
	if _, err := s.bucket.Baked(t.Context(), s.dump, Series(s.config.Kinds[0])); !errors.Is(err, bucket.ErrNoSuchKey) {
		t.Errorf("there is an object without a dump: %v", err)
	}
}

// deleting does something when a phase begins.
type deleting struct {
	*quiet
	at string
	do func()
}

func (d *deleting) Phase(name string, _ int64) {
	if name == d.at {
		d.do()
	}
}

// MySQL writes its tables to files, too.
func TestMySQL(t *testing.T) {
	s := newSite(t)
	s.config.Kinds = []throwaway.Kind{hereMySQL(t)}
	result, err := Run(t.Context(), s.config)
	must(t, err)
	made := result.Objects[0]
	if made.Series != "mysql-"+s.config.Kinds[0].Version || !made.Published || made.Tables != 1 || made.Small != 1 || len(made.Left) != 1 || made.Left[0].Name != "old" {
		t.Errorf("got %+v", result)
	}
	object, err := s.bucket.Baked(t.Context(), s.dump, made.Series)
	must(t, err)
	index, err := dumpfile.ReadIndex(s.bucket.ReaderAt(t.Context(), object), object.Size, dumpfile.Zstd)
	must(t, err)
	baked := index.Baked
	if baked.Engine != "mysql" || !strings.HasPrefix(baked.Version, s.config.Kinds[0].Version+".") || baked.PageSize != 16384 ||
		len(baked.Tables) != 1 || baked.Tables[0].Name != "page" {
		t.Errorf("baked is %+v", baked)
	}
}

// A failure with one kind of server does not stop the others.
func TestOneKindFails(t *testing.T) {
	s := newSite(t)
	s.config.Kinds = []throwaway.Kind{{Engine: "mariadb", Version: "99.9", Image: "none"}, s.config.Kinds[0]}
	t.Setenv("DOCKER_HOST", "unix:///nowhere")
	result, err := Run(t.Context(), s.config)
	var failed *FailedError
	var missing *throwaway.NoServerError
	if !errors.As(err, &failed) || failed.Kind.Version != "99.9" || !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
	if len(result.Objects) != 1 || !result.Objects[0].Published {
		t.Errorf("got %+v", result)
	}
}

// A failed load is the reported reason, and nothing is left in the bucket.
func TestLoadFails(t *testing.T) {
	s := newSite(t)
	broken := errors.New("the dump is damaged")
	s.config.Load = func(context.Context, bucket.Object, dburl.URL, string) error { return broken }
	if _, err := Run(t.Context(), s.config); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if found, err := s.bucket.AllBaked(t.Context(), s.dump); err != nil || len(found) > 0 {
		t.Errorf("got %v, %v", found, err)
	}
}
