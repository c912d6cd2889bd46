package localdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// lockRounds times lockRound is how long a swap waits for sessions that hold tables of the live database.
const lockRounds = 6

// mysqlTurn is how a database takes the live one's place.
type mysqlTurn struct {
	from   string // the database that new tables come from
	extent extent
	// new is what the live database then has beside its tables, and state what it is called: see [descent].
	new   contents
	state string
	// place is a database that is made for tables beside those that always are; "" for none.
	place string
	// plan lists the moves. It is asked again for every try: the site may have made a table meanwhile.
	plan func(context.Context) ([]move, error)
}

// exchange does a turn, with all of its moves in one statement. Where it fails before that statement has succeeded, everything is as it was.
func (db *mysqlDatabase) exchange(ctx context.Context, s *mysqlSession, turn mysqlTurn) error {
	e, new := turn.extent, turn.new
	if err := ctx.Err(); err != nil {
		return err
	}
	// From here on the driver must not cut the connection in the middle of a statement, which the
	// server would finish all the same.
	waiting := ctx
	ctx = context.WithoutCancel(ctx)
	n := db.names
	if err := s.checkInside(ctx, n.live, e.has); err != nil {
		return db.explain("look for the files of tables", err)
	}
	var old contents
	present, err := s.capture(ctx, n.live)
	if errors.Is(err, errUnreadable) {
		return &PrivilegeError{Action: "read the routines of database " + n.live, Grant: db.grantShowRoutine(), Err: err}
	}
	if err != nil {
		return db.explain("read the views and routines of database "+n.live, err)
	}
	if old.held, err = s.record(ctx, n); err != nil {
		return db.explain("read the journal of database "+n.previous, err)
	}
	first, _, err := s.tableNumbers(ctx, n.live)
	if err != nil {
		return db.explain("number the tables of database "+n.live, err)
	}
	old.held = old.held.of(first)
	for i, o := range present {
		present[i] = o.atHome(n)
	}
	old.objects = e.carried(present)
	var leftOut []object
	new.objects, leftOut = e.fitting(new.objects, present)
	for _, o := range leftOut {
		db.config.Note(fmt.Sprintf("%s %s is left out: one that stays has that name", strings.ToLower(string(o.Kind)), o.Name))
	}
	inbound, err := db.inbound(ctx, s, e)
	if err != nil {
		return db.explain("look for foreign keys of other databases", err)
	}
	line, err := s.nextDescent(ctx, n, turn.state)
	if err != nil {
		return db.explain("list the earlier databases", err)
	}
	beside := []string{n.live, n.previous, n.spare}
	if turn.place != "" {
		beside = append(beside, turn.place)
	}
	if err := s.createBeside(ctx, n.live, beside...); err != nil {
		return db.explain("create databases beside "+n.live, err)
	}
	err = db.explain("try foreign keys of other databases", db.tryInbound(ctx, s, turn.from, inbound))
	if err == nil {
		err = s.writeJournal(ctx, n, e, line, old, new, inbound)
	}
	if err == nil {
		onStep("journal written")
		err = db.detachInbound(waiting, ctx, s, inbound)
	}
	if err == nil {
		err = db.moveTables(waiting, ctx, s, old.objects, turn.plan)
	}
	var lost *LostError
	switch {
	case errors.As(err, &lost):
		return err // whoever comes next finds out how it went
	case err != nil:
		return errors.Join(err, db.rollBack(ctx, s))
	}
	onStep("tables moved")
	return db.rollForward(ctx, s)
}

