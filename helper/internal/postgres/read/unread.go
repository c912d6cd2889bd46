package read

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// TableStates returns the states of the tables whose rows would be dumped. It need not wait for counts that sessions have not handed in: they
// only grow, and so can only make a later state another one.
func (p *Server) TableStates(ctx context.Context) (source.TableStates, error) {
	return p.tableStates(ctx, false)
}

// unread returns the tables that are the same as when their earlier states were read. It looks after the snapshot was taken. Everything that
// the snapshot sees must have been counted.
func (p *Server) unread(ctx context.Context, earlier source.TableStates) ([]string, error) {
	if len(earlier) == 0 {
		return nil, nil
	}
	now, err := p.tableStates(ctx, true)
	if err != nil {
		return nil, err
	}
	return now.Same(earlier), nil
}

// tableStates returns nothing if the server cannot tell.
func (p *Server) tableStates(ctx context.Context, settled bool) (source.TableStates, error) {
	if p.config.Client {
		return nil, nil
	}
	var states source.TableStates
	err := p.session(ctx, func(tx pgx.Tx) (err error) {
		states, err = (&serverState{Server: p, tx: tx}).tables(ctx, settled)
		return err
	})
	if isVanished(err) {
		return nil, nil
	}
	if err != nil {
		return nil, p.classify(err)
	}
	return states, nil
}

// tables returns the states of tables; nothing if settled is wanted and some counts may be missing.
func (r *serverState) tables(ctx context.Context, settled bool) (source.TableStates, error) {
	var standby bool
	if err := r.tx.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil || standby || r.server.Less(oldestState) {
		return nil, err
	}
	if settled {
		if doubt, err := r.unsettled(ctx); err != nil || doubt != "" {
			return nil, err
		}
	}
	var counted bool
	if err := r.tx.QueryRow(ctx, countedQuery).Scan(&counted); err != nil || !counted {
		return nil, err
	}
	base := r.config.StateOf(r.url.String(), r.version, r.about.Client)
	classes, err := r.query(ctx, classColumnsQuery)
	if err != nil {
		return nil, err
	}
	// How rows are written depends on types and columns, and so any change of a catalog counts as one of every table.
	for _, query := range []string{identityQuery, "SELECT pg_conf_load_time()::text", fmt.Sprintf(classesQuery, classes[0][0]), catalogCountsQuery} {
		if err := r.add(ctx, base, query); err != nil {
			return nil, err
		}
	}
	rows, err := r.query(ctx, rowCountsQuery)
	if err != nil {
		return nil, err
	}
	about := base.String()
	states := source.TableStates{}
	alone, err := r.alone(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if name := (relationName{row[0], row[1]}); slices.Contains(alone, name) {
			states[name.String()] = source.NewFingerprint(append([]string{about}, row...)...).String()
		}
	}
	return states, nil
}

// countedQuery tells whether the sessions of all accounts count their changes. The time at which the server read its configuration tells whether
// they have done so all the time.
const countedQuery = `SELECT current_setting('track_counts') = 'on'
	AND NOT EXISTS (SELECT FROM pg_db_role_setting, unnest(setconfig) AS setting WHERE setting LIKE 'track_counts=%')`

// alone returns the tables of which all rows are dumped, and into which no rows of others are restored. Which rows a rule lets through may
// depend on other tables. Only of heaps all changes are known to be counted.
func (r *serverState) alone(ctx context.Context) ([]relationName, error) {
	tables, err := r.readTables(ctx, r.tx)
	if err != nil {
		return nil, err
	}
	into := map[relationName]int{}
	for _, table := range tables {
		into[table.to.relationName]++
	}
	var alone []relationName
	for _, table := range tables {
		if table.heap && table.filter.All() && table.from.relationName == table.to.relationName && into[table.to.relationName] == 1 {
			alone = append(alone, table.from.relationName)
		}
	}
	return alone, nil
}
