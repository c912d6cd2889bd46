package read

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// What a PostgreSQL server remembers of its tables, tried on 15:
//
//   - Its statistics count the rows that were inserted, updated and deleted in each table, the catalogs included. A
//     session hands its counts in when a transaction ends, but at most once a second: what is left over waits until
//     the session has been idle for ten seconds, or for its next transaction to end. It hands all in when it ends.
//   - A crash sets all counts to 0, the start of a backend after a crash of another included, which leaves
//     pg_postmaster_start_time as it is. That is seen from stats_reset of pg_stat_bgwriter. Before version 15 the
//     counts could also get lost on their way.
//   - TRUNCATE and what rewrites a table count nothing, and change its relfilenode.
//   - ANALYZE and VACUUM count nothing but rows of pg_statistic, and change pg_class in place. ANALYZE takes
//     transaction ids, VACUUM does not.
//   - nextval and setval count nothing, and may take no transaction id: sequences are read.
//   - A temporary table counts in the catalogs: it looks like a change.

// oldestState is the first version that loses no counts.
var oldestState = version.Version{Major: 15}

// sessionPatience is how long a session must have been idle for its counts to be included. It is twice what the server
// needs, because a session whose first attempt meets a lock tries once more.
const sessionPatience = 21 * time.Second

// State describes the database so that a later state can be compared with it.
func (p *Server) State(ctx context.Context) (source.State, error) {
	var state source.State
	err := p.session(ctx, func(tx pgx.Tx) (err error) {
		state, err = (&serverState{Server: p, tx: tx}).read(ctx)
		return err
	})
	if isVanished(err) {
		return source.State{Doubt: "something was dropped just now"}, nil
	}
	if err != nil {
		return source.State{}, p.classify(err)
	}
	return state, nil
}

// serverState collects a state.
type serverState struct {
	*Server
	tx pgx.Tx
}

func (r *serverState) read(ctx context.Context) (source.State, error) {
	var standby bool
	if err := r.tx.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil {
		return source.State{}, err
	}
	switch {
	case standby:
		return source.State{Doubt: "the server is a standby, which counts no changes"}, nil
	case r.server.Less(oldestState):
		return source.State{Doubt: "only PostgreSQL 15 and newer can tell, not " + r.version}, nil
	}
	// This comes before the counts, which lack what sessions have not yet handed in.
	doubt, err := r.unsettled(ctx)
	if err != nil {
		return source.State{}, err
	}
	base := r.config.StateOf(r.url.String(), r.version, r.about.Client)
	classes, err := r.query(ctx, classColumnsQuery)
	if err != nil {
		return source.State{}, err
	}
	for _, query := range []string{identityQuery, fmt.Sprintf(classesQuery, classes[0][0])} {
		if err := r.add(ctx, base, query); err != nil {
			return source.State{}, err
		}
	}
	if err := r.standing(ctx, base); err != nil {
		return source.State{}, err
	}
	definitions := base.String()

	// Every writer takes a transaction id. If no id was taken and none is in use, nothing was written.
	var running string
	if err := r.tx.QueryRow(ctx, "SELECT pg_current_snapshot()::text").Scan(&running); err != nil {
		return source.State{}, err
	}
	state := source.State{Position: source.NewFingerprint(definitions, running).String(), Doubt: doubt}
	if doubt != "" {
		return state, nil
	}
	contents := source.NewFingerprint(definitions)
	if err := r.add(ctx, contents, catalogCountsQuery); err != nil {
		return source.State{}, err
	}
	if err := r.rows(ctx, contents); err != nil {
		return source.State{}, err
	}
	state.Contents = contents.String()
	return state, nil
}

