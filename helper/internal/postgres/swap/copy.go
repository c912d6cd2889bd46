package swap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// A part of a database is replaced in a copy of it, which then takes the live database's place. Anything that the
// site wrote in between would be lost. So nobody may connect from before the copy is made until the swap. If this
// process is killed, everything must be as before. A lock of the server does both: a session that renames a database
// keeps newcomers waiting until its transaction ends, and the transaction ends with the session.
//
// But the server does not copy a database that is being renamed, and copies only outside of transactions. So the lock
// passes through three sessions. s renames the database. The copier waits behind s, and the guard, which renames the
// database again, waits behind the copier. Then s rolls back its rename. The server serves them in this order, and
// later sessions wait behind the guard.

// copyLive creates the incoming database as a copy of the live one. It returns a session whose transaction has
// renamed the live database to its spare name, so that nobody can connect to it until that transaction ends.
func (db *Database) copyLive(ctx context.Context, s *session.Session) (guard *session.Session, err error) {
	n := db.Names
	action := "copy database " + n.Live
	rows, err := s.Query(ctx, "SELECT d.oid, r.rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = $1", n.Live)
	if err != nil {
		return nil, db.Classify(action, err)
	}
	if len(rows) == 0 {
		return nil, target.ErrNoDatabase
	}
	number, owner := rows[0][0], rows[0][1]
	create := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s", postgres.QuoteIdentifier(n.Incoming), postgres.QuoteIdentifier(n.Live), postgres.QuoteIdentifier(owner))
	if v, _ := version.Parse(db.About.Version); v.Major >= 15 {
		create += " STRATEGY FILE_COPY" // the only way of older servers; the newer one also writes every page to the log
	}
	away := renaming(rename{n.Live, n.Spare})

	copier, err := db.Connect(ctx, db.Maintenance)
	if err != nil {
		return nil, err
	}
	defer copier.Close()
	watch, err := db.Connect(ctx, db.Maintenance)
	if err != nil {
		return nil, err
	}
	defer watch.Close()
	if guard, err = db.Connect(ctx, db.Maintenance); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			guard.Close()
			guard = nil
		}
	}()
	if err := unhurried(ctx, guard); err != nil {
		return guard, db.Classify(action, err)
	}

	err = db.alone(ctx, action, s, func(ctx context.Context) error {
		err := s.Exec(ctx, "BEGIN; "+away)
		if err != nil {
			_ = s.Exec(ctx, "ROLLBACK")
		}
		return err
	})
	if err != nil {
		return guard, err
	}
	target.OnStep("others kept out")
	line, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	group, line := errgroup.WithContext(line)
	var queued []string
	for _, next := range []struct {
		session *session.Session
		text    string
	}{{copier, create}, {guard, "BEGIN; " + away}} {
		group.Go(func() error { return next.session.Exec(line, next.text) })
		pid := strconv.FormatUint(uint64(next.session.Conn.PID()), 10)
		queued = append(queued, pid)
		if err = awaitQueued(line, watch, number, pid); err != nil {
			break
		}
	}
	if err == nil {
		err = db.clearQueue(line, watch, number, queued)
	}
	if err != nil {
		cancel(err)
	}
	target.OnStep("queued")
	if failed := s.Exec(context.WithoutCancel(ctx), "ROLLBACK"); failed != nil { // the queue may have moved on by now
		err = failed
		cancel(err)
	}
	if failed := group.Wait(); failed != nil || err != nil {
		err = db.Classify(action, context.Cause(line))
	}
	target.OnStep("copied")
	return guard, err
}

// unhurried lifts the time limit of a session's transactions. Only newer servers have the setting.
func unhurried(ctx context.Context, s *session.Session) error {
	_, err := s.Query(ctx, "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'")
	return err
}

// afterGuard returns the renames of a swap after a guard has already given the live database its spare name. A
// previous database that is not kept takes the name of the incoming one.
func afterGuard(n target.Names) func(place string) []rename {
	return func(place string) []rename {
		if place == n.Spare {
			place = n.Incoming
		}
		return []rename{{n.Incoming, n.Live}, {n.Previous, place}, {n.Spare, n.Previous}}
	}
}

// queue lists the processes that wait for exclusive use of a database.
func queue(ctx context.Context, s *session.Session, database string) (pids []string, err error) {
	rows, err := s.Query(ctx, "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass"+
		" AND objid = $1::oid AND NOT granted", database)
	for _, row := range rows {
		pids = append(pids, row[0])
	}
	return pids, err
}

// awaitQueued returns when a process is waiting in the queue.
func awaitQueued(ctx context.Context, s *session.Session, database, pid string) error {
	for range queueTries {
		pids, err := queue(ctx, s, database)
		if err != nil || slices.Contains(pids, pid) {
			return err
		}
		if err := session.Pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return errNotQueued
}

var errNotQueued = errors.New("the server did not make a session wait in the queue")

// queueTries times five milliseconds is how long processes may take to enter the queue, and to leave it.
const queueTries = 4000

// clearQueue ends the processes that wait before or between those that should be next.
func (db *Database) clearQueue(ctx context.Context, s *session.Session, database string, next []string) error {
	before, err := queue(ctx, s, database)
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		waiting, err := queue(ctx, s, database)
		if err != nil {
			return err
		}
		before = slices.DeleteFunc(before, func(pid string) bool {
			return slices.Contains(next, pid) || !slices.Contains(waiting, pid)
		})
		switch {
		case len(before) == 0:
			return nil
		case try == queueTries:
			return &target.BusyError{Name: db.Names.Live, Holder: "process " + strings.Join(before, ", ") + ", which wants to connect"}
		}
		for _, pid := range before {
			_, _ = s.Query(ctx, "SELECT pg_terminate_backend($1::int)", pid)
		}
		if err := session.Pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}
