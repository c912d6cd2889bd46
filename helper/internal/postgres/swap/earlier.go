package swap

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Older databases have labels like that of the previous one, but without the provenance of the live database. All of
// them are whole: a part is exchanged together with a copy of everything else.

// earlier lists the earlier databases, youngest first, with their labels.
func earlier(ctx context.Context, s *session.Session, n target.Names) ([]target.Kept, map[string]label, error) {
	rows, err := s.Query(ctx, "SELECT datname, shobj_description(oid, 'pg_database'),"+
		" CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE -1 END FROM pg_database WHERE datname LIKE '%\\_\\_dump\\_%' ORDER BY datname")
	if err != nil {
		return nil, nil, err
	}
	var all []target.Kept
	labels := map[string]label{}
	for _, row := range rows {
		database := row[0]
		l := readLabel(row[1])
		isOlder := n.IsOlder(database) && strings.HasPrefix(row[1], labelMark)
		if database != n.Previous && !isOlder || l.Marked {
			continue
		}
		k := target.Kept{Earlier: target.Earlier{Database: database, Dump: l.Previous.Dump, Replaced: l.Replaced, Tables: -1}, Descent: target.Descent{Serial: l.Serial}}
		if k.Bytes, err = strconv.ParseInt(row[2], 10, 64); err != nil {
			return nil, nil, err
		}
		all, labels[database] = append(all, k), l
	}
	target.YoungestFirst(all, n.Previous)
	return all, labels, nil
}

// Earlier lists the earlier databases: see target.Database.
func (db *Database) Earlier(ctx context.Context) ([]target.Earlier, error) {
	s, err := db.Connect(ctx, db.Maintenance)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	all, _, err := earlier(ctx, s, db.Names)
	if err != nil {
		return nil, db.Classify("list the earlier databases", err)
	}
	list := target.Listed(all)
	for i := range list {
		list[i].Tables = db.countTables(ctx, list[i].Database)
	}
	return list, nil
}

// countTables counts the tables of a database, -1 if it cannot connect to it.
func (db *Database) countTables(ctx context.Context, database string) int64 {
	s, err := db.Connect(ctx, database)
	if err != nil {
		return -1
	}
	defer s.Close()
	rows, err := s.Query(ctx, "SELECT count(*)"+ownTables)
	if err != nil {
		return -1
	}
	tables, err := strconv.ParseInt(rows[0][0], 10, 64)
	if err != nil {
		return -1
	}
	return tables
}

// aside says where the previous database goes when the live one takes its place, and with which comment. It goes to
// the slot of an older database. It is dropped if it was never live, or if only one is kept.
func aside(ctx context.Context, s *session.Session, n target.Names, keep bool) (place string, comments map[string]string, err error) {
	_, labels, err := earlier(ctx, s, n)
	l, whole := labels[n.Previous]
	if err != nil || !whole || !keep {
		return n.Spare, nil, err
	}
	rows, err := s.Query(ctx, "SELECT datname FROM pg_database")
	if err != nil {
		return "", nil, err
	}
	var databases []string
	for _, row := range rows {
		databases = append(databases, row[0])
	}
	l.Live = target.Provenance{}
	text, err := l.text()
	place = n.FreeSlot(databases)
	return place, map[string]string{place: text}, err
}

// Undo brings the previous database back: see target.Database.
func (db *Database) Undo(ctx context.Context) error { return db.UndoTo(ctx, 1) }

