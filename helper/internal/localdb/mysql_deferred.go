package localdb

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// deferredBytes is how much text the rows of a table have at least whose keys are added only when they are in. To
// sort a key once takes the server less than half of the work of putting its entries where they belong one after
// the other; on small tables there is nothing to gain.
const deferredBytes = 1 << 20

// deferredKeys is the keys of a table that it does without for as long as its rows come in.
type deferredKeys struct {
	table      string
	definition string // of the table with all its keys
	drop, add  string // the statements
}

// deferKeys takes the keys off some tables, which are empty, as far as that can be done.
func (l *mysqlLoad) deferKeys(ctx context.Context, tables []string) (map[string]*deferredKeys, error) {
	if len(tables) == 0 {
		return nil, nil
	}
	referenced, err := l.referenced(ctx)
	if err != nil {
		return nil, l.db.explain("look for foreign keys", err)
	}
	var mutex sync.Mutex
	all := map[string]*deferredKeys{}
	err = l.crew.each(ctx, len(tables), func(ctx context.Context, s *mysqlSession, i int) error {
		table := tables[i]
		keys, err := s.deferKeys(ctx, table, referenced[table])
		if err != nil {
			return l.db.explain("take the keys off table "+table, err)
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

// referenced gives by table the columns that foreign keys refer to.
func (l *mysqlLoad) referenced(ctx context.Context) (map[string][][]string, error) {
	rows, err := l.lock.table(ctx, "SELECT TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME"+
		" FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = ? AND REFERENCED_TABLE_NAME IS NOT NULL"+
		" ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION", l.db.names.incoming)
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

// deferKeys takes the keys off a table and says which; nil where they stay. Whether the server makes the same table
// of them again no list of exceptions can tell: it is tried, as long as the table is empty.
func (s *mysqlSession) deferKeys(ctx context.Context, table string, referenced [][]string) (*deferredKeys, error) {
	definition, err := s.definition(ctx, table)
	if err != nil {
		return nil, err
	}
	keys, foreign := readDefinition(definition).deferrable(referenced)
	if len(keys) == 0 {
		return nil, nil
	}
	var drop, add []string
	for _, key := range foreign {
		drop = append(drop, "DROP FOREIGN KEY "+quoteName(key.name))
	}
	for _, key := range keys {
		drop = append(drop, "DROP KEY "+quoteName(key.name))
		add = append(add, "ADD "+key.text)
	}
	for _, key := range foreign {
		add = append(add, "ADD "+key.text)
	}
	alter := "ALTER TABLE " + quoteName(table) + " "
	// Where the server could add the keys only to a copy of the table, they stay.
	k := &deferredKeys{
		table: table, definition: definition,
		drop: alter + strings.Join(drop, ", "), add: alter + strings.Join(add, ", ") + ", ALGORITHM=INPLACE",
	}
	if _, err := s.retry(ctx, k.drop); number(err) != 0 {
		return nil, nil // the server needs one of them
	} else if err != nil {
		return nil, err
	}
	same, err := s.addKeys(ctx, k)
	switch {
	case err != nil && number(err) == 0:
		return nil, err
	case err == nil && same:
		_, err = s.retry(ctx, k.drop)
		return k, err
	}
	for _, statement := range []string{"DROP TABLE " + quoteName(table), definition} {
		if _, err := s.retry(ctx, statement); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// addKeys puts the keys back and says whether the table is what it was.
func (s *mysqlSession) addKeys(ctx context.Context, k *deferredKeys) (bool, error) {
	if _, err := s.retry(ctx, k.add); err != nil {
		return false, err
	}
	definition, err := s.definition(ctx, k.table)
	return sameDefinition(definition, k.definition), err
}

// definition gives the statement that makes a table of the session's database.
func (s *mysqlSession) definition(ctx context.Context, table string) (string, error) {
	rows, err := s.table(ctx, "SHOW CREATE TABLE "+quoteName(table))
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0]["create table"], nil
}

// addKeys puts the keys back when the table has its rows.
func (l *mysqlLoad) addKeys(ctx context.Context, s *mysqlSession, k *deferredKeys) error {
	same, err := s.addKeys(ctx, k)
	if err != nil {
		return l.failedAt(ctx, sqltext.Piece{Kind: sqltext.Rows, Table: k.table, Offset: noOffset}, 0, err)
	}
	if !same {
		return fmt.Errorf("table %s is not as it was before its keys were taken off and added again", k.table)
	}
	return nil
}
