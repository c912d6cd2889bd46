package swap

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// The sides of a journal.
const (
	oldSide = "old"
	newSide = "new"
	// bothSides marks what applies to both sides.
	bothSides = "both"
)

// The kinds of rows that contain something other than an object.
const (
	provenanceKind kind = "DUMP"   // the provenance of a side
	extentKind     kind = "EXTENT" // the extent of the swap, unless it covers everything
	movesKind      kind = "MOVES"  // the moves of the statement that exchanges the tables, in order
	// inboundKind is the foreign keys of other databases that are dropped during the swap.
	inboundKind kind = "INBOUND"
)

// contents is one side of a journal: what a database has beside its tables.
type contents struct {
	objects    []object
	provenance target.Provenance
}

// writeJournal creates the pending journal with all its rows.
func writeJournal(ctx context.Context, s *session.Session, n target.Names, e extent, line target.Descent, old, new contents, inbound []inboundKey) error {
	if err := createJournal(ctx, s, n, session.JournalPending); err != nil {
		return err
	}
	if err := addToJournal(ctx, s, n, bothSides, descentKind, line); err != nil {
		return err
	}
	collation, err := collationOf(ctx, s, n.Live)
	if err == nil {
		err = addToJournal(ctx, s, n, bothSides, collationKind, collation)
	}
	if err != nil {
		return err
	}
	if !e.isAll() {
		if err := addToJournal(ctx, s, n, bothSides, extentKind, e); err != nil {
			return err
		}
	}
	if len(inbound) > 0 {
		if err := addToJournal(ctx, s, n, bothSides, inboundKind, inbound); err != nil {
			return err
		}
	}
	for side, c := range map[string]contents{oldSide: old, newSide: new} {
		if err := addToJournal(ctx, s, n, side, provenanceKind, c.provenance); err != nil {
			return err
		}
		for _, o := range c.objects {
			if err := addObject(ctx, s, n, session.JournalPending, side, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// createJournal creates a journal without rows.
func createJournal(ctx context.Context, s *session.Session, n target.Names, journal string) error {
	return s.Exec(ctx, "CREATE TABLE "+mysql.QuoteName(n.Previous)+"."+mysql.QuoteName(journal)+" (id int NOT NULL AUTO_INCREMENT PRIMARY KEY,"+
		" side varchar(8) NOT NULL, kind varchar(16) NOT NULL, name varbinary(512) NOT NULL, on_table varbinary(512) NOT NULL,"+
		" statement longblob NOT NULL, sql_mode text NOT NULL, charset varchar(64) NOT NULL, collation_name varchar(64) NOT NULL,"+
		" time_zone varchar(64) NOT NULL, database_collation varchar(64) NOT NULL DEFAULT '') DEFAULT CHARSET=utf8mb4")
}

// addToJournal adds a row to the pending journal that is not an object.
func addToJournal(ctx context.Context, s *session.Session, n target.Names, side string, k kind, value any) error {
	return noteInJournal(ctx, s, n, session.JournalPending, side, k, value)
}

func noteInJournal(ctx context.Context, s *session.Session, n target.Names, journal, side string, k kind, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write the journal of database %s: %w", n.Previous, err)
	}
	return addObject(ctx, s, n, journal, side, object{Kind: k, SQL: string(text)})
}

// laterColumns are the columns of a journal that those of earlier versions lack.
var laterColumns = [][2]string{{"on_table", "varbinary(512) NOT NULL"}, {"database_collation", "varchar(64) NOT NULL DEFAULT ''"}}

// addLater adds a row to a closed journal. An earlier version may have written it, with fewer columns.
func addLater(ctx context.Context, s *session.Session, n target.Names, add func() error) error {
	err := add()
	if mysql.Errno(err) != mysql.ErrnoUnknownColumn {
		return err
	}
	journal := mysql.QuoteName(n.Previous) + "." + mysql.QuoteName(session.JournalDone)
	for _, column := range laterColumns {
		err := s.Exec(ctx, "ALTER TABLE "+journal+" ADD "+column[0]+" "+column[1])
		if err != nil && mysql.Errno(err) != mysql.ErrnoDuplicateColumn {
			return err
		}
	}
	return add()
}

func addObject(ctx context.Context, s *session.Session, n target.Names, journal, side string, o object) error {
	return s.Exec(ctx, "INSERT INTO "+mysql.QuoteName(n.Previous)+"."+mysql.QuoteName(journal)+
		" (side, kind, name, on_table, statement, sql_mode, charset, collation_name, time_zone, database_collation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		side, string(o.Kind), o.Name, o.Table, []byte(o.SQL), o.SQLMode, o.Charset, o.Collation, o.TimeZone, o.DatabaseCollation)
}

// readExtent reads the extent of a journal's swap.
func readExtent(ctx context.Context, s *session.Session, n target.Names, journal string) (e extent, err error) {
	if err := readFromJournal(ctx, s, n, journal, extentKind, &e); err != nil || len(e.Staying) == 0 {
		return e, err
	}
	tables, err := s.Tables(ctx, n.Previous)
	return e.besides(tables), err
}

// readFromJournal reads a row that applies to both sides. If there is none, the value keeps what it was.
func readFromJournal(ctx context.Context, s *session.Session, n target.Names, journal string, k kind, value any) error {
	rows, err := journalRows(ctx, s, n, journal, bothSides)
	for _, row := range rows {
		if kind(row["kind"]) != k {
			continue
		}
		if err := json.Unmarshal([]byte(row["statement"]), value); err != nil {
			return fmt.Errorf("read which tables of database %s were exchanged: %w", n.Live, err)
		}
	}
	return err
}

// journalRows reads the rows of a side. Journals of earlier versions lack columns.
func journalRows(ctx context.Context, s *session.Session, n target.Names, journal, side string) ([]map[string]string, error) {
	return s.Table(ctx, fmt.Sprintf("SELECT * FROM %s.%s WHERE side = ? ORDER BY id", mysql.QuoteName(n.Previous), mysql.QuoteName(journal)), side)
}

// readJournal reads one side of a journal.
func readJournal(ctx context.Context, s *session.Session, n target.Names, journal, side string) (contents, error) {
	rows, err := journalRows(ctx, s, n, journal, side)
	if err != nil {
		return contents{}, err
	}
	var c contents
	for _, row := range rows {
		if kind(row["kind"]) == provenanceKind {
			if err := json.Unmarshal([]byte(row["statement"]), &c.provenance); err != nil {
				return contents{}, fmt.Errorf("read the provenance of database %s: %w", n.Live, err)
			}
			continue
		}
		c.objects = append(c.objects, object{
			Kind: kind(row["kind"]), Name: row["name"], Table: row["on_table"], SQL: row["statement"], SQLMode: row["sql_mode"],
			Charset: row["charset"], Collation: row["collation_name"], TimeZone: row["time_zone"], DatabaseCollation: row["database_collation"],
		})
	}
	return c, nil
}

// isJournal says whether a table of the previous database is one of our journals.
func isJournal(table string) bool { return strings.HasPrefix(table, session.JournalPrefix) }
