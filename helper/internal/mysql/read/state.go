package read

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// This is what a MariaDB server remembers of its tables, as tried on 10.11:
//
//   - UPDATE_TIME of an InnoDB table is set when a transaction that has changed it commits, an XA transaction and a
//     cascade of a foreign key included. It has whole seconds, is kept in memory only, and is NULL after a restart.
//   - It is set to the time at which the transaction began, of which no session can change the server's idea. So if two of
//     them begin in the same second, it does not tell that the second one has committed. INNODB_TRX shows those that are
//     open. It is a copy, up to a tenth of a second old, and older if somebody asks for it all the time.
//   - It is forgotten, too, when the table leaves the dictionary cache: with 500 tables and table_definition_cache at
//     400 that happened within a minute. So a NULL that was NULL before is no proof, unless all tables have room.
//   - TRUNCATE sets it to NULL and moves nothing else but the counts. Counts are estimates: a row that is inserted into
//     an empty table just before a restart leaves its count at 0.
//   - CREATE_TIME is when the .frm file was last changed: each ALTER TABLE and RENAME moves it, TRUNCATE does not.
//   - Aria writes its file, and so moves its time, up to half a minute after a change; MyISAM does it at once.
//   - Innodb_lsn_current is what of the redo log has been written. On a server where nobody writes it stands still,
//     and reading does not move it, nor does FLUSH TABLES WITH READ LOCK.

// oldestState is the first version of MariaDB that is assumed to behave like 10.11.
const oldestState = 100600

// State describes the database so that a later state can be compared with it.
func (m *Server) State(ctx context.Context) (source.State, error) {
	if !m.release.Since(oldestState, 0) {
		return source.State{Doubt: "of the servers for MySQL clients, only MariaDB 10.6 and newer can tell"}, nil
	}
	var state source.State
	err := m.session(ctx, func(conn *sql.Conn) (err error) {
		if _, err := conn.ExecContext(ctx, "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"); err != nil {
			return err
		}
		state, err = (&serverState{server: m, conn: conn}).read(ctx)
		return err
	})
	if err != nil {
		return source.State{}, m.classify(err)
	}
	return state, nil
}

// serverState collects a state.
type serverState struct {
	server *Server
	conn   *sql.Conn

	definitions [][]string // of the tables
	rows        [][]string // what is known of their rows
	empty       []string   // tables that may have no rows
	sequences   []string
	loose       []string // tables whose time of change is not exact
	uncertain   bool     // the server may have forgotten that a table was changed
	altered     bool     // a table was made or altered just now
	changed     bool     // or changed just now
	latest      string   // when the InnoDB table that was changed last was changed; empty if that is not known of any
}

// youngest is how many seconds a server must have run. The time of its start has a resolution of one second, so two
// starts within one look alike.
const youngest = 3

func (r *serverState) read(ctx context.Context) (source.State, error) {
	status, err := r.status(ctx)
	if err != nil {
		return source.State{}, err
	}
	if uptime, err := strconv.Atoi(status["UPTIME"]); err == nil && uptime < youngest {
		return source.State{Doubt: "the server has just been started"}, nil
	}
	if err := r.tables(ctx); err != nil {
		return source.State{}, err
	}
	m := r.server
	base := m.config.StateOf(m.url.String(), fmt.Sprint(m.events))
	base.AddLines(r.definitions)
	for _, query := range stateQueries {
		lines, err := r.query(ctx, query)
		if err != nil {
			return source.State{}, err
		}
		base.AddLines(lines)
	}
	if err := r.standing(ctx, base); err != nil {
		return source.State{}, err
	}

	var state source.State
	const just = "something was changed in the same moment"
	if r.altered {
		return source.State{Doubt: just}, nil
	}
	definitions := base.String()
	if lsn := status["INNODB_LSN_CURRENT"]; lsn != "" && len(r.loose) == 0 && !r.otherEngines() {
		state.Position = source.NewFingerprint(definitions, lsn).String()
	}
	switch {
	case r.changed:
		state.Doubt = just
	case len(r.loose) > 0:
		state.Doubt = "the server does not tell when these tables were changed, which are neither InnoDB nor MyISAM: " + source.Enumerate(r.loose)
	default:
		if state.Doubt, err = r.open(ctx); err == nil && state.Doubt == "" && r.uncertain {
			state.Doubt, err = r.forgetful(ctx)
		}
		if err != nil {
			return source.State{}, err
		}
	}
	if state.Doubt != "" {
		return state, nil
	}
	contents := source.NewFingerprint(definitions)
	contents.AddLines(r.rows)
	// Emptying or exchanging partitions and importing tablespaces are forms of ALTER TABLE.
	contents.Add(status["COM_ALTER_TABLE"])
	if r.uncertain {
		// All tables have room now. If none was dropped, they had room all the time between the two states.
		contents.Add(status["COM_DROP_TABLE"], status["COM_DROP_DB"])
	}
	state.Contents = contents.String()
	return state, nil
}

