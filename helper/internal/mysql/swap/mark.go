package swap

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Mark changes the provenance of the live database: see target.Database.
func (db *Database) Mark(ctx context.Context, mark target.Mark) error {
	s, err := db.lockedClean(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return db.Classify("note what becomes of database "+db.Names.Live, db.mark(ctx, s, mark))
}

func (db *Database) mark(ctx context.Context, s *session.Session, mark target.Mark) error {
	live := db.Names.Live
	tables, err := s.Tables(ctx, live)
	if err != nil {
		return err
	}
	kept, err := ReadProvenance(ctx, s, db.Names)
	if err != nil {
		return err
	}
	if len(tables) == 0 {
		return target.ErrNothingToMark
	}
	first, last, err := tableNumbers(ctx, s, live)
	if err != nil {
		return err
	}
	if !kept.Describes(first) {
		kept = target.Provenance{LastTable: last, Hold: kept.Hold}
	}
	mark.Apply(&kept, db.Config.Token)
	if mark == target.Release {
		kept.LastTable = last
		changes, err := db.changes(ctx, s)
		if mysql.Errno(err) != 0 {
			changes, err = target.Changes{Unknown: true}, nil
		}
		if err != nil {
			return err
		}
		kept.NoteReleased(changes)
		if kept.Fingerprint, err = db.fingerprintNow(ctx, s); err != nil {
			return err
		}
	}
	return writeProvenance(ctx, s, db.Names, kept)
}

// fingerprintNow takes the fingerprint of the live database.
func (db *Database) fingerprintNow(ctx context.Context, s *session.Session) (*target.Fingerprint, error) {
	objects, err := capture(ctx, s, db.Names.Live)
	if err != nil {
		return nil, err
	}
	c, err := db.OpenPool(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return db.fingerprintOf(ctx, c, db.Names.Live, extent{}, objects, nil, &session.Counts{})
}

// writeProvenance replaces the stored provenance of the live database. If no swap has left a journal, it creates one.
func writeProvenance(ctx context.Context, s *session.Session, n target.Names, r target.Provenance) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the provenance of database %s: %w", n.Live, err)
	}
	journal := ""
	for _, name := range []string{session.JournalSwapped, session.JournalDone, session.JournalMarked} {
		present, err := s.HasTable(ctx, n.Previous, name)
		if err != nil {
			return err
		}
		if present {
			journal = name
			break
		}
	}
	if journal == "" {
		journal = session.JournalMarked
		if err := s.CreateBeside(ctx, n.Live, n.Previous); err != nil {
			return err
		}
		if err := createJournal(ctx, s, n, journal); err != nil {
			return err
		}
	}
	table := mysql.QuoteName(n.Previous) + "." + mysql.QuoteName(journal)
	rows, err := s.List(ctx, "SELECT id AS name FROM "+table+" WHERE side = ? AND kind = ?", newSide, string(provenanceKind))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return s.Exec(ctx, "INSERT INTO "+table+" (side, kind, name, on_table, statement, sql_mode, charset, collation_name, time_zone)"+
			" VALUES (?, ?, '', '', ?, '', '', '', '')", newSide, string(provenanceKind), text)
	}
	return s.Exec(ctx, "UPDATE "+table+" SET statement = ? WHERE id = ?", text, rows[0])
}

// adoptObjects corrects the live database's fingerprint where the server has made an object differently: it may have
// left one out, or given it to another account.
func adoptObjects(ctx context.Context, s *session.Session, n target.Names, new contents) error {
	if new.provenance.Fingerprint == nil {
		return nil
	}
	made, err := capture(ctx, s, n.Live)
	if err != nil {
		return err
	}
	lacking := without(new.objects, made)
	for _, o := range lacking {
		delete(new.provenance.Fingerprint.Objects, o.key())
		if i := slices.IndexFunc(made, o.is); i >= 0 {
			new.provenance.Fingerprint.Objects[o.key()] = made[i].hash()
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return writeProvenance(ctx, s, n, new.provenance)
}
