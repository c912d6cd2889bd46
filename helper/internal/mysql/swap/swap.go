package swap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/tablespace"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// turn describes how a database becomes the live one.
type turn struct {
	from   string // the database that new tables come from
	extent extent
	// new is what the live database will have beside its tables, and state is the name of its new state: see
	// target.Descent.
	new   contents
	state string
	// slot is an additional database that is created to receive tables; "" for none.
	slot string
	// plan lists the moves. It is called again for every try, since the site may have created a table in the
	// meantime.
	plan func(context.Context) ([]move, error)
}

// exchange makes all moves of a turn in one statement. If it fails before that statement has succeeded, everything is
// as before.
func (db *Database) exchange(ctx context.Context, s *session.Session, turn turn) error {
	e, new := turn.extent, turn.new
	if err := ctx.Err(); err != nil {
		return err
	}
	// From here on the driver must not cut the connection in the middle of a statement, which the server would finish
	// anyway.
	waiting := ctx
	ctx = context.WithoutCancel(ctx)
	n := db.Names
	if err := checkInside(ctx, s, n.Live, e.has); err != nil {
		return db.Classify("look for the files of tables", err)
	}
	var old contents
	present, err := capture(ctx, s, n.Live)
	if errors.Is(err, mysql.ErrTextHidden) {
		return &target.PrivilegeError{Action: "read the routines of database " + n.Live, Grant: db.grantShowRoutine(), Err: err}
	}
	if err != nil {
		return db.Classify("read the views and routines of database "+n.Live, err)
	}
	if old.provenance, err = ReadProvenance(ctx, s, n); err != nil {
		return db.Classify("read the journal of database "+n.Previous, err)
	}
	first, _, err := tableNumbers(ctx, s, n.Live)
	if err != nil {
		return db.Classify("number the tables of database "+n.Live, err)
	}
	old.provenance = old.provenance.Of(first)
	for i, o := range present {
		present[i] = o.atHome(n)
	}
	old.objects = e.carried(present)
	var leftOut []object
	new.objects, leftOut = e.fitting(new.objects, present)
	for _, o := range leftOut {
		db.Config.Note(fmt.Sprintf("%s %s is left out: an object that stays has that name", strings.ToLower(string(o.Kind)), o.Name))
	}
	inbound, err := db.inbound(ctx, s, e)
	if err != nil {
		return db.Classify("look for foreign keys of other databases", err)
	}
	line, err := nextDescent(ctx, s, n, turn.state)
	if err != nil {
		return db.Classify("list the earlier databases", err)
	}
	beside := []string{n.Live, n.Previous, n.Spare}
	if turn.slot != "" {
		beside = append(beside, turn.slot)
	}
	if err := s.CreateBeside(ctx, n.Live, beside...); err != nil {
		return db.Classify("create databases beside "+n.Live, err)
	}
	err = db.Classify("try foreign keys of other databases", db.tryInbound(ctx, s, turn.from, inbound))
	if err == nil {
		err = writeJournal(ctx, s, n, e, line, old, new, inbound)
	}
	if err == nil {
		target.OnStep("journal written")
		err = db.detachInbound(waiting, ctx, s, inbound)
	}
	if err == nil {
		err = db.moveTables(waiting, ctx, s, old.objects, turn.plan)
	}
	var lost *target.LostError
	switch {
	case errors.As(err, &lost):
		return err // the next run finds out how it ended
	case err != nil:
		return errors.Join(err, db.rollBack(ctx, s))
	}
	target.OnStep("tables moved")
	return db.rollForward(ctx, s)
}

// moveTables removes what would make RENAME TABLE fail, and moves the tables.
func (db *Database) moveTables(waiting, ctx context.Context, s *session.Session, old []object, plan func(context.Context) ([]move, error)) error {
	n := db.Names
	moves, err := plan(ctx)
	if err != nil {
		return db.Classify("list the tables to exchange", err)
	}
	for _, o := range old {
		inTheWay := o.Kind == mysql.View && slices.ContainsFunc(moves, func(m move) bool {
			return m.To == n.Live && strings.EqualFold(m.Table, o.Name)
		})
		if o.Kind == mysql.Trigger || o.Kind == foreignKey || inTheWay {
			err := db.patiently(waiting, s, func() error { return drop(ctx, s, n.Live, o) })
			if err != nil {
				return db.Classify(fmt.Sprintf("drop %s %s", strings.ToLower(string(o.Kind)), o.Name), err)
			}
			target.OnStep("trigger or key dropped")
		}
	}
	err = db.patiently(waiting, s, func() error {
		// The site may have created or dropped a table since the last try.
		moves, err := plan(ctx)
		if err != nil {
			return err
		}
		if err := writeMoves(ctx, s, n, moves); err != nil {
			return err
		}
		target.OnStep("moves written")
		return s.Exec(ctx, renameStatement(n, moves))
	})
	return db.Classify("exchange the tables", err)
}

