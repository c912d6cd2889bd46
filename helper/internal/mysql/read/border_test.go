package read

import (
	"crypto/sha256"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
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
		"CREATE TABLE stable.texts (name varchar(60) PRIMARY KEY, b varchar(300))",
		"INSERT INTO stable.texts SELECT MD5(seq), REPEAT(MD5(seq), 5) FROM stable.seq_1_to_40000",
	); err != nil {
		t.Fatal(err)
	}
	threads := 1
	read := func() map[[32]byte]int {
		config := source.Config{URL: sourcetest.ParseURL(t, server.URL("stable")), Threads: threads}
		threads = threads%4 + 1
		from, _ := sourcetest.Open(t, config)
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
		name       string
		statements []string
		most       float64 // of the bytes of rows, in chunks that are not there yet
	}{
		{"nothing", nil, 0},
		{"estimates", []string{"ANALYZE TABLE stable.node__body", "ANALYZE TABLE stable.texts"}, 0},
		{"one row of a table", []string{"UPDATE stable.texts SET b = 'x' WHERE name = MD5(20000)"}, 0.02},
		{"a row less without a key", []string{"DELETE FROM stable.by_hand WHERE a = 20000"}, 0.03},
		{"rows at the ends", []string{"INSERT INTO stable.by_hand SELECT seq, 'new' FROM stable.seq_50000_to_50500",
			"INSERT INTO stable.texts SELECT CONCAT('zz', seq), 'new' FROM stable.seq_1_to_500"}, 0.03},
	} {
		if len(step.statements) > 0 {
			if err := server.Exec(step.statements...); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		}
		after := read()
		fresh, all := 0, 0
		for sum, size := range after {
			all += size
			if before[sum] == 0 {
				fresh += size
			}
		}
		t.Logf("%s: %d of %d bytes are in other chunks, of %d in all", step.name, fresh, all, len(after))
		if share := float64(fresh) / float64(all); share > step.most {
			t.Errorf("%s: %.3f of the bytes are in other chunks", step.name, share)
		}
		before = after
	}
}
