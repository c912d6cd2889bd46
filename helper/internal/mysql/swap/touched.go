package swap

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Touched finds tables that stayed in a swap and have changed since: see target.Staying.
func (db *Database) Touched(ctx context.Context, number int) (tables []string, dumps []target.Dump, err error) {
	s, err := db.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	tables, dumps, err = db.touched(ctx, s, number)
	return tables, dumps, db.Classify("ask which tables of database "+db.Names.Live+" have changed", err)
}

func (db *Database) touched(ctx context.Context, s *session.Session, number int) ([]string, []target.Dump, error) {
	all, err := earlier(ctx, s, db.Names)
	if err != nil || number < 1 || number > len(all) {
		return nil, nil, err
	}
	n := at(db.Names, all[number-1].Database)
	e, err := readExtent(ctx, s, n, session.JournalDone)
	if err != nil || len(e.Staying) == 0 {
		return nil, nil, err
	}
	was, err := readJournal(ctx, s, n, session.JournalDone, oldSide)
	if err != nil {
		return nil, nil, err
	}
	became, err := readJournal(ctx, s, n, session.JournalDone, newSide)
	if err != nil {
		return nil, nil, err
	}
	stored, err := printables(ctx, s, db.Names.Live)
	if err != nil {
		return nil, nil, err
	}
	stored = slices.DeleteFunc(stored, func(t printable) bool { return !slices.Contains(e.Staying, t.name) })
	if taken := was.provenance.Fingerprint; taken != nil {
		if stored, err = db.unchanged(ctx, stored, taken); err != nil {
			return nil, nil, err
		}
		if stored, err = db.withTriggers(ctx, s, stored, taken); err != nil {
			return nil, nil, err
		}
	} else {
		stored = nil
	}
	if stored, err = db.untied(ctx, s, stored); err != nil {
		return nil, nil, err
	}
	same := names(stored)
	touched := slices.DeleteFunc(slices.Clone(e.Staying), func(table string) bool { return slices.Contains(same, table) })
	return touched, []target.Dump{was.provenance.Dump, became.provenance.Dump}, nil
}

// withTriggers returns the tables whose triggers are those of a fingerprint.
func (db *Database) withTriggers(ctx context.Context, s *session.Session, tables []printable, was *target.Fingerprint) ([]printable, error) {
	objects, err := capture(ctx, s, db.Names.Live)
	if err != nil {
		return nil, err
	}
	other := map[string]bool{}
	present := objectPrints(objects)
	for _, o := range objects {
		if o.Kind == mysql.Trigger && was.Objects[o.key()] != o.hash() {
			other[o.Table] = true
		}
	}
	for key := range was.Objects {
		// The fingerprint does not say of which table a trigger was that is gone.
		if strings.HasPrefix(key, strings.ToLower(string(mysql.Trigger))+" ") && present[key] == "" {
			return nil, nil
		}
	}
	return slices.DeleteFunc(tables, func(t printable) bool { return other[t.name] }), nil
}

// Return adds the loaded tables to an earlier database, so that undo brings them back as well: see target.Returning. The earlier database has got
// them when RENAME TABLE has moved them there; before that, what the journal says of their triggers is of no account.
func (l *pull) Return(ctx context.Context, number int) error {
	db, n := l.db, l.db.Names
	all, err := earlier(ctx, l.Lock, n)
	if err != nil {
		return db.Classify("list the earlier databases", err)
	}
	k, err := target.AtNumber(all, number)
	if err != nil {
		return err
	}
	l.Pool.Close()
	if err := l.EndAccount(ctx); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	action := "bring tables back to database " + k.Database
	objects, err := capture(ctx, l.Lock, n.Incoming)
	if err != nil {
		return db.Classify(action, err)
	}
	tables, err := l.Lock.Tables(ctx, n.Incoming)
	if err != nil {
		return db.Classify(action, err)
	}
	tables = slices.DeleteFunc(tables, func(table string) bool { return !db.Config.Part.Includes(table) })
	if len(tables) == 0 {
		return target.ErrNoTables
	}
	journal := mysql.QuoteQualified(k.Database, session.JournalDone)
	var moves []string
	for _, table := range tables {
		for _, statement := range []string{
			fmt.Sprintf("DELETE FROM %s WHERE side = %s AND kind = %s AND on_table = %s", journal,
				mysql.QuoteText(oldSide), mysql.QuoteText(string(mysql.Trigger)), mysql.QuoteText(table)),
			"DROP TABLE IF EXISTS " + mysql.QuoteQualified(k.Database, table), // an interrupted run has left it
		} {
			if err := l.Lock.Exec(ctx, statement); err != nil {
				return db.Classify(action, err)
			}
		}
		moves = append(moves, mysql.QuoteQualified(n.Incoming, table)+" TO "+mysql.QuoteQualified(k.Database, table))
	}
	for _, o := range objects {
		if o.Kind != mysql.Trigger || !slices.Contains(tables, o.Table) {
			continue
		}
		if err := addObject(ctx, l.Lock, at(n, k.Database), session.JournalDone, oldSide, o); err != nil {
			return db.Classify(action, err)
		}
		if err := drop(ctx, l.Lock, n.Incoming, o); err != nil {
			return db.Classify(action, err)
		}
		target.OnStep("trigger of a table brought back")
	}
	err = l.Lock.Exec(ctx, "RENAME TABLE "+strings.Join(moves, ", "))
	target.OnStep("tables brought back")
	return db.Classify(action, err)
}
