package swap

import (
	"context"
	"fmt"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A foreign key leads out of its database if the table that it refers to is in another database, or missing. InnoDB
// stores the database together with that table's name, and keeps both when the table that has the key is moved. Two
// things would go wrong. A key to a table that the dump lacks, moved into the live database, would look for it in the
// scratch database for ever. A key that moved away with the previous database would find the live database's next
// table of that name, and deletions there would cascade into what undo should bring back. So only the live database
// has such keys. They are dropped before a table is moved, kept in the journal among the views and triggers, and
// added again after the move.

// outgoing lists the foreign keys that lead out of the session's current database, which is also the one named.
func outgoing(ctx context.Context, s *session.Session, database string) ([]object, error) {
	tables, err := s.Tables(ctx, database)
	if err != nil {
		return nil, err
	}
	rows, err := s.Table(ctx, "SELECT TABLE_NAME, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA AS refers_in, REFERENCED_TABLE_NAME AS refers_to"+
		" FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ? ORDER BY TABLE_NAME, CONSTRAINT_NAME", database)
	if err != nil {
		return nil, err
	}
	var keys []object
	definitions := map[string]*rewrite.TableDefinition{}
	for _, row := range rows {
		if row["refers_in"] == database && slices.Contains(tables, row["refers_to"]) {
			continue
		}
		table := row["table_name"]
		if definitions[table] == nil {
			text, err := s.Definition(ctx, table)
			if err != nil {
				return nil, err
			}
			definitions[table] = rewrite.ReadDefinition(text)
		}
		for _, key := range definitions[table].Foreign {
			if key.Name == row["constraint_name"] {
				keys = append(keys, foreignKeyOf(table, key.Name, key.Text))
			}
		}
	}
	return keys, nil
}

// foreignKeyOf makes an object from a foreign key's definition.
func foreignKeyOf(table, name, text string) object {
	return object{Kind: foreignKey, Name: name, Table: table, SQL: "ALTER TABLE " + mysql.QuoteName(table) + " ADD " + text}
}

// reach returns the table that a foreign key refers to; database is "" for the key's own database.
func (o object) reach() (database, table string) {
	s, from, to := o.reference()
	if to < 0 {
		return "", ""
	}
	if from < to {
		database = s.NameAt(from)
	}
	return database, s.NameAt(to)
}

// referringTo returns a copy of a foreign key that refers to another table; database is "" for the key's own
// database.
func (o object) referringTo(database, table string) object {
	s, from, to := o.reference()
	if to < 0 {
		return o
	}
	name := mysql.QuoteName(table)
	if database != "" {
		name = mysql.QuoteName(database) + "." + name
	}
	s.Edits.Replace(s.Tokens[from].Start, s.Tokens[to].End, name)
	o.SQL = string(s.Edits.Apply(s.Text))
	return o
}

// reference finds the name after REFERENCES: the first token of it, and the token of the table; -1 if there is none.
func (o object) reference() (s *rewrite.Statement, from, to int) {
	s = rewrite.Parse([]byte(o.SQL))
	for i := range s.Tokens {
		if s.Tokens[i].Kind != sqltext.Word || s.Word(i) != "REFERENCES" || !s.IsName(i+1) {
			continue
		}
		if s.Symbol(i+2, '.') && s.IsName(i+3) {
			return s, i + 1, i + 3
		}
		return s, i + 1, i + 1
	}
	return s, -1, -1
}

// atHome returns a foreign key that refers to none of the databases beside the live one. It repairs keys that an
// earlier version of this program left pointing there.
func (o object) atHome(n target.Names) object {
	if o.Kind != foreignKey {
		return o
	}
	if database, table := o.reach(); database != "" && n.Has(database) {
		return o.referringTo("", table)
	}
	return o
}

// hasForeignKey says whether a table has a foreign key of that name.
func hasForeignKey(ctx context.Context, s *session.Session, database, table, name string) (bool, error) {
	found, err := s.List(ctx, "SELECT CONSTRAINT_NAME AS name FROM information_schema.REFERENTIAL_CONSTRAINTS"+
		" WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ? AND CONSTRAINT_NAME = ?", database, table, name)
	return len(found) > 0, err
}

// dropForeignKey drops a foreign key of a table, if both exist.
func dropForeignKey(ctx context.Context, s *session.Session, database, table, name string) error {
	err := s.Exec(ctx, fmt.Sprintf("ALTER TABLE %s.%s DROP FOREIGN KEY %s", mysql.QuoteName(database), mysql.QuoteName(table), mysql.QuoteName(name)))
	switch mysql.Errno(err) {
	case mysql.ErrnoNothingToDrop, mysql.ErrnoUnknownTable, mysql.ErrnoUnknownDatabase:
		return nil
	}
	return err
}

// loosen drops the foreign keys that lead out of the previous database, and keeps them in its journal for undo. Only
// an earlier version of this program, or another program, can have left such keys there.
func loosen(ctx context.Context, s *session.Session, n target.Names) error {
	kept, err := s.HasTable(ctx, n.Previous, session.JournalDone)
	if err != nil || !kept {
		return err
	}
	if err := s.Exec(ctx, "USE "+mysql.QuoteName(n.Previous)); err != nil {
		return err
	}
	keys, err := outgoing(ctx, s, n.Previous)
	if err != nil || len(keys) == 0 {
		return err
	}
	earlier, err := readJournal(ctx, s, n, session.JournalDone, oldSide)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key = key.atHome(n); !slices.ContainsFunc(earlier.objects, key.is) {
			err := addLater(ctx, s, n, func() error { return addObject(ctx, s, n, session.JournalDone, oldSide, key) })
			if err != nil {
				return err
			}
			target.OnStep("foreign key noted")
		}
		if err := dropForeignKey(ctx, s, n.Previous, key.Table, key.Name); err != nil {
			return err
		}
		target.OnStep("foreign key loosened")
	}
	return nil
}
