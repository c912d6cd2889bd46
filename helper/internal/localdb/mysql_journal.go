package localdb

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// The journal is a table in the previous database that says what a swap has to do beside moving tables:
// it holds the views, triggers, routines, events and foreign keys out of the database that come ("new") and those that go ("old"), for each side the dump
// that the database was loaded from, which tables change places where not all do, and how they do. Its own
// name is where the swap stands, and it changes in the very statement that moves the tables:
//
//	pending  the tables have not been moved: the live database is the old one
//	swapped  they have: the live database is the new one, its views and the like are not all made yet
//	done     the swap is complete; undo reads it
//	marked   there was no swap, or what it has brought back was dropped: it has nothing but a record of the live database
//	dropped  the database that it is in is being dropped
//
// It goes where the previous database goes, and is in each of the older ones.
const (
	journalPending = journalPrefix + "pending"
	journalSwapped = journalPrefix + "swapped"
	journalDone    = journalPrefix + "journal"
	journalMarked  = journalPrefix + "record"
)

// journalPrefix is how the names of tables begin that are ours and never change places.
const journalPrefix = "dump_refresh_"

// The sides of a journal.
const (
	oldSide = "old"
	newSide = "new"
	// bothSides is what is said of neither alone.
	bothSides = "both"
)

// The kinds of rows that hold something else than an object.
const (
	recordKind kind = "DUMP"   // the record of a side
	extentKind kind = "EXTENT" // the extent of the swap, where it is not all
	movesKind  kind = "MOVES"  // the moves of the statement that exchanges the tables, in their order
	// inboundKind is the foreign keys of other databases that are taken off meanwhile.
	inboundKind kind = "INBOUND"
)

// contents is one side of a journal: what a database has beside the tables that change places.
type contents struct {
	objects []object
	held    record
}

// writeJournal makes the pending journal, complete.
func (s *mysqlSession) writeJournal(ctx context.Context, n names, e extent, line descent, old, new contents, inbound []inboundKey) error {
	if err := s.createJournal(ctx, n, journalPending); err != nil {
		return err
	}
	if err := s.addToJournal(ctx, n, bothSides, descentKind, line); err != nil {
		return err
	}
	if !e.isAll() {
		if err := s.addToJournal(ctx, n, bothSides, extentKind, e); err != nil {
			return err
		}
	}
	if len(inbound) > 0 {
		if err := s.addToJournal(ctx, n, bothSides, inboundKind, inbound); err != nil {
			return err
		}
	}
	for side, c := range map[string]contents{oldSide: old, newSide: new} {
		if err := s.addToJournal(ctx, n, side, recordKind, c.held); err != nil {
			return err
		}
		for _, o := range c.objects {
			if err := s.addObject(ctx, n, journalPending, side, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// createJournal makes a journal without rows.
func (s *mysqlSession) createJournal(ctx context.Context, n names, journal string) error {
	return s.exec(ctx, "CREATE TABLE "+quoteName(n.previous)+"."+quoteName(journal)+" (id int NOT NULL AUTO_INCREMENT PRIMARY KEY,"+
		" side varchar(8) NOT NULL, kind varchar(16) NOT NULL, name varbinary(512) NOT NULL, on_table varbinary(512) NOT NULL,"+
		" statement longblob NOT NULL, sql_mode text NOT NULL, charset varchar(64) NOT NULL, collation_name varchar(64) NOT NULL,"+
		" time_zone varchar(64) NOT NULL) DEFAULT CHARSET=utf8mb4")
}

// addToJournal adds a row to the pending journal that holds something else than an object.
func (s *mysqlSession) addToJournal(ctx context.Context, n names, side string, k kind, value any) error {
	return s.noteInJournal(ctx, n, journalPending, side, k, value)
}

func (s *mysqlSession) noteInJournal(ctx context.Context, n names, journal, side string, k kind, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write the journal of database %s: %w", n.previous, err)
	}
	return s.addObject(ctx, n, journal, side, object{Kind: k, SQL: string(text)})
}

// addLater adds a row to a closed journal, which may be of an earlier version and lack a column.
func (s *mysqlSession) addLater(ctx context.Context, n names, add func() error) error {
	err := add()
	if number(err) != mysqlUnknownColumn {
		return err
	}
	if err := s.exec(ctx, "ALTER TABLE "+quoteName(n.previous)+"."+quoteName(journalDone)+" ADD on_table varbinary(512) NOT NULL"); err != nil {
		return err
	}
	return add()
}

func (s *mysqlSession) addObject(ctx context.Context, n names, journal, side string, o object) error {
	return s.exec(ctx, "INSERT INTO "+quoteName(n.previous)+"."+quoteName(journal)+
		" (side, kind, name, on_table, statement, sql_mode, charset, collation_name, time_zone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		side, string(o.Kind), o.Name, o.Table, []byte(o.SQL), o.SQLMode, o.Charset, o.Collation, o.TimeZone)
}

// readExtent gives the extent of a journal's swap.
func (s *mysqlSession) readExtent(ctx context.Context, n names, journal string) (e extent, err error) {
	return e, s.readFromJournal(ctx, n, journal, extentKind, &e)
}

// readFromJournal reads what is said of both sides; where nothing is, the value stays as it was.
func (s *mysqlSession) readFromJournal(ctx context.Context, n names, journal string, k kind, value any) error {
	rows, err := s.journalRows(ctx, n, journal, bothSides)
	for _, row := range rows {
		if kind(row["kind"]) != k {
			continue
		}
		if err := json.Unmarshal([]byte(row["statement"]), value); err != nil {
			return fmt.Errorf("read which tables of database %s change places: %w", n.live, err)
		}
	}
	return err
}

// journalRows reads the rows of a side. Journals of earlier versions lack a column.
func (s *mysqlSession) journalRows(ctx context.Context, n names, journal, side string) ([]map[string]string, error) {
	return s.table(ctx, fmt.Sprintf("SELECT * FROM %s.%s WHERE side = ? ORDER BY id", quoteName(n.previous), quoteName(journal)), side)
}

// readJournal gives one side of a journal.
func (s *mysqlSession) readJournal(ctx context.Context, n names, journal, side string) (contents, error) {
	rows, err := s.journalRows(ctx, n, journal, side)
	if err != nil {
		return contents{}, err
	}
	var c contents
	for _, row := range rows {
		if kind(row["kind"]) == recordKind {
			if err := json.Unmarshal([]byte(row["statement"]), &c.held); err != nil {
				return contents{}, fmt.Errorf("read which dump database %s holds: %w", n.live, err)
			}
			continue
		}
		c.objects = append(c.objects, object{
			Kind: kind(row["kind"]), Name: row["name"], Table: row["on_table"], SQL: row["statement"], SQLMode: row["sql_mode"],
			Charset: row["charset"], Collation: row["collation_name"], TimeZone: row["time_zone"],
		})
	}
	return c, nil
}

// isJournal says whether a table of the previous database is ours.
func isJournal(table string) bool { return strings.HasPrefix(table, journalPrefix) }