// UndoTo brings an earlier database back: see target.Database.
func (db *Database) UndoTo(ctx context.Context, number int) error {
	s, err := db.lockedClean(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	n := db.Names
	all, labels, err := earlier(ctx, s, n)
	if err != nil {
		return db.Classify("list the earlier databases", err)
	}
	back, err := target.AtNumber(all, number)
	if err != nil {
		return err
	}
	if err := db.checkObstacles(ctx, s, false); err != nil {
		return err
	}
	was, err := currentLabel(ctx, s, n)
	if err != nil {
		return db.Classify("read the comment on database "+n.Previous, err)
	}
	was.Live = db.stillHolds(ctx, was.Live)
	comes := labels[back.Database]
	comes.Previous.Choice, comes.Previous.Token = target.Undone, db.Config.Token
	now, err := db.leave(ctx, s, label{Live: comes.Previous, Previous: was.Live})
	if err != nil {
		return err
	}
	renames := []rename{{n.Live, n.Spare}, {n.Previous, n.Live}, {n.Spare, n.Previous}}
	comments := map[string]string{}
	if back.Database != n.Previous {
		var place string
		if place, comments, err = aside(ctx, s, n, true); err != nil {
			return db.Classify("look for the earlier databases", err)
		}
		if comments == nil {
			comments = map[string]string{}
		}
		renames = []rename{{n.Previous, place}, {n.Live, n.Previous}, {back.Database, n.Live}}
	}
	comments[n.Live], comments[n.Previous] = comes.Comment, now
	if err := db.exchange(ctx, s, exchange{renames, comments}); err != nil {
		return err
	}
	return db.tidy(context.WithoutCancel(ctx), s)
}

// prune drops surplus earlier databases after a swap. If it fails, the next swap tries again.
func (db *Database) prune(ctx context.Context, s *session.Session) error {
	all, labels, err := earlier(ctx, s, db.Names)
	if err != nil {
		return db.Classify("list the earlier databases", err)
	}
	drop, err := target.Surplus(all, db.Config.Keep, func(k target.Kept) (bool, error) { return db.hasWork(ctx, labels[k.Database], k.Database) })
	if err != nil {
		return db.Classify("look at the earlier databases", err)
	}
	for _, k := range drop {
		if err := db.dropEarlier(ctx, s, k.Database); err != nil {
			db.Config.Note(fmt.Sprintf("the earlier database %s is not dropped yet: %v", k.Database, err))
		}
	}
	return nil
}

// dropEarlier drops an earlier database. It replaces the previous one, whose comment describes the live one, with an
// empty database.
func (db *Database) dropEarlier(ctx context.Context, s *session.Session, database string) error {
	n := db.Names
	e := exchange{renames: []rename{{database, n.Spare}}}
	if database == n.Previous {
		was, err := currentLabel(ctx, s, n)
		if err != nil {
			return db.Classify("read the comment on database "+database, err)
		}
		text, err := label{Live: was.Live, Marked: true}.text()
		if err == nil {
			err = s.Exec(ctx, "CREATE DATABASE "+postgres.QuoteIdentifier(n.Incoming)+" TEMPLATE template0")
		}
		if err != nil {
			return db.Classify("create database "+n.Incoming, err)
		}
		e.renames, e.comments = append(e.renames, rename{n.Incoming, database}), map[string]string{database: text}
	}
	if err := db.exchange(ctx, s, e); err != nil {
		return err
	}
	return db.tidy(context.WithoutCancel(ctx), s)
}

// DropEarlier drops an earlier database and all that are older: see target.Database.
func (db *Database) DropEarlier(ctx context.Context, number int) ([]target.Earlier, error) {
	s, err := db.lockedClean(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	all, _, err := earlier(ctx, s, db.Names)
	if err != nil {
		return nil, db.Classify("list the earlier databases", err)
	}
	if _, err := target.AtNumber(all, number); err != nil {
		return nil, err
	}
	var dropped []target.Earlier
	for _, k := range slices.Backward(all[number-1:]) {
		if err := db.dropEarlier(ctx, s, k.Database); err != nil {
			return dropped, err
		}
		dropped = append(dropped, k.Earlier)
	}
	slices.Reverse(dropped)
	return dropped, nil
}

// replacedNow completes the label of a database that is being replaced.
func replacedNow(ctx context.Context, s *session.Session, n target.Names, l label) (label, error) {
	all, _, err := earlier(ctx, s, n)
	l.Serial, l.Replaced = target.NextSerial(all), time.Now().UTC().Truncate(time.Second)
	return l, err
}
