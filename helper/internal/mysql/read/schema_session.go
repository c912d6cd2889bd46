package read

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// schemaReader asks a server for the texts of its tables, views, triggers, routines and events.
type schemaReader struct {
	server    *Server
	conn      *sql.Conn
	version   string // of the server, in its own words
	collation string // the database's
	restore   string // the statement that puts the session's settings back
	// references are the systems of reference of geometries, by table and column, which MariaDB does not show.
	references map[string]map[string]string
}

// open makes the session's settings such that the server's own do not change what it shows. Texts come as
// the bytes that they were sent as, whatever their character set: those that say so in the dump can then be
// sent once more.
func (r *schemaReader) open(ctx context.Context) error {
	row, err := r.row(ctx, "SELECT VERSION() AS version, @@collation_database AS collation, @@sql_mode AS mode,"+
		" @@sql_quote_show_create AS quote, COALESCE(@@character_set_results, 'NULL') AS results")
	if err != nil {
		return err
	}
	r.version, r.collation = row["version"], row["collation"]
	r.restore = fmt.Sprintf("SET SESSION sql_mode = '%s', sql_quote_show_create = %s, character_set_results = %s",
		row["mode"], row["quote"], row["results"])
	_, err = r.conn.ExecContext(ctx, "SET SESSION sql_mode = '', sql_quote_show_create = 1, character_set_results = binary")
	return err
}

// close puts the settings back.
func (r *schemaReader) close(ctx context.Context) error {
	_, err := r.conn.ExecContext(ctx, r.restore)
	return err
}

// rows gives the rows of a query, each by the lower-case names of its columns; NULL is "".
func (r *schemaReader) rows(ctx context.Context, query string) ([]map[string]string, error) {
	return mysql.Rows(ctx, r.conn, query)
}

// row gives the one row of a query.
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

// reading says what was being read when something failed. What is gone was there when it was listed.
func reading(what string, err error) error {
	doing := "read " + what
	switch {
	case errors.Is(err, mysql.ErrVanished):
		return source.Failure(doing, source.ErrDefinitionChanged, err)
	case errors.Is(err, mysql.ErrTextHidden):
		return source.Failure(doing, source.ErrPrivilege, err)
	}
	switch mysql.Errno(err) {
	case mysql.ErrnoUnknownTable, mysql.ErrnoUnknownRoutine, mysql.ErrnoUnknownTrigger, mysql.ErrnoUnknownEvent, mysql.ErrnoUnknownSequence,
		mysql.ErrnoUnknownView,
		mysql.ErrnoOtherKindOfObject, mysql.ErrnoNotASequence: // a table that is a view now, or the other way round
		return source.Failure(doing, source.ErrDefinitionChanged, err)
	case 0:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return source.Faulty(doing, mysql.Classify(err), err)
}
