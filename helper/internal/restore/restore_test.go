package restore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/throwaway"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestCompare(t *testing.T) {
	want := map[string]int64{"a": 3, "b": 0, "gone": 1, "unknown": -1}
	got := map[string]int64{"a": 2, "b": 0, "new": 4, "unknown": 17}
	if differences := Compare(want, got); !slices.Equal(differences, []string{
		"table a has 2 rows instead of 3", "table gone is missing", "table new should not be there",
	}) {
		t.Errorf("%q", differences)
	}
	if differences := Compare(got, got); differences != nil {
		t.Errorf("of itself: %q", differences)
	}
}

// A dump has no rows of some tables, and some of others: staging has more.
func TestRulesForTables(t *testing.T) {
	info := source.Info{
		Tables: []source.Table{{Name: "all"}, {Name: "none"}, {Name: "some"}}, StructureOnly: []string{"none"}, Filtered: []string{"some"},
	}
	if full := fullTables(info); !slices.Equal(full, []string{"all"}) {
		t.Errorf("%q are counted", full)
	}
	want := ruled(info, map[string]int64{"all": 7})
	if differences := Compare(want, map[string]int64{"all": 7, "none": 0, "some": 3}); differences != nil {
		t.Errorf("%q", differences)
	}
	if differences := Compare(want, map[string]int64{"all": 7, "none": 2, "some": 3}); !slices.Equal(differences, []string{"table none has 2 rows instead of 0"}) {
		t.Errorf("%q", differences)
	}
}

func TestErrorsAreShort(t *testing.T) {
	all := []string{"1", "2", "3", "4", "5", "6", "7"}
	if got, want := (&DifferentError{"shop.sql.zst", "its index", all}).Error(), "shop.sql.zst, restored, differs from its index: 1; 2; 3; 4; 5 and 2 more"; got != want {
		t.Error(got)
	}
}

type quiet struct{}

func (quiet) Phase(string, int64) {}
func (quiet) Advance(int64)       {}
func (quiet) Note(string)         {}

// publish puts a dump into a bucket that has a table of two rows, as its index says.
func publish(t *testing.T, table string, change func(*dumpfile.Index)) (*bucket.Bucket, string) {
	t.Helper()
	store, err := testserver.MinIO(t.TempDir())
	must(t, err)
	t.Cleanup(store.Stop)
	must(t, store.CreateBucket("dumps"))
	environment := map[string]string{}
	for _, pair := range store.Owner().Environ() {
		name, value, _ := strings.Cut(pair, "=")
		environment[name] = value
	}
	opened, err := bucket.Open(t.Context(), bucket.Config{
		Bucket: "dumps", Prefix: "shop", Project: "shop", Endpoint: store.Endpoint, Region: "us-east-1", Environment: environment,
	})
	must(t, err)
	key := opened.NewKey(time.Now(), ".sql.zst")
	upload, err := opened.Upload(t.Context(), key, bucket.UploadOptions{})
	must(t, err)
	writer, err := dumpfile.NewWriter(t.Context(), upload, dumpfile.Zstd, 1, 0)
	must(t, err)
	_, err = writer.Add([]byte("CREATE TABLE page (id INT PRIMARY KEY);\n"), dumpfile.About{Section: dump.Head})
	must(t, err)
	_, err = writer.Add([]byte("INSERT INTO page VALUES (1),(2);\n"), dumpfile.About{Section: dump.Rows, Table: table, Rows: 2})
	must(t, err)
	index := dumpfile.Index{
		Project: "shop", Engine: "mariadb", EngineVersion: here(t) + ".1-MariaDB", SnapshotTime: time.Now().UTC(), Rows: 2,
		Tables: []dumpfile.Table{{Name: table, Rows: 2}},
	}
	change(&index)
	must(t, writer.Close(index))
	must(t, upload.Complete(t.Context()))
	return opened, key
}

// here is the series of this machine's own server.
func here(t *testing.T) string {
	t.Helper()
	said, err := exec.Command("mariadbd", "--no-defaults", "--version").Output()
	series := regexp.MustCompile(`Ver ([0-9]+\.[0-9]+)`).FindSubmatch(said)
	if err != nil || series == nil {
		t.Fatalf("no mariadbd (%v); install the package mariadb-server", err)
	}
	return string(series[1])
}

