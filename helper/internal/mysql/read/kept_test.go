package read

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// Older snapshots see rows that were exchanged with those of a partition where they are now. A session that does this
// during a dump does not have to wait: the dump gives way, even before it has read a row.
func TestMySQLPartitionsStay(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		for _, threads := range []int{1, 3} {
			for _, statement := range []string{"ALTER TABLE parts EXCHANGE PARTITION p0 WITH TABLE plain", "ALTER TABLE parts TRUNCATE PARTITION p0"} {
				makeSite(t, server, "partitions", append(fill("first", "id INT PRIMARY KEY", "i", 2000),
					"CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
					"INSERT INTO parts VALUES (1), (20)", "CREATE TABLE plain (id INT PRIMARY KEY)", "INSERT INTO plain VALUES (2)")...)
				src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("partitions")), Threads: threads})
				d, err := src.Dump(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				stop := sourcetest.Waits(t, server)
				site := siteSession(t, server, "partitions")
				for _, statement := range []string{"SET SESSION lock_wait_timeout = 60", statement} {
					if _, err := site.ExecContext(t.Context(), statement); err != nil {
						t.Errorf("%s: %v", statement, err)
					}
				}
				err = d.WriteChunks(t.Context(), func(dump.Chunk) ([]byte, error) { return nil, nil })
				sourcetest.ExpectError(t, err, source.ErrGaveWay, "read table parts: the dump gave way to others on staging: ALTER TABLE of root waited for it")
				if longest, whose := stop(); longest > sourcetest.LongestWait {
					t.Errorf("%s waited for %v", whose, longest)
				}
				_ = d.Close()
			}
		}
	})
}

// A partitioned table is locked until all rows have been read, and no longer.
func TestMySQLPartitionsFreed(t *testing.T) {
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		makeSite(t, server, "partitions", "CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2", "INSERT INTO parts VALUES (1), (20)")
		source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("partitions")), Threads: 2})
		site := siteSession(t, server, "partitions")
		chunks, _ := sourcetest.ChunksOf(t, source, func(chunk dump.Chunk) {
			if chunk.Section != dump.Tail {
				return
			}
			const locks = "SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OBJECT_SCHEMA = 'partitions' AND OBJECT_NAME = 'parts'"
			if rows, err := server.Query(locks); err == nil && rows[0][0] != "0" { // MySQL
				t.Errorf("%s locks", rows[0][0])
			}
			stop := sourcetest.Waits(t, server)
			_, err := site.ExecContext(t.Context(), "TRUNCATE parts")
			if longest, _ := stop(); err != nil || longest > sourcetest.LongestWait {
				t.Errorf("truncated after %v: %v", longest, err)
			}
		})
		restoreTo(t, server, "partitions_copy", sourcetest.Joined(chunks))
		rows, err := server.Query("SELECT COUNT(*) FROM partitions_copy.parts")
		if err != nil || rows[0][0] != "2" {
			t.Errorf("the copy has %v: %v", rows, err)
		}
	})
}
