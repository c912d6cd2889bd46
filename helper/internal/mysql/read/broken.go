package read

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// A view may refer to a table that was dropped, a MERGE table may lack its parts, the tablespace of a table may have been
// discarded, a page of it may be damaged, and the text of a routine may be unreadable. Then every client fails, at the first of
// them. To find all of them takes a statement or two for each object, and for damaged pages all rows must be read, so it is
// done when one has failed, or when they are to be left out.

// rowsOfTable is the kind of what is broken if a table can be made, but its rows cannot be read.
const rowsOfTable = "rows of table"

// findBroken returns the objects that nobody can read among tables and views, and among the triggers, events and routines of
// the session's database. Of the tables in read, all rows are read. What an account may not read, or is gone by now, is not among them.
func findBroken(ctx context.Context, conn *sql.Conn, tables, read, views []string) ([]source.Broken, error) {
	var all []source.Broken
	try := func(kind, name string, statements ...string) error {
		for _, statement := range statements {
			_, err := conn.ExecContext(ctx, statement)
			switch {
			case err == nil:
				continue
			case isBroken(err):
				all = append(all, source.Broken{Kind: kind, Name: name, Reason: mysql.ServerMessage(err)})
			case mysql.Errno(err) == 0:
				return err
			}
			return nil
		}
		return nil
	}
	for _, table := range tables {
		quoted, found := mysql.QuoteName(table), len(all)
		if err := try("table", table, "SHOW CREATE TABLE "+quoted, "SELECT 1 FROM "+quoted+" LIMIT 1"); err != nil {
			return nil, err
		}
		if len(all) > found || !slices.Contains(read, table) {
			continue
		}
		if err := readRows(ctx, conn, quoted); isBroken(err) {
			all = append(all, source.Broken{Kind: rowsOfTable, Name: table, Reason: mysql.ServerMessage(err)})
		} else if err != nil && mysql.Errno(err) == 0 {
			return nil, err
		}
	}
	for _, view := range views {
		quoted := mysql.QuoteName(view)
		if err := try("view", view, "SHOW FIELDS FROM "+quoted, "SHOW CREATE VIEW "+quoted); err != nil {
			return nil, err
		}
	}
	for _, list := range []func(context.Context, *sql.Conn) ([]mysql.Object, error){mysql.ListTriggers, mysql.ListEvents, mysql.ListRoutines} {
		objects, err := list(ctx, conn)
		if mysql.Errno(err) != 0 {
			continue // the account may not see them
		}
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if err := try(strings.ToLower(string(o.Kind)), o.Name, "SHOW CREATE "+string(o.Kind)+" "+mysql.QuoteName(o.Name)); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// readRows fails if the rows of a table cannot be read. The server reads them for a checksum, so that they do not travel. If it cannot,
// it does not say why.
func readRows(ctx context.Context, conn *sql.Conn, quoted string) error {
	var name string
	var sum sql.NullString
	if err := conn.QueryRowContext(ctx, "CHECKSUM TABLE "+quoted+" EXTENDED").Scan(&name, &sum); err != nil || sum.Valid {
		return err
	}
	rows, err := conn.QueryContext(ctx, "SELECT * FROM "+quoted)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// isBroken reports whether the server's error is about an object that nobody can read, and not about one that is gone.
func isBroken(err error) bool {
	return mysql.IsVerdict(err) && mysql.Errno(err) != mysql.ErrnoUnknownDatabase && !slices.Contains(gone, mysql.Errno(err))
}

// leaveOutBroken finds what nobody can read, and leaves it out if that is wanted. Else it fails with *BrokenError. It
// returns the tables and views that remain.
func (m *Server) leaveOutBroken(ctx context.Context, conn *sql.Conn, info *source.Info, read []string) ([]string, error) {
	var names []string
	for _, table := range info.Tables {
		names = append(names, table.Name)
	}
	var broken []source.Broken
	var all []string
	if m.config.SkipBroken {
		all = read
	}
	err := showing(ctx, conn, func() (err error) {
		broken, err = findBroken(ctx, conn, names, all, info.Views)
		return err
	})
	if err != nil || len(broken) == 0 {
		return read, err
	}
	if !m.config.SkipBroken {
		return nil, &source.BrokenError{Objects: broken}
	}
	m.broken = broken
	for _, b := range broken {
		m.config.Note("left out, since nobody can read it: " + b.String())
		info.Broken = append(info.Broken, b.String())
	}
	isTable := func(name string) bool { return m.isBroken("table", name) }
	for _, b := range broken {
		if b.Kind == rowsOfTable {
			m.structureOnly = append(m.structureOnly, b.Name)
		}
	}
	m.tables = slices.DeleteFunc(m.tables, isTable)
	m.structureOnly = slices.DeleteFunc(m.structureOnly, isTable)
	m.elsewhere = slices.DeleteFunc(m.elsewhere, isTable)
	info.Tables = slices.DeleteFunc(info.Tables, func(table source.Table) bool { return isTable(table.Name) })
	info.Views = slices.DeleteFunc(info.Views, func(view string) bool { return m.isBroken("view", view) })
	info.StructureOnly = m.structureOnly
	for _, b := range broken {
		if b.Kind == "table" || b.Kind == "view" {
			m.excluded = append(m.excluded, b.Name)
		}
	}
	return slices.DeleteFunc(read, func(name string) bool { return isTable(name) || m.isBroken(rowsOfTable, name) }), nil
}

// isBroken says whether an object is left out because nobody can read it.
func (m *Server) isBroken(kind, name string) bool {
	return slices.ContainsFunc(m.broken, func(b source.Broken) bool { return b.Kind == kind && b.Name == name })
}

// explain looks whether an error of the server comes from objects that nobody can read, and then names all of them.
func (m *Server) explain(ctx context.Context, err error) error {
	var server *driver.MySQLError
	if !errors.As(err, &server) || !isBroken(server) || ctx.Err() != nil {
		return err
	}
	var broken []source.Broken
	looking := m.session(ctx, func(conn *sql.Conn) (err error) {
		views, err := column(ctx, conn, "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1")
		if err == nil {
			views = slices.DeleteFunc(views, func(view string) bool { return slices.Contains(m.excluded, view) })
			err = showing(ctx, conn, func() (err error) {
				broken, err = findBroken(ctx, conn, m.tables, m.withRows(), views)
				return err
			})
		}
		return err
	})
	if looking != nil || len(broken) == 0 {
		return err
	}
	return &source.BrokenError{Objects: broken}
}
