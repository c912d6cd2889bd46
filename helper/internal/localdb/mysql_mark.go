package localdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

func (db *mysqlDatabase) Mark(ctx context.Context, mark Mark) error {
	s, err := db.locked(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := db.recoverLocked(ctx, s); err != nil {
		return err
	}
	return db.explain("note what becomes of database "+db.names.live, db.mark(ctx, s, mark))
}

func (db *mysqlDatabase) mark(ctx context.Context, s *mysqlSession, mark Mark) error {
	live := db.names.live
	tables, err := s.tables(ctx, live)
	if err != nil {
		return err
	}
	kept, err := s.record(ctx, db.names)
	if err != nil {
		return err
	}
	if len(tables) == 0 {
		return ErrNothingToMark
	}
	first, last, err := s.tableNumbers(ctx, live)
	if err != nil {
		return err
	}
	if !kept.describes(first) {
		kept = record{LastTable: last, Hold: kept.Hold}
	}
	mark.apply(&kept, db.config.Token)
	if mark == Release {
		kept.LastTable = last
		changes, err := db.changes(ctx, s)
		if number(err) != 0 {
			changes, err = Changes{Unknown: true}, nil
		}
		if err != nil {
			return err
		}
		kept.released(changes)
		if kept.Print, err = db.fingerprintNow(ctx, s); err != nil {
			return err
		}
	}
	return s.keepRecord(ctx, db.names, kept)
}

// fingerprintNow takes the fingerprint of the live database.
func (db *mysqlDatabase) fingerprintNow(ctx context.Context, s *mysqlSession) (*fingerprint, error) {
	objects, err := s.capture(ctx, db.names.live)
	if err != nil {
		return nil, err
	}
	c, err := db.hireCrew(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return db.fingerprintOf(ctx, c, db.names.live, objects, &counts{})
}

// keepRecord puts a record of the live database into the place of the one that there is. Where no swap has left a journal, one is made.
func (s *mysqlSession) keepRecord(ctx context.Context, n names, r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the record of database %s: %w", n.live, err)
	}
	journal := ""
	for _, name := range []string{journalSwapped, journalDone, journalMarked} {
		present, err := s.hasTable(ctx, n.previous, name)
		if err != nil {
			return err
		}
		if present {
			journal = name
			break
		}
	}
	if journal == "" {
		journal = journalMarked
		if err := s.createBeside(ctx, n.live, n.previous); err != nil {
			return err
		}
		if err := s.createJournal(ctx, n, journal); err != nil {
			return err
		}
	}
	table := quoteName(n.previous) + "." + quoteName(journal)
	rows, err := s.list(ctx, "SELECT id AS name FROM "+table+" WHERE side = ? AND kind = ?", newSide, string(recordKind))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return s.exec(ctx, "INSERT INTO "+table+" (side, kind, name, on_table, statement, sql_mode, charset, collation_name, time_zone)"+
			" VALUES (?, ?, '', '', ?, '', '', '', '')", newSide, string(recordKind), text)
	}
	return s.exec(ctx, "UPDATE "+table+" SET statement = ? WHERE id = ?", text, rows[0])
}

// adoptObjects takes into the record of the database that comes what the server has made of its views and the like where that is not what it
// was told: it may have left one out, or given it to another account.
func (s *mysqlSession) adoptObjects(ctx context.Context, n names, new contents) error {
	if new.held.Print == nil {
		return nil
	}
	made, err := s.capture(ctx, n.live)
	if err != nil {
		return err
	}
	lacking := without(new.objects, made)
	for _, o := range lacking {
		delete(new.held.Print.Objects, o.key())
		if i := slices.IndexFunc(made, o.is); i >= 0 {
			new.held.Print.Objects[o.key()] = made[i].hash()
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return s.keepRecord(ctx, n, new.held)
}
