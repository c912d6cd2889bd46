package swap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/load"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// partPull replaces some tables in a copy of the live database. The tables exist already, and keep their indexes,
// triggers and privileges. Only their rows are replaced, and the values of their sequences.
type partPull struct {
	*pull
	dump   map[string]bool // the dump's tables, and whether each is partitioned
	tables []existingTable // that are replaced
	// numbered are the sequences of these tables that the dump has yet to set, by number.
	numbered map[string]sequence
	restore  []restore
	events   []string // enable the event triggers again
}

// Run always fails: in a text, the rows of some tables cannot be found without reading everything before them.
func (l *partPull) Run(context.Context, io.Reader, sqltext.Dialect, func(int64)) (sqltext.Stats, error) {
	return sqltext.Stats{}, errWithoutIndex
}

var errWithoutIndex = errors.New("a part of a database cannot be loaded from a dump without an index")

func (l *partPull) RunChunks(ctx context.Context, chunks dump.Chunks, progress func(int64)) (sqltext.Stats, error) {
	stats, err := l.Stages(ctx, chunks, progress, load.Stages{
		Head:  l.head,
		Ready: func(ctx context.Context, _ sqltext.Stats) error { return l.empty(ctx, chunks.List()) },
		After: func(context.Context) error { return nil },
		Tail:  l.tail,
		End:   l.complete,
	})
	return stats, unfit(err)
}

// unfit turns the server's complaint about rows into *UnfitError.
func unfit(err error) error {
	var refused *target.LoadError
	if errors.As(err, &refused) && refused.Table != "" {
		return &target.UnfitError{Table: refused.Table, Reason: refused.Message, Err: refused.Err}
	}
	return err
}

// head makes the dump's settings and notes its tables.
func (l *partPull) head(ctx context.Context, script *load.Script, piece sqltext.Piece) error {
	switch piece.Kind {
	case sqltext.Command:
		return l.Piece(ctx, script, piece)
	case sqltext.Statement:
		first := load.FirstWords(piece.Text)
		if strings.HasPrefix(first, "SET ") || strings.HasPrefix(first, "SELECT PG_CATALOG.SET_CONFIG") {
			return l.Piece(ctx, script, piece)
		}
		for _, form := range []string{"CREATE TABLE *", "CREATE UNLOGGED TABLE *"} {
			if names, end, is := load.Match(piece.Text, form); is {
				l.dump[names[0]] = isPartitioned(piece.Text, end)
			}
		}
		l.Count(piece)
	}
	return nil
}

// isPartitioned says whether a CREATE TABLE creates a partitioned table. The name ends at at.
func isPartitioned(text []byte, at int) bool {
	depth := 0
	for token := sqltext.NextToken(text, at, sqltext.Postgres); token.Kind != sqltext.End; token = sqltext.NextToken(text, token.End, sqltext.Postgres) {
		switch {
		case token.IsSymbol(text, '('):
			depth++
		case token.IsSymbol(text, ')'):
			depth--
		case depth == 0 && token.Is(text, "PARTITION"):
			return sqltext.NextToken(text, token.End, sqltext.Postgres).Is(text, "BY")
		}
	}
	return false
}

// empty empties the tables that are replaced, and removes what would react to new rows.
func (l *partPull) empty(ctx context.Context, list []dump.StoredChunk) error {
	action := "prepare the tables that are replaced"
	there, err := listTables(ctx, l.Main)
	if err != nil {
		return l.db.Classify(action, err)
	}
	if l.tables, err = replaced(l.dump, there, l.db.Config.Part); err != nil {
		return err
	}
	l.Columns = make(map[string][]string, len(l.tables))
	for _, table := range l.tables {
		l.Columns[table.name] = table.columns
	}
	for _, chunk := range list {
		if _, comes := l.Columns[chunk.Table]; chunk.Section == dump.Rows && !comes {
			return fmt.Errorf("the dump has rows of table %s, which is not replaced", chunk.Table)
		}
	}
	references, err := references(ctx, l.Main)
	if err != nil {
		return l.db.Classify("look for foreign keys", err)
	}
	comes := func(table string) bool { _, comes := l.Columns[table]; return comes }
	if err := target.Tied(references, comes, func(r target.Reference) bool { return comes(r.From) != comes(r.To) }); err != nil {
		return err
	}
	if l.numbered, err = sequences(ctx, l.Main, l.tables); err != nil {
		return l.db.Classify(action, err)
	}
	off, events, others, err := quietEvents(ctx, l.Main)
	if err != nil {
		return l.db.Classify(action, err)
	}
	l.events = events
	statements, back, err := watchers(ctx, l.Main, l.tables)
	if err != nil {
		return l.db.Classify(action, err)
	}
	if len(statements) > 0 && len(others) > 0 { // rows alone are no event
		return &target.PrivilegeError{
			Action: "disable event trigger " + others[0], Grant: "ALTER EVENT TRIGGER " + others[0] + " DISABLE",
			Err: errors.New("it would react to what the pull changes, and belongs to another role"),
		}
	}
	l.restore, statements = back, append(off, statements...)
	var filled []string
	for _, table := range l.tables {
		if !table.partitioned { // otherwise it has no rows of its own
			filled = append(filled, "ONLY "+table.quoted)
		}
	}
	if len(filled) > 0 {
		statements = append(statements, "TRUNCATE "+strings.Join(filled, ", "))
	}
	err = l.Main.Exec(ctx, strings.Join(statements, ";\n")) // one transaction
	target.OnStep("tables emptied")
	return l.db.Classify(action, err)
}