// unsettled returns why changes may not have been counted yet.
func (r *serverState) unsettled(ctx context.Context) (string, error) {
	var counting string
	if err := r.tx.QueryRow(ctx, "SELECT current_setting('track_counts')").Scan(&counting); err != nil {
		return "", err
	}
	if counting != "on" {
		return "track_counts is off, so that the server counts no changes", nil
	}
	// An account without pg_read_all_stats only sees that other sessions exist. Processes without a user are the
	// server's own, such as autovacuum. Sessions of dumps only read.
	var hidden, busy int
	err := r.tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE state IS NULL),
		count(*) FILTER (WHERE state <> 'idle' OR state_change > clock_timestamp() - make_interval(secs => $1))
		FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
		AND NOT (usename = session_user AND application_name IN ('dump-helper', 'pg_dump'))`, sessionPatience.Seconds()).Scan(&hidden, &busy)
	switch {
	case err != nil:
		return "", err
	case hidden > 0:
		return fmt.Sprintf("whether other sessions have written takes the privileges of pg_read_all_stats (GRANT pg_read_all_stats TO %s)",
			postgres.QuoteIdentifier(r.url.User)), nil
	case busy == 1:
		return "a session of the database is at work, or was a moment ago", nil
	case busy > 1:
		return fmt.Sprintf("%d sessions of the database are at work, or were a moment ago", busy), nil
	}
	return "", nil
}

const (
	// identityQuery tells whether the database is the same, and whether the counts began anew.
	identityQuery = `SELECT (SELECT system_identifier FROM pg_control_system())::text, d.oid::text, pg_postmaster_start_time()::text,
		(SELECT stats_reset FROM pg_stat_bgwriter)::text, pg_stat_get_db_stat_reset_time(d.oid)::text
		FROM pg_database d WHERE d.datname = current_database()`

	// classColumnsQuery lists what matters of pg_class: not what VACUUM, ANALYZE and TRUNCATE change. Otherwise emptying a table whose rows
	// are not dumped would count as a change.
	classColumnsQuery = `SELECT string_agg('c.' || quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 'pg_class'::regclass AND attnum > 0 AND NOT attisdropped
		AND attname <> ALL ('{relfilenode,relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid}')`

	// classesQuery has these columns of all relations.
	classesQuery = `SELECT c.oid::text, ROW(%s)::text
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\_%%' AND n.nspname <> 'information_schema'`

	// catalogCountsQuery has the counts of the database's catalogs: of all definitions and large objects.
	catalogCountsQuery = `SELECT c.relname, pg_stat_get_tuples_inserted(c.oid)::text, pg_stat_get_tuples_updated(c.oid)::text, pg_stat_get_tuples_deleted(c.oid)::text
		FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND NOT c.relisshared
		AND c.relname NOT IN ('pg_class', 'pg_statistic', 'pg_statistic_ext_data')`

	// rowCountsQuery has the counts of everything else with rows.
	rowCountsQuery = `SELECT n.nspname, c.relname, c.oid::text, c.relfilenode::text,
		pg_stat_get_tuples_inserted(c.oid)::text, pg_stat_get_tuples_updated(c.oid)::text, pg_stat_get_tuples_deleted(c.oid)::text
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'`
)

// rows adds the counts of the tables whose rows go into the dump, including new tables.
func (r *serverState) rows(ctx context.Context, to source.Fingerprint) error {
	lines, err := r.query(ctx, rowCountsQuery)
	if err != nil {
		return err
	}
	without := slices.Concat(r.structureOnly, r.excluded)
	to.AddLines(slices.DeleteFunc(lines, func(line []string) bool {
		return slices.Contains(without, relationName{line[0], line[1]})
	}))
	return nil
}

// standing adds the present values of the sequences. If nobody has taken a value from a sequence since it was made or
// set, the function returns nothing. Then the sequence itself is read, which took 34 ms instead of 2 for 200 of them.
func (r *serverState) standing(ctx context.Context, to source.Fingerprint) error {
	lines, err := r.query(ctx, `SELECT n.nspname, c.relname, CASE WHEN c.relkind = 'S' THEN pg_sequence_last_value(c.oid) END::text
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
		AND has_schema_privilege(n.oid, 'USAGE') AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT') END`)
	if err != nil {
		return err
	}
	var stand [][]string
	var queries []string
	for _, line := range lines {
		name := relationName{line[0], line[1]}
		switch {
		case slices.Contains(r.excluded, name):
		case line[2] == "":
			queries = append(queries, "SELECT "+postgres.QuoteText(name.String())+", last_value::text, is_called::text FROM "+name.pattern())
		default:
			stand = append(stand, line)
		}
	}
	to.AddLines(stand)
	if len(queries) == 0 {
		return nil
	}
	return r.add(ctx, to, strings.Join(queries, " UNION ALL "))
}

// add adds the rows of a query, in any order.
func (r *serverState) add(ctx context.Context, to source.Fingerprint, query string) error {
	lines, err := r.query(ctx, query)
	to.AddLines(lines)
	return err
}

// query returns all rows of a query whose columns are text, NULL as "".
func (r *serverState) query(ctx context.Context, query string) ([][]string, error) {
	rows, err := r.tx.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]string, error) {
		values := make([]*string, len(row.FieldDescriptions()))
		targets := make([]any, len(values))
		for i := range values {
			targets[i] = &values[i]
		}
		err := row.Scan(targets...)
		line := make([]string, len(values))
		for i, value := range values {
			if value != nil {
				line[i] = *value
			}
		}
		return line, err
	})
}
