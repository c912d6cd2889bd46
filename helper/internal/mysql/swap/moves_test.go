package swap

import (
	"errors"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// TestMySQLMovesTakenBack has a server die after each of the moves of a swap and of an undo, as servers without atomic DDL can.
func TestMySQLMovesTakenBack(t *testing.T) {
	targettest.OneServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "site69", targettest.Site("older")...)
		db := targettest.OpenKeeping(t, server.URL("site69"), 3, target.Part{})
		targettest.Fresh(t, server, "staging69", targettest.Site("oldest")...)
		targettest.Must(t, targettest.Pull(t, db, targettest.Mysqldump(t, server, "staging69")))
		targettest.Fresh(t, server, "staging69", targettest.Site("old")...)
		targettest.Must(t, targettest.Pull(t, db, targettest.Mysqldump(t, server, "staging69"))) // there is a previous one
		old := targettest.Content(t, server, "site69")
		targettest.Fresh(t, server, "staging69", append(targettest.Site("new"), "CREATE TABLE another (id int)")...)
		dump := targettest.Mysqldump(t, server, "staging69")
		one := targettest.OpenKeeping(t, server.URL("site69"), 1, target.Part{})
		for name, change := range map[string]func() error{
			"swap":              func() error { return targettest.Pull(t, db, dump) },
			"undo":              func() error { return db.Undo(t.Context()) },
			"undo to an older":  func() error { return db.UndoTo(t.Context(), 2) },
			"swap without room": func() error { return targettest.Pull(t, one, dump) },
		} {
			t.Run(name, func(t *testing.T) {
				var moves []move
				n := db.(*Database).Names
				for made := 0; made == 0 || made <= len(moves); made++ {
					died := errors.New("the server died")
					target.OnStep = func(step string) {
						if step != "moves written" {
							return
						}
						s, err := db.(*Database).Connect(t.Context())
						targettest.Must(t, err)
						defer s.Close()
						moves = nil
						targettest.Must(t, readFromJournal(t.Context(), s, n, session.JournalPending, movesKind, &moves))
						for _, m := range moves[:made] {
							targettest.Must(t, s.Exec(t.Context(), "RENAME TABLE "+rewrite.QualifiedName{Database: m.From, Table: m.Table}.String()+" TO "+rewrite.QualifiedName{Database: m.To, Table: m.Table}.String()))
						}
						if made == len(moves)/2 { // the site misses a table, and makes it
							_ = s.Exec(t.Context(), "CREATE TABLE "+mysql.QuoteName(n.Live)+".child (id int)")
						}
						panic(died)
					}
					func() {
						defer func() {
							target.OnStep = func(string) {}
							if got := recover(); got != died {
								t.Fatalf("it ended with %v", got)
							}
						}()
						_ = change()
					}()
					targettest.Must(t, db.Recover(t.Context()))
					if got := targettest.Content(t, server, "site69"); got != old {
						t.Errorf("after %d of %d moves the old database is not back:\n%.3000s", made, len(moves), got)
					}
					targettest.NoGarbage(t, server, "site69")
				}
				if len(moves) < 8 {
					t.Errorf("only %d moves: %v", len(moves), moves)
				}
				kept, err := server.Query("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site69__dump_previous' AND TABLE_NAME = 'only_oldest'" +
					" OR TABLE_SCHEMA LIKE 'site69__dump_older__' AND TABLE_NAME = 'only_older'")
				targettest.Must(t, err)
				if kept[0][0] != "2" {
					t.Error("the one before is lost")
				}
			})
		}
		targettest.Must(t, db.Undo(t.Context()))
	})
}
