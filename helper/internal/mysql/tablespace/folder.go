package tablespace

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

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/innodb"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Folder is the folder of a database in the server's data folder, as it can be reached from here.
type Folder struct{ *os.Root }

// OpenFolder opens the folder of a database where the server says it is. It fails with *FilesError if that folder is
// not the server's own, or if no files can be created there that the server can use. To find out, it makes the server
// create a table with a random name.
func OpenFolder(ctx context.Context, s *session.Session, database string) (f Folder, err error) {
	name := session.JournalPrefix + strings.ToLower(rand.Text())
	table := mysql.QuoteName(database) + "." + mysql.QuoteName(name)
	if err := s.Exec(ctx, "CREATE TABLE "+table+" (id int PRIMARY KEY) ENGINE=InnoDB"); err != nil {
		return f, err
	}
	defer func() {
		if dropErr := s.Exec(context.WithoutCancel(ctx), "DROP TABLE "+table); dropErr != nil && err == nil {
			f, err = Folder{}, errors.Join(dropErr, f.Close())
		}
	}()
	files, err := Files(ctx, s, database)
	if err != nil {
		return f, err
	}
	there, err := FolderOf(ctx, s, files[name])
	if err != nil {
		return f, err
	}
	if err := there.Prove(filepath.Base(files[name])); err != nil {
		return f, errors.Join(err, there.Close())
	}
	return there, nil
}

// FolderOf opens the folder in which a file of the server should be. The path begins at the data folder. The folder
// may belong to another server.
func FolderOf(ctx context.Context, s *session.Session, file string) (Folder, error) {
	data, err := DataFolder(ctx, s)
	if err != nil {
		return Folder{}, err
	}
	root, err := os.OpenRoot(filepath.Join(data, filepath.Dir(file)))
	if err != nil {
		return Folder{}, unreachable(err)
	}
	return Folder{root}, nil
}

// Prove checks that the server has just created a table in this folder, and that files can be created here.
func (f Folder) Prove(table string) error {
	like, err := f.Lstat(table + tablespaceEnding)
	if err != nil {
		return unreachable(err)
	}
	file, err := f.create(table+SettingsEnding, like)
	if err == nil {
		err = errors.Join(file.Close(), f.Remove(table+SettingsEnding))
	}
	if err != nil && !isFullHere(err) {
		return unwritable(err)
	}
	return err
}

// DataFolder returns the path of the server's data folder, as the server sees it.
func DataFolder(ctx context.Context, s *session.Session) (string, error) {
	var path string
	err := s.Conn.QueryRowContext(ctx, "SELECT @@datadir").Scan(&path)
	return path, err
}

func unreachable(err error) error {
	return &target.FilesError{Reason: "the data folder of the server cannot be reached from here", Err: err}
}

func unwritable(err error) error {
	return &target.FilesError{Reason: "the data folder of the server cannot be written to from here", Err: err}
}

// mysqlFiles joins all tables of MySQL with their files. Partitioned tables have several.
const mysqlFiles = " FROM information_schema.TABLES t JOIN information_schema.FILES f" +
	" ON SUBSTRING_INDEX(f.TABLESPACE_NAME, '#p#', 1) = CONCAT(t.TABLE_SCHEMA, '/', t.TABLE_NAME)"

// Files returns the names of the files of InnoDB's tables in a database, by table: relative to the data folder, with
// the database's folder, and without the ending.
func Files(ctx context.Context, s *session.Session, database string) (map[string]string, error) {
	const file = "CAST(CONVERT(IF(@@lower_case_table_names = 0, %[1]s, LOWER(%[1]s)) USING filename) AS BINARY)"
	query := "SELECT TABLE_NAME AS name, CONCAT(" + fmt.Sprintf(file, "TABLE_SCHEMA") + ", '/', " + fmt.Sprintf(file, "TABLE_NAME") + ") AS file" +
		" FROM information_schema.TABLES t"
	if s.Flavour == mysql.MySQL { // this server does not reveal the character set of file names, but it lists the files
		query = "SELECT t.TABLE_NAME AS name, f.FILE_NAME AS file" + mysqlFiles
	}
	rows, err := s.Table(ctx, query+" WHERE t.TABLE_SCHEMA = ? AND t.ENGINE = 'InnoDB'", database)
	files := make(map[string]string, len(rows))
	for _, row := range rows {
		// A # in the name of a file only begins the name of a partition.
		file, _, _ := strings.Cut(strings.TrimSuffix(row["file"], tablespaceEnding), "#")
		files[row["name"]] = file
	}
	return files, err
}

