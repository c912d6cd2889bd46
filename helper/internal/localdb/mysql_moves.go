package localdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// move is one table's way from a database to another.
type move struct{ Table, From, To string }

// place is where a table may be.
type place struct{ database, table string }

func (p place) String() string { return quoteName(p.database) + "." + quoteName(p.table) }

// writeMoves notes in the pending journal what the statement that exchanges the tables is going to do, instead of what an earlier try
// was. A server without atomic DDL does one move after the other, and leaves it at that where it dies: MySQL where one table is not of
// InnoDB, and MariaDB before 10.6.
func (s *mysqlSession) writeMoves(ctx context.Context, n names, moves []move) error {
	err := s.exec(ctx, fmt.Sprintf("DELETE FROM %s.%s WHERE kind = ?", quoteName(n.previous), quoteName(journalPending)), string(movesKind))
	if err != nil {
		return err
	}
	return s.addToJournal(ctx, n, bothSides, movesKind, moves)
}

// takeBack takes back those moves of the pending journal that were made, the last one first. Only the live database is not ours alone:
// what the site has made in a table's place goes, and what it has dropped is new and would go anyway.
func (s *mysqlSession) takeBack(ctx context.Context, n names) error {
	var moves []move
	if err := s.readFromJournal(ctx, n, journalPending, movesKind, &moves); err != nil {
		return err
	}
	there := map[place]bool{}
	databases := n.all()
	for _, m := range moves {
		for _, database := range []string{m.From, m.To} {
			if !slices.Contains(databases, database) {
				databases = append(databases, database)
			}
		}
	}
	for _, database := range databases {
		tables, err := s.tables(ctx, database)
		if err != nil {
			return err
		}
		for _, table := range tables {
			there[place{database, table}] = true
		}
	}
	made, known := movesMade(moves, there, n.live)
	if !known {
		return fmt.Errorf("the server died while it exchanged tables, and how far it came cannot be told from those in %s", strings.Join(databases[1:], ", "))
	}
	for _, m := range slices.Backward(moves[:made]) {
		from, to := place{m.To, m.Table}, place{m.From, m.Table}
		if !there[from] {
			continue
		}
		if there[to] {
			if err := s.exec(ctx, "DROP TABLE "+to.String()); err != nil {
				return err
			}
		}
		if err := s.exec(ctx, "RENAME TABLE "+from.String()+" TO "+to.String()); err != nil {
			return err
		}
		there[from], there[to] = false, true
		onStep("table back")
	}
	return nil
}

// movesMade says how many of some moves have been made, by where the tables are now in all databases but the live one. No two numbers
// leave them at the same places: where moves lead in a circle, the first of them takes a journal away.
func movesMade(moves []move, there map[place]bool, live string) (made int, known bool) {
	want := map[place]bool{} // before the first move
	for _, m := range slices.Backward(moves) {
		want[place{m.To, m.Table}] = false
		want[place{m.From, m.Table}] = true
	}
	for made = range len(moves) + 1 {
		if made > 0 {
			m := moves[made-1]
			want[place{m.From, m.Table}], want[place{m.To, m.Table}] = false, true
		}
		fits := true
		for p, is := range want {
			fits = fits && (p.database == live || is == there[p])
		}
		if fits {
			return made, true
		}
	}
	return 0, false
}
