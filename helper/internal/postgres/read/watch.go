package read

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/settings"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// lockTimeout is how long pg_dump waits for a lock, in milliseconds. Our own sessions wait as long. While we wait for a
// table, everybody who wants it waits behind us.
const lockTimeout = 800

// What pg_dump reads must be that of the snapshot's moment, but it calls functions that see the present state. And
// after a table has been truncated or rewritten, older snapshots see none of its rows, without an error. One more
// connection, which sees the present state, confirms afterwards that nothing of the kind has happened.

// now runs a query on the connection aside, in a transaction of its own. Settings end with it: behind a pooler, the
// session then goes to somebody else. All columns must be text.
func (s *snapshot) now(ctx context.Context, query string) ([][]string, error) {
	s.using.Lock()
	defer s.using.Unlock()
	statements := append([]string{"BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY"}, settings.Again(s.postgres.settings)...)
	statements = append(statements, "SET LOCAL statement_timeout = '60s'", query, "COMMIT")
	text := strings.Join(statements, "; ")
	rows, err := readAll(s.aside.PgConn().Exec(ctx, text))
	if err == nil || ctx.Err() != nil {
		return rows, err
	}
	if !s.aside.IsClosed() {
		// Others ask over this connection, too. Their answer must not be that a transaction of somebody else has failed.
		_, _ = s.aside.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
		return nil, err
	}
	// Servers may end idle sessions. A setting against that would stay behind in a pooled session.
	again, err := s.connectAside(ctx)
	if err != nil {
		return nil, err
	}
	s.aside = again
	return readAll(s.aside.PgConn().Exec(ctx, text))
}

// readAll returns the rows of all statements that have any.
func readAll(reader *pgconn.MultiResultReader) ([][]string, error) {
	results, err := reader.ReadAll()
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, result := range results {
		for _, row := range result.Rows {
			var line []string
			for _, value := range row {
				line = append(line, string(value))
			}
			rows = append(rows, line)
		}
	}
	return rows, nil
}

// filesQuery returns the file in which a table has its rows, and what its columns are.
const filesQuery = `SELECT n.nspname, c.relname, c.oid || ' ' || c.relfilenode,
  coalesce((SELECT string_agg(a.attnum || ' ' || a.atttypid || ' ' || a.attname, E'\n')
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'`

// madeOf is a row of filesQuery.
type madeOf struct {
	file    string
	columns []string
}

func readMadeOf(rows [][]string) map[relationName]madeOf {
	all := make(map[relationName]madeOf, len(rows))
	for _, row := range rows {
		all[relationName{row[0], row[1]}] = madeOf{row[2], strings.Split(row[3], "\n")}
	}
	return all
}

// readTables collects tables whose rows have been read, to compare them with what they were.
type readTables struct {
	mutex   sync.Mutex
	waiting []relationName
	since   time.Time // when the first of them was read
}

// A table is compared as soon as it has been read, but of many small ones several are compared at a time.
const (
	comparePatience = 50 * time.Millisecond
	compareAtOnce   = 500
)

// add adds a table, and returns those that are to be compared now.
func (r *readTables) add(name relationName) []relationName {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(r.waiting) == 0 {
		r.since = time.Now()
	}
	r.waiting = append(r.waiting, name)
	if len(r.waiting) < compareAtOnce && time.Since(r.since) < comparePatience {
		return nil
	}
	return r.take()
}

// rest returns the tables that are left.
func (r *readTables) rest() []relationName {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.take()
}

func (r *readTables) take() []relationName {
	taken := r.waiting
	r.waiting = nil
	return taken
}

var errAltered = errors.New("it was altered, emptied or exchanged")

