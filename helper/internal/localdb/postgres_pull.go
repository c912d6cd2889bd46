package localdb

import (
	"context"
	"errors"
)

// postgresPull is a dump on its way into the live database's place.
type postgresPull struct {
	*postgresLoad
	db *postgresDatabase
	// guard keeps others out of the live database while a part of it is replaced; nil where all is.
	guard *pgSession
	// cleanup is Begin's context without its end: Discard works after Ctrl-C too.
	cleanup context.Context
}

func (db *postgresDatabase) Begin(ctx context.Context) (Load, error) {
	lock, err := db.locked(ctx)
	if err != nil {
		return nil, err
	}
	l := &postgresPull{postgresLoad: &postgresLoad{db: db.pgServer, lock: lock}, db: db, cleanup: context.WithoutCancel(ctx)}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(err, l.Discard())
	}
	switch part := db.config.Part; {
	case part.TablesOnly:
		return &postgresPart{postgresPull: l, dump: map[string]bool{}}, nil
	case !part.isAll():
		return &postgresStay{postgresPull: l}, nil
	}
	return l, nil
}

// open makes the scratch database, and what loads the dump into it.
func (l *postgresPull) open(ctx context.Context) error {
	if err := l.db.dropRubbish(ctx, l.lock); err != nil {
		return err
	}
	if err := l.create(ctx); err != nil {
		return err
	}
	var err error
	l.postgresLoad, err = newPostgresLoad(ctx, l.db.pgServer, l.lock)
	return err
}

// create makes the scratch database: empty, or a copy of the live one where only some tables of that are replaced.
func (l *postgresPull) create(ctx context.Context) (err error) {
	if !l.db.config.Part.TablesOnly {
		return l.db.explain("create database "+l.db.names.incoming, l.db.create(ctx, l.lock))
	}
	l.guard, err = l.db.copyLive(ctx, l.lock)
	return err
}

func (l *postgresPull) Swap(ctx context.Context, dump Dump) error {
	_, last, err := l.load.tableNumbers(ctx)
	var taken *fingerprint
	if err == nil && l.db.config.Token != "" {
		taken, err = l.load.fingerprint(ctx, l.db.config.WithoutRows)
	}
	l.load.close()
	if err != nil {
		return l.db.explain("look at the tables of the dump", err)
	}
	n := l.db.names
	return l.db.swap(ctx, l.lock, turn{
		by: l.lock,
		renames: func(place string) []rename {
			return []rename{{n.previous, place}, {n.live, n.previous}, {n.incoming, n.live}}
		},
		holds: func(record) record { return record{Dump: dump, LastTable: last, Print: taken} },
	})
}

func (l *postgresPull) Discard() error {
	if l.lock == nil {
		return nil
	}
	defer func() { l.lock, l.guard = nil, nil }()
	l.close()
	if l.guard != nil {
		l.guard.close()
	}
	l.lock.close()
	ctx, cancel := context.WithTimeout(l.cleanup, discardPatience)
	defer cancel()
	err := l.db.Recover(ctx)
	var busy *BusyError
	if errors.As(err, &busy) && busy.Running {
		return nil // the next pull is at work already, and has cleaned up first
	}
	return err
}
