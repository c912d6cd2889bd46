package read

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"

	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// What else a MariaDB server knows of an InnoDB table, tried on 10.11:
//
//   - TABLE_ID is a new one after TRUNCATE, OPTIMIZE, and whatever else makes the table anew, and goes along with RENAME and EXCHANGE
//     PARTITION. Discarding and importing a tablespace leave it, and count as ALTER TABLE.
//   - MODIFIED_COUNTER counts changed rows at once, also those of cascades, and begins at 0 again when statistics are made. UPDATE_TIME would
//     do, if nobody ever set the server's clock back.
//   - A transaction that commits is seen by others before it sets UPDATE_TIME. Both FLUSH TABLES WITH READ LOCK and LOCK TABLES wait until
//     it has done so.

// TableStates returns the states of the tables whose rows would be dumped. It needs the privilege PROCESS, and room for all tables in the
// server's memory.
func (m *Server) TableStates(ctx context.Context) (source.TableStates, error) {
	if m.config.Client || !m.release.Since(oldestState, 0) {
		return nil, nil
	}
	var states source.TableStates
	err := m.session(ctx, func(conn *sql.Conn) (err error) {
		if _, err := conn.ExecContext(ctx, "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"); err != nil {
			return err
		}
		states, err = (&serverState{server: m, conn: conn}).tableStates(ctx)
		return err
	})
	if err != nil {
		return nil, m.classify(err)
	}
	return states, nil
}

// unread returns the tables that are the same as when their earlier states were read. It looks after the snapshot has begun: what was changed
// before is seen. A snapshot that began while others committed may have seen what the server has not yet recorded.
func (m *Server) unread(ctx context.Context, s *snapshot, earlier source.TableStates) ([]string, error) {
	if len(earlier) == 0 || !s.settled {
		return nil, nil
	}
	now, err := m.TableStates(ctx)
	if err != nil {
		return nil, err
	}
	return now.Same(earlier), nil
}

// tableStates returns nothing if the server cannot tell.
func (r *serverState) tableStates(ctx context.Context) (source.TableStates, error) {
	status, err := r.status(ctx)
	if err != nil {
		return nil, err
	}
	if uptime, err := strconv.Atoi(status["UPTIME"]); err != nil || uptime < youngest {
		return nil, nil //nolint:nilerr // who knows when it was started
	}
	if doubt, err := r.forgetful(ctx); err != nil || doubt != "" {
		return nil, err
	}
	base := r.server.config.StateOf(r.server.url.String())
	var answers [4][][]string
	for i, query := range []string{stateQueries[0], countersQuery, tableStatesQuery, innodbStatesQuery} {
		if answers[i], err = r.query(ctx, query); err != nil {
			return nil, err
		}
	}
	base.AddLines(answers[0])
	base.AddLines(answers[1])
	innodb := make(map[string][]string, len(answers[3]))
	for _, row := range answers[3] {
		innodb[row[0]] = row
	}
	// Transactions that are open when the times have been read may still change tables. Those that begin later set a later time.
	oldest, doubt, err := oldestOpen(ctx, r.conn, r.server.account)
	if err != nil || doubt != "" {
		return nil, err
	}
	base.Add(status["COM_ALTER_TABLE"])
	about := base.String()
	states := source.TableStates{}
	read := r.server.withRows()
	for _, row := range answers[2] {
		name, file, changed, just := row[0], row[1], row[2], row[3] == "1"
		switch {
		case !slices.Contains(read, name), innodb[file] == nil, just, changed != "" && oldest != "" && changed >= oldest:
			continue
		case !rowfilter.For(r.server.config.Rows, name).All(): // which rows are dumped may depend on other tables
			continue
		}
		state := source.NewFingerprint(about)
		state.Add(row...)
		state.Add(innodb[file]...)
		if changed == "" {
			// It was not changed since the server was started, unless the server has forgotten it. All tables have room now. If none was
			// dropped, they had room all the time.
			state.Add(status["COM_DROP_TABLE"], status["COM_DROP_DB"])
		}
		states[name] = state.String()
	}
	return states, nil
}

// fileName is how InnoDB names what a name of information_schema stands for.
const fileName = "CAST(CONVERT(IF(@@lower_case_table_names = 0, %[1]s, LOWER(%[1]s)) USING filename) AS BINARY)"

var (
	// tableStatesQuery has what the server says about tables. Partitions are forgotten, and exchanged, one by one.
	tableStatesQuery = "SELECT TABLE_NAME, CONCAT(" + fmt.Sprintf(fileName, "DATABASE()") + ", '/', " + fmt.Sprintf(fileName, "TABLE_NAME") + "), COALESCE(UPDATE_TIME, '')," +
		" COALESCE(CREATE_TIME >= NOW() - INTERVAL 2 SECOND, 1) OR COALESCE(UPDATE_TIME >= NOW() - INTERVAL 2 SECOND, 0)," +
		" COALESCE(CREATE_TIME, ''), COALESCE(CREATE_OPTIONS, ''), COALESCE(TABLE_COLLATION, '') FROM information_schema.TABLES" +
		" WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND ENGINE = 'InnoDB' AND COALESCE(CREATE_OPTIONS, '') NOT LIKE '%partitioned%'"
	// innodbStatesQuery has what InnoDB says about them.
	innodbStatesQuery = "SELECT CAST(NAME AS BINARY), TABLE_ID, MODIFIED_COUNTER FROM information_schema.INNODB_SYS_TABLESTATS" +
		" WHERE CAST(SUBSTRING_INDEX(NAME, '/', 1) AS BINARY) = " + fmt.Sprintf(fileName, "DATABASE()")
	// countersQuery tells whether the server's counters began anew.
	countersQuery = "SELECT UNIX_TIMESTAMP() - VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME_SINCE_FLUSH_STATUS'"
)