// otherEngines says whether there are tables with rows that the redo log does not cover.
func (r *serverState) otherEngines() bool {
	return slices.ContainsFunc(r.rows, func(row []string) bool { return row[1] != "innodb" })
}

// status reads the counters that a state needs. Every account may read them.
func (r *serverState) status(ctx context.Context) (map[string]string, error) {
	rows, err := r.query(ctx, "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN"+
		" ('UPTIME', 'INNODB_LSN_CURRENT', 'COM_ALTER_TABLE', 'COM_DROP_TABLE', 'COM_DROP_DB')")
	if err != nil {
		return nil, err
	}
	status := make(map[string]string, len(rows))
	for _, row := range rows {
		status[row[0]] = row[1]
	}
	return status, nil
}

// tables sorts what the server says about the tables.
func (r *serverState) tables(ctx context.Context) error {
	const just = " >= NOW() - INTERVAL 2 SECOND"
	rows, err := r.query(ctx, "SELECT TABLE_NAME, TABLE_TYPE, LOWER(COALESCE(ENGINE, '')), COALESCE(CREATE_TIME, ''), COALESCE(UPDATE_TIME, ''),"+
		" COALESCE(TABLE_ROWS, 0), COALESCE(DATA_LENGTH, 0), COALESCE(CREATE_TIME"+just+", 0), COALESCE(UPDATE_TIME"+just+", 0),"+
		" COALESCE(CREATE_OPTIONS, '') LIKE '%partitioned%', COALESCE(AUTO_INCREMENT, ''), COALESCE(TABLE_COLLATION, ''),"+
		" COALESCE(CREATE_OPTIONS, ''), COALESCE(TABLE_COMMENT, '') FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()")
	if err != nil {
		return err
	}
	for _, row := range rows {
		name, kind, engine, made, changed, count, length := row[0], row[1], row[2], row[3], row[4], row[5], row[6]
		if wildcard.MatchAny(r.server.config.Exclude, name) {
			continue
		}
		r.altered = r.altered || row[7] == "1"
		r.definitions = append(r.definitions, append([]string{name, kind, engine, made}, row[10:]...))
		switch {
		case strings.Contains(kind, "VIEW"):
		case kind == "SEQUENCE":
			r.sequences = append(r.sequences, name)
		case wildcard.MatchAny(r.server.config.StructureOnly, name), mysql.RowsElsewhere(engine):
		case engine == "innodb":
			r.changed = r.changed || row[8] == "1"
			r.latest = max(r.latest, changed)
			// The time of a partitioned table is that of the partition changed last, and the server forgets each
			// partition on its own.
			partitioned := row[9] == "1"
			r.uncertain = r.uncertain || changed == "" || partitioned
			if changed == "" && count == "0" || partitioned {
				r.empty = append(r.empty, name)
			}
			r.rows = append(r.rows, []string{name, engine, changed})
		case engine == "myisam":
			r.changed = r.changed || row[8] == "1"
			r.rows = append(r.rows, []string{name, engine, changed, count, length})
		default:
			r.loose = append(r.loose, name)
		}
	}
	return r.look(ctx)
}

// look finds out which tables are empty among those that may be. The count of rows is an estimate, which is never 0 for
// a partitioned table. And if nobody had changed a table since the server was started, nothing else reveals that it was
// emptied.
func (r *serverState) look(ctx context.Context) error {
	var queries []string
	for _, name := range r.empty {
		queries = append(queries, "SELECT "+mysql.QuoteText(name)+" FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM "+mysql.QuoteName(name)+")")
	}
	rows, err := r.union(ctx, queries)
	for _, row := range rows {
		r.rows = append(r.rows, []string{row[0], "innodb", "empty"})
	}
	return err
}

