package localdb

import (
	"context"
	"slices"
)

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
func (db *mysqlServer) checkLive(ctx context.Context, s *mysqlSession, part Part) error {
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
func (db *mysqlServer) checkIncoming(ctx context.Context, s *mysqlSession, part Part) error {
	if part.isAll() {
		return nil
	}
	all, err := s.references(ctx, db.names.incoming, part)
	if err != nil {
		return db.explain("look for foreign keys", err)
	}
	return tied(all, part.has, func(r reference) bool { return part.has(r.from) && !part.has(r.to) })
}
