package read

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
)

// clientSession is the session of pg_dump, seen through another connection. Its number is unknown: it is a session of our name from the same
// machine, that has begun since and is none of our own.
type clientSession struct {
	*snapshot
	since time.Time // by the server's clock
}

func (c *clientSession) condition() string {
	ours := "0"
	c.postgres.ours.Range(func(process, _ any) bool {
		ours += fmt.Sprintf(", %d", process)
		return true
	})
	return fmt.Sprintf(" FROM pg_catalog.pg_stat_activity a WHERE datname = current_database() AND usename = session_user"+
		" AND application_name = 'dump-helper' AND pid NOT IN (pg_backend_pid(), %s) AND backend_start >= '%s'"+
		" AND client_addr IS NOT DISTINCT FROM (SELECT client_addr FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid())",
		ours, c.since.UTC().Format("2006-01-02 15:04:05.999999Z"))
}

// Look asks whether any of them is at work. A pooler may have given them another name, so only the answer counts then.
func (c *clientSession) Look(ctx context.Context) (silence.State, error) {
	rows, err := c.beside(ctx, "SELECT coalesce(state, ''), coalesce(row_to_json(a)->>'wait_event', '')"+c.condition())
	switch {
	case postgres.SQLState(err) != "":
		return silence.Unseen, postgres.Plain(err)
	case err != nil:
		return silence.Working, err
	case len(rows) == 0 && c.postgres.pooler != nil:
		return silence.Unseen, nil
	case len(rows) == 0:
		return silence.Gone, nil
	}
	for _, row := range rows {
		if !strings.HasPrefix(row[0], "idle") && row[1] != "ClientRead" && row[1] != "ClientWrite" {
			return silence.Working, nil
		}
	}
	return silence.Waiting, nil
}

// End ends them.
func (c *clientSession) End(ctx context.Context) error {
	_, err := c.beside(ctx, "SELECT pg_catalog.pg_terminate_backend(pid)"+c.condition())
	return err
}

// beside runs a query on a connection of its own.
func (c *clientSession) beside(ctx context.Context, query string) (rows [][]string, err error) {
	conn, err := c.connectAside(ctx)
	if err != nil {
		return nil, err
	}
	rows, err = readAll(conn.PgConn().Exec(ctx, query))
	return rows, errors.Join(err, conn.Close(ctx))
}
