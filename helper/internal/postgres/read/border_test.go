package read

import (
	"crypto/sha256"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
)

// TestPostgresChunksStayTheSame compares the chunks of two dumps, over another number of connections each time.
func TestPostgresChunksStayTheSame(t *testing.T) {
	freshPostgres(t, "stable", `
CREATE TABLE large (id int PRIMARY KEY, b text);
INSERT INTO large SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 120000) i;
CREATE TABLE small (id int PRIMARY KEY, b text);
INSERT INTO small SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 8000) i;
ANALYZE;`)
	server := sourcetest.PostgreSQL(t)
	threads := 1
	read := func() map[[32]byte]int {
		from, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("stable")), Threads: threads})
		threads = threads%4 + 1
		chunks, _ := sourcetest.ChunksOf(t, from)
		sums := map[[32]byte]int{}
		for _, chunk := range chunks {
			if chunk.Section == dump.Rows {
				sums[sha256.Sum256(chunk.SQL)] = len(chunk.SQL)
			}
		}
		return sums
	}
	before := read()
	for _, step := range []struct {
		statement string
		most      int // of the bytes of rows, in chunks that are not there yet
	}{
		{"SELECT 1", 0},
		{"UPDATE small SET b = 'x' WHERE id = 4000", 2 << 20},
		{"UPDATE large SET b = 'x' WHERE id = 60000", 5 << 20}, // the row moves to another page
		{"DELETE FROM large WHERE id BETWEEN 20000 AND 20010", 3 << 20},
		{"INSERT INTO large SELECT i, 'new' FROM generate_series(200000, 200500) i", 5 << 20},
	} {
		if err := server.Exec("stable", step.statement); err != nil {
			t.Fatal(err)
		}
		after := read()
		fresh, all := 0, 0
		for sum, size := range after {
			all += size
			if before[sum] == 0 {
				fresh += size
			}
		}
		t.Logf("%s: %d of %d bytes are in other chunks, of %d in all", step.statement, fresh, all, len(after))
		if fresh > step.most {
			t.Errorf("%s: %d bytes are in other chunks", step.statement, fresh)
		}
		before = after
	}
}