// moveTables gets out of the way what makes RENAME TABLE fail, and moves the tables.
func (db *mysqlDatabase) moveTables(waiting, ctx context.Context, s *mysqlSession, old []object, plan func(context.Context) ([]move, error)) error {
	n := db.names
	moves, err := plan(ctx)
	if err != nil {
		return db.explain("list the tables to exchange", err)
	}
	for _, o := range old {
		inTheWay := o.Kind == view && slices.ContainsFunc(moves, func(m move) bool {
			return m.To == n.live && strings.EqualFold(m.Table, o.Name)
		})
		if o.Kind == trigger || o.Kind == foreignKey || inTheWay {
			err := db.patiently(waiting, s, func() error { return s.drop(ctx, n.live, o) })
			if err != nil {
				return db.explain(fmt.Sprintf("drop %s %s", strings.ToLower(string(o.Kind)), o.Name), err)
			}
			onStep("trigger or key dropped")
		}
	}
	err = db.patiently(waiting, s, func() error {
		// The site may have made or dropped a table since the last try.
		moves, err := plan(ctx)
		if err != nil {
			return err
		}
		if err := s.writeMoves(ctx, n, moves); err != nil {
			return err
		}
		onStep("moves written")
		return s.exec(ctx, renameStatement(n, moves))
	})
	return db.explain("exchange the tables", err)
}

// patiently does what needs tables that sessions of the site may hold, and tries again while they do.
func (db *mysqlDatabase) patiently(waiting context.Context, s *mysqlSession, do func() error) error {
	for round := 1; ; round++ {
		err := do()
		switch number(err) {
		case mysqlLockWaitTimeout, mysqlTableExists, mysqlUnknownTable:
		default:
			return err
		}
		switch {
		case waiting.Err() != nil:
			return waiting.Err()
		case round < lockRounds:
		case number(err) == mysqlLockWaitTimeout:
			return &BusyError{Name: db.names.live, Holder: s.users(context.WithoutCancel(waiting), db.names.live)}
		default:
			return err
		}
	}
}

// renameStatement is the swap: the server does all of it or nothing, unless it dies meanwhile; see takeBack.
func renameStatement(n names, moves []move) string {
	var text strings.Builder
	text.WriteString("RENAME TABLE ")
	for _, m := range moves {
		fmt.Fprintf(&text, "%s.%s TO %s.%s, ", quoteName(m.From), quoteName(m.Table), quoteName(m.To), quoteName(m.Table))
	}
	fmt.Fprintf(&text, "%s.%s TO %s.%s", quoteName(n.previous), quoteName(journalPending), quoteName(n.previous), quoteName(journalSwapped))
	return text.String()
}

// rollBack puts the live database's views and triggers back after a swap that has not moved the tables, or not all of them.
func (db *mysqlDatabase) rollBack(ctx context.Context, s *mysqlSession) error {
	n := db.names
	pending, err := s.hasTable(ctx, n.previous, journalPending)
	if err == nil && pending {
		if err := s.takeBack(ctx, n); err != nil {
			return db.explain("put the tables of database "+n.live+" back", err)
		}
		if err := db.attachInbound(ctx, s, journalPending); err != nil {
			return db.explain("put foreign keys of other databases back", err)
		}
		var old contents
		var present []object
		if old, err = s.readJournal(ctx, n, journalPending, oldSide); err == nil {
			present, err = s.capture(ctx, n.live)
		}
		if err == nil {
			// What the site has changed since then stays as it is.
			missing := slices.DeleteFunc(slices.Clone(old.objects), func(o object) bool { return slices.ContainsFunc(present, o.is) })
			err = db.complete(ctx, s, n.live, missing, old.objects)
		}
		if err == nil {
			onStep("triggers back")
			err = s.exec(ctx, fmt.Sprintf("DROP TABLE %s.%s", quoteName(n.previous), quoteName(journalPending)))
		}
	}
	if err == nil {
		err = s.dropIfEmpty(ctx, n.previous)
	}
	if err == nil {
		err = s.dropDatabase(ctx, n.spare)
	}
	if err == nil {
		err = db.sweepOlder(ctx, s)
	}
	return db.explain("put the triggers of database "+n.live+" back", err)
}

