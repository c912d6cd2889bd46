package read

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// schemaReader reads the definitions of tables, views, triggers, routines and events from a server.
type schemaReader struct {
	server    *Server
	conn      *sql.Conn
	version   string // of the server, in its own words
	collation string // the database's
	restore   string // restores the session's settings
	// references has the reference systems of geometries, by table and column, which MariaDB does not show.
	references map[string]map[string]string
}

// open sets the session's settings so that the server's own do not change what it shows. Texts arrive as the bytes that
// were once sent, whatever their character set. The dump sends the same bytes again and names their character set.
func (r *schemaReader) open(ctx context.Context) error {
	row, err := r.row(ctx, "SELECT VERSION() AS version, @@collation_database AS collation, @@sql_mode AS mode,"+
		" @@sql_quote_show_create AS quote, COALESCE(@@character_set_results, 'NULL') AS results")
	if err != nil {
		return err
	}
	r.version, r.collation = row["version"], row["collation"]
	r.restore = fmt.Sprintf("SET SESSION sql_mode = '%s', sql_quote_show_create = %s, character_set_results = %s",
		row["mode"], row["quote"], row["results"])
	if _, err := r.conn.ExecContext(ctx, "SET SESSION sql_mode = '', sql_quote_show_create = 1, character_set_results = binary"); err != nil {
		return err
	}
	return beginShowing(ctx, r.conn)
}

// close restores the settings.
func (r *schemaReader) close(ctx context.Context) error {
	_, err := r.conn.ExecContext(ctx, r.restore)
	return errors.Join(err, endShowing(ctx, r.conn))
}

// rows returns the rows of a query: see [mysql.Rows].
func (r *schemaReader) rows(ctx context.Context, query string) ([]map[string]string, error) {
	return mysql.Rows(ctx, r.conn, query)
}

// row returns the one row of a query.
func (r *schemaReader) row(ctx context.Context, query string) (map[string]string, error) {
	rows, err := r.rows(ctx, query)
	if err == nil && len(rows) == 0 {
		err = mysql.ErrVanished
	}
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// gone are the errors for an object that was dropped, or replaced by one of another kind, after it was listed.
var gone = []uint16{
	mysql.ErrnoUnknownTable, mysql.ErrnoUnknownRoutine, mysql.ErrnoUnknownTrigger, mysql.ErrnoUnknownEvent, mysql.ErrnoUnknownSequence,
	mysql.ErrnoUnknownView, mysql.ErrnoOtherKindOfObject, mysql.ErrnoNotASequence,
}

// reading adds to an error what was being read, and classifies it. What is missing was there when it was listed.
func reading(what string, err error) error {
	doing := "read " + what
	switch {
	case errors.Is(err, mysql.ErrVanished):
		return source.Failure(doing, source.ErrDefinitionChanged, err)
	case errors.Is(err, mysql.ErrTextHidden):
		return source.Failure(doing, source.ErrPrivilege, err)
	}
	switch errno := mysql.Errno(err); {
	case slices.Contains(gone, errno):
		return source.Failure(doing, source.ErrDefinitionChanged, err)
	case errno == 0:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return source.Faulty(doing, mysql.Classify(err), err)
}
