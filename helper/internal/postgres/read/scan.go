package read

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Sample shows a sample of the tables that Inspect found to a visitor: see source.Source.
func (p *Server) Sample(ctx context.Context, rows, length int, visitor source.Visitor) error {
	err := p.session(ctx, func(tx pgx.Tx) error {
		described, err := p.describeTables(ctx, tx, map[relationName][]string{})
		if err != nil {
			return err
		}
		tables, err := p.readTables(ctx, tx)
		if err != nil {
			return err
		}
		byName := map[string]*readTable{}
		for _, table := range tables {
			byName[table.from.String()] = table
		}
		for _, table := range described {
			columns, from := visitor.Table(table), byName[table.Name]
			if len(columns) > 0 && from != nil {
				if err := from.sample(ctx, tx, columns, rows, length, visitor); err != nil {
					return err
				}
			}
			visitor.Done()
		}
		return nil
	})
	if err != nil {
		return p.classify(err)
	}
	return nil
}

// sample reads rows from both ends of a table.
func (t *readTable) sample(ctx context.Context, tx pgx.Tx, columns []string, rows, length int, visitor source.Visitor) error {
	selected := make([]string, len(columns))
	for i, name := range columns {
		selected[i] = fmt.Sprintf("left(%s::text, %d)", postgres.QuoteIdentifier(name), length)
	}
	query := "SELECT " + strings.Join(selected, ", ") + " FROM ONLY " + t.from.quoted
	ends := []string{fmt.Sprintf(" LIMIT %d", rows)}
	if t.newest != "" {
		ends = append(ends, " ORDER BY "+t.newest+ends[0])
	}
	for _, end := range ends {
		found, err := tx.Query(ctx, query+end)
		if err != nil {
			return err
		}
		n, err := eachRow(found, len(columns), visitor.Row)
		if err != nil || n < rows { // those are all
			return err
		}
	}
	return nil
}
