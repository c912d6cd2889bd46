package data

import (
	"bytes"
	"crypto/sha256"
	"os/exec"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

var everything = Options{Seed: 7, MB: 3, View: true, Trigger: true, MyISAM: true, ForeignKeys: true}

func text(t *testing.T, d Dialect, o Options) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := Write(&buf, d, o); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestSeedDecidesTheRows(t *testing.T) {
	first := sha256.Sum256(text(t, MySQL, Options{Seed: 1, MB: 5}))
	if again := sha256.Sum256(text(t, MySQL, Options{Seed: 1, MB: 5})); again != first {
		t.Error("the same seed gave other rows")
	}
	if other := sha256.Sum256(text(t, MySQL, Options{Seed: 2, MB: 5})); other == first {
		t.Error("another seed gave the same rows")
	}
}

func TestSizeAndCompressibilityAreThoseOfARealDump(t *testing.T) {
	for _, mb := range []int{5, 40} {
		sql := text(t, MySQL, Options{Seed: 1, MB: mb})
		if size := float64(len(sql)) / 1e6; size < 0.9*float64(mb) || size > 1.1*float64(mb) {
			t.Errorf("asked for %d MB, got %.1f", mb, size)
		}
		encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(512<<10)) // as zstd -1
		if err != nil {
			t.Fatal(err)
		}
		if ratio := float64(len(sql)) / float64(len(encoder.EncodeAll(sql, nil))); ratio < 3.7 || ratio > 5.5 {
			t.Errorf("%d MB compress %.2f : 1, a real dump about 4 to 5 : 1", mb, ratio)
		}
	}
}

func TestMariaDBGetsTheSameRowsBothWays(t *testing.T) {
	server, err := testserver.MariaDB(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	if err := server.Exec("CREATE DATABASE loaded", "CREATE DATABASE piped", "CREATE USER drupal@`10.0.0.%`"); err != nil {
		t.Fatal(err)
	}
	if err := Load(t.Context(), server.URL("loaded"), everything); err != nil {
		t.Fatal(err)
	}
	client := exec.CommandContext(t.Context(), "mariadb", "--no-defaults", "--host=127.0.0.1", "--user=root", "--port="+strconv.Itoa(server.Port), "piped")
	client.Stdin = bytes.NewReader(text(t, MySQL, everything))
	if output, err := client.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	loaded, err := server.Checksums("loaded")
	if err != nil {
		t.Fatal(err)
	}
	piped, err := server.Checksums("piped")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(loaded, piped); diff != "" || len(loaded) < 40 {
		t.Errorf("%d tables; loaded and piped rows differ:\n%s", len(loaded), diff)
	}
	for _, q := range []struct{ query, want string }{
		{"SELECT count(*) > 0 FROM loaded.published_jobs", "1"},
		{"SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = 'loaded'", "1"},
		{"SELECT count(*) FROM information_schema.referential_constraints WHERE constraint_schema = 'loaded'", "3"},
		{"SELECT engine FROM information_schema.tables WHERE table_schema = 'loaded' AND table_name = 'legacy_import_log'", "MyISAM"},
		{"SELECT count(*) > 0 FROM loaded.node__body WHERE body_value LIKE '%🚀%'", "1"},
		{"SELECT count(*) FROM loaded.node__field_tags t LEFT JOIN loaded.taxonomy_term_data d ON d.tid = t.field_tags_target_id WHERE d.tid IS NULL", "0"},
		{"SELECT count(*) FROM loaded.user__roles r LEFT JOIN loaded.users u ON u.uid = r.entity_id WHERE u.uid IS NULL", "0"},
	} {
		rows, err := server.Query(q.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := rows[0][0]; got != q.want {
			t.Errorf("%s = %s, want %s", q.query, got, q.want)
		}
	}
}

func TestPostgresGetsTheSameRowsBothWays(t *testing.T) {
	server, err := testserver.Postgres(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	if err := server.Exec("postgres", "CREATE DATABASE loaded", "CREATE DATABASE piped"); err != nil {
		t.Fatal(err)
	}
	if err := Load(t.Context(), server.URL("loaded"), everything); err != nil {
		t.Fatal(err)
	}
	client := exec.CommandContext(t.Context(), "psql", "--quiet", "--set=ON_ERROR_STOP=1", server.URL("piped"))
	client.Stdin = bytes.NewReader(text(t, Postgres, everything))
	if output, err := client.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	loaded, piped := postgresChecksums(t, server, "loaded"), postgresChecksums(t, server, "piped")
	if diff := cmp.Diff(loaded, piped); diff != "" || len(loaded) < 40 {
		t.Errorf("%d tables; loaded and piped rows differ:\n%s", len(loaded), diff)
	}
}

// postgresChecksums returns a sum over all rows of each table that does not depend on their order.
func postgresChecksums(t *testing.T, server *testserver.PG, database string) map[string]string {
	t.Helper()
	tables, err := server.Query(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for _, table := range tables {
		rows, err := server.Query(database, "SELECT count(*) || ' rows, ' || coalesce(sum(hashtext(t::text)::bigint), 0) FROM "+table[0]+" t")
		if err != nil {
			t.Fatal(err)
		}
		sums[table[0]] = rows[0][0]
	}
	return sums
}
