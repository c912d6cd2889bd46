package localdb

import (
	"context"
	"time"
)

func (db *postgresDatabase) Mark(ctx context.Context, mark Mark) error {
	s, err := db.locked(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := db.dropRubbish(ctx, s); err != nil {
		return err
	}
	return db.explain("note what becomes of database "+db.names.live, db.mark(ctx, s, mark))
}

// fingerprintNow takes the fingerprint of the live database, in which others may write: at a moment when nobody does.
func (db *postgresDatabase) fingerprintNow(ctx context.Context, s *pgSession) (*fingerprint, error) {
	const tries = 20
	for try := 1; ; try++ {
		f, err := s.fingerprint(ctx, db.config.WithoutRows)
		switch {
		case err != nil || f == nil || !f.running:
			return f, err
		case try == tries:
			return nil, &BusyError{Name: db.names.live, Holder: s.describe(ctx, "SELECT pid, usename, client_addr FROM pg_stat_activity"+
				" WHERE backend_xid IS NOT NULL LIMIT 3")}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func (db *postgresDatabase) mark(ctx context.Context, s *pgSession, mark Mark) error {
	n := db.names
	inside, err := db.enter(ctx)
	if code(err) == pgUnknownDatabase {
		return ErrNothingToMark
	}
	if err != nil {
		return err
	}
	defer inside.close()
	first, last, err := inside.tableNumbers(ctx)
	if err != nil {
		return err
	}
	if first == 0 {
		return ErrNothingToMark
	}
	present, err := s.exists(ctx, n.previous)
	if err != nil {
		return err
	}
	kept, err := s.label(ctx, n)
	if err != nil {
		return err
	}
	if !kept.Live.describes(first) {
		kept.Live = record{LastTable: last, Hold: kept.Live.Hold}
	}
	mark.apply(&kept.Live, db.config.Token)
	if mark == Release {
		kept.Live.LastTable = last
		changes := Changes{Unknown: true}
		if kept.Live.Print != nil {
			changes, err = inside.changes(ctx, *kept.Live.Print, db.config.WithoutRows, searchPatience)
			if code(err) != "" {
				changes, err = Changes{Unknown: true}, nil
			}
			if err != nil {
				return err
			}
		}
		kept.Live.released(changes)
		if kept.Live.Print, err = db.fingerprintNow(ctx, inside); err != nil {
			return err
		}
	}
	kept.Marked = kept.Marked || !present
	text, err := kept.text()
	if err != nil {
		return err
	}
	if !present {
		// Both or neither: a previous database that does not say what it is there for could be brought back.
		if err := s.exec(ctx, "CREATE DATABASE "+quoteIdentifier(n.incoming)+" TEMPLATE template0"); err != nil {
			return err
		}
		return db.exchangeOnce(ctx, s, exchange{[]rename{{n.incoming, n.previous}}, map[string]string{n.previous: text}})
	}
	return s.setComment(ctx, n.previous, text)
}