// patiently retries an action while sessions of the site hold the tables that it needs.
func (db *Database) patiently(waiting context.Context, s *session.Session, do func() error) error {
	for round := 1; ; round++ {
		err := do()
		switch mysql.Errno(err) {
		case mysql.ErrnoLockWaitTimeout, mysql.ErrnoTableExists, mysql.ErrnoUnknownTable:
		default:
			return err
		}
		switch {
		case waiting.Err() != nil:
			return waiting.Err()
		case round < session.LockRounds:
		case mysql.Errno(err) == mysql.ErrnoLockWaitTimeout:
			return &target.BusyError{Name: db.Names.Live, Holder: s.Users(context.WithoutCancel(waiting), db.Names.Live)}
		default:
			return err
		}
	}
}

// renameStatement is the swap. The server does all of it or nothing, unless it dies halfway; see takeBack.
func renameStatement(n target.Names, moves []move) string {
	var text strings.Builder
	text.WriteString("RENAME TABLE ")
	for _, m := range moves {
		fmt.Fprintf(&text, "%s.%s TO %s.%s, ", mysql.QuoteName(m.From), mysql.QuoteName(m.Table), mysql.QuoteName(m.To), mysql.QuoteName(m.Table))
	}
	fmt.Fprintf(&text, "%s.%s TO %s.%s", mysql.QuoteName(n.Previous), mysql.QuoteName(session.JournalPending), mysql.QuoteName(n.Previous), mysql.QuoteName(session.JournalSwapped))
	return text.String()
}

// rollBack restores the live database's views and triggers after a swap that moved no table, or only some.
func (db *Database) rollBack(ctx context.Context, s *session.Session) error {
	n := db.Names
	pending, err := s.HasTable(ctx, n.Previous, session.JournalPending)
	if err == nil && pending {
		if err := takeBack(ctx, s, n); err != nil {
			return db.Classify("put the tables of database "+n.Live+" back", err)
		}
		if err := resetCollation(ctx, s, n, session.JournalPending); err != nil {
			return db.Classify("give database "+n.Live+" its collation again", err)
		}
		if err := db.attachInbound(ctx, s, session.JournalPending); err != nil {
			return db.Classify("put foreign keys of other databases back", err)
		}
		var old contents
		var present []object
		if old, err = readJournal(ctx, s, n, session.JournalPending, oldSide); err == nil {
			present, err = capture(ctx, s, n.Live)
		}
		if err == nil {
			// Objects that the site has changed since then stay as they are.
			missing := slices.DeleteFunc(slices.Clone(old.objects), func(o object) bool { return slices.ContainsFunc(present, o.is) })
			err = db.complete(ctx, s, n.Live, missing, old.objects)
		}
		if err == nil {
			target.OnStep("triggers back")
			err = s.Exec(ctx, fmt.Sprintf("DROP TABLE %s.%s", mysql.QuoteName(n.Previous), mysql.QuoteName(session.JournalPending)))
		}
	}
	if err == nil {
		err = dropIfEmpty(ctx, s, n.Previous)
	}
	if err != nil {
		return db.Classify("put the triggers of database "+n.Live+" back", err)
	}
	return db.tidy(ctx, s, n.Spare)
}