// loading stands in for the pull.
func loading(statements ...string) func(context.Context, bucket.Object, dburl.URL, string) error {
	return func(ctx context.Context, _ bucket.Object, target dburl.URL, _ string) error {
		db, err := sql.Open("mysql", fmt.Sprintf("root@unix(%s)/", target.Host))
		if err != nil {
			return err
		}
		defer db.Close()
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		for _, statement := range append([]string{"CREATE DATABASE " + target.Name, "USE " + target.Name}, statements...) {
			if _, err := conn.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}
}

// What is missing after a dump was restored is noticed, whatever the pull has said.
func TestRestoredDumpIsCompared(t *testing.T) {
	store, key := publish(t, "page", func(*dumpfile.Index) {})
	config := Config{Bucket: store, Key: key, Progress: quiet{}, Load: loading("CREATE TABLE page (id INT PRIMARY KEY)", "INSERT INTO page VALUES (1), (2)")}
	result, err := Run(t.Context(), config)
	if err != nil || result.Tables != 1 || result.Rows != 2 || result.Staging != "not asked" || !strings.HasPrefix(result.Server, "mariadbd ") {
		t.Errorf("%+v, %v", result, err)
	}
	config.Load = loading("CREATE TABLE page (id INT PRIMARY KEY)", "INSERT INTO page VALUES (1)", "CREATE TABLE other (id INT)")
	result, err = Run(t.Context(), config)
	if want := ", restored, differs from its index: table other should not be there; table page has 1 rows instead of 2"; err == nil || !strings.HasSuffix(err.Error(), want) || result.Rows != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	// Only the named server.
	config.Kinds, config.Only = []throwaway.Kind{{Engine: "mariadb", Version: "99.9"}, {Engine: "mysql", Version: "8.4"}}, true
	_, err = Run(t.Context(), config)
	if missing := (*throwaway.NoServerError)(nil); !errors.As(err, &missing) || missing.Kind.Version != "99.9" {
		t.Errorf("%v", err)
	}
}

// The same for PostgreSQL.
func TestRestoredPostgresIsCompared(t *testing.T) {
	store, key := publish(t, "public.page", func(index *dumpfile.Index) {
		index.Engine, index.EngineVersion = "postgres", "12.1"
	})
	config := Config{Bucket: store, Key: key, Progress: quiet{}, Load: loadingPostgres("CREATE TABLE page (id int); INSERT INTO page VALUES (1), (2)")}
	result, err := Run(t.Context(), config)
	must(t, err)
	if !strings.HasPrefix(result.Server, "postgres ") || result.Tables != 1 || result.Rows != 2 || result.Staging != "not asked" {
		t.Errorf("%+v", result)
	}
	config.Load = loadingPostgres("CREATE TABLE page (id int); INSERT INTO page VALUES (1); CREATE TABLE other (id int)")
	_, err = Run(t.Context(), config)
	if want := ", restored, differs from its index: table public.other should not be there; table public.page has 1 rows instead of 2"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v", err)
	}
	config.Load = loadingPostgres("")
	_, err = Run(t.Context(), config)
	if want := ", restored, differs from its index: table public.page is missing"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

func loadingPostgres(statements string) func(context.Context, bucket.Object, dburl.URL, string) error {
	return func(ctx context.Context, _ bucket.Object, target dburl.URL, _ string) error {
		for _, step := range []struct{ database, statements string }{{"postgres", "CREATE DATABASE " + target.Name}, {target.Name, statements}} {
			conn, err := pgx.Connect(ctx, fmt.Sprintf("host=%s port=%d user=%s dbname=%s", target.Host, target.Port, target.User, step.database))
			if err != nil {
				return err
			}
			_, err = conn.Exec(ctx, step.statements)
			if err := errors.Join(err, conn.Close(ctx)); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestUnfitDumps(t *testing.T) {
	for engine, want := range map[string]string{
		"": " cannot be checked by restoring it: it is the output of a command, and does not say for which server",
	} {
		store, key := publish(t, "page", func(index *dumpfile.Index) { index.Engine = engine })
		_, err := Run(t.Context(), Config{Bucket: store, Key: key, Progress: quiet{}})
		if unfit := (*UnfitError)(nil); !errors.As(err, &unfit) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v", engine, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
