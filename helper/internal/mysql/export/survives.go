package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/tablespace"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Survives finds out whether a MySQL server survives being killed while it imports a table as files, and whether the
// table survives it. Nothing else may run on the server. It creates databases whose names begin with the URL's, and
// drops them again. crash kills the server and starts it again. Survives fails with *FilesError if this does not end
// well: with files of such a server, a developer could lose all databases.
func Survives(ctx context.Context, url dburl.URL, crash func(context.Context) error) error {
	pool, err := session.Connect(url)
	if err != nil {
		return err
	}
	defer pool.Close()
	db := session.New(target.Config{URL: url}, pool)
	if err := db.Inspect(ctx); err != nil {
		return err
	}
	t := &crashTrial{db: db, crash: crash}
	for _, step := range []func(context.Context, *session.Session) error{t.export, t.dieBefore, t.dieAfter, t.end} {
		s, err := db.Connect(ctx)
		if err != nil {
			return err
		}
		err = s.Exec(ctx, "SET GLOBAL innodb_flush_log_at_trx_commit = 1") // the setting of durable servers
		if err == nil {
			err = step(ctx, s)
		}
		s.Close()
		if err != nil {
			return tablespace.ClassifyFiles(db, "try what becomes of tables as files when the server dies", err)
		}
	}
	return nil
}

// crashTrial is a table that is imported into a server that is killed.
type crashTrial struct {
	db    *session.Server
	crash func(context.Context) error
	table ExportedTable
	files [][]byte // of the table

	pageSize int64 // bytes
}

// The table, and how many rows it has.
const (
	trialTable = "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v varchar(200), KEY (v)) ENGINE=InnoDB"
	trialRows  = 4096
)

// export creates the table and makes the server write it to files.
func (t *crashTrial) export(ctx context.Context, s *session.Session) error {
	name := t.db.Names.Live
	statements := []string{"CREATE DATABASE " + mysql.QuoteName(name), "USE " + mysql.QuoteName(name), trialTable, "INSERT INTO t (v) VALUES (REPEAT('v', 150))"}
	for rows := 1; rows < trialRows; rows *= 2 {
		statements = append(statements, "INSERT INTO t (v) SELECT v FROM t")
	}
	for _, statement := range statements {
		if err := s.Exec(ctx, statement); err != nil {
			return err
		}
	}
	e, err := OpenExport(ctx, t.db.Config.URL, []string{"t"})
	if err != nil {
		return err
	}
	// The table stays, because servers do not start if another file has its number.
	return errors.Join(t.read(e), e.Close())
}

// read keeps the files of the exported table.
func (t *crashTrial) read(e *Export) error {
	if len(e.Tables) != 1 {
		return &target.FilesError{Reason: "the server writes no tables to files", Err: fmt.Errorf("left are %v", e.Left)}
	}
	t.table, t.pageSize = e.Tables[0], e.Server.PageSize
	for _, file := range t.table.Files {
		from, err := e.Open(t.table, file)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(from)
		if err := errors.Join(err, from.Close()); err != nil {
			return err
		}
		t.files = append(t.files, text)
	}
	return nil
}

// placeFiles puts the files beside a table that waits for them, as a pull does, in a database of its own.
func (t *crashTrial) placeFiles(ctx context.Context, s *session.Session) (*tablespace.Tablespace, error) {
	incoming := t.db.Names.Incoming
	for _, statement := range []string{"CREATE DATABASE " + mysql.QuoteName(incoming), "USE " + mysql.QuoteName(incoming), trialTable} {
		if err := s.Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	space := tablespace.New(t.table.FileTable)
	space.File, space.PageSize, space.Space = t.table.fileName, t.pageSize, tablespace.WaitingSpace()
	var err error
	if space.Folder, err = tablespace.OpenFolder(ctx, s, incoming); err != nil {
		return nil, err
	}
	err = space.Discard(ctx, s)
	if err == nil {
		err = tablespace.Checkpoint(ctx, s, space.Name)
	}
	if err == nil {
		err = space.Begin()
	}
	for i, text := range t.files {
		if err == nil {
			err = space.Write(tablespace.Segment{File: i}, bytes.Clone(text))
		}
	}
	if err = errors.Join(err, space.Close()); err != nil {
		return nil, errors.Join(err, space.Folder.Close())
	}
	return space, nil
}

// dieBefore kills the server while files wait to be imported.
func (t *crashTrial) dieBefore(ctx context.Context, s *session.Session) error {
	space, err := t.placeFiles(ctx, s)
	if err != nil {
		return err
	}
	defer space.Folder.Close()
	if err := t.die(ctx, "while files wait to be imported"); err != nil {
		return err
	}
	return t.drop(ctx)
}

// dieAfter kills the server after it has imported the table.
func (t *crashTrial) dieAfter(ctx context.Context, s *session.Session) error {
	space, err := t.placeFiles(ctx, s)
	if err != nil {
		return err
	}
	defer space.Folder.Close()
	if err := space.Take(ctx, s); err != nil {
		return err
	}
	if err := t.die(ctx, "when it has imported files"); err != nil {
		return err
	}
	if err := t.compare(ctx); err != nil {
		return err
	}
	return t.drop(ctx)
}

// end drops the table that was exported.
func (t *crashTrial) end(ctx context.Context, s *session.Session) error {
	return tablespace.DropDatabase(ctx, s, t.db.Names.Live)
}

// die kills the server, and waits until it is back.
func (t *crashTrial) die(ctx context.Context, when string) error {
	if err := t.crash(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &target.FilesError{Reason: "a server of this version that dies " + when + " does not start again", Err: err}
	}
	return nil
}

// compare checks that the table is whole and works.
func (t *crashTrial) compare(ctx context.Context) error {
	s, err := t.db.Connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	damaged := func(err error) error {
		return &target.FilesError{Reason: "tables that came as files do not survive it when a server of this version dies", Err: err}
	}
	if err := s.Exec(ctx, "USE "+mysql.QuoteName(t.db.Names.Incoming)); err != nil {
		return err
	}
	rows, err := s.Count(ctx, "SELECT COUNT(*) FROM t")
	if err == nil && rows != trialRows {
		err = fmt.Errorf("%d of %d rows are there", rows, trialRows)
	}
	if err == nil {
		err = s.Exec(ctx, "INSERT INTO t (v) VALUES ('next')")
	}
	if err != nil {
		return damaged(err)
	}
	checks, err := s.Table(ctx, "CHECK TABLE t")
	if err == nil && (len(checks) == 0 || checks[len(checks)-1]["msg_text"] != "OK") {
		return damaged(fmt.Errorf("a check says %v", checks))
	}
	return err
}

// drop drops what is there, and checks that nothing is left.
func (t *crashTrial) drop(ctx context.Context) error {
	s, err := t.db.Connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	data, err := tablespace.DataFolder(ctx, s)
	if err != nil {
		return err
	}
	if err := tablespace.DropDatabase(ctx, s, t.db.Names.Incoming); err != nil {
		return &target.FilesError{Reason: "a server of this version cannot get rid of files when it has died", Err: err}
	}
	if left, err := filepath.Glob(filepath.Join(data, t.db.Names.Incoming, "*")); err != nil || len(left) > 0 {
		return errors.Join(err, &target.FilesError{Reason: "a server of this version leaves files when it has died", Err: fmt.Errorf("%q", left)})
	}
	return nil
}
