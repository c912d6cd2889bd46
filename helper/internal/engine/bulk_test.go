package engine

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// What is read from MariaDB goes into MariaDB as values, whatever the types of columns: SQL would take much longer, and nobody would
// notice. CHECKSUM TABLE judges what comes of it.
func TestOwnDumpGoesInBulk(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "bulk_copy")
	statements := []string{"DROP DATABASE IF EXISTS bulk_source", "CREATE DATABASE bulk_source CHARSET utf8mb4", "USE bulk_source",
		"SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+05:30'"}
	for name, c := range targettest.BulkCases {
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s (%s) CHARSET=utf8mb4 %s", mysql.QuoteName(name), c.Definition, targettest.BulkOptions[name]), c.Statement(name))
	}
	targettest.Must(t, server.Exec(statements...))

	from, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("bulk_source"))})
	chunks := &targettest.Texts{}
	read, _ := sourcetest.ChunksOf(t, from)
	for _, chunk := range read {
		chunks.Add(chunk.Section, chunk.Table, chunk.Rows, string(chunk.SQL))
	}
	db, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL("bulk_copy")), Note: func(string) {}, AsText: func(table string) {
		if table != "only generated columns" { // of which there is nothing to send
			t.Errorf("rows of table %q went as SQL", table)
		}
	}})
	targettest.Must(t, err)
	defer db.Close()
	_, err = targettest.PullChunks(t, db, chunks)
	targettest.Must(t, err)

	want, err := server.Checksums("bulk_source")
	targettest.Must(t, err)
	got, err := server.Checksums("bulk_copy")
	targettest.Must(t, err)
	const versioned = 1 // which Checksums does not take for a table
	if diff := cmp.Diff(want, got); diff != "" || len(want) != len(targettest.BulkCases)-versioned {
		t.Errorf("%d tables, checksums (-source +copy):\n%s", len(want), diff)
	}
}
