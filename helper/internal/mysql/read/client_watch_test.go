package read

import (
	"database/sql"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
)

// Somebody else's client may read rows by the same account from the same machine. Only a session that has begun since can be ours.
func TestMySQLEndsTheSilentClientAlone(t *testing.T) {
	server := sourcetest.MariaDB(t)
	ctx := t.Context()
	m := New(source.Config{URL: sourcetest.ParseURL(t, server.URL("shop"))}, nil)
	// reading is a session whose rows nobody takes.
	reading := func() (id uint64) {
		db, err := sql.Open("mysql", "root@tcp("+m.url.Address()+")/shop")
		must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		conn, err := db.Conn(ctx)
		must(t, err)
		must(t, conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id))
		rows, err := conn.QueryContext(ctx, "SELECT /*!40001 SQL_NO_CACHE */ a.* FROM information_schema.COLUMNS a, information_schema.COLUMNS b") //nolint:rowserrcheck // nobody reads them
		must(t, err)
		t.Cleanup(func() { _ = rows.Close() })
		return id
	}
	// stays tells whether a session waits for its client, as soon as it does or is gone. The system's buffers may still take some rows after it
	// has waited for a moment.
	stays := func(id uint64) bool {
		for waited := 0; waited < 10; time.Sleep(20 * time.Millisecond) {
			rows, err := server.Query("SELECT COMMAND, COALESCE(STATE, '') FROM information_schema.PROCESSLIST WHERE ID = ?", id)
			must(t, err)
			if len(rows) == 0 {
				return false
			}
			if waited++; !mysql.WaitsForClient(rows[0][0], rows[0][1]) {
				waited = 0
			}
		}
		return true
	}
	earlier := reading()
	dump := &clientSession{m, 0}
	must(t, m.session(ctx, func(conn *sql.Conn) error {
		return conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&dump.after)
	}))
	if !stays(earlier) {
		t.Fatal("the other client's session has ended by itself")
	}
	if state, err := dump.Look(ctx); err != nil || state != silence.Gone {
		t.Errorf("before the client has begun: %v, %v", state, err)
	}
	client := reading()
	if !stays(client) {
		t.Fatal("the client's session has ended by itself")
	}
	must(t, dump.End(ctx))
	for try := 0; try < 100 && stays(client); try++ {
	}
	if stays(client) || !stays(earlier) {
		t.Errorf("the client's session stays: %v, the other one's: %v", stays(client), stays(earlier))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
