package swap

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// MySQL and MariaDB have no counter of changes that survives a restart. UPDATE_TIME is forgotten. The position in the
// log advances with every database, and by itself. DDEV has no binary log. So the rows are read with CHECKSUM TABLE:
// all versions have it, it knows every type, and it takes a third of the time of a checksum in SQL. It adds up one
// checksum per row. The chance of missing a change is one in four billion, and about one in ten thousand where rows
// have only exchanged their values.

// printable is a table as the fingerprint sees it.
type printable struct {
	name   string
	size   int64 // of its rows, as far as the server knows, in bytes
	hasRow bool  // whether it stores rows of its own
	plain  bool  // a table, no sequence, without earlier versions of its rows
}

// unknownRows stands in the place of the checksum that a server does not have for a table. No checksum has this value.
const unknownRows = "unknown"

// printables lists the tables and sequences of a database.
func printables(ctx context.Context, s *session.Session, database string) ([]printable, error) {
	rows, err := s.Table(ctx, "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, DATA_LENGTH FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA = ? AND "+mysql.StoredTables, database)
	var all []printable
	for _, row := range rows {
		size, _ := strconv.ParseInt(row["data_length"], 10, 64) // an unknown size counts as small
		all = append(all, printable{row["table_name"], size,
			row["table_type"] != "SEQUENCE" && !mysql.RowsElsewhere(row["engine"]), row["table_type"] == "BASE TABLE"})
	}
	return all, err
}

// definitionHash hashes a table's definition. It ignores the table's counter, and it is the same in every database
// that the table moves to. Foreign keys that are listed among the objects are not part of it, because only the live
// database has them.
func definitionHash(definition, database, table, live string, objects []object) string {
	text := withoutForeignKeys(mysql.WithoutCounter(definition), table, objects)
	return target.Hash(renamedDatabase(text, database, live))
}

// withoutForeignKeys returns the definition of a table without some foreign keys, and without the commas after
// columns and keys: which line comes last depends on the keys that are left.
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

// fingerprintOf takes the fingerprint of a database, within an extent, over several sessions. objects is what the database will have
// beside its tables. definitions and known have the definitions and checksums of tables that were already asked for.
func (db *Database) fingerprintOf(ctx context.Context, c *session.Pool, database string, e extent, objects []object, definitions map[string]string, known *session.Counts) (*target.Fingerprint, error) {
	tables, err := printables(ctx, c.Sessions[0], database)
	if err != nil {
		return nil, err
	}
	tables = slices.DeleteFunc(tables, func(t printable) bool { return !e.has(t.name) })
	slices.SortFunc(tables, largestFirst)
	f := &target.Fingerprint{Tables: make(map[string]target.TablePrint, len(tables)), Objects: objectPrints(objects)}
	if err := db.sumUpSmall(ctx, c, database, tables, known); err != nil {
		return nil, err
	}
	var mutex sync.Mutex
	err = c.Each(ctx, len(tables), func(ctx context.Context, s *session.Session, i int) error {
		table := tables[i]
		definition := definitions[table.name]
		if definition == "" {
			var err error
			if definition, err = mysql.ShowCreateTable(ctx, s.Conn, mysql.QuoteQualified(database, table.name)); err != nil {
				return err
			}
		}
		taken := target.TablePrint{Definition: definitionHash(definition, database, table.name, db.Names.Live, objects)}
		if table.hasRow && !db.Config.WithoutRows(table.name) {
			if taken.Rows = known.Sum(table.name); taken.Rows == "" {
				var err error
				if taken.Rows, err = s.Checksum(ctx, database, table.name); err != nil {
					return err
				}
			}
			if taken.Rows == "" {
				taken.Rows = unknownRows
			}
		}
		mutex.Lock()
		defer mutex.Unlock()
		f.Tables[table.name] = taken
		return nil
	})
	if mysql.Errno(err) != 0 {
		return nil, nil //nolint:nilnil // a table that cannot be read is no reason to fail: that nobody knows counts as changed
	}
	return f, err
}

