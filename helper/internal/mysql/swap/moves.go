package swap

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// move takes a table from one database to another.
type move struct{ Table, From, To string }

// writeMoves notes in the pending journal what the next RENAME TABLE will do, and replaces the note of an earlier
// try. A server without atomic DDL renames one table after the other, and stops halfway if it dies. That is MariaDB
// before 10.6, and MySQL if one table is not InnoDB.
func writeMoves(ctx context.Context, s *session.Session, n target.Names, moves []move) error {
	err := s.Exec(ctx, fmt.Sprintf("DELETE FROM %s.%s WHERE kind = ?", mysql.QuoteName(n.Previous), mysql.QuoteName(session.JournalPending)), string(movesKind))
	if err != nil {
		return err
	}
	return addToJournal(ctx, s, n, bothSides, movesKind, moves)
}

// takeBack undoes the moves of the pending journal that were made, the last one first. Only the live database is
// shared with the site. A table that the site has created in the way is dropped. A table that the site has dropped
// came from the dump, and would go anyway.
func takeBack(ctx context.Context, s *session.Session, n target.Names) error {
	var moves []move
	if err := readFromJournal(ctx, s, n, session.JournalPending, movesKind, &moves); err != nil {
		return err
	}
	there := map[rewrite.QualifiedName]bool{}
	databases := n.All()
	for _, m := range moves {
		for _, database := range []string{m.From, m.To} {
			if !slices.Contains(databases, database) {
				databases = append(databases, database)
			}
		}
	}
	for _, database := range databases {
		tables, err := s.Tables(ctx, database)
		if err != nil {
			return err
		}
		for _, table := range tables {
			there[rewrite.QualifiedName{Database: database, Table: table}] = true
		}
	}
	made, known := movesMade(moves, there, n.Live)
	if !known {
		return fmt.Errorf("the server died while it exchanged tables, and the tables in %s do not show how far it got", strings.Join(databases[1:], ", "))
	}
	for _, m := range slices.Backward(moves[:made]) {
		from, to := rewrite.QualifiedName{Database: m.To, Table: m.Table}, rewrite.QualifiedName{Database: m.From, Table: m.Table}
		if !there[from] {
			continue
		}
		if there[to] {
			if err := s.Exec(ctx, "DROP TABLE "+to.String()); err != nil {
				return err
			}
		}
		if err := s.Exec(ctx, "RENAME TABLE "+from.String()+" TO "+to.String()); err != nil {
			return err
		}
		there[from], there[to] = false, true
		target.OnStep("table back")
	}
	return nil
}

// movesMade says how many moves have been made, judging by where the tables are in all databases but the live one.
// Each number leaves a different arrangement: even where moves form a circle, the first one moves a journal away.
func movesMade(moves []move, there map[rewrite.QualifiedName]bool, live string) (made int, known bool) {
	want := map[rewrite.QualifiedName]bool{} // before the first move
	for _, m := range slices.Backward(moves) {
		want[rewrite.QualifiedName{Database: m.To, Table: m.Table}] = false
		want[rewrite.QualifiedName{Database: m.From, Table: m.Table}] = true
	}
	for made = range len(moves) + 1 {
		if made > 0 {
			m := moves[made-1]
			want[rewrite.QualifiedName{Database: m.From, Table: m.Table}], want[rewrite.QualifiedName{Database: m.To, Table: m.Table}] = false, true
		}
		fits := true
		for p, is := range want {
			fits = fits && (p.Database == live || is == there[p])
		}
		if fits {
			return made, true
		}
	}
	return 0, false
}
