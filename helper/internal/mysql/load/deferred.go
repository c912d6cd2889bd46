package load

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// deferredBytes is the least text of rows for which a table gets its keys only after its rows. Sorting a key once
// takes the server less than half the work of inserting its entries one by one. Small tables gain nothing.
const deferredBytes = 1 << 20

// deferredKeys is the keys that a table lacks while its rows are loaded.
type deferredKeys struct {
	table      string
	definition string // of the table with all its keys
	drop, add  string // the statements
}

// deferKeys drops the keys of some empty tables, as far as possible.
func (l *Load) deferKeys(ctx context.Context, tables []string) (map[string]*deferredKeys, error) {
	if len(tables) == 0 {
		return nil, nil
	}
	referenced, err := l.referenced(ctx)
	if err != nil {
		return nil, l.Server.Classify("look for foreign keys", err)
	}
	var mutex sync.Mutex
	all := map[string]*deferredKeys{}
	err = l.Pool.Each(ctx, len(tables), func(ctx context.Context, s *session.Session, i int) error {
		table := tables[i]
		keys, err := deferKeys(ctx, s, table, referenced[table])
		if err != nil {
			return l.Server.Classify("take the keys off table "+table, err)
		}
		if keys != nil {
			mutex.Lock()
			defer mutex.Unlock()
			all[table] = keys
		}
		return nil
	})
	return all, err
}

// referenced returns, by table, the columns that foreign keys refer to.
func (l *Load) referenced(ctx context.Context) (map[string][][]string, error) {
	rows, err := l.Lock.Table(ctx, "SELECT TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME"+
		" FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = ? AND REFERENCED_TABLE_NAME IS NOT NULL"+
		" ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION", l.Server.Names.Incoming)
	if err != nil {
		return nil, err
	}
	all := map[string][][]string{}
	var before string
	for _, row := range rows {
		table, foreign := row["referenced_table_name"], row["table_name"]+"\x00"+row["constraint_name"]
		if foreign != before {
			all[table] = append(all[table], nil)
			before = foreign
		}
		last := len(all[table]) - 1
		all[table][last] = append(all[table][last], row["referenced_column_name"])
	}
	return all, nil
}

// deferKeys drops the keys of a table and returns them; nil if they stay. No list of exceptions can tell whether the
// server would build the same table from them again, so it is tried while the table is empty.
func deferKeys(ctx context.Context, s *session.Session, table string, referenced [][]string) (*deferredKeys, error) {
	definition, err := s.Definition(ctx, table)
	if err != nil {
		return nil, err
	}
	keys, foreign := rewrite.ReadDefinition(definition).Deferrable(referenced)
	if len(keys) == 0 {
		return nil, nil
	}
	var drop, add []string
	for _, key := range foreign {
		drop = append(drop, "DROP FOREIGN KEY "+mysql.QuoteName(key.Name))
	}
	for _, key := range keys {
		drop = append(drop, "DROP KEY "+mysql.QuoteName(key.Name))
		add = append(add, "ADD "+key.Text)
	}
	for _, key := range foreign {
		add = append(add, "ADD "+key.Text)
	}
	alter := "ALTER TABLE " + mysql.QuoteName(table) + " "
	// The keys stay if the server could add them only by copying the table.
	k := &deferredKeys{
		table: table, definition: definition,
		drop: alter + strings.Join(drop, ", "), add: alter + strings.Join(add, ", ") + ", ALGORITHM=INPLACE",
	}
	if _, err := s.Retry(ctx, k.drop); mysql.Errno(err) != 0 {
		return nil, nil // the server needs one of them
	} else if err != nil {
		return nil, err
	}
	same, err := addKeys(ctx, s, k)
	switch {
	case err != nil && mysql.Errno(err) == 0:
		return nil, err
	case err == nil && same:
		_, err = s.Retry(ctx, k.drop)
		return k, err
	}
	for _, statement := range []string{"DROP TABLE " + mysql.QuoteName(table), definition} {
		if _, err := s.Retry(ctx, statement); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// addKeys adds the keys again and says whether the table has its former definition.
func addKeys(ctx context.Context, s *session.Session, k *deferredKeys) (bool, error) {
	if _, err := s.Retry(ctx, k.add); err != nil {
		return false, err
	}
	definition, err := s.Definition(ctx, k.table)
	return rewrite.SameDefinition(definition, k.definition), err
}

// addKeys adds the keys again when the table has its rows.
func (l *Load) addKeys(ctx context.Context, s *session.Session, k *deferredKeys) error {
	same, err := addKeys(ctx, s, k)
	if err != nil {
		return l.failedAt(ctx, sqltext.Piece{Kind: sqltext.Rows, Table: k.table, Offset: target.NoOffset}, 0, err)
	}
	if !same {
		return fmt.Errorf("table %s is not as it was before its keys were taken off and added again", k.table)
	}
	return nil
}