// sameTables says whether tables whose rows have been read are still what they were at the snapshot's moment. A new column
// does no harm.
func (s *snapshot) sameTables(ctx context.Context, names []relationName) error {
	if len(names) == 0 {
		return nil
	}
	doing := "read " + names[0].String()
	rows, err := s.now(ctx, filesQuery+" AND (n.nspname, c.relname) IN ("+list(names)+")")
	if err != nil {
		return s.postgres.classifyDump(doing, err)
	}
	all := readMadeOf(rows)
	for _, name := range names {
		before, now := s.tables[name], all[name]
		if now.file == "" { // it was the same while it was read
			continue
		}
		same := before.file == now.file
		for _, column := range before.columns {
			same = same && slices.Contains(now.columns, column)
		}
		if !same {
			return source.Failure("read "+name.String(), source.ErrDefinitionChanged, errAltered)
		}
	}
	return nil
}

// sameAfterwards is sameCatalog, and sameTables for all tables, if there is no connection aside. The connection that
// took the snapshot looks, once the snapshot is no longer needed.
func (s *snapshot) sameAfterwards(ctx context.Context) error {
	keeper := s.readers[0]
	if _, err := keeper.Exec(ctx, "COMMIT"); err != nil {
		return s.postgres.classifyDump("end the snapshot", err)
	}
	s.readers, s.aside = s.readers[1:], keeper
	if err := s.sameCatalog(ctx); err != nil {
		return err
	}
	var names []relationName
	for _, piece := range s.pieces {
		if piece.from == 0 {
			names = append(names, piece.table.from.relationName)
		}
	}
	return s.sameTables(ctx, names)
}

// catalogQuery sums up what pg_dump reads, without the relations that a rule leaves out. A changed row of a catalog has another xmin. Statistics of
// a table are changed in place. With a moment, rows that are younger do not count: they are of what was made since, or take the place of one that
// is missed then.
func catalogQuery(excluded []relationName, moment string) string {
	without := "SELECT NULL::oid WHERE false"
	if len(excluded) > 0 {
		without = "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE (n.nspname, c.relname) IN (" + list(excluded) + ")"
	}
	return `WITH spaces AS (SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'),
  excluded AS (` + without + `),
  of_excluded AS (SELECT oid FROM excluded UNION SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM excluded)
    UNION SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i') AND refobjid IN (SELECT oid FROM excluded)),
  tables AS (SELECT c.oid FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM spaces) AND c.relpersistence <> 't' AND c.oid NOT IN (SELECT oid FROM of_excluded)),
  objects AS (
    SELECT 'space ' || oid AS o, xmin AS x FROM pg_namespace WHERE oid IN (SELECT oid FROM spaces)
    UNION ALL SELECT 'class ' || oid, xmin FROM pg_class WHERE oid IN (SELECT oid FROM tables)
    UNION ALL SELECT 'column ' || attrelid || ' ' || attnum, xmin FROM pg_attribute WHERE attnum > 0 AND attrelid IN (SELECT oid FROM tables)
    UNION ALL SELECT 'default ' || oid, xmin FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM tables)
    UNION ALL SELECT 'index ' || indexrelid, xmin FROM pg_index WHERE indrelid IN (SELECT oid FROM tables)
    UNION ALL SELECT 'trigger ' || oid, xmin FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM tables)
    UNION ALL SELECT 'rule ' || oid, xmin FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM tables)
    UNION ALL SELECT 'constraint ' || oid, xmin FROM pg_constraint WHERE connamespace IN (SELECT oid FROM spaces) AND conrelid NOT IN (SELECT oid FROM of_excluded)
    UNION ALL SELECT 'function ' || oid, xmin FROM pg_proc WHERE pronamespace IN (SELECT oid FROM spaces)
    UNION ALL SELECT 'type ' || t.oid, t.xmin FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem
      WHERE t.typnamespace IN (SELECT oid FROM spaces) AND t.typrelid NOT IN (SELECT oid FROM of_excluded) AND coalesce(e.typrelid NOT IN (SELECT oid FROM of_excluded), true)
    UNION ALL SELECT 'label ' || oid, xmin FROM pg_enum)
SELECT md5(coalesce(string_agg(o || ' ' || x, ',' ORDER BY o COLLATE "C"), '')) FROM objects WHERE ` + before(moment)
}

