package load

import (
	"context"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// helper is a session that works beside the load's own.
type helper struct {
	*session.Session
	settings int // how many of the dump's settings it has made
}

// quiet is what becomes of the server's warnings.
func quiet(*pgconn.Notice) {}

// connect opens a session that fills the scratch database.
func (l *Load) connect(ctx context.Context, notice func(*pgconn.Notice)) (*session.Session, error) {
	s, err := l.session(ctx, notice)
	if err != nil {
		return nil, err
	}
	// This is safe: the commit of the swap flushes all earlier commits as well.
	if err := s.Exec(ctx, "SET synchronous_commit = off"); err != nil {
		s.Close()
		return nil, l.Server.Classify("prepare a connection", err)
	}
	return s, nil
}

func (l *Load) session(ctx context.Context, notice func(*pgconn.Notice)) (*session.Session, error) {
	if l.account == nil {
		return l.Server.Connect(ctx, l.Server.Names.Incoming)
	}
	return l.Server.ConnectAs(ctx, l.account.Account, notice)
}

// together runs the load's session and its helpers at the same time, at most one per job. Each helper first makes the
// settings that the dump has made so far. The first error ends the work of all.
func (l *Load) together(ctx context.Context, jobs int, work func(context.Context, *session.Session) error) error {
	sessions := l.Server.Config.Threads
	if sessions == 0 {
		sessions = max(2, min(runtime.NumCPU(), target.MaxSessions))
	}
	sessions = max(1, min(sessions, jobs))
	for 1+len(l.helpers) < sessions {
		s, err := l.connect(ctx, quiet)
		if postgres.Is(err, fault.TooManyConnections) {
			break // the sessions that exist do the work
		}
		if err != nil {
			return err
		}
		l.helpers = append(l.helpers, &helper{Session: s})
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return work(ctx, l.Main) })
	for _, helper := range l.helpers[:min(sessions-1, len(l.helpers))] {
		group.Go(func() error {
			if err := helper.Exec(ctx, strings.Join(l.settings[helper.settings:], ";\n")); err != nil {
				return l.Server.Classify("prepare a connection", err)
			}
			helper.settings = len(l.settings)
			return work(ctx, helper.Session)
		})
	}
	return group.Wait()
}

// dismiss closes the sessions beside the load's own.
func (l *Load) dismiss() {
	for _, helper := range l.helpers {
		helper.Close()
	}
	l.helpers = nil
}
