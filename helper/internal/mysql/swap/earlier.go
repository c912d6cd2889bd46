package swap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/load"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/tablespace"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// descentKind is the row in which an earlier database describes itself.
const descentKind kind = "DESCENT"

// journalDropped is the name of an earlier database's journal while that database is being dropped. If the server
// dies meanwhile, some of its tables are already gone.
const journalDropped = session.JournalPrefix + "dropped"

// at returns the names with an earlier database as the previous one, so that its journal is found.
func at(n target.Names, earlier string) target.Names {
	n.Previous = earlier
	return n
}

// databases lists all databases that the account may see.
func databases(ctx context.Context, s *session.Session) ([]string, error) {
	return s.List(ctx, "SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME")
}

// earlier lists the earlier databases, youngest first.
func earlier(ctx context.Context, s *session.Session, n target.Names) ([]target.Kept, error) {
	databases, err := databases(ctx, s)
	var all []target.Kept
	for _, database := range databases {
		if database != n.Previous && !n.IsOlder(database) {
			continue
		}
		whole, err := s.HasTable(ctx, database, session.JournalDone)
		if err != nil {
			return nil, err
		}
		if !whole {
			continue
		}
		k, err := earlierAt(ctx, s, n, database)
		if mysql.Errno(err) == mysql.ErrnoUnknownTable { // no lock is held, so the journal may be gone by now
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	target.YoungestFirst(all, n.Previous)
	return all, err
}

func earlierAt(ctx context.Context, s *session.Session, n target.Names, database string) (target.Kept, error) {
	k := target.Kept{Earlier: target.Earlier{Database: database}}
	was, err := readJournal(ctx, s, at(n, database), session.JournalDone, oldSide)
	if err != nil {
		return k, err
	}
	e, err := readExtent(ctx, s, at(n, database), session.JournalDone)
	if err != nil {
		return k, err
	}
	if err := readFromJournal(ctx, s, at(n, database), session.JournalDone, descentKind, &k.Descent); err != nil {
		return k, err
	}
	k.Dump, k.Part, k.Earlier.Replaced = was.provenance.Dump, !e.isAll(), k.Descent.Replaced
	rows, err := s.Table(ctx, "SELECT COUNT(*) AS number, COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS size FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA = ? AND LEFT(TABLE_NAME, ?) <> ?", database, len(session.JournalPrefix), session.JournalPrefix)
	if err != nil {
		return k, err
	}
	if k.Tables, err = strconv.ParseInt(rows[0]["number"], 10, 64); err == nil {
		k.Bytes, err = strconv.ParseInt(rows[0]["size"], 10, 64)
	}
	return k, err
}

// Earlier lists the earlier databases: see target.Database.
func (db *Database) Earlier(ctx context.Context) ([]target.Earlier, error) {
	s, err := db.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	all, err := earlier(ctx, s, db.Names)
	return target.Listed(all), db.Classify("list the earlier databases", err)
}

// nameStates names the states that an earlier version of this program left without a name.
func nameStates(ctx context.Context, s *session.Session, n target.Names) error {
	whole, err := s.HasTable(ctx, n.Previous, session.JournalDone)
	if err != nil || !whole {
		return err
	}
	var d target.Descent
	if err := readFromJournal(ctx, s, n, session.JournalDone, descentKind, &d); err != nil || d.Base != "" {
		return err
	}
	return addLater(ctx, s, n, func() error {
		return noteInJournal(ctx, s, n, session.JournalDone, bothSides, descentKind, target.Descent{State: target.NewState(), Base: target.NewState()})
	})
}

// nextDescent describes the live database as the earlier database that it is about to become. comes names the state
// that replaces it.
func nextDescent(ctx context.Context, s *session.Session, n target.Names, comes string) (target.Descent, error) {
	all, err := earlier(ctx, s, n)
	d := target.Descent{Serial: target.NextSerial(all), Replaced: time.Now().UTC().Truncate(time.Second), State: target.NewState(), Base: comes}
	if len(all) > 0 && all[0].Database == n.Previous {
		d.State = all[0].Base
	}
	return d, err
}

// slotForPrevious returns the name that the previous database will get, or that of the spare one if there is nothing
// to keep.
func slotForPrevious(ctx context.Context, s *session.Session, n target.Names) (string, error) {
	whole, err := s.HasTable(ctx, n.Previous, session.JournalDone)
	if err != nil || !whole {
		return n.Spare, err
	}
	databases, err := databases(ctx, s)
	if err != nil {
		return "", err
	}
	return n.FreeSlot(databases), nil
}

// previousAway lists the moves that take the previous database to another slot, its journal first.
func previousAway(ctx context.Context, s *session.Session, n target.Names, slot string) ([]move, error) {
	var moves []move
	whole, err := s.HasTable(ctx, n.Previous, session.JournalDone)
	if err != nil {
		return nil, err
	}
	if whole {
		moves = append(moves, move{session.JournalDone, n.Previous, slot})
	}
	tables, err := movesOf(ctx, s, n.Previous, slot, extent{})
	return append(moves, tables...), err
}

// sweepOlder drops leftovers in the slots of older databases: empty databases, and those whose dropping was
// interrupted. If one of the latter is in use, it stays and does no harm.
func (db *Database) sweepOlder(ctx context.Context, s *session.Session) error {
	n := db.Names
	databases, err := databases(ctx, s)
	if err != nil {
		return err
	}
	for _, database := range databases {
		if !n.IsOlder(database) {
			continue
		}
		doomed, err := s.HasTable(ctx, database, journalDropped)
		switch {
		case err != nil:
		case doomed:
			db.noteUndropped(database, dropOlder(ctx, s, database, pruneRounds))
		default:
			err = dropIfEmpty(ctx, s, database)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropOlder drops a database whose journal is called journalDropped. The journal goes last.
func dropOlder(ctx context.Context, s *session.Session, database string, rounds int) error {
	if err := dropTables(ctx, s, database, rounds); err != nil {
		return err
	}
	return tablespace.DropDatabase(ctx, s, database)
}

// pruneRounds is how many rounds a swap waits for sessions that hold a table of a database that nobody keeps. The next swap tries again.
const pruneRounds = 1

// dropTables drops the tables of an earlier database, but not our own. It waits some rounds for sessions that hold one of them.
func dropTables(ctx context.Context, s *session.Session, database string, rounds int) error {
	tables, err := s.Tables(ctx, database)
	for _, table := range tables {
		if isJournal(table) {
			continue
		}
		drop := "DROP TABLE IF EXISTS " + rewrite.QualifiedName{Database: database, Table: table}.String()
		for round := 1; ; round++ {
			err := s.Exec(ctx, drop)
			if err == nil {
				break
			}
			if mysql.Errno(err) != mysql.ErrnoLockWaitTimeout || round >= rounds {
				return err
			}
		}
		target.OnStep("older table dropped")
	}
	return err
}

// dropEarlier drops an earlier database. The previous one stays as an empty database with its journal, which
// describes the live database.
func dropEarlier(ctx context.Context, s *session.Session, n target.Names, database string, rounds int) error {
	to := journalDropped
	if database == n.Previous {
		to = session.JournalMarked
	}
	journal := mysql.QuoteName(database) + "."
	if err := s.Exec(ctx, "RENAME TABLE "+journal+mysql.QuoteName(session.JournalDone)+" TO "+journal+mysql.QuoteName(to)); err != nil {
		return err
	}
	target.OnStep("earlier database doomed")
	if database == n.Previous {
		return dropTables(ctx, s, database, rounds)
	}
	return dropOlder(ctx, s, database, rounds)
}

// prune drops surplus earlier databases after a swap. If it fails, the next swap tries again.
func (db *Database) prune(ctx context.Context, s *session.Session) error {
	ctx = context.WithoutCancel(ctx)
	all, err := earlier(ctx, s, db.Names)
	if err != nil {
		return db.Classify("list the earlier databases", err)
	}
	if all, err = db.mergeSurplus(ctx, s, all); err != nil {
		return db.Classify("merge earlier databases", err)
	}
	drop, err := target.Surplus(all, db.Config.Keep, func(k target.Kept) (bool, error) { return db.hasWork(ctx, s, k.Database) })
	if err != nil {
		return db.Classify("look at the earlier databases", err)
	}
	for _, k := range drop {
		db.noteUndropped(k.Database, dropEarlier(ctx, s, db.Names, k.Database, pruneRounds))
		target.OnStep("older database dropped")
	}
	return nil
}

// noteUndropped notes why an earlier database could not be dropped.
func (db *Database) noteUndropped(database string, err error) {
	if err != nil {
		db.Config.Note(fmt.Sprintf("the earlier database %s is not dropped yet: %v", database, err))
	}
}

// DropEarlier drops an earlier database and all that are older: see target.Database.
func (db *Database) DropEarlier(ctx context.Context, number int) ([]target.Earlier, error) {
	s, err := db.lockedClean(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	all, err := earlier(ctx, s, db.Names)
	if err != nil {
		return nil, db.Classify("list the earlier databases", err)
	}
	if _, err := target.AtNumber(all, number); err != nil {
		return nil, err
	}
	var dropped []target.Earlier
	for _, k := range slices.Backward(all[number-1:]) {
		if err := ctx.Err(); err != nil {
			return dropped, err
		}
		if err := dropEarlier(context.WithoutCancel(ctx), s, db.Names, k.Database, session.LockRounds); err != nil {
			return dropped, db.Classify("drop database "+k.Database, err)
		}
		dropped = append(dropped, k.Earlier)
	}
	slices.Reverse(dropped)
	return dropped, nil
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
	all, err := earlier(ctx, s, n)
	if err != nil {
		return db.Classify("list the earlier databases", err)
	}
	k, err := target.AtNumber(all, number)
	if err != nil {
		return err
	}
	live := ""
	if all[0].Database == n.Previous {
		live = all[0].Base
	}
	if err := target.Reachable(all, number, live); err != nil {
		return err
	}
	action := "read the journal of database " + k.Database
	was, err := readJournal(ctx, s, at(n, k.Database), session.JournalDone, oldSide)
	if err != nil {
		return db.Classify(action, err)
	}
	was.provenance.Choice, was.provenance.Token = target.Undone, db.Config.Token
	e, err := readExtent(ctx, s, at(n, k.Database), session.JournalDone)
	if err != nil {
		return db.Classify(action, err)
	}
	if err := checkInside(ctx, s, k.Database, e.has); err != nil {
		return db.Classify("look for the files of tables", err)
	}
	var tied *target.ForeignKeyError
	if err := load.CheckLive(ctx, db.Server, s, e.part()); errors.As(err, &tied) {
		return &target.ForeignKeyError{Table: tied.Table, Refers: tied.Refers, Replaced: tied.Replaced} // the other tables no longer exist
	} else if err != nil {
		return err
	}
	turn := turn{from: k.Database, extent: e, new: was, state: k.State, plan: func(ctx context.Context) ([]move, error) { return backFromPrevious(ctx, s, n, e) }}
	if k.Database != n.Previous {
		if turn.slot, err = slotForPrevious(ctx, s, n); err != nil {
			return db.Classify("look for the earlier databases", err)
		}
		turn.plan = func(ctx context.Context) ([]move, error) { return backFromOlder(ctx, s, n, e, k.Database, turn.slot) }
	}
	return db.exchange(ctx, s, turn)
}

// backFromPrevious lists the moves that exchange the live database with the previous one.
func backFromPrevious(ctx context.Context, s *session.Session, n target.Names, e extent) ([]move, error) {
	back, err := movesOf(ctx, s, n.Previous, n.Live, extent{})
	if err != nil {
		return nil, err
	}
	away, err := movesOf(ctx, s, n.Live, n.Spare, e)
	if err != nil {
		return nil, err
	}
	moves := append([]move{{session.JournalDone, n.Previous, n.Spare}}, away...)
	moves = append(moves, back...)
	for _, m := range away {
		moves = append(moves, move{m.Table, n.Spare, n.Previous})
	}
	return moves, nil
}

// backFromOlder lists the moves that make an older database the live one, the live one the previous one, and the
// previous one an older one.
func backFromOlder(ctx context.Context, s *session.Session, n target.Names, e extent, older, slot string) ([]move, error) {
	moves := []move{{session.JournalDone, older, n.Spare}}
	aside, err := previousAway(ctx, s, n, slot)
	if err != nil {
		return nil, err
	}
	away, err := movesOf(ctx, s, n.Live, n.Previous, e)
	if err != nil {
		return nil, err
	}
	back, err := movesOf(ctx, s, older, n.Live, extent{})
	return slices.Concat(moves, aside, away, back), err
}

// aside lists the moves of a swap: the incoming database becomes the live one, and the live one becomes the previous
// one.
func aside(ctx context.Context, s *session.Session, n target.Names, e extent, slot string) ([]move, error) {
	moves, err := previousAway(ctx, s, n, slot)
	if err != nil {
		return nil, err
	}
	away, err := movesOf(ctx, s, n.Live, n.Previous, e)
	if err != nil {
		return nil, err
	}
	back, err := movesOf(ctx, s, n.Incoming, n.Live, e)
	return slices.Concat(moves, away, back), err
}
