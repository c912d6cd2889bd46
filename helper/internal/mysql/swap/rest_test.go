package swap

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// After the swap, a database that nobody needs cannot be dropped: its folder has another one in it. The pull has succeeded all the same, and so do
// undo and whatever opens the database.
func TestMySQLRestStays(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site60", targettest.Site("old")...)
	old := targettest.Content(t, server, "site60")
	db, said := targettest.Open(t, server.URL("site60"))
	rows, err := server.Query("SELECT @@datadir")
	targettest.Must(t, err)
	stray := filepath.Join(rows[0][0], "site60__dump_spare", "stray")
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(stray)) })
	target.OnStep = func(step string) {
		if step == "tables moved" {
			targettest.Must(t, errors.Join(os.MkdirAll(stray, 0o777), os.WriteFile(filepath.Join(stray, "file"), nil, 0o666)))
		}
	}
	defer func() { target.OnStep = func(string) {} }()
	targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE `a` (id int);\n"))
	target.OnStep = func(string) {}
	if all := strings.Join(said.Lines, "\n"); !strings.Contains(all, "database site60__dump_spare, which nobody needs any more, is not dropped yet: ") {
		t.Errorf("notes:\n%s", all)
	}
	targettest.Must(t, db.Undo(t.Context()))
	if got := targettest.Content(t, server, "site60"); got != old {
		t.Errorf("after undo:\n%s", got)
	}
	targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE `a` (id int);\n"))
	targettest.Must(t, os.RemoveAll(stray))
	targettest.Must(t, db.Recover(t.Context()))
	targettest.NoGarbage(t, server, "site60")
}

// Whatever opens a database whose swap was interrupted, says so and puts back what it lacks.
func TestMySQLOpenFinishesSwap(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "staging61", targettest.Site("new")...)
	dump := filepath.Join(t.TempDir(), "dump.sql")
	targettest.Must(t, os.WriteFile(dump, []byte(targettest.Mysqldump(t, server, "staging61")), 0o600))
	new := targettest.Content(t, server, "staging61")
	incomplete := 0
	for step := range targettest.KillSteps(t) {
		targettest.Fresh(t, server, "site61", targettest.Site("old")...)
		old := targettest.Content(t, server, "site61")
		finished := targettest.RunChild(t, server.URL("site61"), dump, step)
		found, err := server.Query("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site61__dump_previous' AND TABLE_NAME IN (?, ?)",
			session.JournalPending, session.JournalSwapped)
		targettest.Must(t, err)
		_, said := targettest.Open(t, server.URL("site61"))
		now := targettest.Content(t, server, "site61")
		if now != old && now != new {
			t.Fatalf("killed at step %d: neither old nor new:\n%s", step, now)
		}
		const note = "a swap of database site61 was interrupted, and its views, triggers and foreign keys may be missing; they are put back now"
		if len(found) > 0 {
			incomplete++
			if len(said.Lines) == 0 || said.Lines[0] != note {
				t.Errorf("killed at step %d: %q", step, said.Lines)
			}
		}
		if finished {
			break
		}
	}
	if incomplete < 3/targettest.KillStride() {
		t.Errorf("incomplete after %d steps only", incomplete)
	}
}

// Somebody has locked the whole server, as a backup does: a pull waits, says for whom, and gives up.
func TestMySQLServerLocked(t *testing.T) {
	wait, rounds := session.LockRound, session.LockRounds
	session.LockRound, session.LockRounds = time.Second, 2
	t.Cleanup(func() { session.LockRound, session.LockRounds = wait, rounds })
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		locks := []string{"FLUSH TABLES WITH READ LOCK"}
		if targettest.IsOracle(t, server) {
			locks = append(locks, "LOCK INSTANCE FOR BACKUP")
		} else {
			locks = append(locks, "BACKUP STAGE START; BACKUP STAGE BLOCK_DDL", "BACKUP STAGE START; BACKUP STAGE BLOCK_COMMIT")
		}
		for _, lock := range locks {
			t.Run(lock, func(t *testing.T) {
				targettest.Fresh(t, server, "site62", targettest.Site("old")...)
				old := targettest.Content(t, server, "site62")
				letGo := func() {}
				said := &targettest.Notes{}
				db, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL("site62")), Note: func(text string) {
					said.Add(text)
					letGo()
				}})
				targettest.Must(t, err)
				defer db.Close()
				holder, id := locksAll(t, server, lock)
				_, err = db.Begin(t.Context())
				const who = ", sleep for "
				var busy *target.BusyError
				if !errors.As(err, &busy) || !strings.HasPrefix(busy.Holder, "the whole server is locked against changes by connection "+id) || !strings.Contains(busy.Holder, who) {
					t.Errorf("%v", err)
				}
				said.Want(t, "the whole local server is locked against changes; waiting for connection "+id)
				// It is let go while a pull waits.
				letGo = func() { _ = holder.Close() }
				load, err := db.Begin(t.Context())
				targettest.Must(t, err)
				targettest.Must(t, load.Discard())
				targettest.WantMySQL(t, server, "site62", old)
			})
		}
	})
}

// locksAll locks a server by some statements until the connection is closed, and returns its number.
func locksAll(t *testing.T, server *testserver.MySQL, lock string) (io.Closer, string) {
	t.Helper()
	pool, err := session.Connect(targettest.ParseURL(t, server.URL("mysql")))
	targettest.Must(t, err)
	conn, err := pool.Conn(t.Context())
	targettest.Must(t, err)
	for statement := range strings.SplitSeq(lock, "; ") {
		_, err = conn.ExecContext(t.Context(), statement)
		targettest.Must(t, err)
	}
	var id string
	targettest.Must(t, conn.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id))
	t.Cleanup(func() { _, _ = conn.Close(), pool.Close() })
	return conn, id
}