// stateQueries tell whether the server is the same, has not been restarted, and has the same views, triggers,
// routines and events. The order of their rows does not matter. The first one computes when the server was started:
// both times in it are from one statement, so the result is always the same second.
var stateQueries = []string{
	"SELECT UNIX_TIMESTAMP() - VARIABLE_VALUE, VERSION(), @@hostname, @@port, @@server_id, @@datadir" +
		" FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME'",
	"SELECT * FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()",
	"SELECT * FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()",
	"SELECT * FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
	"SELECT * FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()",
	"SELECT * FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA = DATABASE()",
	"SELECT * FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()",
}

// standing adds the present values of the sequences.
func (r *serverState) standing(ctx context.Context, to source.Fingerprint) error {
	var queries []string
	for _, name := range r.sequences {
		queries = append(queries, "SELECT "+mysql.QuoteText(name)+", s.* FROM "+mysql.QuoteName(name)+" s")
	}
	rows, err := r.union(ctx, queries)
	to.AddLines(rows)
	return err
}

// open returns why a transaction that is open now may change a table without changing its time: it began no later than the one
// that has set that time.
func (r *serverState) open(ctx context.Context) (string, error) {
	if r.latest == "" {
		return "", nil
	}
	oldest, doubt, err := oldestOpen(ctx, r.conn, r.server.account)
	if err != nil || doubt != "" {
		return doubt, err
	}
	if oldest != "" && oldest <= r.latest {
		return "a transaction is open that began before the last change", nil
	}
	return "", nil
}

// oldestOpen returns when the oldest open transaction began that may write, as the server writes times; empty if there is none. Its own
// transaction shows that what the server returns is not an old copy.
func oldestOpen(ctx context.Context, conn *sql.Conn, account string) (began, doubt string, err error) {
	if _, err := conn.ExecContext(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
		return "", "", err
	}
	defer func() {
		_, rollback := conn.ExecContext(ctx, "ROLLBACK")
		err = errors.Join(err, rollback)
	}()
	for range openTries {
		var own int
		err := conn.QueryRowContext(ctx, "SELECT COALESCE(CAST(MIN(IF(trx_is_read_only, NULL, trx_started)) AS CHAR), ''),"+
			" COUNT(IF(trx_mysql_thread_id = CONNECTION_ID(), 1, NULL)) FROM information_schema.INNODB_TRX").Scan(&began, &own)
		switch {
		case denied(err):
			return "", fmt.Sprintf("whether transactions are open takes the privilege PROCESS (GRANT PROCESS ON *.* TO %s)", account), nil
		case err != nil:
			return "", "", err
		case own > 0:
			return began, "", nil
		}
		if err := clock.Sleep(ctx, openPause); err != nil {
			return "", "", err
		}
	}
	return "", "the server shows an old list of its transactions", nil
}

// openPause is longer than the server keeps its list of transactions, if nobody else asks for it; openTries is how often it is asked.
const (
	openPause = 120 * time.Millisecond
	openTries = 5
)

// forgetful returns why the server may have forgotten that a table was changed. It returns nothing if the server has
// room for all tables of all databases and a tenth more.
func (r *serverState) forgetful(ctx context.Context) (string, error) {
	rows, err := r.query(ctx, "SELECT COUNT(*), @@table_definition_cache FROM information_schema.INNODB_SYS_TABLES")
	if denied(err) {
		return fmt.Sprintf("whether the server remembers when tables were changed takes the privilege PROCESS (GRANT PROCESS ON *.* TO %s)",
			r.server.account), nil
	}
	if err != nil {
		return "", err
	}
	tables, err := strconv.Atoi(rows[0][0])
	if err != nil {
		return "", err
	}
	room, err := strconv.Atoi(rows[0][1])
	if err != nil {
		return "", err
	}
	if need := tables + tables/10 + 1; need > room {
		return fmt.Sprintf("the server has %d InnoDB tables and forgets when they were changed, unless table_definition_cache, which is %d, is %d or more",
			tables, room, need), nil
	}
	return "", nil
}

// union joins queries of one row each, in statements of moderate length.
func (r *serverState) union(ctx context.Context, queries []string) (all [][]string, err error) {
	const atOnce = 50
	for some := range slices.Chunk(queries, atOnce) {
		rows, err := r.query(ctx, strings.Join(some, " UNION ALL "))
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// query returns all rows of a query as text, NULL as "", without what changes by itself.
func (r *serverState) query(ctx context.Context, query string) ([][]string, error) {
	columns, lines, err := mysql.Lines(ctx, r.conn, query)
	if at := slices.Index(columns, "LAST_EXECUTED"); at >= 0 { // of an event
		for i, line := range lines {
			lines[i] = slices.Delete(line, at, at+1)
		}
	}
	return lines, err
}
