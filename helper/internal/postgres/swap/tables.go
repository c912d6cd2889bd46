package swap

import (
	"context"
	"fmt"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// existingTable is a table that exists before its rows are loaded.
type existingTable struct {
	number      string // the server's number of it
	name        string // schema.table, as dumps name it
	quoted      string
	partitioned bool
	partitions  []string // the next level of partitions, by name
	columns     []string // that rows fill
}

// sequence is a sequence that belongs to a column of a table.
type sequence struct{ name, quoted, table string }

// restore restores something that a table had.
type restore struct{ table, statements string }

// schemas selects the schemas that are not the server's own.
const schemas = " n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"

// listTables lists the tables of the session's database by name.
func listTables(ctx context.Context, s *session.Session) (map[string]existingTable, error) {
	rows, err := s.Query(ctx, "SELECT c.oid, "+postgres.TableName("n.nspname", "c.relname")+", format('%I.%I', n.nspname, c.relname), c.relkind = 'p'"+
		" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND"+schemas)
	if err != nil {
		return nil, err
	}
	tables := make(map[string]existingTable, len(rows))
	for _, row := range rows {
		tables[row[1]] = existingTable{number: row[0], name: row[1], quoted: row[2], partitioned: row[3] == "t"}
	}
	// to_jsonb, because generated columns exist only since version 12.
	rows, err = s.Query(ctx, "SELECT "+postgres.TableName("n.nspname", "c.relname")+", a.attname"+
		" FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"+
		" WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(to_jsonb(a) ->> 'attgenerated', '') = '' AND"+schemas)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		table := tables[row[0]]
		table.columns = append(table.columns, row[1])
		tables[row[0]] = table
	}
	rows, err = s.Query(ctx, "SELECT "+postgres.TableName("n.nspname", "c.relname")+", "+postgres.TableName("pn.nspname", "p.relname")+" FROM pg_inherits i"+
		" JOIN pg_class c ON c.oid = i.inhparent AND c.relkind = 'p' JOIN pg_namespace n ON n.oid = c.relnamespace"+
		" JOIN pg_class p ON p.oid = i.inhrelid AND p.relkind IN ('r', 'p') JOIN pg_namespace pn ON pn.oid = p.relnamespace ORDER BY 2")
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if table, known := tables[row[0]]; known {
			table.partitions = append(table.partitions, row[1])
			tables[row[0]] = table
		}
	}
	return tables, nil
}

// references lists the foreign keys between tables of the session's database.
func references(ctx context.Context, s *session.Session) ([]target.Reference, error) {
	rows, err := s.Query(ctx, "SELECT DISTINCT "+postgres.TableName("fn.nspname", "f.relname")+", "+postgres.TableName("tn.nspname", "t.relname")+" FROM pg_constraint k"+
		" JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace"+
		" JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace WHERE k.contype = 'f' ORDER BY 1, 2")
	var all []target.Reference
	for _, row := range rows {
		all = append(all, target.Reference{From: row[0], To: row[1]})
	}
	return all, err
}

// sequences lists the sequences that belong to the tables, by number.
func sequences(ctx context.Context, s *session.Session, tables []existingTable) (map[string]sequence, error) {
	rows, err := s.Query(ctx, "SELECT s.oid, "+postgres.TableName("n.nspname", "s.relname")+", d.refobjid, format('%I.%I', n.nspname, s.relname) FROM pg_depend d"+
		" JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace"+
		" WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')")
	found := map[string]sequence{}
	for _, row := range rows {
		if table := numbered(tables, row[2]); table != nil {
			found[row[0]] = sequence{row[1], row[3], table.name}
		}
	}
	return found, err
}

// watchers returns statements that remove from tables what would react to new rows, and statements that restore it.
// These are foreign keys, because rows come in any order; checks that were added as NOT VALID, because older rows may
// break them; and triggers, because these rows have already been through them.
func watchers(ctx context.Context, s *session.Session, tables []existingTable) (off []string, back []restore, err error) {
	rows, err := s.Query(ctx, "SELECT k.conrelid, quote_ident(k.conname), pg_get_constraintdef(k.oid), quote_nullable(obj_description(k.oid, 'pg_constraint'))"+
		" FROM pg_constraint k WHERE (k.contype = 'f' OR k.contype = 'c' AND NOT k.convalidated AND k.coninhcount = 0)"+
		" AND coalesce(to_jsonb(k) ->> 'conparentid', '0') = '0' ORDER BY k.conrelid, k.conname")
	if err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		if table := numbered(tables, row[0]); table != nil {
			off = append(off, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", table.quoted, row[1]))
			back = append(back, restore{table.name, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s; COMMENT ON CONSTRAINT %s ON %s IS %s",
				table.quoted, row[1], row[2], row[1], table.quoted, row[3])})
		}
	}
	// The triggers of foreign keys go with them. In some versions, the triggers that a partition inherits count as
	// internal.
	rows, err = s.Query(ctx, "SELECT g.tgrelid, quote_ident(g.tgname), CASE g.tgenabled WHEN 'A' THEN 'ALWAYS ' ELSE '' END"+
		" FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid LEFT JOIN pg_constraint k ON k.oid = g.tgconstraint"+
		" WHERE c.relkind = 'r' AND g.tgenabled IN ('O', 'A') AND (g.tgconstraint = 0 OR k.contype = 't') ORDER BY g.tgrelid, g.tgname")
	if err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		if table := numbered(tables, row[0]); table != nil {
			off = append(off, fmt.Sprintf("ALTER TABLE ONLY %s DISABLE TRIGGER %s", table.quoted, row[1]))
			back = append(back, restore{table.name, fmt.Sprintf("ALTER TABLE ONLY %s ENABLE %sTRIGGER %s", table.quoted, row[2], row[1])})
		}
	}
	return off, back, nil
}

// quietEvents returns the statements that keep the event triggers of a session's database from reacting, and those that undo this. No event trigger
// reacts to them. others are those that only somebody else may disable, and that react to more than logins.
func quietEvents(ctx context.Context, s *session.Session) (off, back, others []string, err error) {
	rows, err := s.Query(ctx, "SELECT quote_ident(evtname), CASE evtenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE' END,"+
		" pg_has_role(evtowner, 'USAGE'), evtevent FROM pg_event_trigger WHERE evtenabled <> 'D' ORDER BY evtname")
	for _, row := range rows {
		switch {
		case row[2] == "t":
			off = append(off, fmt.Sprintf("ALTER EVENT TRIGGER %s DISABLE", row[0]))
			back = append(back, fmt.Sprintf("ALTER EVENT TRIGGER %s %s", row[0], row[1]))
		case row[3] != "login":
			others = append(others, row[0])
		}
	}
	return off, back, others, err
}

// numbered returns the table with a number, nil if it is not among them.
func numbered(tables []existingTable, number string) *existingTable {
	if i := slices.IndexFunc(tables, func(t existingTable) bool { return t.number == number }); i >= 0 {
		return &tables[i]
	}
	return nil
}