// rollForward makes what the live database still lacks after its tables have been moved.
func (db *Database) rollForward(ctx context.Context, s *session.Session) error {
	n := db.Names
	action := "finish the swap of database " + n.Live
	new, err := readJournal(ctx, s, n, session.JournalSwapped, newSide)
	if err != nil {
		return db.Classify(action, err)
	}
	e, err := readExtent(ctx, s, n, session.JournalSwapped)
	if err == nil {
		err = resetCollation(ctx, s, n, session.JournalSwapped)
	}
	if err == nil {
		err = db.attachInbound(ctx, s, session.JournalSwapped)
	}
	if err != nil {
		return db.Classify(action, err)
	}
	present, err := capture(ctx, s, n.Live)
	if err != nil {
		return db.Classify(action, err)
	}
	present = e.carried(present)
	for _, o := range without(present, new.objects) {
		if err := drop(ctx, s, n.Live, o); err != nil {
			return db.Classify(action, err)
		}
		target.OnStep("old view dropped")
	}
	missing := without(new.objects, present)
	if err := db.complete(ctx, s, n.Live, missing, new.objects); err != nil {
		return db.Classify(action, err)
	}
	target.OnStep("views made")
	if err := fixSequences(ctx, s, n); err != nil {
		return db.Classify(action, err)
	}
	if len(missing) > 0 {
		if err := adoptObjects(ctx, s, n, new); err != nil {
			return db.Classify(action, err)
		}
	}
	if err := s.Exec(ctx, fmt.Sprintf("DROP TABLE IF EXISTS %s.%s", mysql.QuoteName(n.Previous), mysql.QuoteName(session.JournalMarked))); err != nil {
		return db.Classify(action, err)
	}
	err = s.Exec(ctx, fmt.Sprintf("RENAME TABLE %[1]s.%[2]s TO %[1]s.%[3]s",
		mysql.QuoteName(n.Previous), mysql.QuoteName(session.JournalSwapped), mysql.QuoteName(session.JournalDone)))
	if err != nil {
		return db.Classify(action, err)
	}
	target.OnStep("journal closed")
	return db.tidy(ctx, s, n.Incoming, n.Spare)
}

// tidy drops databases that nobody needs any more, and older ones that are to go. The live database is whole, so what stays is only noted; the
// next run tries again. It fails if the connection is lost.
func (db *Database) tidy(ctx context.Context, s *session.Session, garbage ...string) error {
	var lost *target.LostError
	for _, database := range garbage {
		err := db.Classify("drop database "+database, tablespace.DropDatabase(ctx, s, database))
		if errors.As(err, &lost) {
			return err
		}
		if err != nil {
			db.Config.Note("database " + database + ", which nobody needs any more, is not dropped yet: " + err.Error())
		}
		target.OnStep("garbage dropped")
	}
	err := db.Classify("drop an older database", db.sweepOlder(ctx, s))
	if err != nil && !errors.As(err, &lost) {
		db.Config.Note("an older database cannot be dropped: " + err.Error())
		return nil
	}
	return err
}