// rollForward makes what the live database still lacks after its tables have been moved.
func (db *mysqlDatabase) rollForward(ctx context.Context, s *mysqlSession) error {
	n := db.names
	action := "finish the swap of database " + n.live
	new, err := s.readJournal(ctx, n, journalSwapped, newSide)
	if err != nil {
		return db.explain(action, err)
	}
	e, err := s.readExtent(ctx, n, journalSwapped)
	if err == nil {
		err = db.attachInbound(ctx, s, journalSwapped)
	}
	if err != nil {
		return db.explain(action, err)
	}
	present, err := s.capture(ctx, n.live)
	if err != nil {
		return db.explain(action, err)
	}
	present = e.carried(present)
	for _, o := range without(present, new.objects) {
		if err := s.drop(ctx, n.live, o); err != nil {
			return db.explain(action, err)
		}
		onStep("old view dropped")
	}
	missing := without(new.objects, present)
	if err := db.complete(ctx, s, n.live, missing, new.objects); err != nil {
		return db.explain(action, err)
	}
	onStep("views made")
	if err := s.fixSequences(ctx, n); err != nil {
		return db.explain(action, err)
	}
	if len(missing) > 0 {
		if err := s.adoptObjects(ctx, n, new); err != nil {
			return db.explain(action, err)
		}
	}
	if err := s.exec(ctx, fmt.Sprintf("DROP TABLE IF EXISTS %s.%s", quoteName(n.previous), quoteName(journalMarked))); err != nil {
		return db.explain(action, err)
	}
	err = s.exec(ctx, fmt.Sprintf("RENAME TABLE %[1]s.%[2]s TO %[1]s.%[3]s",
		quoteName(n.previous), quoteName(journalSwapped), quoteName(journalDone)))
	if err != nil {
		return db.explain(action, err)
	}
	onStep("journal closed")
	for _, rubbish := range []string{n.incoming, n.spare} {
		if err := s.dropDatabase(ctx, rubbish); err != nil {
			return db.explain("drop database "+rubbish, err)
		}
		onStep("rubbish dropped")
	}
	return db.explain("drop an older database", db.sweepOlder(ctx, s))
}

