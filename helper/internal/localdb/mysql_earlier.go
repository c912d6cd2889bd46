package localdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// descentKind is what an earlier database says of itself.
const descentKind kind = "DESCENT"

// journalDropped is what the journal of an earlier database is called while that is dropped: a server may have dropped some tables of it
// when it dies.
const journalDropped = journalPrefix + "dropped"

// at gives the names of a database as if an earlier one were the previous one, where the journal is.
func (n names) at(earlier string) names {
	n.previous = earlier
	return n
}

// databases lists all databases that the account may see.
func (s *mysqlSession) databases(ctx context.Context) ([]string, error) {
	return s.list(ctx, "SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME")
}

// earlier lists the earlier databases, the youngest first.
func (s *mysqlSession) earlier(ctx context.Context, n names) ([]kept, error) {
	databases, err := s.databases(ctx)
	var all []kept
	for _, database := range databases {
		if database != n.previous && !n.isOlder(database) {
			continue
		}
		whole, err := s.hasTable(ctx, database, journalDone)
		if err != nil {
			return nil, err
		}
		if !whole {
			continue
		}
		k, err := s.earlierAt(ctx, n, database)
		if number(err) == mysqlUnknownTable { // there may be no lock
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	youngestFirst(all, n.previous)
	return all, err
}

func (s *mysqlSession) earlierAt(ctx context.Context, n names, database string) (kept, error) {
	k := kept{Earlier: Earlier{Database: database}}
	was, err := s.readJournal(ctx, n.at(database), journalDone, oldSide)
	if err != nil {
		return k, err
	}
	e, err := s.readExtent(ctx, n.at(database), journalDone)
	if err != nil {
		return k, err
	}
	if err := s.readFromJournal(ctx, n.at(database), journalDone, descentKind, &k.descent); err != nil {
		return k, err
	}
	k.Dump, k.Part, k.Earlier.Replaced = was.held.Dump, !e.isAll(), k.descent.Replaced
	rows, err := s.table(ctx, "SELECT COUNT(*) AS number, COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS size FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA = ? AND LEFT(TABLE_NAME, ?) <> ?", database, len(journalPrefix), journalPrefix)
	if err != nil {
		return k, err
	}
	if k.Tables, err = strconv.ParseInt(rows[0]["number"], 10, 64); err == nil {
		k.Bytes, err = strconv.ParseInt(rows[0]["size"], 10, 64)
	}
	return k, err
}

func (db *mysqlDatabase) Earlier(ctx context.Context) ([]Earlier, error) {
	s, err := db.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	all, err := s.earlier(ctx, db.names)
	return listed(all), db.explain("list the earlier databases", err)
}

// nameStates gives names to the states that an earlier version of this program has left without.
func (s *mysqlSession) nameStates(ctx context.Context, n names) error {
	whole, err := s.hasTable(ctx, n.previous, journalDone)
	if err != nil || !whole {
		return err
	}
	var d descent
	if err := s.readFromJournal(ctx, n, journalDone, descentKind, &d); err != nil || d.Base != "" {
		return err
	}
	return s.addLater(ctx, n, func() error {
		return s.noteInJournal(ctx, n, journalDone, bothSides, descentKind, descent{State: newState(), Base: newState()})
	})
}

// nextDescent is what the database that is live now says of itself when it is an earlier one. comes is the name of the state that replaces it.
func (s *mysqlSession) nextDescent(ctx context.Context, n names, comes string) (descent, error) {
	all, err := s.earlier(ctx, n)
	d := descent{Serial: nextSerial(all), Replaced: time.Now().UTC().Truncate(time.Second), State: newState(), Base: comes}
	if len(all) > 0 && all[0].Database == n.previous {
		d.State = all[0].Base
	}
	return d, err
}

// placeForPrevious gives the name that the previous database is to have; that of the spare one where there is nothing to keep.
func (s *mysqlSession) placeForPrevious(ctx context.Context, n names) (string, error) {
	whole, err := s.hasTable(ctx, n.previous, journalDone)
	if err != nil || !whole {
		return n.spare, err
	}
	databases, err := s.databases(ctx)
	if err != nil {
		return "", err
	}
	return n.freePlace(databases), nil
}

// previousAway lists the moves of the previous database to another place, its journal first.
func (s *mysqlSession) previousAway(ctx context.Context, n names, place string) ([]move, error) {
	var moves []move
	whole, err := s.hasTable(ctx, n.previous, journalDone)
	if err != nil {
		return nil, err
	}
	if whole {
		moves = append(moves, move{journalDone, n.previous, place})
	}
	tables, err := s.moves(ctx, n.previous, place, extent{})
	return append(moves, tables...), err
}

// sweepOlder drops what lies at the places of older databases and is none: emptied ones, and those that were being dropped. Of the latter
// one that somebody uses stays, and is in nobody's way.
func (db *mysqlDatabase) sweepOlder(ctx context.Context, s *mysqlSession) error {
	n := db.names
	databases, err := s.databases(ctx)
	if err != nil {
		return err
	}
	for _, database := range databases {
		if !n.isOlder(database) {
			continue
		}
		doomed, err := s.hasTable(ctx, database, journalDropped)
		switch {
		case err != nil:
		case doomed:
			db.noteUndropped(database, s.dropOlder(ctx, database))
		default:
			err = s.dropIfEmpty(ctx, database)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropOlder drops a database whose journal is called journalDropped, which goes last.
func (s *mysqlSession) dropOlder(ctx context.Context, database string) error {
	if err := s.dropTables(ctx, database); err != nil {
		return err
	}
	return s.dropDatabase(ctx, database)
}

// dropTables drops the tables of an earlier database but for our own.
func (s *mysqlSession) dropTables(ctx context.Context, database string) error {
	tables, err := s.tables(ctx, database)
	for _, table := range tables {
		if isJournal(table) {
			continue
		}
		drop := "DROP TABLE IF EXISTS " + place{database, table}.String()
		for round := 1; ; round++ {
			err := s.exec(ctx, drop)
			if err == nil {
				break
			}
			if number(err) != mysqlLockWaitTimeout || round == lockRounds {
				return err
			}
		}
		onStep("older table dropped")
	}
	return err
}

// dropEarlier drops an earlier database. Of the previous one, which says what the live one is, that stays.
func (s *mysqlSession) dropEarlier(ctx context.Context, n names, database string) error {
	to := journalDropped
	if database == n.previous {
		to = journalMarked
	}
	journal := quoteName(database) + "."
	if err := s.exec(ctx, "RENAME TABLE "+journal+quoteName(journalDone)+" TO "+journal+quoteName(to)); err != nil {
		return err
	}
	onStep("earlier database doomed")
	if database == n.previous {
		return s.dropTables(ctx, database)
	}
	return s.dropOlder(ctx, database)
}

// prune drops the earlier databases that are too many, after a swap. What it fails at the next one meets again.
func (db *mysqlDatabase) prune(ctx context.Context, s *mysqlSession) error {
	ctx = context.WithoutCancel(ctx)
	all, err := s.earlier(ctx, db.names)
	if err != nil {
		return db.explain("list the earlier databases", err)
	}
	drop, err := surplus(all, db.config.Keep, func(k kept) (bool, error) { return db.hasWork(ctx, s, k.Database) })
	if err != nil {
		return db.explain("look at the earlier databases", err)
	}
	for _, k := range drop {
		db.noteUndropped(k.Database, s.dropEarlier(ctx, db.names, k.Database))
		onStep("older database dropped")
	}
	return nil
}

// noteUndropped says why an earlier database is still there, if it is.
func (db *mysqlDatabase) noteUndropped(database string, err error) {
	if err != nil {
		db.config.Note(fmt.Sprintf("the earlier database %s is not dropped yet: %v", database, err))
	}
}

func (db *mysqlDatabase) DropEarlier(ctx context.Context, number int) ([]Earlier, error) {
	s, err := db.locked(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := db.recoverLocked(ctx, s); err != nil {
		return nil, err
	}
	all, err := s.earlier(ctx, db.names)
	if err != nil {
		return nil, db.explain("list the earlier databases", err)
	}
	if _, err := atNumber(all, number); err != nil {
		return nil, err
	}
	var dropped []Earlier
	for _, k := range slices.Backward(all[number-1:]) {
		if err := ctx.Err(); err != nil {
			return dropped, err
		}
		if err := s.dropEarlier(context.WithoutCancel(ctx), db.names, k.Database); err != nil {
			return dropped, db.explain("drop database "+k.Database, err)
		}
		dropped = append(dropped, k.Earlier)
	}
	slices.Reverse(dropped)
	return dropped, nil
}

func (db *mysqlDatabase) Undo(ctx context.Context) error { return db.UndoTo(ctx, 1) }

func (db *mysqlDatabase) UndoTo(ctx context.Context, number int) error {
	s, err := db.locked(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := db.recoverLocked(ctx, s); err != nil {
		return err
	}
	n := db.names
	all, err := s.earlier(ctx, n)
	if err != nil {
		return db.explain("list the earlier databases", err)
	}
	k, err := atNumber(all, number)
	if err != nil {
		return err
	}
	live := ""
	if all[0].Database == n.previous {
		live = all[0].Base
	}
	if err := reachable(all, number, live); err != nil {
		return err
	}
	action := "read the journal of database " + k.Database
	was, err := s.readJournal(ctx, n.at(k.Database), journalDone, oldSide)
	if err != nil {
		return db.explain(action, err)
	}
	was.held.Choice, was.held.Token = Undone, db.config.Token
	e, err := s.readExtent(ctx, n.at(k.Database), journalDone)
	if err != nil {
		return db.explain(action, err)
	}
	if err := s.checkInside(ctx, k.Database, e.has); err != nil {
		return db.explain("look for the files of tables", err)
	}
	var tied *ForeignKeyError
	if err := db.checkLive(ctx, s, e.part()); errors.As(err, &tied) {
		return &ForeignKeyError{Table: tied.Table, Refers: tied.Refers, Replaced: tied.Replaced} // other tables are not to be had
	} else if err != nil {
		return err
	}
	turn := mysqlTurn{from: k.Database, extent: e, new: was, state: k.State, plan: func(ctx context.Context) ([]move, error) { return s.backFromPrevious(ctx, n, e) }}
	if k.Database != n.previous {
		if turn.place, err = s.placeForPrevious(ctx, n); err != nil {
			return db.explain("look for the earlier databases", err)
		}
		turn.plan = func(ctx context.Context) ([]move, error) { return s.backFromOlder(ctx, n, e, k.Database, turn.place) }
	}
	return db.exchange(ctx, s, turn)
}

// backFromPrevious lists the moves that exchange the live database and the previous one.
func (s *mysqlSession) backFromPrevious(ctx context.Context, n names, e extent) ([]move, error) {
	back, err := s.moves(ctx, n.previous, n.live, extent{})
	if err != nil {
		return nil, err
	}
	away, err := s.moves(ctx, n.live, n.spare, e)
	if err != nil {
		return nil, err
	}
	moves := append([]move{{journalDone, n.previous, n.spare}}, away...)
	moves = append(moves, back...)
	for _, m := range away {
		moves = append(moves, move{m.Table, n.spare, n.previous})
	}
	return moves, nil
}

// backFromOlder lists the moves that make an older database the live one, the live one the previous one, and that an older one.
func (s *mysqlSession) backFromOlder(ctx context.Context, n names, e extent, older, place string) ([]move, error) {
	moves := []move{{journalDone, older, n.spare}}
	aside, err := s.previousAway(ctx, n, place)
	if err != nil {
		return nil, err
	}
	away, err := s.moves(ctx, n.live, n.previous, e)
	if err != nil {
		return nil, err
	}
	back, err := s.moves(ctx, older, n.live, extent{})
	return slices.Concat(moves, aside, away, back), err
}

// aside lists the moves of a swap, which puts the incoming database into the live one's place, and the live one at that of the previous one.
func (s *mysqlSession) aside(ctx context.Context, n names, e extent, place string) ([]move, error) {
	moves, err := s.previousAway(ctx, n, place)
	if err != nil {
		return nil, err
	}
	away, err := s.moves(ctx, n.live, n.previous, e)
	if err != nil {
		return nil, err
	}
	back, err := s.moves(ctx, n.incoming, n.live, e)
	return slices.Concat(moves, away, back), err
}
