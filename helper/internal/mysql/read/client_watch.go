package read

import (
	"context"
	"regexp"
	"strings"
	"time"
)

// watchClient watches for sessions that wait for mysqldump, until ctx ends. If the server has no spare connection, it
// does nothing.
func (m *Server) watchClient(ctx context.Context) error {
	pool, conn, err := m.connect(ctx)
	if err != nil {
		return nil
	}
	defer pool.Close()
	defer conn.Close()
	s := &snapshot{server: m, aside: conn}
	go s.followClient(ctx)
	return s.watch(ctx)
}

// clientQuery matches the queries by which clients read the rows of a table. Every account sees its own sessions.
var clientQuery = regexp.MustCompile("(?s)^SELECT /\\*!40001 SQL_NO_CACHE \\*/.* FROM `((?:[^`]|``)+)`")

// followClient notes which table is being read.
func (s *snapshot) followClient(ctx context.Context) {
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

func (s *snapshot) clientTable(ctx context.Context) string {
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
