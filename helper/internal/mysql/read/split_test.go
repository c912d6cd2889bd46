package read

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// TestSplit cuts tables with keys of all kinds, and finds every row in exactly one span.
func TestSplit(t *testing.T) {
	server, err := testserver.MariaDB(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	keys := map[string]string{
		"dense":   "int", // 1, 2, 3, …
		"sparse":  "bigint unsigned",
		"signed":  "smallint",
		"words":   "varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
		"bytes":   "binary(16)",
		"decimal": "decimal(20,4)", // not cut
		"same":    "char(3)",       // nothing to cut
	}
	values := map[string]string{
		"dense": "seq", "sparse": "CAST(POW(seq, 3.5) AS UNSIGNED)", "signed": "CAST(seq AS SIGNED) - 15000", "words": "CONCAT(CHAR(97 + seq MOD 26 USING utf8mb4), 'é', seq)",
		"bytes": "UNHEX(MD5(seq))", "decimal": "seq", "same": "'abc'",
	}
	statements := []string{"CREATE DATABASE d"}
	for name, kind := range keys {
		statements = append(statements,
			fmt.Sprintf("CREATE TABLE d.`%s` (`k'` %s NOT NULL, n int, filler varchar(3000), PRIMARY KEY (`k'`, n))", name, kind),
			fmt.Sprintf("INSERT INTO d.`%s` SELECT %s, seq, REPEAT('x', 3000) FROM d.seq_1_to_25000", name, values[name]),
			fmt.Sprintf("ANALYZE TABLE d.`%s`", name))
	}
	if err := server.Exec(statements...); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/d", server.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range []string{"START TRANSACTION", source.SetSavepoint} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for name := range keys {
		names = append(names, name)
	}
	tables, err := readTables(t.Context(), conn, names, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		spans, err := split(t.Context(), &snapshotReader{Conn: conn, held: &heldTables{}}, table)
		if err != nil {
			t.Errorf("%s: %v", table.name, err)
			continue
		}
		rows := 0
		largest := 0
		for _, s := range spans {
			var count int
			err := conn.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+mysql.QuoteName(table.name)+where(s.conditions("`k'`"))).Scan(&count)
			if err != nil {
				t.Fatal(err)
			}
			rows += count
			largest = max(largest, count)
		}
		if rows != 25000 {
			t.Errorf("%s: %d rows in %d spans", table.name, rows, len(spans))
		}
		if whole := table.name == "decimal" || table.name == "same"; whole != (len(spans) == 1) || !whole && largest > 15000 {
			t.Errorf("%s: %d spans, the largest of %d rows: %+v", table.name, len(spans), largest, spans)
		}
	}
}

// TestQueue has several readers empty a queue: every span is handed out once, in order, and no reader waits for ever.
func TestQueue(t *testing.T) {
	var tables []*tableRows
	for i := range 20 {
		tables = append(tables, &tableRows{name: fmt.Sprint(i), bytes: int64(i)})
	}
	work := newQueue(tables)
	var mutex sync.Mutex
	var group sync.WaitGroup
	given := map[string][]string{}
	for range 4 {
		group.Go(func() {
			// Between receiving a span and recording it, another reader may receive and record the next one.
			before := map[string]string{}
			for {
				table, s, err := work.next(t.Context(), func(*tableRows) ([]span, error) {
					spans := []span{{from: "0"}, {from: "1"}, {from: "2"}}
					return spans, nil
				})
				if err != nil {
					t.Error(err)
				}
				if table == nil {
					return
				}
				name := table.table.name
				if s.from <= before[name] {
					t.Errorf("table %s: span %s came after %s", name, s.from, before[name])
				}
				before[name] = s.from
				mutex.Lock()
				given[name] = append(given[name], s.from)
				mutex.Unlock()
				work.done(table)
			}
		})
	}
	group.Wait()
	for _, table := range tables {
		slices.Sort(given[table.name])
		if diff := cmp.Diff([]string{"0", "1", "2"}, given[table.name]); diff != "" {
			t.Errorf("table %s: spans (-want +got):\n%s", table.name, diff)
		}
	}

	// A reader that waits for another one's cut ends with the context.
	work = newQueue(tables[:1])
	ctx, cancel := context.WithCancel(t.Context())
	defer context.AfterFunc(ctx, work.wake)()
	cutting, waited := make(chan struct{}), make(chan error, 1)
	go func() {
		_, _, err := work.next(ctx, func(*tableRows) ([]span, error) {
			close(cutting)
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		waited <- err
	}()
	<-cutting
	go func() {
		_, _, err := work.next(ctx, nil)
		waited <- err
	}()
	cancel()
	for range 2 {
		if err := <-waited; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}
