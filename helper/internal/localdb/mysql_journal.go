package localdb

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// The journal is a table in the previous database that says what a swap has to do beside moving tables:
// it holds the views, triggers, routines and events of the database that comes ("new") and of the one
// that goes ("old"), and for each the dump that it was loaded from. Its own name is where the swap stands, and it changes in the very statement that
// moves the tables:
//
//	pending  the tables have not been moved: the live database is the old one
//	swapped  they have: the live database is the new one, its views and the like are not all made yet
//	done     the swap is complete; undo reads it
const (
	journalPending = "dump_refresh_pending"
	journalSwapped = "dump_refresh_swapped"
	journalDone    = "dump_refresh_journal"
)

// The sides of a journal.
const (
	oldSide = "old"
	newSide = "new"
)

// recordKind is the kind of the row that holds a record instead of an object.
const recordKind kind = "DUMP"

// contents is one side of a journal: what a database has beside its tables.
type contents struct {
	objects []object
	held    record
}

// writeJournal makes the pending journal, complete.
func (s *mysqlSession) writeJournal(ctx context.Context, n names, old, new contents) error {
	table := quoteName(n.previous) + "." + quoteName(journalPending)
	err := s.exec(ctx, "CREATE TABLE "+table+" (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, side varchar(8) NOT NULL,"+
		" kind varchar(16) NOT NULL, name varbinary(512) NOT NULL, statement longblob NOT NULL, sql_mode text NOT NULL,"+
		" charset varchar(64) NOT NULL, collation_name varchar(64) NOT NULL, time_zone varchar(64) NOT NULL)"+
		" DEFAULT CHARSET=utf8mb4")
	if err != nil {
		return err
	}
	for side, c := range map[string]contents{oldSide: old, newSide: new} {
		text, err := json.Marshal(c.held)
		if err != nil {
			return fmt.Errorf("describe the dump %s: %w", c.held.Key, err)
		}
		for _, o := range append([]object{{Kind: recordKind, SQL: string(text)}}, c.objects...) {
			err := s.exec(ctx, "INSERT INTO "+table+" (side, kind, name, statement, sql_mode, charset, collation_name, time_zone)"+
				" VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
				side, string(o.Kind), o.Name, []byte(o.SQL), o.SQLMode, o.Charset, o.Collation, o.TimeZone)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// readJournal gives one side of a journal.
func (s *mysqlSession) readJournal(ctx context.Context, n names, journal, side string) (contents, error) {
	rows, err := s.table(ctx, fmt.Sprintf("SELECT kind, name, statement, sql_mode, charset, collation_name, time_zone FROM %s.%s"+
		" WHERE side = ? ORDER BY id", quoteName(n.previous), quoteName(journal)), side)
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
			Kind: kind(row["kind"]), Name: row["name"], SQL: row["statement"], SQLMode: row["sql_mode"],
			Charset: row["charset"], Collation: row["collation_name"], TimeZone: row["time_zone"],
		})
	}
	return c, nil
}

// isJournal says whether a table of the previous database is ours.
func isJournal(table string) bool { return strings.HasPrefix(table, "dump_refresh_") }
