package read

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/data"
)

// TestChunksStayTheSame compares the chunks of two dumps, over another number of connections each time.
func TestChunksStayTheSame(t *testing.T) {
	server := sourcetest.MariaDB(t)
	if err := server.Exec("CREATE DATABASE stable"); err != nil {
		t.Fatal(err)
	}
	if err := data.Load(t.Context(), server.URL("stable"), data.Options{Seed: 1, MB: 120}); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(
		"CREATE TABLE stable.by_hand (a int, b varchar(300))", // has no key
		"INSERT INTO stable.by_hand SELECT seq, REPEAT(MD5(seq), 5) FROM stable.seq_1_to_40000",
		"CREATE TABLE stable.paths (path varchar(160) PRIMARY KEY, b varchar(300))", // whose keys differ only far behind
		"INSERT INTO stable.paths SELECT CONCAT(REPEAT('long/', 20), MD5(seq)), REPEAT(MD5(seq), 5) FROM stable.seq_1_to_40000",
		"CREATE TABLE stable.texts (name varchar(60) PRIMARY KEY, b varchar(300))",
		"INSERT INTO stable.texts SELECT MD5(seq), REPEAT(MD5(seq), 5) FROM stable.seq_1_to_40000",
	); err != nil {
		t.Fatal(err)
	}
	borders := sourcetest.NewBorders(t, server.URL("stable"))
	for _, step := range []struct {
		name       string
		statements []string
		most       float64 // of the bytes of rows, in chunks that are not there yet
	}{
		{"nothing", nil, 0},
		{"estimates", []string{"ANALYZE TABLE stable.node__body", "ANALYZE TABLE stable.texts"}, 0},
		{"one row of a table", []string{"UPDATE stable.texts SET b = 'x' WHERE name = MD5(20000)"}, 0.02},
		{"a row less without a key", []string{"DELETE FROM stable.by_hand WHERE a = 20000"}, 0.03},
		{"rows before keys that begin alike", []string{"INSERT INTO stable.paths SELECT CONCAT(REPEAT('long/', 20), '!', seq), 'new' FROM stable.seq_1_to_200"}, 0.02},
		{"rows at the ends", []string{"INSERT INTO stable.by_hand SELECT seq, 'new' FROM stable.seq_50000_to_50500",
			"INSERT INTO stable.texts SELECT CONCAT('zz', seq), 'new' FROM stable.seq_1_to_500"}, 0.03},
	} {
		if len(step.statements) > 0 {
			if err := server.Exec(step.statements...); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		}
		changed, all := borders.Changed(t)
		t.Logf("%s: %d of %d bytes are in other chunks", step.name, changed, all)
		if share := float64(changed) / float64(all); share > step.most {
			t.Errorf("%s: %.3f of the bytes are in other chunks", step.name, share)
		}
	}
}
