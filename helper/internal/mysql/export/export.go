// Package export writes tables of InnoDB to files that another server can import (transportable tablespaces), and
// checks that the files survive a crash of a server that imports them.
package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/swap"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/tablespace"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Export is tables of a database as files. Nobody can change them until Close.
type Export struct {
	// Server describes the server that wrote the files.
	Server target.FileServer
	// Tables are the exported tables, those with the largest files first.
	Tables []ExportedTable
	// Left are the tables that cannot be exported, by name.
	Left []dump.LeftTable

	db      *session.Server
	holder  *session.Session // the session that has flushed and locked the tables
	data    string           // the server's data folder
	cleanup context.Context
}

// ExportedTable is a table whose rows are in files.
type ExportedTable struct {
	dump.FileTable // without its Rows, which were not counted
	RowFormat      string
	Bytes          int64 // of all files

	fileName string // how the names of its files begin
}

// OpenExport makes a MySQL or MariaDB server on this machine write the named tables of a database to their files.
// Tables that are known not to be transportable are left out.
func OpenExport(ctx context.Context, url dburl.URL, tables []string) (*Export, error) {
	pool, err := session.Connect(url)
	if err != nil {
		return nil, err
	}
	e := &Export{db: session.New(target.Config{URL: url}, pool), cleanup: context.WithoutCancel(ctx)}
	if err := e.open(ctx, tables); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Export) open(ctx context.Context, tables []string) (err error) {
	if err = e.db.Inspect(ctx); err != nil {
		return err
	}
	if e.holder, err = e.db.Connect(ctx); err != nil {
		return err
	}
	e.Server = target.FileServer{Engine: e.db.About.Engine, Version: e.db.About.Version}
	err = e.holder.Conn.QueryRowContext(ctx, "SELECT @@datadir, @@innodb_page_size").Scan(&e.data, &e.Server.PageSize)
	if err == nil {
		err = e.holder.Exec(ctx, "USE "+mysql.QuoteName(e.db.Names.Live))
	}
	if err != nil {
		return e.db.Classify("use database "+e.db.Names.Live, err)
	}
	if err := e.list(ctx, tables); err != nil {
		return e.db.Classify("list the tables to export", err)
	}
	if err := e.flush(ctx); err != nil {
		return e.db.Classify("export the tables", err)
	}
	for i := range e.Tables {
		if err := e.findFiles(&e.Tables[i]); err != nil {
			return fmt.Errorf("export table %s: %w", e.Tables[i].Name, err)
		}
	}
	for _, table := range slices.Clone(e.Tables) {
		if !slices.ContainsFunc(table.Files, tablespace.IsTablespace) {
			e.leave(table.Name, "its rows lie elsewhere than in the folder of its database")
		}
	}
	slices.SortStableFunc(e.Tables, func(x, y ExportedTable) int { return cmp.Compare(y.Bytes, x.Bytes) })
	return nil
}

// list separates the tables that may be transportable from those that are known not to be. It takes the checksums
// that the load of the database has noted.
func (e *Export) list(ctx context.Context, tables []string) error {
	rows, err := e.holder.Table(ctx, "SELECT TABLE_NAME AS name, TABLE_TYPE AS type, ENGINE AS engine, ROW_FORMAT AS row_format"+
		" FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME", e.db.Names.Live)
	if err != nil {
		return err
	}
	files, err := tablespace.Files(ctx, e.holder, e.db.Names.Live)
	if err != nil {
		return err
	}
	kept, err := swap.ReadProvenance(ctx, e.holder, e.db.Names)
	if err != nil {
		return err
	}
	for _, row := range rows {
		name := row["name"]
		switch {
		case !slices.Contains(tables, name):
			continue
		case row["type"] == "SEQUENCE":
			e.leave(name, "it is a sequence")
		case row["engine"] == "":
			e.leave(name, "it is no table")
		case row["engine"] != "InnoDB":
			e.leave(name, "its engine is "+row["engine"])
		case e.holder.Flavour == mysql.MySQL && row["row_format"] == "Compressed":
			e.leave(name, tablespace.CompressedPages)
		default:
			definition, err := e.holder.Definition(ctx, name)
			if err != nil {
				return err
			}
			if tablespace.HasFullText(definition) {
				e.leave(name, "it has a FULLTEXT index, which lies in other files")
				continue
			}
			e.Tables = append(e.Tables, ExportedTable{
				FileTable: dump.FileTable{Name: name, Definition: rewrite.DefinitionSum(definition), Checksum: kept.Fingerprint.Sum(name)},
				RowFormat: strings.ToLower(row["row_format"]), fileName: filepath.Base(files[name]),
			})
		}
	}
	return nil
}

// leave notes that a table is not exported.
func (e *Export) leave(name, reason string) {
	e.Left = append(e.Left, dump.LeftTable{Name: name, Reason: reason})
	slices.SortFunc(e.Left, func(x, y dump.LeftTable) int { return cmp.Compare(x.Name, y.Name) })
	e.Tables = slices.DeleteFunc(e.Tables, func(t ExportedTable) bool { return t.Name == name })
}

// flush writes all tables to their files and locks them. If the server refuses one table of a list, it flushes none.
func (e *Export) flush(ctx context.Context) error {
	var all []string
	for _, table := range slices.Clone(e.Tables) {
		err := e.holder.Exec(ctx, "FLUSH TABLES "+mysql.QuoteName(table.Name)+" FOR EXPORT")
		switch {
		case mysql.Errno(err) != 0:
			e.leave(table.Name, mysql.ServerMessage(err))
		case err != nil:
			return err
		default:
			all = append(all, mysql.QuoteName(table.Name))
		}
		if err := e.holder.Exec(ctx, "UNLOCK TABLES"); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		return nil
	}
	return e.holder.Exec(ctx, "FLUSH TABLES "+strings.Join(all, ", ")+" FOR EXPORT")
}

// findFiles finds the files of a table.
func (e *Export) findFiles(table *ExportedTable) error {
	entries, err := os.ReadDir(e.folder(e.db.Names.Live))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name, is := tablespace.IsFileOf(entry.Name(), table.fileName)
		if !is {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		table.Files = append(table.Files, dump.TableFile{Name: name, Size: info.Size()})
		table.Bytes += info.Size()
	}
	return nil
}

// folder returns the path of the folder of a database with a plain name.
func (e *Export) folder(database string) string { return filepath.Join(e.data, database) }

// Open opens a file of a table for reading.
func (e *Export) Open(table ExportedTable, file dump.TableFile) (*os.File, error) {
	return os.Open(filepath.Join(e.folder(e.db.Names.Live), table.fileName+file.Name))
}

// Bytes is the size of all files.
func (e *Export) Bytes() int64 {
	var all int64
	for _, table := range e.Tables {
		all += table.Bytes
	}
	return all
}

// Close unlocks the tables. The server then removes their .cfg files.
func (e *Export) Close() error {
	if e.holder != nil {
		_ = e.holder.Exec(e.cleanup, "UNLOCK TABLES") // closing the connection unlocks them as well
		e.holder.Close()
		e.holder = nil
	}
	return e.db.Pool.Close()
}