// tail sets the sequences that belong to the tables.
func (l *partPull) tail(ctx context.Context, script *load.Script, piece sqltext.Piece) error {
	if piece.Kind != sqltext.Statement {
		return nil
	}
	name := load.SetSequence(piece.Text)
	if name == "" {
		l.Count(piece)
		return nil
	}
	rows, err := l.Main.Query(ctx, "SELECT coalesce(to_regclass("+name+")::oid, 0)")
	if err != nil {
		return l.db.Classify("look for sequence "+name, err)
	}
	if _, ours := l.numbered[rows[0][0]]; !ours {
		l.Count(piece)
		return nil
	}
	delete(l.numbered, rows[0][0])
	return l.Piece(ctx, script, piece)
}

// complete restores what empty removed.
func (l *partPull) complete(ctx context.Context) error {
	for _, sequence := range l.numbered {
		return &target.UnfitError{Table: sequence.table, Reason: "sequence " + sequence.name + ", which belongs to it locally, is not in the dump"}
	}
	for _, r := range l.restore {
		err := l.Main.Exec(ctx, r.statements)
		if err := l.Failed(ctx, load.Statement{Piece: sqltext.Piece{Kind: sqltext.Rows, Table: r.table}}, err); err != nil {
			return err
		}
	}
	if len(l.events) > 0 {
		if err := l.Main.Exec(ctx, strings.Join(l.events, ";\n")); err != nil {
			return l.db.Classify("enable the event triggers again", err)
		}
	}
	target.OnStep("tables complete")
	return nil
}

// Compare counts the rows of the tables that are replaced.
func (l *partPull) Compare(ctx context.Context, stats sqltext.Stats) error {
	if stats.Header != "" && !stats.Complete {
		return target.ErrIncomplete
	}
	for _, table := range l.tables {
		if table.partitioned {
			continue
		}
		rows, err := l.Main.Query(ctx, "SELECT count(*) FROM ONLY "+table.quoted)
		if err != nil {
			return l.db.Classify("count the rows of table "+table.name, err)
		}
		if want := stats.Tables[table.name]; rows[0][0] != fmt.Sprint(want) {
			e := &target.MismatchError{Table: table.name, Want: want}
			_, _ = fmt.Sscan(rows[0][0], &e.Got)
			return e
		}
	}
	return nil
}

// Swap keeps the provenance of the live database: the copy's tables have the same numbers as the original's.
func (l *partPull) Swap(ctx context.Context, _ target.Dump) error {
	l.Main.Close()
	return l.db.swap(ctx, l.Lock, turn{
		by: l.guard, renames: afterGuard(l.db.Names),
		holds: func(was target.Provenance) target.Provenance {
			was.Fingerprint = nil // in the copy, changed rows cannot be told from others by their age
			return was
		},
	})
}

// checkLive refuses a part that foreign keys of the live database tie to the rest.
func (db *Database) checkLive(ctx context.Context) error {
	s, err := db.Enter(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	references, err := references(ctx, s)
	if err != nil {
		return db.Classify("look for foreign keys", err)
	}
	has := db.Config.Part.Includes
	return target.Tied(references, has, func(r target.Reference) bool { return has(r.From) != has(r.To) })
}

// replaced returns the dump's tables that belong to the part, as they are in the database.
func replaced(dump map[string]bool, there map[string]existingTable, part target.Part) (tables []existingTable, err error) {
	comes := func(table string) bool { _, known := dump[table]; return known && part.Includes(table) }
	for name, partitioned := range dump {
		if !part.Includes(name) {
			continue
		}
		table, known := there[name]
		switch {
		case !known:
			return nil, &target.UnfitError{Table: name, Reason: "it is missing locally"}
		case table.partitioned && !partitioned:
			return nil, &target.UnfitError{Table: name, Reason: "it is partitioned locally only"}
		case partitioned && !table.partitioned:
			return nil, &target.UnfitError{Table: name, Reason: "it is partitioned in the dump only"}
		}
		if i := slices.IndexFunc(table.partitions, func(p string) bool { return !comes(p) }); i >= 0 {
			return nil, &target.UnfitError{Table: name, Reason: "its partition " + table.partitions[i] + " would stay"}
		}
		tables = append(tables, table)
	}
	if len(tables) == 0 {
		return nil, target.ErrNoTables
	}
	slices.SortFunc(tables, func(a, b existingTable) int { return strings.Compare(a.name, b.name) })
	return tables, nil
}
