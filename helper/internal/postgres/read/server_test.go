package read

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestPostgresDump(t *testing.T) {
	t.Run("native", func(t *testing.T) { postgresDump(t, false, "dump-helper with pg_dump 1") })
	t.Run("client", func(t *testing.T) { postgresDump(t, true, "pg_dump 1") })
}

func postgresDump(t *testing.T, client bool, madeBy string) {
	server := sourcetest.PostgreSQL(t)
	src, _ := sourcetest.Open(t, source.Config{
		URL:           sourcetest.ParseURL(t, server.URL("shop")),
		StructureOnly: []string{"cache_*", "audit.log", `Odd."Name?`},
		Exclude:       []string{"audit.old"},
		Client:        client,
	})
	info := src.Info()
	var tables []string
	for _, table := range info.Tables {
		tables = append(tables, table.Name)
	}
	if want := []string{"audit.log", "audit.log_2025", `public.Odd."Name*`, "public.cache_page", "public.node", `public.odd."name*x`}; !slices.Equal(tables, want) {
		t.Errorf("tables %q, want %q", tables, want)
	}
	got := source.Info{Engine: info.Engine, Views: info.Views, StructureOnly: info.StructureOnly, Excluded: info.Excluded}
	want := source.Info{
		Engine: "postgres", Views: []string{"public.recent"}, Excluded: []string{"audit.old"},
		StructureOnly: []string{"audit.log", "audit.log_2025", `public.Odd."Name*`, "public.cache_page"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(info.Client, madeBy) {
		t.Errorf("client %q", info.Client)
	}
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	if dump.SnapshotTime.Location() != time.UTC || time.Since(dump.SnapshotTime).Abs() > time.Minute {
		t.Errorf("snapshot time %v", dump.SnapshotTime)
	}
	if dump.Chunked() == client {
		t.Errorf("chunked: %v", dump.Chunked())
	}
	text, err := sourcetest.ReadText(t.Context(), dump)
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.Expect(t, text, "PostgreSQL database dump complete", "COPY public.node", "Täst 😀 2000", "kept value", "lo_create",
		"CREATE TABLE public.cache_page", "CREATE TABLE audit.log_2025", "CREATE VIEW public.recent",
		"!secret of a session", "!logged thing", "!odd value", "!audit.old", "!OWNER TO", "!GRANT ")
}

func TestPostgresTLS(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	c, err := sourcetest.Certs()
	if err != nil {
		t.Fatal(err)
	}
	base := server.URL("shop")
	for _, query := range []string{"", "?tls=off", "?tls=on", "?tls=verify&ca=" + c.CA} {
		source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, base+query)})
		sourcetest.Expect(t, sourcetest.DumpText(t, source), "PostgreSQL database dump complete")
	}
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, base+"?tls=verify")}), source.ErrTLS, "unknown authority")
	plain, err := testserver.Postgres(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Kill()
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, plain.URL("postgres")+"?tls=on")}), source.ErrTLS, "server refused TLS connection")
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, plain.URL("postgres"))})
	sourcetest.Expect(t, sourcetest.DumpText(t, source), "PostgreSQL database dump complete")
}

func TestPostgresRefusals(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	if err := server.Exec("shop", "CREATE ROLE reader LOGIN PASSWORD 'it''s \\ = right'"); err != nil {
		t.Fatal(err)
	}
	url := server.URLAs("reader", "", "shop")
	wrong := sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, url), Password: secret.New("wrong-one")})
	sourcetest.ExpectError(t, wrong, source.ErrAuth, "source postgres://reader:***@127.0.0.1:")
	sourcetest.Expect(t, wrong.Error(), "!wrong-one")
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, url)}), source.ErrAuth, "")
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("nowhere"))}), source.ErrNoDatabase, `database "nowhere" does not exist`)
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, "postgres://u@no-such-host.invalid/db")}), source.ErrUnreachable, "no-such-host.invalid")
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, "postgres://u@127.0.0.1:1/db")}), source.ErrUnreachable, "connection refused")

	config := source.Config{URL: sourcetest.ParseURL(t, url), Password: secret.New(`it's \ = right`)}
	err := sourcetest.OpenError(t, config)
	sourcetest.ExpectError(t, err, source.ErrPrivilege, `reader lacks the privilege SELECT on audit.log`)
	var missing *source.PrivilegeError
	if !errors.As(err, &missing) {
		t.Fatal(err)
	}
	sourcetest.Expect(t, missing.Grant, `GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "reader"`, `GRANT USAGE ON SCHEMA "audit" TO "reader"`)
	if err := server.Exec("shop", strings.Split(missing.Grant, "; ")...); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec("shop", "CREATE TABLE guarded (id int)", "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY", "GRANT SELECT ON guarded TO reader"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Exec("shop", "DROP TABLE guarded") }()
	sourcetest.ExpectError(t, sourcetest.OpenError(t, config), source.ErrPrivilege, "reader lacks the privilege BYPASSRLS on public.guarded")

	config.Exclude = []string{"guarded"}
	sourcetest.ExpectError(t, sourcetest.OpenError(t, config), source.ErrPrivilege, "reader lacks the privilege SELECT on large object ")
}

