package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/innodb"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/tablespace"
)

// triesAtOnce is how many tables are tried at once. The work is done by the server's threads, and each of them keeps
// a core busy.
func triesAtOnce() int { return min(max(runtime.NumCPU(), 2), 4) }

// Try makes the server import every table's files into a separate database, and compares the result. A table that is
// not the same is left out, with the reason. A server can refuse files that it has just written, or misread them, and
// versions differ in this: only trying shows it. Several goroutines report to progress how many bytes of files are
// done.
func (e *Export) Try(ctx context.Context, progress func(bytes int64)) error {
	n := e.db.Names
	if err := e.holderless(ctx, func(s *session.Session) error { return s.CreateBeside(ctx, n.Live, n.Incoming) }); err != nil {
		return e.db.Classify("create database "+n.Incoming, err)
	}
	queue := make(chan ExportedTable)
	var mutex sync.Mutex
	reasons := map[string]string{}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(queue)
		for _, table := range e.Tables {
			select {
			case queue <- table:
			case <-ctx.Done():
				return nil
			}
		}
		return nil
	})
	for range triesAtOnce() {
		group.Go(func() error {
			return e.holderless(ctx, func(s *session.Session) error {
				for table := range queue {
					reason, err := e.try(ctx, s, table)
					if err != nil {
						return fmt.Errorf("try the files of table %s: %w", table.Name, err)
					}
					if reason != "" {
						mutex.Lock()
						reasons[table.Name] = reason
						mutex.Unlock()
					}
					progress(table.Bytes)
				}
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for name, reason := range reasons {
		e.leave(name, reason)
	}
	return nil
}

// holderless runs an action in a session of its own.
func (e *Export) holderless(ctx context.Context, do func(*session.Session) error) error {
	s, err := e.db.Connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return do(s)
}

// try tries one table. reason says why it is not transportable.
func (e *Export) try(ctx context.Context, s *session.Session, table ExportedTable) (reason string, err error) {
	defer func() {
		// An error of the server concerns the table, which is left out. It is not a failure of the export.
		if mysql.Errno(err) != 0 {
			reason, err = strings.ReplaceAll(mysql.ServerMessage(err), mysql.QuoteName(e.db.Names.Incoming)+".", ""), nil
		}
		if err == nil {
			err = s.Exec(ctx, "DROP TABLE IF EXISTS "+mysql.QuoteName(table.Name))
		}
	}()
	if err := s.Exec(ctx, "USE "+mysql.QuoteName(e.db.Names.Live)); err != nil {
		return "", err
	}
	definition, err := s.Definition(ctx, table.Name)
	if err != nil {
		return "", err
	}
	for _, statement := range []string{
		"USE " + mysql.QuoteName(e.db.Names.Incoming), definition, "ALTER TABLE " + mysql.QuoteName(table.Name) + " DISCARD TABLESPACE",
	} {
		if err := s.Exec(ctx, statement); err != nil {
			return "", err
		}
	}
	for _, file := range table.Files {
		if err := e.copy(table, file); err != nil {
			return "", err
		}
	}
	if err := s.Exec(ctx, "ALTER TABLE "+mysql.QuoteName(table.Name)+" IMPORT TABLESPACE"); err != nil {
		return "", err
	}
	for _, file := range table.Files {
		if filepath.Ext(file.Name) == tablespace.SettingsEnding { // it would prevent dropping the database
			if err := os.Remove(e.tried(table, file)); err != nil && !os.IsNotExist(err) {
				return "", err
			}
		}
	}
	if reason, err = e.compare(ctx, s, table); reason != "" || err != nil {
		return reason, err
	}
	return "", e.use(ctx, s, table.Name)
}

// use changes an imported table. Some tables look whole, and crash the server at their first change. If the server
// crashes here, nothing has been published yet.
func (e *Export) use(ctx context.Context, s *session.Session, table string) error {
	columns, err := s.List(ctx, "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?"+
		" AND EXTRA NOT LIKE '%VIRTUAL GENERATED%' AND EXTRA NOT LIKE '%STORED GENERATED%' ORDER BY ORDINAL_POSITION", e.db.Names.Live, table)
	if err != nil || len(columns) == 0 {
		return err
	}
	for i, column := range columns {
		columns[i] = mysql.QuoteName(column)
	}
	list := strings.Join(columns, ", ")
	if err := s.Exec(ctx, "DELETE FROM "+mysql.QuoteName(table)+" LIMIT 1"); err != nil {
		return err
	}
	return s.Exec(ctx, "INSERT IGNORE INTO "+mysql.QuoteName(table)+" ("+list+") SELECT "+list+" FROM "+mysql.QuoteName(e.db.Names.Live)+"."+mysql.QuoteName(table)+" LIMIT 1")
}

// tried returns the path of the copy of a file.
func (e *Export) tried(table ExportedTable, file dump.TableFile) string {
	return filepath.Join(e.folder(e.db.Names.Incoming), table.fileName+file.Name)
}

// copy copies a file, because the server changes the files that it imports, and gives the copy the number that a pull
// would give it.
func (e *Export) copy(table ExportedTable, file dump.TableFile) error {
	from, err := e.Open(table, file)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(e.tried(table, file), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o660)
	if err != nil {
		return err
	}
	if e.holder.Flavour == mysql.MySQL && tablespace.IsTablespace(file) {
		err = copyRenumbered(to, from, e.Server.PageSize)
	} else {
		_, err = io.Copy(to, from)
	}
	return errors.Join(err, to.Close())
}

// copyRenumbered copies a file of pages with another tablespace number.
func copyRenumbered(to io.Writer, from io.Reader, pageSize int64) error {
	space := tablespace.WaitingSpace()
	pages := make([]byte, 64*pageSize)
	for {
		n, err := io.ReadFull(from, pages)
		innodb.Renumber(pages[:n], pageSize, space)
		if _, err := to.Write(pages[:n]); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// compare says how an imported table differs from its original.
func (e *Export) compare(ctx context.Context, s *session.Session, table ExportedTable) (reason string, err error) {
	live := mysql.QuoteName(e.db.Names.Live) + "." + mysql.QuoteName(table.Name)
	sums, err := s.Table(ctx, "CHECKSUM TABLE "+live+", "+mysql.QuoteName(table.Name)+" EXTENDED")
	if err != nil {
		return "", err
	}
	if len(sums) != 2 || sums[0]["checksum"] == "" || sums[0]["checksum"] != sums[1]["checksum"] {
		if same, err := e.sameRows(ctx, s, table.Name); err != nil || !same {
			return "its rows are others after an import", err
		}
	}
	checks, err := s.Table(ctx, "CHECK TABLE "+mysql.QuoteName(table.Name))
	if err != nil {
		return "", err
	}
	if len(checks) == 0 {
		return "it could not be checked after an import", nil
	}
	if last := checks[len(checks)-1]; last["msg_type"] != "status" || last["msg_text"] != "OK" {
		return "after an import it is found damaged: " + last["msg_text"], nil
	}
	return "", nil
}

// sameRows compares the text of all rows. It takes longer than CHECKSUM TABLE, which can differ for the same rows if
// generated columns are NULL (MariaDB 10.11).
func (e *Export) sameRows(ctx context.Context, s *session.Session, table string) (bool, error) {
	columns, err := s.List(ctx, "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?"+
		" ORDER BY ORDINAL_POSITION", e.db.Names.Live, table)
	if err != nil || len(columns) == 0 {
		return false, err
	}
	for i, column := range columns {
		columns[i] = "QUOTE(" + mysql.QuoteName(column) + ")"
	}
	var sums [2]string
	for i, database := range []string{e.db.Names.Live, e.db.Names.Incoming} {
		err := s.Conn.QueryRowContext(ctx, "SELECT CONCAT(COUNT(*), ' ', IFNULL(SUM(CRC32(CONCAT("+strings.Join(columns, ", ")+"))), 0))"+
			" FROM "+mysql.QuoteName(database)+"."+mysql.QuoteName(table)).Scan(&sums[i])
		if err != nil {
			return false, err
		}
	}
	return sums[0] == sums[1], nil
}
