package swap

import (
	"context"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// extent is what a swap exchanges. The journal keeps it, and undo exchanges the same.
type extent struct {
	// Tables are the tables that are exchanged, on either side; empty means all.
	Tables []string `json:"tables"`
	// Staying are the tables that are not exchanged, because they are the same on both sides. All others are, so that undo leaves none that
	// was made since. Tables then lists those of the swap, for earlier versions of this program.
	Staying []string `json:"staying,omitempty"`
	// TablesOnly means that triggers move with their tables, but views, routines and events stay.
	TablesOnly bool `json:"tables_only"`
}

func (e extent) isAll() bool { return len(e.Tables)+len(e.Staying) == 0 }

func (e extent) has(table string) bool {
	if len(e.Staying) > 0 {
		return !slices.Contains(e.Staying, table)
	}
	return e.isAll() || slices.Contains(e.Tables, table)
}

// besides returns the extent with those tables that stay and of which the earlier database has got copies nevertheless: see Return.
func (e extent) besides(tables []string) extent {
	if len(e.Staying) == 0 {
		return e
	}
	e.Staying = slices.DeleteFunc(slices.Clone(e.Staying), func(table string) bool { return slices.Contains(tables, table) })
	if len(e.Staying) == 0 {
		e.Tables = nil
	}
	return e
}

// part returns the extent as a target.Part.
func (e extent) part() target.Part {
	if e.isAll() {
		return target.Part{}
	}
	return target.Part{Has: e.has, TablesOnly: e.TablesOnly}
}

// carries says whether an object moves together with the tables. A view with the name of a table takes that table's
// place.
func (e extent) carries(o object) bool {
	switch {
	case e.isAll():
		return true
	case o.Kind == mysql.Trigger, o.Kind == foreignKey:
		return e.has(o.Table)
	case e.TablesOnly:
		return o.Kind == mysql.View && e.has(o.Name)
	}
	return true
}

// carried returns the objects that move together with the tables.
func (e extent) carried(objects []object) []object {
	return slices.DeleteFunc(slices.Clone(objects), func(o object) bool { return !e.carries(o) })
}

// fitting returns the objects that move and whose names are free in the live database. Only objects that stay there
// can occupy a name.
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

// extent lists the tables of a part, both those that come and those that go. If only tables are replaced, a table
// that the dump lacks stays.
func (db *Database) extent(ctx context.Context, s *session.Session) (extent, error) {
	part := db.Config.Part
	if part.IsAll() {
		return extent{}, nil
	}
	e := extent{TablesOnly: part.TablesOnly}
	databases := []string{db.Names.Incoming, db.Names.Live}
	if part.TablesOnly {
		databases = databases[:1]
	}
	for _, database := range databases {
		tables, err := s.Tables(ctx, database)
		if err != nil {
			return extent{}, db.Classify("list the tables of database "+database, err)
		}
		for _, table := range tables {
			list := &e.Tables
			if !part.Includes(table) {
				list = &e.Staying
			}
			if !slices.Contains(*list, table) {
				*list = append(*list, table)
			}
		}
	}
	if !part.Unchanged {
		e.Staying = nil
	}
	if len(e.Tables) == 0 {
		return extent{}, target.ErrNoTables
	}
	return e, nil
}

// provenanceAfterPart returns the provenance of the live database after a part of it was replaced. The database does
// not become that dump: it keeps its provenance, and has none if it was empty. last is the highest number of a table
// of the part.
func (db *Database) provenanceAfterPart(ctx context.Context, s *session.Session, last int64) (target.Provenance, error) {
	action := "ask what database " + db.Names.Live + " holds"
	tables, err := s.Tables(ctx, db.Names.Live)
	if err != nil {
		return target.Provenance{}, db.Classify(action, err)
	}
	if len(tables) == 0 {
		return target.Provenance{LastTable: last}, nil
	}
	was, err := ReadProvenance(ctx, s, db.Names)
	if err != nil {
		return target.Provenance{}, db.Classify(action, err)
	}
	first, _, err := tableNumbers(ctx, s, db.Names.Live)
	if err != nil || !was.Describes(first) {
		return target.Provenance{Hold: was.Hold}, db.Classify(action, err)
	}
	was.LastTable = max(was.LastTable, last)
	return was, nil
}