// IsFileOf says whether a file belongs to the table whose files have that name, and returns the rest of its name.
func IsFileOf(file, table string) (rest string, is bool) {
	rest, ok := strings.CutPrefix(file, table)
	ending := filepath.Ext(rest)
	return rest, ok && (rest == ending || strings.HasPrefix(rest, "#")) && (ending == tablespaceEnding || ending == SettingsEnding)
}

// create creates a file that the server can use like one of its own.
func (f Folder) create(name string, like fs.FileInfo) (*os.File, error) {
	file, err := f.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if owner, known := like.Sys().(*syscall.Stat_t); known {
		// Only the owner matters: this process may not be a member of the group.
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

// The endings of the files that make up a table, or that are created when a table is exported.
const (
	tablespaceEnding = innodb.FileEnding
	SettingsEnding   = ".cfg"
)

// IsTablespace says whether a file contains rows.
func IsTablespace(f dump.TableFile) bool { return filepath.Ext(f.Name) == tablespaceEnding }

// sweepDiscarded removes the files of a database's tables that wait to be imported. MySQL drops such tables without
// their files and without a warning. But the folder stays, and a database of its name cannot be created any more.
func sweepDiscarded(ctx context.Context, s *session.Session, database string) error {
	files, err := discarded(ctx, s, database)
	if err != nil || len(files) == 0 {
		return err
	}
	return removeFiles(ctx, s, database, func(name string) bool {
		if settings, is := strings.CutSuffix(name, SettingsEnding); is {
			name = settings + tablespaceEnding
		}
		return slices.Contains(files, name)
	})
}

// discarded lists the files in the folder of a database that MySQL has discarded. If the server does not report any,
// it has never imported files.
func discarded(ctx context.Context, s *session.Session, database string) (files []string, err error) {
	if s.Flavour != mysql.MySQL {
		return nil, nil
	}
	files, err = s.List(ctx, "SELECT SUBSTRING_INDEX(f.FILE_NAME, '/', -1) AS name"+mysqlFiles+
		" JOIN information_schema.INNODB_TABLESPACES s ON s.NAME = f.TABLESPACE_NAME WHERE t.TABLE_SCHEMA = ? AND s.STATE = 'discarded'", database)
	if mysql.Errno(err) != 0 {
		err = nil
	}
	return files, err
}

// sweep removes files that a crash has left in the folder of a database without tables, so that the server can drop
// it. It fails with *FilesError if the folder cannot be reached.
func sweep(ctx context.Context, s *session.Session, database string) error {
	tables, err := s.Tables(ctx, database)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		return fmt.Errorf("database %s still has tables", database)
	}
	return removeFiles(ctx, s, database, func(name string) bool {
		// MariaDB writes the definitions of views and triggers to files with these names, and then renames the files.
		return slices.Contains([]string{tablespaceEnding, SettingsEnding}, filepath.Ext(name)) || strings.HasSuffix(name, "~")
	})
}

// removeFiles removes unwanted files from the folder of a database. It fails with *FilesError if it cannot.
func removeFiles(ctx context.Context, s *session.Session, database string, unwanted func(name string) bool) error {
	f, err := OpenFolder(ctx, s, database)
	if err != nil {
		return err
	}
	defer f.Close()
	entries, err := fs.ReadDir(f.FS(), ".")
	if err != nil {
		return unreachable(err)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && unwanted(entry.Name()) {
			if err := f.Remove(entry.Name()); err != nil {
				return unwritable(err)
			}
		}
	}
	return nil
}
