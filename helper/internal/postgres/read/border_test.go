package read

import (
	"testing"

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
	borders := sourcetest.NewBorders(t, server.URL("stable"))
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
		changed, all := borders.Changed(t)
		t.Logf("%s: %d of %d bytes are in other chunks", step.statement, changed, all)
		if changed > step.most {
			t.Errorf("%s: %d bytes are in other chunks", step.statement, changed)
		}
	}
}
