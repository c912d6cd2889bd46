package swap

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A text in a routine, trigger or event whose type names no character set has the collation that was the database's
// default when the object was made. So the object is made again under that default. The journal has the live database's
// own one, because the process may be killed before it has put that back.

// collationKind is the row with the live database's own default.
const collationKind kind = "COLLATION"

// defaultCollation is a database whose default collation is changed for a moment.
type defaultCollation struct {
	s        *session.Session
	database string
	own, now string
}

func defaultsOf(ctx context.Context, s *session.Session, database string) (*defaultCollation, error) {
	own, err := collationOf(ctx, s, database)
	return &defaultCollation{s: s, database: database, own: own, now: own}, err
}

// collationOf returns the default collation of a database; "" if there is no such database.
func collationOf(ctx context.Context, s *session.Session, database string) (string, error) {
	found, err := s.List(ctx, "SELECT DEFAULT_COLLATION_NAME AS name FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", database)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

// become changes the default to the one under which an object was made; "" stands for the database's own.
func (d *defaultCollation) become(ctx context.Context, collation string) error {
	if collation == "" {
		collation = d.own
	}
	if collation == d.now {
		return nil
	}
	if err := setCollation(ctx, d.s, d.database, collation); err != nil {
		return err
	}
	d.now = collation
	target.OnStep("default collation changed")
	return nil
}

// reset gives the database its own default again.
func (d *defaultCollation) reset(ctx context.Context) error { return d.become(ctx, d.own) }

func setCollation(ctx context.Context, s *session.Session, database, collation string) error {
	return s.Exec(ctx, "ALTER DATABASE "+mysql.QuoteName(database)+" COLLATE "+collation)
}

// resetCollation gives the live database the default again that it had when the journal was written.
func resetCollation(ctx context.Context, s *session.Session, n target.Names, journal string) error {
	var own string
	if err := readFromJournal(ctx, s, n, journal, collationKind, &own); err != nil || own == "" {
		return err
	}
	now, err := collationOf(ctx, s, n.Live)
	if err != nil || now == own || now == "" {
		return err
	}
	return setCollation(ctx, s, n.Live, own)
}
