package load

import (
	"context"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// references lists the foreign keys between tables of a database. Among those that refer to missing tables, it lists
// the ones that refer to the part, whose tables may still come.
func references(ctx context.Context, s *session.Session, database string, part target.Part) ([]target.Reference, error) {
	tables, err := s.Tables(ctx, database)
	if err != nil {
		return nil, err
	}
	rows, err := s.Table(ctx, "SELECT DISTINCT TABLE_NAME, REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS"+
		" WHERE CONSTRAINT_SCHEMA = ? AND UNIQUE_CONSTRAINT_SCHEMA = CONSTRAINT_SCHEMA ORDER BY TABLE_NAME, REFERENCED_TABLE_NAME", database)
	var all []target.Reference
	for _, row := range rows {
		r := target.Reference{From: row["table_name"], To: row["referenced_table_name"]}
		if slices.Contains(tables, r.To) || part.Includes(r.To) {
			all = append(all, r)
		}
	}
	return all, err
}

// A foreign key follows its tables wherever they are renamed. A key between a table that is replaced and one that
// stays would connect the live database with the previous one, where it would delete rows or prevent deletions. So
// both tables must move, or neither.

// CheckLive refuses a part that foreign keys of the live database tie to the rest.
func CheckLive(ctx context.Context, db *session.Server, s *session.Session, part target.Part) error {
	if part.IsAll() {
		return nil
	}
	all, err := references(ctx, s, db.Names.Live, part)
	if err != nil {
		return db.Classify("look for foreign keys", err)
	}
	return target.Tied(all, part.Includes, func(r target.Reference) bool { return part.Includes(r.From) != part.Includes(r.To) })
}

// CheckIncoming refuses a part whose tables refer, in the dump, to a table outside the part.
func CheckIncoming(ctx context.Context, db *session.Server, s *session.Session, part target.Part) error {
	if part.IsAll() {
		return nil
	}
	all, err := references(ctx, s, db.Names.Incoming, part)
	if err != nil {
		return db.Classify("look for foreign keys", err)
	}
	return target.Tied(all, part.Includes, func(r target.Reference) bool { return part.Includes(r.From) && !part.Includes(r.To) })
}
