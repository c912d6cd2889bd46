package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
)

// Connector opens connections to a single MySQL or MariaDB server. It checks the identity of each connection before
// anyone uses it.
type Connector struct {
	sqldriver.Connector
	Check *oneserver.Check
	// Tries is how often to connect when another server answers: a name may lead to several servers in turn. 0 counts
	// as 1.
	Tries int
	// Timeout bounds how long the server may take to let somebody in and to say who it is; 0 is no bound.
	Timeout time.Duration
}

// watchedBy is the key of a context's value, a **silence.Conn in which the connection is stored that is watched.
type watchedBy struct{}

// pause is the time between tries. A name server rotates a name's addresses only after a while.
const pause = 100 * time.Millisecond

// Connect fails with *oneserver.WrongServerError, and as the connector below.
func (c *Connector) Connect(ctx context.Context) (conn sqldriver.Conn, err error) {
	for try := 1; ; try++ {
		conn, err = c.watched(ctx)
		var wrong *oneserver.WrongServerError
		if !errors.As(err, &wrong) || wrong.Err != nil || try >= c.Tries {
			return conn, err
		}
		if clock.Sleep(ctx, pause) != nil {
			return nil, err
		}
	}
}

// watched opens a connection, which is watched for silence if the options say so.
func (c *Connector) watched(ctx context.Context) (sqldriver.Conn, error) {
	var watched *silence.Conn
	conn, id, err := c.connect(context.WithValue(ctx, watchedBy{}, &watched))
	if err == nil && watched != nil {
		watched.Leads(&session{server: c, id: id})
	}
	return conn, err
}

// unwatched opens connections that nobody watches for silence.
type unwatched struct{ *Connector }

// Connect is Connector.Connect for them.
func (c *unwatched) Connect(ctx context.Context) (sqldriver.Conn, error) {
	conn, _, err := c.connect(ctx)
	return conn, err
}

// connect opens a connection, and returns its number on the server, too.
func (c *Connector) connect(ctx context.Context) (conn sqldriver.Conn, id int64, err error) {
	if c.Timeout > 0 {
		within, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		defer func() {
			if err != nil && within.Err() != nil && ctx.Err() == nil {
				err = fmt.Errorf("%w: no answer in %s", fault.Unreachable, c.Timeout)
			}
		}()
		conn, id, err = c.identified(within)
		return conn, id, err
	}
	return c.identified(ctx)
}

func (c *Connector) identified(ctx context.Context) (sqldriver.Conn, int64, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, 0, err
	}
	found, id, err := ask(ctx, conn)
	if Errno(err) != 0 {
		// The server may give statements less time than it takes to answer on a busy machine.
		if err = unlimit(ctx, conn); err == nil {
			found, id, err = ask(ctx, conn)
		}
	}
	var refused *driver.MySQLError
	switch kind := Classify(err); {
	case err == nil:
		err = c.Check.Compare(found)
	case errors.Is(err, errNoAnswer), errors.As(err, &refused) && (kind == fault.None || kind == fault.Privilege):
		err = c.Check.CannotTell(err)
	}
	if err != nil {
		return nil, 0, errors.Join(err, conn.Close())
	}
	return conn, id, nil
}

// WithoutTimeLimit continues a SET: statements of the session may take any time. Servers that have no such limit skip it.
const WithoutTimeLimit = " /*M!100101 , SESSION max_statement_time = 0 */ /*!50708 , SESSION max_execution_time = 0 */"

// unlimit lets statements of a connection take any time.
func unlimit(ctx context.Context, conn sqldriver.Conn) error {
	execer, ok := conn.(sqldriver.ExecerContext)
	if !ok {
		return errors.New("the driver does not take statements")
	}
	_, err := execer.ExecContext(ctx, "SET NAMES utf8mb4"+WithoutTimeLimit, nil)
	return err
}

var errNoAnswer = errors.New("it gives no answer")

// ask asks a server for its identity, and for the connection's number. Only MySQL has a UUID of its own.
func ask(ctx context.Context, conn sqldriver.Conn) (found oneserver.Identity, id int64, err error) {
	querier, ok := conn.(sqldriver.QueryerContext)
	if !ok {
		return found, 0, errors.New("the driver does not take queries")
	}
	// A LIMIT in the statement overrides a limit in the server's settings.
	rows, err := querier.QueryContext(ctx, "SELECT @@hostname, CONNECTION_ID(), @@port, @@datadir /*!50700 , @@server_uuid */ LIMIT 1", nil)
	if err != nil {
		return found, 0, err
	}
	values := make([]sqldriver.Value, len(rows.Columns()))
	if err := rows.Next(values); err != nil {
		if errors.Is(err, io.EOF) {
			err = errNoAnswer
		}
		return found, 0, errors.Join(err, rows.Close())
	}
	text := func(i int) string {
		if bytes, is := values[i].([]byte); is {
			return string(bytes)
		}
		return fmt.Sprint(values[i])
	}
	found = oneserver.Identity{Hostname: text(0), Further: []string{"port " + text(2), "data in " + text(3)}}
	if len(values) > 4 {
		found.Further = append(found.Further, "number "+text(4))
	}
	id, _ = strconv.ParseInt(text(1), 10, 64) // 0 is no connection's number
	// The connection is free again only after everything was read.
	if err := rows.Next(values); !errors.Is(err, io.EOF) {
		return found, 0, errors.Join(err, rows.Close())
	}
	return found, id, rows.Close()
}
