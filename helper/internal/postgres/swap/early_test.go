package swap

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// The indexes of a large table are there while another table still loads: its only chunk is given once they are. One of an expression
// waits for the end.
func TestPostgresIndexesWhileOthersLoad(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "staging_early",
		"CREATE TABLE large (id int PRIMARY KEY, v text, w int)", "INSERT INTO large SELECT i, repeat('x', 100), i FROM generate_series(1, 15000) i",
		"CREATE INDEX large_v ON large (v, w); CREATE INDEX large_w ON large (w DESC); CREATE INDEX large_lower ON large (lower(v)); COMMENT ON INDEX large_v IS 'both'",
		"CREATE TABLE late (id int PRIMARY KEY REFERENCES large)", "INSERT INTO late VALUES (1)")
	targettest.FreshPG(t, server, "site_early")
	want := sortedPG(t, server, "staging_early")
	chunks := cutPG(t, server, "staging_early", 4000)
	first := slices.IndexFunc(chunks.Entries, func(c dump.StoredChunk) bool { return c.Section == dump.Rows })
	last := slices.IndexFunc(chunks.Entries, func(c dump.StoredChunk) bool { return c.Table == "public.late" })
	chunks.Entries[first], chunks.Entries[last] = chunks.Entries[last], chunks.Entries[first]
	chunks.Texts[first], chunks.Texts[last] = chunks.Texts[last], chunks.Texts[first]
	indexes := func() string {
		rows, err := server.Query("site_early__dump_incoming", "SELECT coalesce(string_agg(indexrelid::regclass::text, ' ' ORDER BY 1), '') FROM"+
			" (SELECT indexrelid FROM pg_index WHERE indrelid IN ('large'::regclass, 'late'::regclass) AND indisvalid ORDER BY indexrelid::regclass::text) i")
		if err != nil {
			return err.Error()
		}
		return rows[0][0]
	}
	var seen string
	chunks.OnRead = func(ctx context.Context, i int) error {
		if i != first {
			return nil
		}
		for end := time.Now().Add(time.Minute); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			if seen = indexes(); strings.Count(seen, " ") == 2 {
				return nil
			}
		}
		return errors.New("no indexes came: " + seen)
	}
	db, said := targettest.Open(t, server.URL("site_early"))
	_, err := targettest.PullChunks(t, db, chunks)
	targettest.Must(t, err)
	if diff := cmp.Diff("large_pkey large_v large_w", seen); diff != "" {
		t.Errorf("indexes while another table loads (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, sortedPG(t, server, "site_early")); diff != "" {
		t.Errorf("after the pull (-want +got):\n%s", diff)
	}
	if len(said.Lines) > 0 {
		t.Errorf("notes: %q", said.Lines)
	}
}
