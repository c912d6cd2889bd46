package localdb

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MySQL and MariaDB have no counter of changes that outlives the server: UPDATE_TIME is forgotten, the log's position moves with every
// database and by itself, and there is no binary log in DDEV. So rows are read, by CHECKSUM TABLE, which all versions have, which knows
// every type, and takes a third of the time of a checksum that is made of SQL. It adds up one of each row: an accident that leaves
// it as it was has a chance of one in four billion, and one in some ten thousand where rows have only exchanged their values.

// elsewhereEngines are those whose rows are not in the table's own place.
var elsewhereEngines = []string{"MRG_MYISAM", "FEDERATED", "CONNECT", "OQGRAPH", "SPIDER", "VP"}

// printable is a table as a fingerprint looks at it.
type printable struct {
	name   string
	size   int64 // of its rows as far as the server knows, bytes
	hasRow bool  // whether it has rows of its own
}

// printables lists the tables and sequences of a database.
func (s *mysqlSession) printables(ctx context.Context, database string) ([]printable, error) {
	rows, err := s.table(ctx, "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, DATA_LENGTH FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA = ? AND TABLE_TYPE NOT LIKE '%VIEW' AND TABLE_TYPE NOT LIKE '%TEMPORARY%'", database)
	var all []printable
	for _, row := range rows {
		size, _ := strconv.ParseInt(row["data_length"], 10, 64) // unknown is small
		all = append(all, printable{row["table_name"], size,
			row["table_type"] != "SEQUENCE" && !slices.Contains(elsewhereEngines, strings.ToUpper(row["engine"]))})
	}
	return all, err
}

// definitionHash hashes what a table is. It does not tell where its counter stands, and reads the same in any database that the table moves
// to, as it does in the live one. Those of the objects that are foreign keys of the table are not in it: it has them only in that one.
func (s *mysqlSession) definitionHash(ctx context.Context, database, table, live string, objects []object) (string, error) {
	rows, err := s.table(ctx, "SHOW CREATE TABLE "+quoteName(database)+"."+quoteName(table))
	if err != nil || len(rows) == 0 {
		return "", err
	}
	text := withoutForeignKeys(counters.ReplaceAllString(rows[0]["create table"], ""), table, objects)
	return hash(renamedDatabase(text, database, live)), nil
}

// withoutForeignKeys gives the definition of a table without some foreign keys, and without the commas behind its columns and keys: which of
// them is the last one depends on those that are left.
func withoutForeignKeys(definition, table string, keys []object) string {
	var lines []string
	for line := range strings.SplitSeq(definition, "\n") {
		line = strings.TrimSuffix(line, ",")
		if !slices.ContainsFunc(keys, func(key object) bool {
			return key.Kind == foreignKey && key.Table == table && key.SQL == foreignKeyOf(table, key.Name, strings.TrimSpace(line)).SQL
		}) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// checksum sums up the rows of a table; "" where the server cannot.
func (s *mysqlSession) checksum(ctx context.Context, database, table string) (string, error) {
	var name string
	var sum sql.NullString
	err := s.conn.QueryRowContext(ctx, "CHECKSUM TABLE "+quoteName(database)+"."+quoteName(table)).Scan(&name, &sum)
	return sum.String, err
}

// fingerprintOf takes the fingerprint of a database, over some sessions. Objects are what it has beside tables, as it will have them, and
// known has the checksums of tables that were summed up before.
func (db *mysqlDatabase) fingerprintOf(ctx context.Context, c *crew, database string, objects []object, known *counts) (*fingerprint, error) {
	tables, err := c.sessions[0].printables(ctx, database)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(tables, func(a, b printable) int { return int(min(max(b.size-a.size, -1), 1)) }) // those first that take longest
	f := &fingerprint{Tables: make(map[string]tablePrint, len(tables)), Objects: objectPrints(objects)}
	var mutex sync.Mutex
	err = c.each(ctx, len(tables), func(ctx context.Context, s *mysqlSession, i int) error {
		table := tables[i]
		var taken tablePrint
		var err error
		if taken.Definition, err = s.definitionHash(ctx, database, table.name, db.names.live, objects); err != nil {
			return err
		}
		if table.hasRow && !db.config.WithoutRows(table.name) {
			if taken.Rows = known.sum(table.name); taken.Rows == "" {
				taken.Rows, err = s.checksum(ctx, database, table.name)
			}
			if err != nil {
				return err
			}
			if taken.Rows == "" {
				taken.Rows = "unknown" // which no sum is
			}
		}
		mutex.Lock()
		defer mutex.Unlock()
		f.Tables[table.name] = taken
		return nil
	})
	if number(err) != 0 {
		return nil, nil //nolint:nilnil // a table that cannot be read is no reason to fail: that nobody knows counts as changed
	}
	return f, err
}

// objectPrints hashes the definitions of views, triggers, routines and events.
func objectPrints(objects []object) map[string]string {
	prints := make(map[string]string, len(objects))
	for _, o := range objects {
		prints[o.key()] = o.hash()
	}
	return prints
}

// key is how a fingerprint calls an object, and people do.
func (o object) key() string { return strings.ToLower(string(o.Kind)) + " " + o.Name }

// hash is that of all that an object is.
func (o object) hash() string {
	return hash(o.Table, o.SQL, o.SQLMode, o.Charset, o.Collation, o.TimeZone)
}

func (db *mysqlDatabase) Changes(ctx context.Context) (Changes, error) {
	s, err := db.connect(ctx)
	if err != nil {
		return Changes{}, err
	}
	defer s.close()
	changes, err := db.changes(ctx, s)
	if number(err) != 0 {
		return Changes{Unknown: true}, nil // a definition that cannot be read, a table that somebody has locked
	}
	return changes, db.explain("ask whether database "+db.names.live+" was changed", err)
}

func (db *mysqlDatabase) changes(ctx context.Context, s *mysqlSession) (Changes, error) {
	live := db.names.live
	kept, err := s.record(ctx, db.names)
	if err != nil || kept.Print == nil {
		return Changes{Unknown: true}, err
	}
	objects, err := s.capture(ctx, live)
	if err != nil {
		return Changes{Unknown: true}, nil //nolint:nilerr // a routine that the account may not read, a view that has just gone
	}
	return db.changesIn(ctx, s, live, *kept.Print, objects, searchPatience)
}

// changesIn compares a database, with the objects that it has, with a fingerprint.
func (db *mysqlDatabase) changesIn(ctx context.Context, s *mysqlSession, database string, was fingerprint, objects []object, patience time.Duration) (Changes, error) {
	tables, err := s.printables(ctx, database)
	if err != nil {
		return Changes{}, err
	}
	now := fingerprint{Tables: map[string]tablePrint{}, Objects: objectPrints(objects)}
	sizes := map[string]int64{}
	for _, table := range tables {
		if database != db.names.live && isJournal(table.name) {
			continue
		}
		definition, err := s.definitionHash(ctx, database, table.name, db.names.live, objects)
		if err != nil {
			return Changes{}, err
		}
		now.Tables[table.name] = tablePrint{Definition: definition}
		sizes[table.name] = table.size
	}
	found := Changes{Names: was.definitionChanges(now, db.config.WithoutRows)}
	err = was.compareRows(&found, sizes, patience, func(table string, was tablePrint) (bool, error) {
		sum, err := s.checksum(ctx, database, table)
		return sum != was.Rows, err
	})
	return found, err
}
