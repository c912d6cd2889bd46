package localdb

import (
	"errors"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// TestMySQLMovesTakenBack has a server die after each of the moves of a swap and of an undo, as servers without atomic DDL can.
func TestMySQLMovesTakenBack(t *testing.T) {
	eachServer(t, func(t *testing.T, server *testserver.MySQL) {
		fresh(t, server, "site69", site("older")...)
		db := openKeeping(t, server.URL("site69"), 3, Part{})
		fresh(t, server, "staging69", site("oldest")...)
		must(t, pull(t, db, mysqldump(t, server, "staging69")))
		fresh(t, server, "staging69", site("old")...)
		must(t, pull(t, db, mysqldump(t, server, "staging69"))) // there is a previous one
		old := content(t, server, "site69")
		fresh(t, server, "staging69", append(site("new"), "CREATE TABLE another (id int)")...)
		dump := mysqldump(t, server, "staging69")
		one := openKeeping(t, server.URL("site69"), 1, Part{})
		for name, change := range map[string]func() error{
			"swap":              func() error { return pull(t, db, dump) },
			"undo":              func() error { return db.Undo(t.Context()) },
			"undo to an older":  func() error { return db.UndoTo(t.Context(), 2) },
			"swap without room": func() error { return pull(t, one, dump) },
		} {
			t.Run(name, func(t *testing.T) {
				var moves []move
				n := db.(*mysqlDatabase).names
				for made := 0; made == 0 || made <= len(moves); made++ {
					died := errors.New("the server died")
					onStep = func(step string) {
						if step != "moves written" {
							return
						}
						s, err := db.(*mysqlDatabase).connect(t.Context())
						must(t, err)
						defer s.close()
						moves = nil
						must(t, s.readFromJournal(t.Context(), n, journalPending, movesKind, &moves))
						for _, m := range moves[:made] {
							must(t, s.exec(t.Context(), "RENAME TABLE "+place{m.From, m.Table}.String()+" TO "+place{m.To, m.Table}.String()))
						}
						if made == len(moves)/2 { // the site misses a table, and makes it
							_ = s.exec(t.Context(), "CREATE TABLE "+quoteName(n.live)+".child (id int)")
						}
						panic(died)
					}
					func() {
						defer func() {
							onStep = func(string) {}
							if got := recover(); got != died {
								t.Fatalf("it ended with %v", got)
							}
						}()
						_ = change()
					}()
					must(t, db.Recover(t.Context()))
					if got := content(t, server, "site69"); got != old {
						t.Errorf("after %d of %d moves the old database is not back:\n%.3000s", made, len(moves), got)
					}
					noRubbish(t, server, "site69")
				}
				if len(moves) < 8 {
					t.Errorf("only %d moves: %v", len(moves), moves)
				}
				kept, err := server.Query("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site69__dump_previous' AND TABLE_NAME = 'only_oldest'" +
					" OR TABLE_SCHEMA LIKE 'site69__dump_older__' AND TABLE_NAME = 'only_older'")
				must(t, err)
				if kept[0][0] != "2" {
					t.Error("the one before is lost")
				}
			})
		}
		must(t, db.Undo(t.Context()))
	})
}
