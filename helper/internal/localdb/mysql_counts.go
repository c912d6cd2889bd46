package localdb

import (
	"context"
	"sync"
)

// counts has how many rows tables have that were counted as soon as they were whole, and their checksums: later the server would have to
// read their pages again.
type counts struct {
	mutex sync.Mutex
	rows  map[string]int64
	sums  map[string]string
}

func (c *counts) add(table string, rows int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.rows == nil {
		c.rows = map[string]int64{}
	}
	c.rows[table] = rows
}

func (c *counts) addSum(table, sum string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.sums == nil {
		c.sums = map[string]string{}
	}
	c.sums[table] = sum
}

// sum gives the checksum of a table, "" where it is not known.
func (c *counts) sum(table string) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.sums[table]
}

// are says whether a table was counted and has so many rows.
func (c *counts) are(table string, rows int64) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	count, known := c.rows[table]
	return known && count == rows
}

// count gives the number that a query asks for.
func (s *mysqlSession) count(ctx context.Context, query string) (rows int64, err error) {
	err = s.conn.QueryRowContext(ctx, query).Scan(&rows)
	return rows, err
}
