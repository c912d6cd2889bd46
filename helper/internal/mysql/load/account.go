package load

import (
	"context"
	"errors"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// A dump is SQL, and may contain anything. A list of statements is the first thing that keeps it in the scratch database. The second one is an
// account that may do nothing elsewhere: it executes the dump's statements and adds its rows, over connections of its own.
//
// What it may not do but dumps need, the pull's own account does:
//   - Views, triggers, routines and events may be of any definer, and may name other databases. They are made when all rows are in. Nothing of the
//     dump is executed any more by then, so none of them fires or is called.
//   - Foreign keys to other databases are made after the swap, from what was read of them: see rewrite.QualifiedName.
//   - Defaults that take numbers from other databases are set when all rows are in.
//   - More sessions for files send nothing that comes from a dump.
//
// On MySQL the account may set more variables of its own sessions than others may, because the settings of a load need that.

// listAlone ends the notes about a load without such an account.
const listAlone = "a list of statements alone keeps the dump in its database"

// openPool opens the sessions of the load: those of an account that reaches only the scratch database, if one can be made.
func (l *Load) openPool(ctx context.Context) error {
	if err := l.confine(ctx); err != nil || l.Pool != nil {
		return err
	}
	pool, err := l.Server.OpenPool(ctx, l.Server.PoolSize())
	if err != nil {
		return err
	}
	l.Pool = pool
	return nil
}

// confine makes the account and opens its sessions. It leaves both nil if that cannot be done.
func (l *Load) confine(ctx context.Context) error {
	db := l.Server
	able, err := db.MakesAccounts(ctx, l.Lock)
	if err != nil {
		return err
	}
	if !able {
		db.Config.Note("the account of DUMP_TARGET cannot make another one for loading; " + listAlone)
		return nil
	}
	account, err := db.MakeAccount(ctx, l.Lock)
	if err == nil {
		l.Account = account
		if l.Pool, err = db.OpenPoolAs(ctx, account, db.PoolSize()); err == nil {
			err = l.tryAccount(ctx)
		}
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || mysql.Is(err, fault.TooManyConnections) {
		return db.Classify("make an account for loading", err)
	}
	db.Config.Note("no account for loading: " + mysql.WithoutValues(mysql.ServerMessage(err)) + "; " + listAlone)
	return l.EndAccount(ctx)
}

// tryAccount tries what depends on how a server is set up.
func (l *Load) tryAccount(ctx context.Context) error {
	s := l.Pool.Sessions[0]
	if err := s.Exec(ctx, "USE "+mysql.QuoteName(l.Server.Names.Incoming)); err != nil {
		return err
	}
	if !l.Server.Release.IsMariaDB() {
		return nil
	}
	// A server may let administrators alone load the history of tables (secure_timestamp).
	const history = "SET SESSION " + insertHistory + " = 1"
	err := s.Exec(ctx, history)
	if mysql.Errno(err) == 0 || mysql.Errno(err) == mysql.ErrnoUnknownVariable {
		return ignoring(err, mysql.ErrnoUnknownVariable)
	}
	if l.Lock.Exec(ctx, history) != nil {
		return nil //nolint:nilerr // nobody may
	}
	return errors.Join(err, l.Lock.Exec(ctx, "SET SESSION "+insertHistory+" = 0"))
}

// ignoring returns nil for an error of the server with this number.
func ignoring(err error, errno uint16) error {
	if mysql.Errno(err) == errno {
		return nil
	}
	return err
}

// EndAccount ends the sessions of the account, and drops it. Without an account it does nothing.
func (l *Load) EndAccount(ctx context.Context) error {
	if l.Account == nil {
		return nil
	}
	if l.Pool != nil {
		l.Pool.Close()
	}
	l.CloseAccount()
	l.Account, l.Pool = nil, nil
	return l.Server.DropAccount(ctx, l.Lock)
}

// CloseAccount ends the connections of the account.
func (l *Load) CloseAccount() {
	if l.Account != nil && l.Account.Pool != nil {
		_ = l.Account.Pool.Close()
	}
}

// asOwnAccount has a session of the pull's own account take the place of the load's sessions, which are idle. The function that it returns undoes
// that.
func (l *Load) asOwnAccount(ctx context.Context) (back func(), err error) {
	if l.Account == nil {
		return func() {}, nil
	}
	own, err := l.Server.OpenPool(ctx, 1)
	if err != nil {
		return nil, err
	}
	if err := own.Exec(ctx, "USE "+mysql.QuoteName(l.Server.Names.Incoming)); err != nil {
		own.Close()
		return nil, l.Server.Classify("use database "+l.Server.Names.Incoming, err)
	}
	confined := l.Pool
	l.Pool, l.ownPool = own, own
	return func() {
		own.Close()
		l.Pool = confined
	}, nil
}