// complete makes those objects of all that are missing. Triggers fire in the order in which they were
// made: where one is missing, all are made again.
func (db *mysqlDatabase) complete(ctx context.Context, s *mysqlSession, database string, missing, all []object) error {
	isTrigger := func(o object) bool { return o.Kind == trigger }
	if slices.ContainsFunc(missing, isTrigger) {
		missing = slices.DeleteFunc(missing, isTrigger)
		for _, o := range all {
			if !isTrigger(o) {
				continue
			}
			if err := s.drop(ctx, database, o); err != nil {
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

// recoverLocked ends what an earlier run left, and drops its rubbish.
func (db *mysqlDatabase) recoverLocked(ctx context.Context, s *mysqlSession) error {
	ctx = context.WithoutCancel(ctx)
	n := db.names
	swapped, err := s.hasTable(ctx, n.previous, journalSwapped)
	if err != nil {
		return db.explain("look for an interrupted swap", err)
	}
	if swapped {
		err = db.rollForward(ctx, s)
	} else {
		err = db.rollBack(ctx, s)
	}
	if err != nil {
		return err
	}
	if err := s.loosen(ctx, n); err != nil {
		return db.explain("take foreign keys off the tables of database "+n.previous, err)
	}
	if err := s.nameStates(ctx, n); err != nil {
		return db.explain("complete the journal of database "+n.previous, err)
	}
	return db.explain("drop database "+n.incoming, s.dropDatabase(ctx, n.incoming))
}

func (db *mysqlDatabase) Recover(ctx context.Context) error {
	s, err := db.locked(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	return db.recoverLocked(ctx, s)
}

// swap moves the live database's tables to the previous one, and the incoming ones to the live one, as far as an extent
// reaches.
func (db *mysqlDatabase) swap(ctx context.Context, s *mysqlSession, e extent, new contents) error {
	n := db.names
	place, err := db.placeInSwap(ctx, s)
	if err != nil {
		return db.explain("look for the earlier databases", err)
	}
	err = db.exchange(ctx, s, mysqlTurn{
		from: n.incoming, extent: e, new: new, state: newState(), place: place,
		plan: func(ctx context.Context) ([]move, error) { return s.aside(ctx, n, e, place) },
	})
	if err != nil {
		return err
	}
	return db.prune(ctx, s)
}

// placeInSwap gives the name that the previous database gets in a swap: that of the spare one where it is to be dropped.
func (db *mysqlDatabase) placeInSwap(ctx context.Context, s *mysqlSession) (string, error) {
	n := db.names
	place, err := s.placeForPrevious(ctx, n)
	if err != nil || place == n.spare || db.config.Keep > 1 {
		return place, err
	}
	if db.config.KeepChanged {
		all, err := s.earlier(ctx, n)
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(all[1:], func(k kept) bool { return k.Part }) {
			return place, nil // the way to it may lead over the previous one: prune knows
		}
	}
	work, err := db.hasWork(ctx, s, n.previous)
	if err == nil && !work {
		place = n.spare
	}
	return place, err
}

// moves lists those of all tables of a database in an extent, but for our own.
func (s *mysqlSession) moves(ctx context.Context, from, to string, e extent) ([]move, error) {
	tables, err := s.tables(ctx, from)
	var moves []move
	for _, table := range tables {
		if !isJournal(table) && e.has(table) {
			moves = append(moves, move{table, from, to})
		}
	}
	return moves, err
}

// createBeside makes databases with the defaults of the live one; those that exist stay as they are.
func (s *mysqlSession) createBeside(ctx context.Context, live string, databases ...string) error {
	rows, err := s.table(ctx, "SELECT DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation_name"+
		" FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", live)
	if err != nil {
		return err
	}
	defaults := ""
	if len(rows) > 0 {
		defaults = fmt.Sprintf(" CHARACTER SET %s COLLATE %s", rows[0]["charset"], rows[0]["collation_name"])
	}
	for _, database := range databases {
		err := s.exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(database)+defaults)
		if number(err) == mysqlFolderExists {
			return &StrayFilesError{Database: database, Err: err}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropDatabase drops a database, and waits a while for those who look at it. It fails with *StrayFilesError where there are files
// in its folder that belong to no table and that cannot be removed from here.
func (s *mysqlSession) dropDatabase(ctx context.Context, database string) error {
	stray := func(err error) error { return &StrayFilesError{Database: database, Err: err} }
	// Where the folder cannot be reached the server may find nothing in its way all the same.
	var refused *FilesError
	if err := s.sweepDiscarded(ctx, database); err != nil && !errors.As(err, &refused) {
		return err
	}
	swept := false
	for round := 1; ; round++ {
		err := s.exec(ctx, "DROP DATABASE IF EXISTS "+quoteName(database))
		switch {
		case number(err) == mysqlFolderLeft, number(err) == mysqlFilesLeft && swept:
			return stray(err)
		case number(err) == mysqlFilesLeft:
			if sweepErr := s.sweep(ctx, database); sweepErr != nil {
				return stray(fmt.Errorf("%w; %w", err, sweepErr))
			}
			swept = true
		case err == nil && s.oracle:
			return s.folderGone(ctx, stray)
		case number(err) != mysqlLockWaitTimeout || round == lockRounds:
			return err
		}
	}
}

// folderGone fails where the database that was just dropped has left its folder, of which MySQL only warns.
func (s *mysqlSession) folderGone(ctx context.Context, stray func(error) error) error {
	warnings, err := s.table(ctx, "SHOW WARNINGS")
	for _, warning := range warnings {
		if warning["code"] == strconv.Itoa(mysqlFolderStays) {
			return stray(errors.New(warning["message"]))
		}
	}
	return err
}

// dropIfEmpty drops a database that holds no table.
func (s *mysqlSession) dropIfEmpty(ctx context.Context, database string) error {
	tables, err := s.tables(ctx, database)
	if err != nil || len(tables) > 0 {
		return err
	}
	return s.dropDatabase(ctx, database)
}

// grantShowRoutine is the statement that lets the account read routines that are not its own.
func (db *mysqlDatabase) grantShowRoutine() string {
	user, host := db.userHost()
	what := "SHOW_ROUTINE ON *.*"
	if db.info.Engine == "mariadb" {
		what = "SELECT ON mysql.proc"
	}
	return fmt.Sprintf("GRANT %s TO %s@%s", what, quoteText(user), quoteText(host))
}
