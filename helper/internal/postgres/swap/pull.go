package swap

import (
	"context"
	"errors"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/load"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// pull is a dump that is being loaded and swapped in.
type pull struct {
	*load.Load
	db *Database
	// guard keeps others out of the live database while a part of it is replaced; nil if all of it is.
	guard *session.Session
	// cleanup is Begin's context without its cancellation: Discard works after Ctrl-C too.
	cleanup context.Context
	// counted are the rows of the tables, counted by the load's account.
	counted map[string]string
}

// Begin creates a scratch database for a dump: see target.Database.
func (db *Database) Begin(ctx context.Context) (target.Load, error) {
	lock, err := db.Locked(ctx)
	if err != nil {
		return nil, err
	}
	l := &pull{Load: &load.Load{Server: db.Server, Lock: lock}, db: db, cleanup: context.WithoutCancel(ctx)}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(err, l.Discard())
	}
	switch part := db.Config.Part; {
	case part.TablesOnly:
		return &partPull{pull: l, dump: map[string]bool{}}, nil
	case !part.IsAll():
		return &stayPull{pull: l}, nil
	}
	return l, nil
}

// open creates the scratch database and the load that fills it.
func (l *pull) open(ctx context.Context) error {
	if err := l.db.dropGarbage(ctx, l.Lock); err != nil {
		return err
	}
	if err := l.create(ctx); err != nil {
		return err
	}
	var err error
	l.Load, err = load.New(ctx, l.db.Server, l.Lock)
	l.Before = l.count
	return err
}

// count counts the rows for the fingerprint. To plan that, the server executes functions of indexes: the pull's own account must not.
func (l *pull) count(ctx context.Context, s *session.Session) error {
	if l.db.Config.Token == "" {
		return nil
	}
	tables, err := listTables(ctx, s)
	if err != nil {
		return l.db.Classify("list the tables", err)
	}
	l.counted = map[string]string{}
	var names, relations []string
	for name, table := range tables {
		if !table.partitioned && !l.db.Config.WithoutRows(name) {
			names, relations = append(names, name), append(relations, "ONLY "+table.quoted)
		}
	}
	return s.CountEach(ctx, relations, func(i int, rows string, err error) error {
		if postgres.SQLState(err) != "" {
			return nil // then there is no fingerprint
		}
		if err != nil {
			return l.db.Classify("count the rows of table "+names[i], err)
		}
		l.counted[names[i]] = rows
		return nil
	})
}

// create creates the scratch database: empty, or as a copy of the live one if only some of its tables are replaced.
func (l *pull) create(ctx context.Context) (err error) {
	if !l.db.Config.Part.TablesOnly {
		return l.db.Classify("create database "+l.db.Names.Incoming, l.db.create(ctx, l.Lock))
	}
	l.guard, err = l.db.copyLive(ctx, l.Lock)
	return err
}

func (l *pull) Swap(ctx context.Context, dump target.Dump) error {
	if err := l.db.settle(ctx, l.Load); err != nil {
		return err
	}
	_, last, err := tableNumbers(ctx, l.Main)
	var taken *target.Fingerprint
	if err == nil && l.db.Config.Token != "" {
		taken, err = fingerprint(ctx, l.Main, l.db.Config.WithoutRows, l.counted)
	}
	l.Main.Close()
	if err != nil {
		return l.db.Classify("look at the tables of the dump", err)
	}
	n := l.db.Names
	return l.db.swap(ctx, l.Lock, turn{
		by: l.Lock,
		renames: func(place string) []rename {
			return []rename{{n.Previous, place}, {n.Live, n.Previous}, {n.Incoming, n.Live}}
		},
		holds: func(target.Provenance) target.Provenance {
			return target.Provenance{Dump: dump, LastTable: last, Fingerprint: taken}
		},
	})
}

func (l *pull) Discard() error {
	if l.Lock == nil {
		return nil
	}
	defer func() { l.Lock, l.guard = nil, nil }()
	l.Close()
	if l.guard != nil {
		l.guard.Close()
	}
	l.Lock.Close()
	ctx, cancel := context.WithTimeout(l.cleanup, target.DiscardPatience)
	defer cancel()
	err := l.db.Recover(ctx)
	var busy *target.BusyError
	if errors.As(err, &busy) && busy.Running {
		return nil // the next pull is already running and has cleaned up first
	}
	return err
}