func TestPostgresPasswordStaysHidden(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	if err := server.Exec("shop", "CREATE ROLE hidden LOGIN SUPERUSER PASSWORD 'very-hidden'"); err != nil {
		t.Fatal(err)
	}
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URLAs("hidden", "very-hidden", "shop")), Client: true})
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	sourcetest.Hang(t, dump)
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(sourcetest.ChildOf(t, dump)), "cmdline"))
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.Expect(t, string(text), "!very-hidden", "pg_dump")
}

func TestPostgresSessionIsReadOnly(t *testing.T) {
	p := &Server{url: *sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("shop"))}
	err := p.session(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "DELETE FROM public.node")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "read-only transaction") {
		t.Errorf("a write gives %v", err)
	}
}

func TestPostgresClientKilled(t *testing.T) {
	src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("shop")), Client: true})
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.Hang(t, dump)
	if err := syscall.Kill(sourcetest.ChildOf(t, dump), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var failed *source.ClientError
	if err := sourcetest.Rest(dump); !errors.As(err, &failed) || failed.Status != "killed by signal 9" {
		t.Errorf("error %v", err)
	}
	_ = dump.Close()

	ctx, cancel := context.WithCancel(t.Context())
	dump, err = src.Dump(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := sourcetest.ChildOf(t, dump)
	sourcetest.Hang(t, dump)
	cancel()
	if err := sourcetest.Rest(dump); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	_ = dump.Close()
	sourcetest.ExpectNoProcess(t, c)
}

func TestPostgresBackendTerminated(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("shop")), Client: true})
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	sourcetest.Hang(t, dump)
	if err := server.Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dump-helper'"); err != nil {
		t.Fatal(err)
	}
	sourcetest.ExpectError(t, sourcetest.Rest(dump), source.ErrConnectionLost, "pg_dump")
}

// The environment variables that would lead libpq elsewhere have no effect.
func TestPostgresEnvironmentIsIgnored(t *testing.T) {
	t.Setenv("PGHOST", "no-such-host.invalid")
	t.Setenv("PGDATABASE", "postgres")
	t.Setenv("PGOPTIONS", "-c search_path=nowhere")
	t.Setenv("PGSSLMODE", "verify-full")
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("shop"))})
	sourcetest.Expect(t, sourcetest.DumpText(t, source), "COPY public.node")
}

func TestPostgresClientTooOld(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pg_dump"), []byte("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	old := clientFolders
	clientFolders = nil
	t.Cleanup(func() { clientFolders = old })
	err := sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("shop"))})
	var tooOld *source.ClientTooOldError
	if !errors.As(err, &tooOld) || !strings.HasPrefix(tooOld.Debian, "postgresql-client-1") {
		t.Errorf("error %v", err)
	}
	sourcetest.Expect(t, err.Error(), "pg_dump 9.6.24 is too old for a server of version 1")
	t.Setenv("PATH", t.TempDir())
	var missing *source.ClientMissingError
	if err := sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("shop"))}); !errors.As(err, &missing) {
		t.Errorf("error %v", err)
	}
}

// An error is one line, even if the driver tries with TLS and without.
func TestPostgresErrorsAreOneLine(t *testing.T) {
	for _, url := range []string{"postgres://u@127.0.0.1:1/db", "postgres://u@no-such-host.invalid/db", sourcetest.PostgreSQL(t).URL("nowhere")} {
		err := sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, url)})
		sourcetest.Expect(t, err.Error(), "!\n")
	}
}
