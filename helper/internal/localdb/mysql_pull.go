package localdb

import (
	"context"
	"errors"
)

// mysqlPull is a dump on its way into the live database's place.
type mysqlPull struct {
	*mysqlLoad
	db *mysqlDatabase
	// cleanup is Begin's context without its end: Discard works after Ctrl-C too.
	cleanup context.Context
	swapped bool
}

func (db *mysqlDatabase) Begin(ctx context.Context) (Load, error) {
	lock, err := db.locked(ctx)
	if err != nil {
		return nil, err
	}
	if err := db.writable(ctx, lock); err != nil {
		lock.close()
		return nil, err
	}
	l := &mysqlPull{mysqlLoad: &mysqlLoad{db: db.mysqlServer, lock: lock}, db: db, cleanup: context.WithoutCancel(ctx)}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(err, l.Discard())
	}
	return l, nil
}

// open makes an empty scratch database, and what loads the dump into it.
func (l *mysqlPull) open(ctx context.Context) error {
	n := l.db.names
	if err := l.db.recoverLocked(ctx, l.lock); err != nil {
		return err
	}
	if err := l.lock.createBeside(ctx, n.live, n.incoming); err != nil {
		return l.db.explain("create database "+n.incoming, err)
	}
	var err error
	l.mysqlLoad, err = newMySQLLoad(ctx, l.db.mysqlServer, l.lock)
	return err
}

func (l *mysqlPull) Swap(ctx context.Context, dump Dump) error {
	db, n := l.db, l.db.names
	e, err := db.extent(ctx, l.lock)
	if err == nil {
		err = db.checkIncoming(ctx, l.lock, e.part())
	}
	if err == nil {
		err = db.checkLive(ctx, l.lock, e.part()) // there may be others than at the beginning
	}
	if err != nil {
		return err
	}
	_, last, err := l.lock.tableNumbers(ctx, n.incoming)
	if err != nil {
		return db.explain("number the tables of the dump", err)
	}
	holds := record{Dump: dump, LastTable: last}
	if !e.isAll() {
		if holds, err = db.heldAfterPart(ctx, l.lock, last); err != nil {
			return err
		}
	}
	objects, err := l.lock.capture(ctx, n.incoming)
	if err != nil {
		return db.explain("read the views and routines of the dump", err)
	}
	if objects, err = l.detach(ctx, e, objects); err != nil {
		return db.explain("take foreign keys off the tables of the dump", err)
	}
	for i, o := range objects {
		switch o.Kind {
		case trigger:
			if err := l.lock.drop(ctx, n.incoming, o); err != nil {
				return db.explain("drop trigger "+o.Name, err)
			}
		case event:
			o.SQL, _ = setEventStatus(o.SQL, l.events[o.Name])
		}
		objects[i] = o.moved(n.incoming, n.live)
	}
	holds.Choice, holds.Token, holds.Print = db.config.Choice, db.config.Token, nil
	if e.isAll() && db.config.Token != "" {
		if holds.Print, err = db.fingerprintOf(ctx, l.crew, n.incoming, objects, &l.counted); err != nil {
			return db.explain("look at the tables of the dump", err)
		}
	}
	l.crew.close()
	if err := db.swap(ctx, l.lock, e, contents{objects, holds}); err != nil {
		return err
	}
	l.swapped = true
	return nil
}

func (l *mysqlPull) Discard() error {
	if l.lock == nil {
		return nil
	}
	defer func() { l.lock, l.crew = nil, nil }()
	l.lock.close()
	if l.crew != nil {
		l.crew.close()
	}
	if l.swapped {
		return nil
	}
	ctx, cancel := context.WithTimeout(l.cleanup, discardPatience)
	defer cancel()
	if err := l.endSessions(ctx); err != nil {
		return err
	}
	err := l.db.Recover(ctx)
	var busy *BusyError
	if errors.As(err, &busy) {
		return nil // the next pull is at work already, and has cleaned up first
	}
	return err
}