// smallTable is the size, in bytes, of a table that is summed up together with others: a statement for each would take longer.
const smallTable, summedAtOnce = 256 << 10, 50

// sumUpSmall adds the checksums of small tables to those that are known.
func (db *Database) sumUpSmall(ctx context.Context, c *session.Pool, database string, tables []printable, known *session.Counts) error {
	var small []string
	for _, table := range tables {
		if table.hasRow && table.size <= smallTable && !db.Config.WithoutRows(table.name) && known.Sum(table.name) == "" {
			small = append(small, table.name)
		}
	}
	jobs := slices.Collect(slices.Chunk(small, summedAtOnce))
	return c.Each(ctx, len(jobs), func(ctx context.Context, s *session.Session, i int) error {
		sums, err := s.Checksums(ctx, database, jobs[i])
		if mysql.Errno(err) != 0 {
			return nil // the one that cannot be read is found when each is asked for
		}
		for n, sum := range sums {
			known.AddSum(jobs[i][n], sum)
		}
		return err
	})
}

// objectPrints hashes the definitions of views, triggers, routines and events.
func objectPrints(objects []object) map[string]string {
	prints := make(map[string]string, len(objects))
	for _, o := range objects {
		prints[o.key()] = o.hash()
	}
	return prints
}

// key names an object in a fingerprint and in messages.
func (o object) key() string { return strings.ToLower(string(o.Kind)) + " " + o.Name }

// hash covers everything that makes up an object.
func (o object) hash() string {
	return target.Hash(o.Table, o.SQL, o.SQLMode, o.Charset, o.Collation, o.TimeZone)
}

// Changes says whether the live database has been changed: see target.Database.
func (db *Database) Changes(ctx context.Context) (target.Changes, error) {
	s, err := db.Connect(ctx)
	if err != nil {
		return target.Changes{}, err
	}
	defer s.Close()
	changes, err := db.changes(ctx, s)
	if mysql.Errno(err) != 0 {
		return target.Changes{Unknown: true}, nil // a definition cannot be read, or a table is locked
	}
	return changes, db.Classify("ask whether database "+db.Names.Live+" was changed", err)
}

func (db *Database) changes(ctx context.Context, s *session.Session) (target.Changes, error) {
	live := db.Names.Live
	kept, err := ReadProvenance(ctx, s, db.Names)
	if err != nil || kept.Fingerprint == nil {
		return target.Changes{Unknown: true}, err
	}
	objects, err := capture(ctx, s, live)
	if err != nil {
		return target.Changes{Unknown: true}, nil //nolint:nilerr // a routine that the account may not read, a view that has just gone
	}
	return db.changesIn(ctx, s, live, *kept.Fingerprint, objects, target.SearchPatience)
}

// changesIn compares a database and its objects with a fingerprint.
func (db *Database) changesIn(ctx context.Context, s *session.Session, database string, was target.Fingerprint, objects []object, patience time.Duration) (target.Changes, error) {
	tables, err := printables(ctx, s, database)
	if err != nil {
		return target.Changes{}, err
	}
	now := target.Fingerprint{Tables: map[string]target.TablePrint{}, Objects: objectPrints(objects)}
	sizes := map[string]int64{}
	for _, table := range tables {
		if database != db.Names.Live && isJournal(table.name) {
			continue
		}
		definition, err := mysql.ShowCreateTable(ctx, s.Conn, mysql.QuoteQualified(database, table.name))
		if err != nil {
			return target.Changes{}, err
		}
		now.Tables[table.name] = target.TablePrint{Definition: definitionHash(definition, database, table.name, db.Names.Live, objects)}
		sizes[table.name] = table.size
	}
	found := target.Changes{Names: was.DefinitionChanges(now, db.Config.WithoutRows)}
	err = was.CompareRows(&found, sizes, patience, func(table string, was target.TablePrint) (bool, error) {
		sum, err := s.Checksum(ctx, database, table)
		return sum != was.Rows, err
	})
	return found, err
}
