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

// Folder is that of a database in the data folder of the server, as it can be reached from here.
type Folder struct{ *os.Root }

// OpenFolder opens the folder of a database where the server says that it is, and fails with *FilesError where that is not the server's
// own, or where no files can be made that the server can use. To find out, the server makes a table of a name that nobody can know.
func OpenFolder(ctx context.Context, s *session.Session, database string) (f Folder, err error) {
	name := session.JournalPrefix + strings.ToLower(rand.Text())
	table := mysql.QuoteName(database) + "." + mysql.QuoteName(name)
	if err := s.Exec(ctx, "CREATE TABLE "+table+" (id int) ENGINE=InnoDB"); err != nil {
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

// FolderOf opens the folder in which a file of the server should be, which it names from its data folder on. It may be another server's.
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

// Prove finds out whether the folder is the one in which the server has just made a table, and whether files can be made there.
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

// DataFolder gives the path of the server's data folder, as the server sees it.
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

// mysqlFiles are all tables of MySQL beside their files, of which those with partitions have several.
const mysqlFiles = " FROM information_schema.TABLES t JOIN information_schema.FILES f" +
	" ON SUBSTRING_INDEX(f.TABLESPACE_NAME, '#p#', 1) = CONCAT(t.TABLE_SCHEMA, '/', t.TABLE_NAME)"

// Files gives how the server calls the files of InnoDB's tables in a database, by the tables' names: with the folder's name, from the data
// folder on, and without an ending.
func Files(ctx context.Context, s *session.Session, database string) (map[string]string, error) {
	const file = "CAST(CONVERT(IF(@@lower_case_table_names = 0, %[1]s, LOWER(%[1]s)) USING filename) AS BINARY)"
	query := "SELECT TABLE_NAME AS name, CONCAT(" + fmt.Sprintf(file, "TABLE_SCHEMA") + ", '/', " + fmt.Sprintf(file, "TABLE_NAME") + ") AS file" +
		" FROM information_schema.TABLES t"
	if s.Oracle { // the character set of file names is its own secret, but it says what they are
		query = "SELECT t.TABLE_NAME AS name, f.FILE_NAME AS file" + mysqlFiles
	}
	rows, err := s.Table(ctx, query+" WHERE t.TABLE_SCHEMA = ? AND t.ENGINE = 'InnoDB'", database)
	files := make(map[string]string, len(rows))
	for _, row := range rows {
		// A name has no # but those that say which partition it is.
		file, _, _ := strings.Cut(strings.TrimSuffix(row["file"], tablespaceEnding), "#")
		files[row["name"]] = file
	}
	return files, err
}

// IsFileOf says whether a file is one of the table whose files are called so, and what its name has behind that.
func IsFileOf(file, table string) (rest string, is bool) {
	rest, ok := strings.CutPrefix(file, table)
	ending := filepath.Ext(rest)
	return rest, ok && (rest == ending || strings.HasPrefix(rest, "#")) && (ending == tablespaceEnding || ending == SettingsEnding)
}

// create makes a file that the server can use like one of its own.
func (f Folder) create(name string, like fs.FileInfo) (*os.File, error) {
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
	SettingsEnding   = ".cfg"
)

// IsTablespace says whether a file holds rows.
func IsTablespace(f dump.TableFile) bool { return filepath.Ext(f.Name) == tablespaceEnding }

// sweepDiscarded removes the files of tables of a database that wait to be imported. MySQL drops such tables without them and says
// nothing; but the folder stays, and no database of its name can be made any more.
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

// discarded names the files in the folder of a database that MySQL has taken away. There are none where the server does not say: then
// nobody has had it take files over.
func discarded(ctx context.Context, s *session.Session, database string) (files []string, err error) {
	if !s.Oracle {
		return nil, nil
	}
	files, err = s.List(ctx, "SELECT SUBSTRING_INDEX(f.FILE_NAME, '/', -1) AS name"+mysqlFiles+
		" JOIN information_schema.INNODB_TABLESPACES s ON s.NAME = f.TABLESPACE_NAME WHERE t.TABLE_SCHEMA = ? AND s.STATE = 'discarded'", database)
	if mysql.ErrorNumber(err) != 0 {
		err = nil
	}
	return files, err
}

// sweep removes from the folder of a database without tables the files that a crash has left, for which the server would not drop
// it. It fails with *FilesError where the folder cannot be reached.
func sweep(ctx context.Context, s *session.Session, database string) error {
	tables, err := s.Tables(ctx, database)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		return fmt.Errorf("database %s still has tables", database)
	}
	return removeFiles(ctx, s, database, func(name string) bool {
		// MariaDB writes the definitions of views and triggers to files of such names, and renames them.
		return slices.Contains([]string{tablespaceEnding, SettingsEnding}, filepath.Ext(name)) || strings.HasSuffix(name, "~")
	})
}

// removeFiles removes unwanted files from the folder of a database. It fails with *FilesError where it cannot.
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
