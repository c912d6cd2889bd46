package load

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
)

// Versions is what a load knows about system-versioned tables. A dump may contain the earlier versions of their rows,
// with the beginning and end of each version as its last two values.
type Versions struct {
	Taken    bool     // the server accepts earlier versions
	InDump   bool     // the dump says that it has earlier versions
	Extended bool     // the server's timestamps end in 2106
	Tables   []string // the tables that come and are system-versioned, or were before the server made plain ones of them
	plain    bool     // the server has no system-versioned tables
	numbered []string // those whose versions are numbered by transactions: no dump has their history

	mutex sync.Mutex
	left  map[string]int64 // earlier versions that were left out, by table
}

// A current row ends with the last time that the server knows, which MariaDB 11.5 extended.
var (
	endOfNow         = []byte(`,'2038-01-19 03:14:07.999999')`)
	endOfNowExtended = []byte(`,'2106-02-07 06:28:15.999999')`)
)

const insertHistory = "SYSTEM_VERSIONING_INSERT_HISTORY"

// prepareForVersions asks whether the server accepts earlier versions of rows. It does not if it is older than
// MariaDB 10.11, or if the account may not set the times of versions.
func (l *Load) prepareForVersions(ctx context.Context) error {
	if !l.Server.Release.IsMariaDB() {
		return nil
	}
	err := l.Pool.Everywhere(ctx, "SET SESSION "+insertHistory+" = 1")
	if err != nil && mysql.Errno(err) == 0 {
		return l.Server.Classify("prepare for rows", err)
	}
	l.Versions.Taken = err == nil
	var seconds sql.NullFloat64
	if err := l.Lock.Conn.QueryRowContext(ctx, "SELECT UNIX_TIMESTAMP('2100-01-01 00:00:00')").Scan(&seconds); err != nil {
		return l.Server.Classify("ask for the last moment that the server knows", err)
	}
	l.Versions.Extended = seconds.Float64 > 0
	return nil
}

// findVersions looks for system-versioned tables.
func (l *Load) findVersions(ctx context.Context) error {
	v := &l.Versions
	v.Tables, v.numbered = nil, nil
	for table, numbered := range l.Rewriter.Unversioned {
		v.plain = true
		if l.Server.Config.Part.Includes(table) {
			v.Tables = append(v.Tables, table)
		}
		if numbered {
			v.numbered = append(v.numbered, table)
		}
	}
	slices.Sort(v.Tables)
	if v.plain || !l.Server.Release.IsMariaDB() {
		return nil
	}
	versioned, err := mysql.VersionedTables(ctx, l.Lock.Conn, l.Server.Names.Incoming)
	if err != nil {
		return l.Server.Classify("look for system-versioned tables", err)
	}
	for _, table := range versioned {
		if !l.Server.Config.Part.Includes(table.Name) {
			continue
		}
		v.Tables = append(v.Tables, table.Name)
		if table.ByTransaction {
			v.numbered = append(v.numbered, table.Name)
		}
	}
	return nil
}

// Fit adapts an INSERT to this server: current rows get this server's end, and earlier versions are left out if the
// server does not accept them. It returns how many were left out.
func (v *Versions) Fit(table string, insert []byte) (fit []byte, left int64) {
	if !v.InDump || !slices.Contains(v.Tables, table) || slices.Contains(v.numbered, table) {
		return insert, 0
	}
	if v.Taken {
		from, to := endOfNow, endOfNowExtended
		if !v.Extended {
			from, to = to, from
		}
		return bytes.ReplaceAll(insert, from, to), 0
	}
	fit, left = rowsOfNow(insert)
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.left == nil {
		v.left = map[string]int64{}
	}
	v.left[table] += left
	return fit, left
}

// rowsOfNow removes earlier versions of rows from an INSERT, and the times of the others. It returns no statement if
// no row is left.
func rowsOfNow(insert []byte) (now []byte, left int64) {
	head, rows, _ := bytes.Cut(insert, []byte(") VALUES "))
	names := strings.Split(string(head), ",`") // a name may contain this separator, but the last two are cut off anyway
	if len(names) < 3 {
		return insert, 0
	}
	now = append(now, strings.Join(names[:len(names)-2], ",`")...)
	now = append(now, ") VALUES "...)
	before := len(now)
	for at := 0; at < len(rows); {
		start, values := at, []int{}
		for at++; ; at++ { // after the bracket or the comma
			value, end := literal.NextLiteral(rows, at)
			if value.Form == literal.LiteralNone || end >= len(rows) {
				return insert, left
			}
			values = append(values, end)
			if at = end; rows[at] != ',' {
				break
			}
		}
		at++ // after the bracket
		row := rows[start:at]
		if bytes.HasSuffix(row, endOfNow) || bytes.HasSuffix(row, endOfNowExtended) {
			if len(now) > before {
				now = append(now, ',')
			}
			now = append(append(now, rows[start:values[len(values)-3]]...), ')')
		} else {
			left++
		}
		at++ // after the comma
	}
	if len(now) == before {
		return nil, left
	}
	return now, left
}

// tell notes which history is not in the database.
func (v *Versions) tell(note func(string)) {
	missing := v.Tables
	if v.InDump {
		if !v.Taken && len(v.Tables) > len(v.numbered) {
			kept := slices.DeleteFunc(slices.Clone(v.Tables), func(table string) bool { return slices.Contains(v.numbered, table) })
			note("this server takes no history of system-versioned tables (MariaDB does from 10.11 on), only their current rows: " + strings.Join(kept, ", "))
		}
		missing = v.numbered
	}
	if len(missing) > 0 && !v.plain {
		note("the dump has no history of system-versioned tables, only their current rows: " + strings.Join(missing, ", "))
	}
}

// leftOf returns how many earlier versions of a table's rows were left out.
func (v *Versions) leftOf(table string) int64 {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return v.left[table]
}

// countOf returns the query that counts the rows of a table in all their versions.
func (v *Versions) countOf(table string) string {
	query := "SELECT COUNT(*) FROM " + mysql.QuoteName(table)
	if !v.plain && slices.Contains(v.Tables, table) {
		query += " FOR SYSTEM_TIME ALL"
	}
	return query
}
