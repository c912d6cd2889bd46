package read

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

const (
	// shownAtOnce is how many tables are shown before their definitions are written, which bounds what is kept of them.
	shownAtOnce = 256
	// fewTables are shown by one connection. To set up another one takes longer.
	fewTables = 64
)

// tableShower shows tables over several connections: of a database with many small tables, most of a refresh is round
// trips. A server keeps no lock on a table that it has shown, even within a transaction.
type tableShower []*schemaReader

// newTableShower prepares the readers' sessions to help. The caller calls close.
func newTableShower(ctx context.Context, first *schemaReader, tables []string, readers []*snapshotReader) (tableShower, error) {
	s := tableShower{first}
	if len(tables) < fewTables {
		return s, nil
	}
	for _, reader := range readers {
		if reader.Conn == first.conn {
			continue
		}
		helper := &schemaReader{server: first.server, conn: reader.Conn}
		if err := helper.open(ctx); err != nil {
			return nil, errors.Join(err, s.close(ctx))
		}
		s = append(s, helper)
	}
	return s, nil
}

// close restores the helpers' sessions.
func (s tableShower) close(ctx context.Context) error {
	var failed error
	for _, helper := range s[1:] {
		failed = errors.Join(failed, helper.close(ctx))
	}
	return failed
}

// each passes what SHOW CREATE TABLE shows of the tables to write, in their order.
func (s tableShower) each(ctx context.Context, tables []string, write func(table, definition string)) error {
	for batch := range slices.Chunk(tables, shownAtOnce) {
		definitions, err := s.show(ctx, batch)
		if err != nil {
			return err
		}
		for i, table := range batch {
			write(table, definitions[i])
		}
	}
	return nil
}

// show returns what SHOW CREATE TABLE shows of the tables.
func (s tableShower) show(ctx context.Context, tables []string) ([]string, error) {
	shown := make([]string, len(tables))
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for _, r := range s {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(tables) {
					return nil
				}
				var err error
				if shown[i], err = r.table(ctx, tables[i]); err != nil {
					return reading("table "+tables[i], err)
				}
			}
		})
	}
	return shown, group.Wait()
}

// table returns the statement that makes a table.
func (r *schemaReader) table(ctx context.Context, name string) (string, error) {
	definition, err := mysql.ShowCreateTable(ctx, r.conn, mysql.QuoteName(name))
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(definition, "CREATE TEMPORARY TABLE") {
		return "", &source.SettingError{Name: "init_connect", Value: r.server.settings.InitConnect(), Err: source.ErrHidden}
	}
	return definition, nil
}
