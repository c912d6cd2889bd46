package localdb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/jobiqo/dump-refresh/helper/internal/innodb"
)

// folder is that of a database in the data folder of the server, as it can be reached from here.
type folder struct{ *os.Root }

// openFolder opens the folder where the server says that the database has one, and fails with *FilesError where there is none
// here. It may be another server's, of a database of the same name: see prove.
func (s *mysqlSession) openFolder(ctx context.Context, database string) (folder, error) {
	data, err := s.dataFolder(ctx)
	if err != nil {
		return folder{}, err
	}
	name, err := s.fileName(ctx, database)
	if err != nil {
		return folder{}, err
	}
	root, err := os.OpenRoot(filepath.Join(data, name))
	if err != nil {
		return folder{}, unreachable(err)
	}
	return folder{root}, nil
}

// dataFolder gives the path of the server's data folder, as the server sees it.
func (s *mysqlSession) dataFolder(ctx context.Context) (string, error) {
	var path string
	err := s.conn.QueryRowContext(ctx, "SELECT @@datadir").Scan(&path)
	return path, err
}

func unreachable(err error) error {
	return &FilesError{Reason: "the data folder of the server cannot be reached from here", Err: err}
}

// fileName gives how the server calls the files of what has a name, without an ending.
func (s *mysqlSession) fileName(ctx context.Context, name string) (string, error) {
	var file string
	err := s.conn.QueryRowContext(ctx, "SELECT CAST(CONVERT(IF(@@lower_case_table_names = 0, ?, LOWER(?)) USING filename) AS BINARY)", name, name).
		Scan(&file)
	return file, err
}

// prove finds out whether the folder is the one in which the server keeps the database, and whether files can be made there that the
// server can use; else it fails with *FilesError. The server makes a table of a name that nobody can know.
func (f folder) prove(ctx context.Context, s *mysqlSession, database string) (err error) {
	name := journalPrefix + strings.ToLower(rand.Text())
	table := quoteName(database) + "." + quoteName(name)
	if err := s.exec(ctx, "CREATE TABLE "+table+" (id int) ENGINE=InnoDB"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.exec(context.WithoutCancel(ctx), "DROP TABLE "+table)) }()
	like, err := f.Lstat(name + tablespaceEnding)
	if err != nil {
		return unreachable(err)
	}
	file, err := f.create(name+settingsEnding, like)
	if err == nil {
		err = errors.Join(file.Close(), f.Remove(name+settingsEnding))
	}
	if err != nil && !isFullHere(err) {
		return &FilesError{Reason: "the data folder of the server cannot be written to from here", Err: err}
	}
	return err
}

// create makes a file that the server can use like one of its own.
func (f folder) create(name string, like fs.FileInfo) (*os.File, error) {
	file, err := f.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if owner, known := like.Sys().(*syscall.Stat_t); known {
		// The owner is what matters: a group may be one that we are not in.
		if err = file.Chown(int(owner.Uid), int(owner.Gid)); os.Geteuid() == int(owner.Uid) {
			err = nil
		}
	}
	if err == nil {
		err = file.Chmod(like.Mode().Perm())
	}
	if err != nil {
		return nil, errors.Join(err, file.Close(), f.Remove(name))
	}
	return file, nil
}

// The endings of files that tables consist of, or that are made to hand tables over.
const (
	tablespaceEnding = innodb.FileEnding
	settingsEnding   = ".cfg"
)

// isTablespace says whether a file holds rows.
func (f TableFile) isTablespace() bool { return filepath.Ext(f.Name) == tablespaceEnding }

// sweep removes from the folder of a database without tables the files that a crash has left, for which the server would not drop
// it. It fails with *FilesError where the folder cannot be reached.
func (s *mysqlSession) sweep(ctx context.Context, database string) error {
	tables, err := s.tables(ctx, database)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		return fmt.Errorf("database %s still has tables", database)
	}
	f, err := s.openFolder(ctx, database)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.prove(ctx, s, database); err != nil {
		return err
	}
	entries, err := fs.ReadDir(f.FS(), ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		ours := slices.Contains([]string{tablespaceEnding, settingsEnding}, filepath.Ext(entry.Name()))
		if ours && entry.Type().IsRegular() {
			if err := f.Remove(entry.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}
