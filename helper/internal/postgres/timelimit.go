package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
)

// timeLimits are the settings by which a server ends a session, or a statement of it, by the error that it gives then.
var timeLimits = map[string]string{
	idleSession:        "idle_session_timeout",
	idleInTransaction:  "idle_in_transaction_session_timeout",
	transactionTimeout: "transaction_timeout",
	QueryCanceled:      "statement_timeout",
}

// TimeLimits opens connections whose settings are made in time. Sessions set the server's time limits aside in their first statements; a limit
// shorter than the way to the server ends them before. From then on, that limit is set aside in the packet by which a session starts. It is
// not in there from the beginning, since a pooler refuses settings that it does not know, and an old server does, too. It is safe for
// concurrent use, and the zero value knows of no such limit.
type TimeLimits struct {
	mutex sync.Mutex
	short []string
}

// TimeLimitError means that a session ends before it can set the server's time limit aside.
type TimeLimitError struct {
	Name string // of the setting
	Err  error  // the server's
}

func (e *TimeLimitError) Error() string {
	return fmt.Sprintf("the server's setting %s ends sessions before they can change it: %v", e.Name, e.Err)
}

func (e *TimeLimitError) Unwrap() error { return e.Err }

// Connect opens a connection and has prepare make its settings. It fails with *TimeLimitError.
func (l *TimeLimits) Connect(ctx context.Context, config *pgx.ConnConfig, prepare func(*pgx.Conn) error) (*pgx.Conn, error) {
	var ended *TimeLimitError
	for {
		short := l.Short()
		for _, name := range short {
			config.RuntimeParams[name] = "0"
		}
		conn, err := pgx.ConnectConfig(ctx, config)
		if err == nil {
			if err = prepare(conn); err == nil {
				return conn, nil
			}
			_ = conn.Close(context.WithoutCancel(ctx))
		}
		name := timeLimits[SQLState(err)]
		switch {
		case ctx.Err() != nil, SQLState(err) == "":
			return nil, err
		case name == "" && ended != nil: // the server, or a pooler, does not take it like that
			return nil, ended
		case name == "":
			return nil, err
		}
		ended = &TimeLimitError{Name: name, Err: err}
		if slices.Contains(short, name) {
			return nil, ended
		}
		l.add(name)
	}
}

// Short returns the names of the limits that are known to be too short.
func (l *TimeLimits) Short() []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.Clone(l.short)
}

func (l *TimeLimits) add(name string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !slices.Contains(l.short, name) {
		l.short = append(l.short, name)
	}
}
