package localdb

import (
	"context"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
)

// pgHelper is a session that works beside the load's own.
type pgHelper struct {
	*pgSession
	settings int // how many of the dump's settings it has made, too
}

// connect opens a session that fills the scratch database.
func (l *postgresLoad) connect(ctx context.Context) (*pgSession, error) {
	s, err := l.db.connect(ctx, l.db.names.incoming)
	if err != nil {
		return nil, err
	}
	// Nothing is lost by it: whoever makes the swap last for good makes last what was committed before, too.
	if err := s.exec(ctx, "SET synchronous_commit = off"); err != nil {
		s.close()
		return nil, l.db.explain("prepare a connection", err)
	}
	return s, nil
}

// together has the load's session and its helpers work at the same time, no more of them than there are jobs, each
// with the settings that the dump has made so far. The first error ends the work of all.
func (l *postgresLoad) together(ctx context.Context, jobs int, work func(context.Context, *pgSession) error) error {
	sessions := l.db.config.Threads
	if sessions == 0 {
		sessions = max(2, min(runtime.NumCPU(), mostSessions))
	}
	sessions = max(1, min(sessions, jobs))
	for 1+len(l.helpers) < sessions {
		s, err := l.connect(ctx)
		if code(err) == pgTooManyConnections {
			break // those that there are do it, too
		}
		if err != nil {
			return err
		}
		l.helpers = append(l.helpers, &pgHelper{pgSession: s})
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return work(ctx, l.load) })
	for _, helper := range l.helpers[:min(sessions-1, len(l.helpers))] {
		group.Go(func() error {
			if err := helper.exec(ctx, strings.Join(l.settings[helper.settings:], ";\n")); err != nil {
				return l.db.explain("prepare a connection", err)
			}
			helper.settings = len(l.settings)
			return work(ctx, helper.pgSession)
		})
	}
	return group.Wait()
}

// dismiss ends the sessions beside the load's own.
func (l *postgresLoad) dismiss() {
	for _, helper := range l.helpers {
		helper.close()
	}
	l.helpers = nil
}