// before is a condition for rows whose transaction x a snapshot sees. It is given as the server writes it: the first transaction that was still running,
// the first that was yet to come, and those between them that were running. A row has the lower half of such a number. A row that is far younger
// than the snapshot, as if the numbers had begun anew, counts as an old one.
func before(moment string) string {
	parts := strings.Split(moment, ":")
	if len(parts) != 3 {
		return "true"
	}
	condition := "(x::text::bigint < 3 OR (x::text::bigint - " + parts[1] + " % 4294967296 + 4294967296) % 4294967296 >= 16777216)"
	for _, running := range strings.FieldsFunc(parts[2], func(r rune) bool { return r == ',' }) {
		condition += " AND x::text::bigint <> " + running + " % 4294967296"
	}
	return condition
}

// list lists relations, for a condition on their schemas and names.
func list(names []relationName) string {
	wanted := make([]string, len(names))
	for i, name := range names {
		wanted[i] = "(" + postgres.QuoteText(name.schema) + ", " + postgres.QuoteText(name.name) + ")"
	}
	return strings.Join(wanted, ", ")
}

// sameCatalog says whether nothing was altered or dropped since the snapshot.
func (s *snapshot) sameCatalog(ctx context.Context) error {
	if s.aside == nil {
		return nil
	}
	rows, err := s.now(ctx, catalogQuery(s.postgres.excluded, s.moment))
	if err != nil {
		return s.postgres.classifyDump("read the definitions", err)
	}
	if len(rows) != 1 || rows[0][0] != s.catalog {
		return source.Failure("read the definitions", source.ErrDefinitionChanged, errors.New("something was altered meanwhile"))
	}
	return nil
}

// watchInterval is how often the watcher looks for sessions that wait for ours. A session that it sees twice has waited
// longer than that.
const watchInterval = 200 * time.Millisecond

// watch looks, until ctx ends, for sessions that wait for a lock of ours or of pg_dump's. If there is one, it ends our
// sessions on the server and returns ErrGaveWay. Sessions that wait behind such a session count, too.
func (s *snapshot) watch(ctx context.Context) error {
	if s.aside == nil || s.postgres.server.Less(version.Version{Major: 9, Minor: 6}) {
		return nil
	}
	var readers []string
	for i, reader := range s.readers {
		pid := reader.PgConn().PID()
		if i == 0 {
			pid = s.keeper // a pooler makes up the numbers of processes
		}
		readers = append(readers, fmt.Sprint(pid))
	}
	const ours = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user
  AND application_name = 'dump-helper' AND pid <> pg_backend_pid()`
	list := "array[" + strings.Join(readers, ",") + "]::int[]"
	waiting := `SELECT l.pid, coalesce((SELECT relname FROM pg_class WHERE oid = l.relation), ''), coalesce(a.usename, ''),
  upper(concat_ws(' ', split_part(ltrim(a.query), ' ', 1), split_part(ltrim(a.query), ' ', 2)))
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE NOT l.granted AND a.application_name IS DISTINCT FROM 'dump-helper' AND pg_blocking_pids(l.pid) && (` + list + ` || array(` + ours + `))`
	seen := map[string]bool{}
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		rows, err := s.now(ctx, waiting)
		if err != nil {
			return nil // the readers will fail, too
		}
		now := map[string]bool{}
		for _, row := range rows {
			if now[row[0]] = true; !seen[row[0]] {
				continue
			}
			// A session whose rows nobody takes at the moment would not notice that it must end.
			if len(readers) > 0 {
				_, _ = s.now(ctx, "SELECT pg_terminate_backend(pid) FROM ("+ours+" UNION SELECT unnest("+list+")) o (pid)")
			}
			who, table := "somebody", "it"
			if row[2] != "" && !strings.Contains(row[3], "<") {
				who = strings.TrimSpace(row[3]) + " of " + row[2]
			}
			if row[1] != "" {
				table = row[1]
			}
			return source.Failure("read the tables", source.ErrGaveWay, errors.New(who+" waited for "+table))
		}
		seen = now
	}
}
