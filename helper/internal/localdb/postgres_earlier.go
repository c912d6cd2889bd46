package localdb

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The older databases have labels like that of the previous one, but for what the live database holds. All are whole: a part is exchanged
// together with a copy of all else.

// earlier lists the earlier databases, the youngest first, with their labels.
func (s *pgSession) earlier(ctx context.Context, n names) ([]kept, map[string]label, error) {
	rows, err := s.query(ctx, "SELECT datname, shobj_description(oid, 'pg_database'),"+
		" CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE -1 END FROM pg_database WHERE datname LIKE '%\\_\\_dump\\_%' ORDER BY datname")
	if err != nil {
		return nil, nil, err
	}
	var all []kept
	labels := map[string]label{}
	for _, row := range rows {
		database := row[0]
		l := readLabel(row[1])
		isOlder := n.isOlder(database) && strings.HasPrefix(row[1], labelMark)
		if database != n.previous && !isOlder || l.Marked {
			continue
		}
		k := kept{Earlier: Earlier{Database: database, Dump: l.Previous.Dump, Replaced: l.Replaced, Tables: -1}, descent: descent{Serial: l.Serial}}
		if k.Bytes, err = strconv.ParseInt(row[2], 10, 64); err != nil {
			return nil, nil, err
		}
		all, labels[database] = append(all, k), l
	}
	youngestFirst(all, n.previous)
	return all, labels, nil
}

func (db *postgresDatabase) Earlier(ctx context.Context) ([]Earlier, error) {
	s, err := db.connect(ctx, db.maintenance)
	if err != nil {
		return nil, err
	}
	defer s.close()
	all, _, err := s.earlier(ctx, db.names)
	if err != nil {
		return nil, db.explain("list the earlier databases", err)
	}
	list := listed(all)
	for i := range list {
		list[i].Tables = db.countTables(ctx, list[i].Database)
	}
	return list, nil
}

// countTables tells how many tables a database has, -1 where it cannot be looked into.
func (db *postgresDatabase) countTables(ctx context.Context, database string) int64 {
	s, err := db.connect(ctx, database)
	if err != nil {
		return -1
	}
	defer s.close()
	rows, err := s.query(ctx, "SELECT count(*)"+ownTables)
	if err != nil {
		return -1
	}
	tables, err := strconv.ParseInt(rows[0][0], 10, 64)
	if err != nil {
		return -1
	}
	return tables
}

// aside tells where the previous database goes when the live one takes its place, and with what comment: to a place of an older one, or
// to be dropped, where nothing is in it that was live, or no more than one is kept.
func (s *pgSession) aside(ctx context.Context, n names, keep bool) (place string, comments map[string]string, err error) {
	_, labels, err := s.earlier(ctx, n)
	l, whole := labels[n.previous]
	if err != nil || !whole || !keep {
		return n.spare, nil, err
	}
	rows, err := s.query(ctx, "SELECT datname FROM pg_database")
	if err != nil {
		return "", nil, err
	}
	var databases []string
	for _, row := range rows {
		databases = append(databases, row[0])
	}
	l.Live = record{}
	text, err := l.text()
	place = n.freePlace(databases)
	return place, map[string]string{place: text}, err
}

func (db *postgresDatabase) Undo(ctx context.Context) error { return db.UndoTo(ctx, 1) }

func (db *postgresDatabase) UndoTo(ctx context.Context, number int) error {
	s, err := db.locked(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := db.dropRubbish(ctx, s); err != nil {
		return err
	}
	n := db.names
	all, labels, err := s.earlier(ctx, n)
	if err != nil {
		return db.explain("list the earlier databases", err)
	}
	back, err := atNumber(all, number)
	if err != nil {
		return err
	}
	was, err := s.label(ctx, n)
	if err != nil {
		return db.explain("read the comment on database "+n.previous, err)
	}
	was.Live = db.stillHolds(ctx, was.Live)
	comes := labels[back.Database]
	comes.Previous.Choice, comes.Previous.Token = Undone, db.config.Token
	now, err := db.leave(ctx, s, label{Live: comes.Previous, Previous: was.Live})
	if err != nil {
		return err
	}
	renames := []rename{{n.live, n.spare}, {n.previous, n.live}, {n.spare, n.previous}}
	comments := map[string]string{}
	if back.Database != n.previous {
		var place string
		if place, comments, err = s.aside(ctx, n, true); err != nil {
			return db.explain("look for the earlier databases", err)
		}
		if comments == nil {
			comments = map[string]string{}
		}
		renames = []rename{{n.previous, place}, {n.live, n.previous}, {back.Database, n.live}}
	}
	comments[n.live], comments[n.previous] = comes.Comment, now
	if err := db.exchange(ctx, s, exchange{renames, comments}); err != nil {
		return err
	}
	return db.dropRubbish(context.WithoutCancel(ctx), s)
}

// prune drops the earlier databases that are too many, after a swap. What it fails at the next one meets again.
func (db *postgresDatabase) prune(ctx context.Context, s *pgSession) error {
	all, labels, err := s.earlier(ctx, db.names)
	if err != nil {
		return db.explain("list the earlier databases", err)
	}
	drop, err := surplus(all, db.config.Keep, func(k kept) (bool, error) { return db.hasWork(ctx, labels[k.Database], k.Database) })
	if err != nil {
		return db.explain("look at the earlier databases", err)
	}
	for _, k := range drop {
		if err := db.dropEarlier(ctx, s, k.Database); err != nil {
			db.config.Note(fmt.Sprintf("the earlier database %s is not dropped yet: %v", k.Database, err))
		}
	}
	return nil
}

// dropEarlier drops an earlier database. In the place of the previous one, whose comment says what the live one is, an empty one stays.
func (db *postgresDatabase) dropEarlier(ctx context.Context, s *pgSession, database string) error {
	n := db.names
	e := exchange{renames: []rename{{database, n.spare}}}
	if database == n.previous {
		was, err := s.label(ctx, n)
		if err != nil {
			return db.explain("read the comment on database "+database, err)
		}
		text, err := label{Live: was.Live, Marked: true}.text()
		if err == nil {
			err = s.exec(ctx, "CREATE DATABASE "+quoteIdentifier(n.incoming)+" TEMPLATE template0")
		}
		if err != nil {
			return db.explain("create database "+n.incoming, err)
		}
		e.renames, e.comments = append(e.renames, rename{n.incoming, database}), map[string]string{database: text}
	}
	if err := db.exchange(ctx, s, e); err != nil {
		return err
	}
	return db.dropRubbish(context.WithoutCancel(ctx), s)
}

func (db *postgresDatabase) DropEarlier(ctx context.Context, number int) ([]Earlier, error) {
	s, err := db.locked(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := db.dropRubbish(ctx, s); err != nil {
		return nil, err
	}
	all, _, err := s.earlier(ctx, db.names)
	if err != nil {
		return nil, db.explain("list the earlier databases", err)
	}
	if _, err := atNumber(all, number); err != nil {
		return nil, err
	}
	var dropped []Earlier
	for _, k := range slices.Backward(all[number-1:]) {
		if err := db.dropEarlier(ctx, s, k.Database); err != nil {
			return dropped, err
		}
		dropped = append(dropped, k.Earlier)
	}
	slices.Reverse(dropped)
	return dropped, nil
}

// replacedNow completes the label of a database that is replaced.
func (s *pgSession) replacedNow(ctx context.Context, n names, l label) (label, error) {
	all, _, err := s.earlier(ctx, n)
	l.Serial, l.Replaced = nextSerial(all), time.Now().UTC().Truncate(time.Second)
	return l, err
}
