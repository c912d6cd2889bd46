package swap

import (
	"context"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
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

// fingerprintNow takes the fingerprint of the live database while others may use it. It waits for a moment when
// nobody writes.
func (db *Database) fingerprintNow(ctx context.Context, s *session.Session) (*target.Fingerprint, error) {
	const tries = 20
	for try := 1; ; try++ {
		f, err := fingerprint(ctx, s, db.Config.WithoutRows, nil)
		switch {
		case err != nil || f == nil || !f.Running:
			return f, err
		case try == tries:
			return nil, &target.BusyError{Name: db.Names.Live, Holder: s.Describe(ctx, "SELECT pid, usename, client_addr FROM pg_stat_activity"+
				" WHERE backend_xid IS NOT NULL LIMIT 3")}
		}
		if err := session.Pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func (db *Database) mark(ctx context.Context, s *session.Session, mark target.Mark) error {
	n := db.Names
	inside, err := db.Enter(ctx)
	if postgres.SQLState(err) == postgres.UnknownDatabase {
		return target.ErrNothingToMark
	}
	if err != nil {
		return err
	}
	defer inside.Close()
	first, last, err := tableNumbers(ctx, inside)
	if err != nil {
		return err
	}
	if first == 0 {
		return target.ErrNothingToMark
	}
	present, err := exists(ctx, s, n.Previous)
	if err != nil {
		return err
	}
	kept, err := currentLabel(ctx, s, n)
	if err != nil {
		return err
	}
	if !kept.Live.Describes(first) {
		kept.Live = target.Provenance{LastTable: last, Hold: kept.Live.Hold}
	}
	mark.Apply(&kept.Live, db.Config.Token)
	if mark == target.Release {
		kept.Live.LastTable = last
		changes := target.Changes{Unknown: true}
		if kept.Live.Fingerprint != nil {
			changes, err = changesIn(ctx, inside, *kept.Live.Fingerprint, db.Config.WithoutRows, target.SearchPatience)
			if postgres.SQLState(err) != "" {
				changes, err = target.Changes{Unknown: true}, nil
			}
			if err != nil {
				return err
			}
		}
		kept.Live.NoteReleased(changes)
		if kept.Live.Fingerprint, err = db.fingerprintNow(ctx, inside); err != nil {
			return err
		}
	}
	kept.Marked = kept.Marked || !present
	text, err := kept.text()
	if err != nil {
		return err
	}
	if !present {
		// Both or neither: without its comment, the empty previous database could be taken for one that undo can
		// bring back.
		if err := s.Exec(ctx, "CREATE DATABASE "+postgres.QuoteIdentifier(n.Incoming)+" TEMPLATE template0"); err != nil {
			return err
		}
		return db.exchangeOnce(ctx, s, exchange{[]rename{{n.Incoming, n.Previous}}, map[string]string{n.Previous: text}})
	}
	return setComment(ctx, s, n.Previous, text)
}