// complete makes the objects of all that are missing. Triggers fire in the order in which they were made: if one is
// missing, all are made again.
func (db *Database) complete(ctx context.Context, s *session.Session, database string, missing, all []object) error {
	isTrigger := func(o object) bool { return o.Kind == mysql.Trigger }
	if slices.ContainsFunc(missing, isTrigger) {
		missing = slices.DeleteFunc(missing, isTrigger)
		for _, o := range all {
			if !isTrigger(o) {
				continue
			}
			if err := drop(ctx, s, database, o); err != nil {
				return err
			}
			missing = append(missing, o)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return db.create(ctx, s, database, missing)
}

// recoverLocked finishes what an interrupted run left. Its incoming database stays.
func (db *Database) recoverLocked(ctx context.Context, s *session.Session) error {
	ctx = context.WithoutCancel(ctx)
	n := db.Names
	if err := db.dropAccount(ctx, s); err != nil {
		return err
	}
	swapped, err := s.HasTable(ctx, n.Previous, session.JournalSwapped)
	if err != nil {
		return db.Classify("look for an interrupted swap", err)
	}
	if swapped {
		err = db.rollForward(ctx, s)
	} else {
		err = db.rollBack(ctx, s)
	}
	if err != nil {
		return err
	}
	if err := loosen(ctx, s, n); err != nil {
		return db.Classify("take foreign keys off the tables of database "+n.Previous, err)
	}
	if err := nameStates(ctx, s, n); err != nil {
		return db.Classify("complete the journal of database "+n.Previous, err)
	}
	return nil
}

// dropAccount drops the account that an interrupted load has left. If it stays, that is only noted: it has no rights elsewhere.
func (db *Database) dropAccount(ctx context.Context, s *session.Session) error {
	err := db.DropAccount(ctx, s)
	var lost *target.LostError
	if err == nil || errors.As(err, &lost) {
		return err
	}
	db.Config.Note("an account for loading, which nobody needs any more, is not dropped yet: " + err.Error())
	return nil
}

// finishInterrupted finishes a swap that the death of a process or of the server has interrupted, so that nobody finds the live database without
// its views and triggers. What cannot be finished is left to the next pull or undo, which fails for it.
func (db *Database) finishInterrupted(ctx context.Context) {
	interrupted := func(s *session.Session) bool {
		found, err := s.List(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (?, ?)",
			db.Names.Previous, session.JournalPending, session.JournalSwapped)
		return err == nil && len(found) > 0
	}
	s, err := db.Connect(ctx)
	if err != nil {
		return
	}
	found := interrupted(s)
	s.Close()
	if !found {
		return
	}
	if s, err = db.Locked(ctx); err != nil {
		return // the swap is still going on
	}
	defer s.Close()
	if !interrupted(s) {
		return
	}
	db.Config.Note("a swap of database " + db.Names.Live + " was interrupted, and its views, triggers and foreign keys may be missing; they are put back now")
	if err := db.recoverLocked(ctx, s); err != nil {
		db.Config.Note("the swap cannot be finished: " + err.Error())
	}
}

// Recover finishes what an interrupted run left: see target.Database.
func (db *Database) Recover(ctx context.Context) error {
	s, err := db.lockedClean(ctx)
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

// lockedClean opens a session that holds the lock, and first finishes what an interrupted run left.
func (db *Database) lockedClean(ctx context.Context) (*session.Session, error) {
	s, err := db.Locked(ctx)
	if err != nil {
		return nil, err
	}
	err = db.recoverLocked(ctx, s)
	if err == nil {
		err = db.tidy(context.WithoutCancel(ctx), s, db.Names.Incoming)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// swap moves the live database's tables to the previous database, and the incoming ones to the live database, within
// an extent.
func (db *Database) swap(ctx context.Context, s *session.Session, e extent, new contents) error {
	n := db.Names
	slot, err := db.slotInSwap(ctx, s)
	if err != nil {
		return db.Classify("look for the earlier databases", err)
	}
	err = db.exchange(ctx, s, turn{
		from: n.Incoming, extent: e, new: new, state: target.NewState(), slot: slot,
		plan: func(ctx context.Context) ([]move, error) { return aside(ctx, s, n, e, slot) },
	})
	if err != nil {
		return err
	}
	return db.prune(ctx, s)
}

// slotInSwap returns the slot that the previous database gets in a swap, or the spare database if it is to be
// dropped.
func (db *Database) slotInSwap(ctx context.Context, s *session.Session) (string, error) {
	n := db.Names
	slot, err := slotForPrevious(ctx, s, n)
	if err != nil || slot == n.Spare || db.Config.Keep > 1 {
		return slot, err
	}
	if db.Config.KeepChanged {
		all, err := earlier(ctx, s, n)
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(all[1:], func(k target.Kept) bool { return k.Part }) {
			return slot, nil // undoing to a part may need the previous database; prune decides
		}
	}
	work, err := db.hasWork(ctx, s, n.Previous)
	if err == nil && !work {
		slot = n.Spare
	}
	return slot, err
}

// movesOf lists the moves of a database's tables within an extent, without our own tables.
func movesOf(ctx context.Context, s *session.Session, from, to string, e extent) ([]move, error) {
	tables, err := s.Tables(ctx, from)
	var moves []move
	for _, table := range tables {
		if !isJournal(table) && e.has(table) {
			moves = append(moves, move{table, from, to})
		}
	}
	return moves, err
}

// dropIfEmpty drops a database that has no table.
func dropIfEmpty(ctx context.Context, s *session.Session, database string) error {
	tables, err := s.Tables(ctx, database)
	if err != nil || len(tables) > 0 {
		return err
	}
	return tablespace.DropDatabase(ctx, s, database)
}

// grantShowRoutine returns the statement that lets the account read the routines of other accounts.
func (db *Database) grantShowRoutine() string {
	user, host := db.UserHost()
	what := "SHOW_ROUTINE ON *.*"
	if db.Release.IsMariaDB() {
		what = "SELECT ON mysql.proc"
	}
	return fmt.Sprintf("GRANT %s TO %s@%s", what, mysql.QuoteText(user), mysql.QuoteText(host))
}
