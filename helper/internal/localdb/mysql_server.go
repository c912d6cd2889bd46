package localdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// checkedConnector opens connections to one server alone: each is asked who it is before anybody has it.
type checkedConnector struct {
	driver.Connector
	server serverCheck
}

func (c *checkedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	found, err := mysqlIdentity(ctx, conn)
	switch {
	case err == nil:
		err = c.server.check(found)
	case ctx.Err() == nil && !isLost(err):
		err = c.server.cannotTell(err)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// mysqlIdentity asks a server who it is. Only MySQL has a number of its own.
func mysqlIdentity(ctx context.Context, conn driver.Conn) (identity, error) {
	querier, ok := conn.(driver.QueryerContext)
	if !ok {
		return identity{}, errors.New("the driver does not take queries")
	}
	// A limit in the statement counts instead of one that the server's settings may have.
	rows, err := querier.QueryContext(ctx, "SELECT @@hostname, @@port, @@datadir /*!50700 , @@server_uuid */ LIMIT 1", nil)
	if err != nil {
		return identity{}, err
	}
	values := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(values); err != nil {
		return identity{}, errors.Join(err, rows.Close())
	}
	text := func(i int) string {
		if bytes, is := values[i].([]byte); is {
			return string(bytes)
		}
		return fmt.Sprint(values[i])
	}
	found := identity{text(0), []string{"port " + text(1), "data in " + text(2)}}
	if len(values) > 3 {
		found.further = append(found.further, "number "+text(3))
	}
	// The connection is free again only when all has been read.
	if err := rows.Next(values); !errors.Is(err, io.EOF) {
		return identity{}, errors.Join(err, rows.Close())
	}
	return found, rows.Close()
}
