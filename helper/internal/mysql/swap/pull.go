package swap

import (
	"context"
	"errors"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/load"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/tablespace"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// pull is a dump that is being loaded and swapped in.
type pull struct {
	*load.Load
	db *Database
	// cleanup is Begin's context without its cancellation: Discard works after Ctrl-C too.
	cleanup context.Context
	swapped bool
}

// Begin creates an empty scratch database for a dump: see target.Database.
func (db *Database) Begin(ctx context.Context) (target.Load, error) {
	lock, err := db.Locked(ctx)
	if err != nil {
		return nil, err
	}
	if err := db.writable(ctx, lock); err != nil {
		lock.Close()
		return nil, err
	}
	l := &pull{Load: &load.Load{Server: db.Server, Lock: lock}, db: db, cleanup: context.WithoutCancel(ctx)}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(err, l.Discard())
	}
	return l, nil
}

// open creates an empty scratch database and the load that fills it.
func (l *pull) open(ctx context.Context) error {
	n := l.db.Names
	if err := l.db.recoverLocked(ctx, l.Lock); err != nil {
		return err
	}
	if err := tablespace.DropDatabase(context.WithoutCancel(ctx), l.Lock, n.Incoming); err != nil {
		return l.db.Classify("drop database "+n.Incoming, err)
	}
	if err := l.Lock.CreateBeside(ctx, n.Live, n.Incoming); err != nil {
		return l.db.Classify("create database "+n.Incoming, err)
	}
	var err error
	l.Load, err = load.New(ctx, l.db.Server, l.Lock)
	return err
}

// Compare also finds, for a pull that must lose nothing, the foreign keys that the swap would leave out.
func (l *pull) Compare(ctx context.Context, stats sqltext.Stats) error {
	if l.db.Config.Strict {
		if err := l.loseKeys(ctx); err != nil {
			return l.db.Classify("look for the foreign keys of the dump", err)
		}
	}
	return l.Load.Compare(ctx, stats)
}

func (l *pull) Swap(ctx context.Context, dump target.Dump) error {
	db, n := l.db, l.db.Names
	e, err := db.extent(ctx, l.Lock)
	if err == nil {
		err = load.CheckIncoming(ctx, db.Server, l.Lock, e.part())
	}
	if err == nil {
		err = load.CheckLive(ctx, db.Server, l.Lock, e.part()) // foreign keys may have been added since the beginning
	}
	if err != nil {
		return err
	}
	_, last, err := tableNumbers(ctx, l.Lock, n.Incoming)
	if err != nil {
		return db.Classify("number the tables of the dump", err)
	}
	part := db.Config.Part
	holds := target.Provenance{Dump: dump, LastTable: last}
	if !part.BecomesDump() {
		if holds, err = db.provenanceAfterPart(ctx, l.Lock, last); err != nil {
			return err
		}
	}
	objects, err := capture(ctx, l.Lock, n.Incoming)
	if err != nil {
		return db.Classify("read the views and routines of the dump", err)
	}
	if part.Unchanged {
		if err := db.sameTriggers(ctx, l.Lock, e, objects); err != nil {
			return err
		}
	}
	if objects, err = l.detach(ctx, e, objects); err != nil {
		return db.Classify("take foreign keys off the tables of the dump", err)
	}
	for i, o := range objects {
		switch o.Kind {
		case mysql.Trigger:
			if err := drop(ctx, l.Lock, n.Incoming, o); err != nil {
				return db.Classify("drop trigger "+o.Name, err)
			}
		case mysql.Event:
			o.SQL, _ = rewrite.SetEventStatus(o.SQL, l.Events[o.Name])
		}
		objects[i] = o.moved(n.Incoming, n.Live)
	}
	holds.Choice, holds.Token, holds.Fingerprint = db.Config.Choice, db.Config.Token, nil
	if part.BecomesDump() && db.Config.Token != "" {
		if holds.Fingerprint, err = db.fingerprintOf(ctx, l.Pool, n.Incoming, e, objects, l.Definitions, &l.Counted); err != nil {
			return db.Classify("look at the tables of the dump", err)
		}
	}
	if part.Unchanged && holds.Fingerprint != nil {
		if err := db.keepPrints(ctx, l.Lock, e, holds.Fingerprint); err != nil {
			return db.Classify("look at the tables that stay", err)
		}
	}
	l.Pool.Close()
	if err := l.EndAccount(ctx); err != nil {
		return err
	}
	if err := db.swap(ctx, l.Lock, e, contents{objects, holds}); err != nil {
		return err
	}
	l.swapped = true
	return nil
}

func (l *pull) Discard() error {
	if l.Lock == nil {
		return nil
	}
	defer func() { l.Lock, l.Pool = nil, nil }()
	defer l.CloseAccount()
	l.Lock.Close()
	if l.Pool != nil {
		l.Pool.Close()
	}
	if l.swapped {
		return nil
	}
	ctx, cancel := context.WithTimeout(l.cleanup, target.DiscardPatience)
	defer cancel()
	if err := l.EndSessions(ctx); err != nil {
		return err
	}
	err := l.db.Recover(ctx)
	var busy *target.BusyError
	if errors.As(err, &busy) {
		return nil // the next pull is already running and has cleaned up first
	}
	return err
}
