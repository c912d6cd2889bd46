package session

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// Counts holds row counts and checksums of tables, taken as soon as each table was complete. Later, the server would have to
// read their pages again.
type Counts struct {
	mutex sync.Mutex
	rows  map[string]int64
	sums  map[string]string
}

// Add records how many rows a table has.
func (c *Counts) Add(table string, rows int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.rows == nil {
		c.rows = map[string]int64{}
	}
	c.rows[table] = rows
}

// AddSum records the checksum of a table.
func (c *Counts) AddSum(table, sum string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.sums == nil {
		c.sums = map[string]string{}
	}
	c.sums[table] = sum
}

// Sum returns the checksum of a table; "" if it is unknown.
func (c *Counts) Sum(table string) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.sums[table]
}

// Are reports whether a table was counted and has this many rows.
func (c *Counts) Are(table string, rows int64) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	count, known := c.rows[table]
	return known && count == rows
}

// Count returns the number that a query selects.
func (s *Session) Count(ctx context.Context, query string) (rows int64, err error) {
	err = s.Conn.QueryRowContext(ctx, query).Scan(&rows)
	return rows, err
}

// CountAll returns the numbers that several queries select.
func (s *Session) CountAll(ctx context.Context, queries []string) ([]int64, error) {
	parts := make([]string, len(queries))
	for i, query := range queries {
		parts[i] = fmt.Sprintf("SELECT %d, (%s)", i, query)
	}
	rows, err := s.Conn.QueryContext(ctx, strings.Join(parts, " UNION ALL "))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := make([]int64, len(queries))
	for rows.Next() {
		var i int
		var count int64
		if err := rows.Scan(&i, &count); err != nil {
			return nil, err
		}
		counts[i] = count
	}
	return counts, rows.Err()
}

// Checksums returns the checksums of several tables, in their order; "" where the server has none.
func (s *Session) Checksums(ctx context.Context, database string, tables []string) ([]string, error) {
	names := make([]string, len(tables))
	for i, table := range tables {
		names[i] = mysql.QuoteQualified(database, table)
	}
	rows, err := s.Conn.QueryContext(ctx, "CHECKSUM TABLE "+strings.Join(names, ", "))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var sums []string
	for rows.Next() {
		var name string
		var sum sql.NullString
		if err := rows.Scan(&name, &sum); err != nil {
			return nil, err
		}
		sums = append(sums, sum.String)
	}
	if err := rows.Err(); err != nil || len(sums) != len(tables) {
		return make([]string, len(tables)), err
	}
	return sums, nil
}

// Checksum returns the checksum of a table; "" if the server has none for it.
func (s *Session) Checksum(ctx context.Context, database, table string) (string, error) {
	var name string
	var sum sql.NullString
	err := s.Conn.QueryRowContext(ctx, "CHECKSUM TABLE "+mysql.QuoteName(database)+"."+mysql.QuoteName(table)).Scan(&name, &sum)
	return sum.String, err
}
