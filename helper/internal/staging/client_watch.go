package staging

import (
	"context"
	"regexp"
	"strings"
	"time"
)

// An official client locks what it reads for as long as that takes, and whoever takes its text may take long. It is ended
// where somebody waits for it.

// watched gives a context that ends when look gives an error, which is then its cause, and how to end looking.
func watched(ctx context.Context, look func(context.Context) error) (context.Context, closing) {
	ctx, cancel := context.WithCancelCause(ctx)
	looking, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := look(looking); err != nil {
			cancel(err)
		}
	}()
	return ctx, func() {
		stop()
		<-done
		cancel(context.Canceled)
	}
}

// watchClient looks who waits for mysqldump, until ctx ends. Where there is no connection for it, nobody looks.
func (m *mysqlServer) watchClient(ctx context.Context) error {
	pool, conn, err := m.connect(ctx)
	if err != nil {
		return nil
	}
	defer pool.Close()
	defer conn.Close()
	s := &mysqlSnapshot{server: m, aside: conn}
	go s.followClient(ctx)
	return s.watch(ctx)
}

// clientQuery is how the clients read the rows of a table. An account sees its own sessions.
var clientQuery = regexp.MustCompile("(?s)^SELECT /\\*!40001 SQL_NO_CACHE \\*/.* FROM `((?:[^`]|``)+)`")

// followClient notes which table is being read.
func (s *mysqlSnapshot) followClient(ctx context.Context) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	before := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		table := s.clientTable(ctx)
		if table == before {
			continue
		}
		if s.held.remove(0); table != "" {
			s.held.add(0, table)
		}
		before = table
	}
}

func (s *mysqlSnapshot) clientTable(ctx context.Context) string {
	s.using.Lock()
	defer s.using.Unlock()
	var text string
	err := s.aside.QueryRowContext(ctx, "SELECT INFO FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE 'SELECT /*!40001 SQL_NO_CACHE */%' LIMIT 1").Scan(&text)
	found := clientQuery.FindStringSubmatch(text)
	if err != nil || found == nil {
		return ""
	}
	return strings.ReplaceAll(found[1], "``", "`")
}

// watchClient looks who waits for pg_dump, until ctx ends. Where there is no connection for it, nobody looks.
func (p *postgres) watchClient(ctx context.Context) error {
	s := &postgresSnapshot{postgres: p, goodbye: context.WithoutCancel(ctx)}
	var err error
	if s.aside, err = s.connectAside(ctx); err != nil {
		return nil
	}
	defer s.Close()
	return s.watch(ctx)
}
