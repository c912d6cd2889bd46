package localdb

import (
	"context"
	"errors"
	"slices"
)

// extent is what of a database a swap exchanges. Undo exchanges the same: the journal keeps it.
type extent struct {
	// Tables are the tables that change places, on either side; all of them where there is none.
	Tables []string `json:"tables"`
	// TablesOnly means that only their triggers change with them, and no view, routine or event.
	TablesOnly bool `json:"tables_only"`
}

func (e extent) isAll() bool { return len(e.Tables) == 0 }

func (e extent) has(table string) bool { return e.isAll() || slices.Contains(e.Tables, table) }

// part is the extent as a part.
func (e extent) part() Part {
	if e.isAll() {
		return Part{}
	}
	return Part{Has: e.has, TablesOnly: e.TablesOnly}
}

// carries says whether an object changes places together with the tables. A view of a table's name is in that
// table's place.
func (e extent) carries(o object) bool {
	switch {
	case e.isAll():
		return true
	case o.Kind == trigger, o.Kind == foreignKey:
		return e.has(o.Table)
	case e.TablesOnly:
		return o.Kind == view && e.has(o.Name)
	}
	return true
}

// carried gives those objects that change places together with the tables.
func (e extent) carried(objects []object) []object {
	return slices.DeleteFunc(slices.Clone(objects), func(o object) bool { return !e.carries(o) })
}

// fitting gives those objects that change places and find their names free in the live database. Only what stays there
// can have such a name.
func (e extent) fitting(incoming, live []object) (fit, leftOut []object) {
	for _, o := range e.carried(incoming) {
		if slices.ContainsFunc(live, func(present object) bool { return present.is(o) && !e.carries(present) }) {
			leftOut = append(leftOut, o)
		} else {
			fit = append(fit, o)
		}
	}
	return fit, leftOut
}

// extent lists the tables of a part: those that come, and those that go. Where tables alone are replaced, one that the
// dump lacks stays.
func (db *mysqlDatabase) extent(ctx context.Context, s *mysqlSession) (extent, error) {
	part := db.config.Part
	if part.isAll() {
		return extent{}, nil
	}
	e := extent{TablesOnly: part.TablesOnly}
	databases := []string{db.names.incoming, db.names.live}
	if part.TablesOnly {
		databases = databases[:1]
	}
	for _, database := range databases {
		tables, err := s.tables(ctx, database)
		if err != nil {
			return extent{}, db.explain("list the tables of database "+database, err)
		}
		for _, table := range tables {
			if part.has(table) && !slices.Contains(e.Tables, table) {
				e.Tables = append(e.Tables, table)
			}
		}
	}
	if e.isAll() {
		return extent{}, errNoTables
	}
	return e, nil
}

var errNoTables = errors.New("there is no table to exchange")

// heldAfterPart gives the record of the live database once a part of it has come from a dump. It is not that dump
// for it: it stays what it was, and is of no dump at all where nothing was there. last is the highest number of a table
// of the part.
func (db *mysqlDatabase) heldAfterPart(ctx context.Context, s *mysqlSession, last int64) (record, error) {
	action := "ask what database " + db.names.live + " holds"
	tables, err := s.tables(ctx, db.names.live)
	if err != nil {
		return record{}, db.explain(action, err)
	}
	if len(tables) == 0 {
		return record{LastTable: last}, nil
	}
	was, err := s.record(ctx, db.names)
	if err != nil {
		return record{}, db.explain(action, err)
	}
	first, _, err := s.tableNumbers(ctx, db.names.live)
	if err != nil || !was.describes(first) {
		return record{Hold: was.Hold}, db.explain(action, err)
	}
	was.LastTable = max(was.LastTable, last)
	return was, nil
}

// reference is a foreign key: a table refers to another one.
type reference struct{ from, to string }

// references lists the foreign keys between tables of a database. Of those to tables that are not there it gives those that lead
// to a table of the part, which may come.
func (s *mysqlSession) references(ctx context.Context, database string, part Part) ([]reference, error) {
	tables, err := s.tables(ctx, database)
	if err != nil {
		return nil, err
	}
	rows, err := s.table(ctx, "SELECT DISTINCT TABLE_NAME, REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS"+
		" WHERE CONSTRAINT_SCHEMA = ? AND UNIQUE_CONSTRAINT_SCHEMA = CONSTRAINT_SCHEMA ORDER BY TABLE_NAME, REFERENCED_TABLE_NAME", database)
	var all []reference
	for _, row := range rows {
		r := reference{row["table_name"], row["referenced_table_name"]}
		if slices.Contains(tables, r.to) || part.has(r.to) {
			all = append(all, r)
		}
	}
	return all, err
}

// A foreign key follows the tables that it ties together wherever they are renamed to. One between a table that is
// replaced and one that stays would lead from the live database into the previous one, or back, where it would delete
// rows or keep them from being deleted: both must move, or neither.

// checkLive refuses a part that foreign keys of the live database tie to the rest.
func (db *mysqlDatabase) checkLive(ctx context.Context, s *mysqlSession, part Part) error {
	if part.isAll() {
		return nil
	}
	all, err := s.references(ctx, db.names.live, part)
	if err != nil {
		return db.explain("look for foreign keys", err)
	}
	return tied(all, part.has, func(r reference) bool { return part.has(r.from) != part.has(r.to) })
}

// checkIncoming refuses a part whose tables refer, in the dump, to one that is not of it.
func (db *mysqlDatabase) checkIncoming(ctx context.Context, s *mysqlSession, part Part) error {
	if part.isAll() {
		return nil
	}
	all, err := s.references(ctx, db.names.incoming, part)
	if err != nil {
		return db.explain("look for foreign keys", err)
	}
	return tied(all, part.has, func(r reference) bool { return part.has(r.from) && !part.has(r.to) })
}

// tied makes the error for the first foreign key that may not be, with all tables that would have to be of the part.
func tied(all []reference, has func(table string) bool, refused func(reference) bool) error {
	first := slices.IndexFunc(all, refused)
	if first < 0 {
		return nil
	}
	e := &ForeignKeyError{Table: all[first].from, Refers: all[first].to, Replaced: has(all[first].from)}
	would := func(table string) bool { return has(table) || slices.Contains(e.Missing, table) }
	for more := true; more; {
		more = false
		for _, r := range all {
			if would(r.from) != would(r.to) {
				missing := r.from
				if would(missing) {
					missing = r.to
				}
				e.Missing, more = append(e.Missing, missing), true
			}
		}
	}
	slices.Sort(e.Missing)
	return e
}
