package read

import (
	"errors"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
)

// Large objects go into the dump with any of the privileges that allow to read them, and without one they are named before anything is read.
func TestPostgresLargeObjects(t *testing.T) {
	freshPostgres(t, "large", `
		CREATE TABLE node (id serial PRIMARY KEY, file oid);
		SELECT lo_from_bytea(700001, 'large thing'); COMMENT ON LARGE OBJECT 700001 IS 'one''s thing'; SELECT lo_create(3000000000);
		SELECT lo_from_bytea(700002, decode(repeat('00ff', 1500000), 'hex'));
		SELECT lo_from_bytea(700003, 'sparse'), lo_put(700003, 100000, 'at the end'), lo_truncate64(lo_open(700003, 131072), 200001);
		INSERT INTO node (file) VALUES (700001), (700002), (700003);
		CREATE ROLE large LOGIN PASSWORD 'large'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO large; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO large;`)
	server := sourcetest.PostgreSQL(t)
	t.Cleanup(func() { _ = server.Exec("large", "DROP OWNED BY large", "DROP ROLE large") })
	config := source.Config{URL: sourcetest.ParseURL(t, server.URLAs("large", "large", "large"))}
	client := config
	client.Client = true

	refused := func(config source.Config, grant string) string {
		t.Helper()
		err := sourcetest.OpenError(t, config)
		sourcetest.ExpectError(t, err, source.ErrPrivilege,
			"large lacks the privilege SELECT on large object 700001, large object 700002, large object 700003, large object 3000000000")
		var missing *source.PrivilegeError
		if !errors.As(err, &missing) || missing.Grant != grant {
			t.Errorf("grant %q", missing.Grant)
		}
		return missing.Grant
	}
	restored := func(config source.Config, opened bool) {
		t.Helper()
		src, _ := sourcetest.Open(t, config)
		text := sourcetest.DumpText(t, src)
		if strings.Contains(text, "lo_open") != opened {
			t.Errorf("client %v: opened by pg_dump: %v", config.Client, !opened)
		}
		expectRestored(t, "large", text)
	}
	do := func(statements ...string) {
		t.Helper()
		if err := server.Exec("large", statements...); err != nil {
			t.Fatal(err)
		}
	}
	const each = `GRANT SELECT ON LARGE OBJECT 700001, 700002, 700003, 3000000000 TO "large"`
	refused(client, each)
	do(refused(config, `GRANT SELECT ON pg_catalog.pg_largeobject TO "large"`))
	restored(config, false)
	do("REVOKE SELECT ON pg_largeobject FROM large", "GRANT pg_read_all_data TO large")
	src, _ := sourcetest.Open(t, config)
	chunks, _ := sourcetest.ChunksOf(t, src)
	for _, chunk := range chunks {
		if len(chunk.SQL) > dump.ChunkBytes+dump.ChunkBytes/8 {
			t.Errorf("a chunk has %d bytes", len(chunk.SQL))
		}
	}
	do(each)
	restored(config, true)
	restored(client, true)
	do(strings.NewReplacer("GRANT", "REVOKE", " TO ", " FROM ").Replace(each), "REVOKE pg_read_all_data FROM large", "ALTER ROLE large SET lo_compat_privileges = on")
	restored(client, true)

	// One comes between the inspection and the snapshot that the account may not open, while it may open all others.
	do("ALTER ROLE large RESET lo_compat_privileges", "GRANT pg_read_all_data TO large", each)
	src, _ = sourcetest.Open(t, config)
	do("SELECT lo_from_bytea(700004, 'late thing')")
	expectRestored(t, "large", sourcetest.DumpText(t, src))
}
