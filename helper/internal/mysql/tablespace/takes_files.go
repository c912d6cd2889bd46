package tablespace

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// TakesFiles says which files of tables the server can import: see target.Database.
func TakesFiles(ctx context.Context, db *session.Server) (target.FileServer, error) {
	server := target.FileServer{Engine: db.About.Engine, Version: db.About.Version}
	s, err := db.Connect(ctx)
	if err != nil {
		return server, err
	}
	defer s.Close()
	settings, err := FileSettings(ctx, s)
	if err != nil {
		return server, db.Classify("ask for settings of the server", err)
	}
	server.PageSize, _ = strconv.ParseInt(settings["innodb_page_size"], 10, 64)
	if reason := RefusesFiles(server, settings); reason != "" {
		return server, &target.FilesError{Reason: reason}
	}
	data, err := DataFolder(ctx, s)
	if err != nil {
		return server, db.Classify("ask for the server's data folder", err)
	}
	if _, err := os.Stat(data); err != nil {
		return server, unreachable(err)
	}
	return server, tryFolder(ctx, db)
}

// FileSettings returns the settings of the server that decide whether and how it imports files, by name.
func FileSettings(ctx context.Context, s *session.Session) (map[string]string, error) {
	rows, err := s.Table(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('innodb_page_size', 'innodb_file_per_table', 'innodb_force_recovery',"+
		" 'innodb_log_checkpoint_now', 'innodb_read_only', 'innodb_encrypt_tables', 'default_table_encryption', 'innodb_compression_default',"+
		" 'lower_case_table_names', 'innodb_flush_method', 'innodb_data_file_buffering')")
	settings := map[string]string{}
	for _, row := range rows {
		settings[row["variable_name"]] = row["value"]
	}
	return settings, err
}

// RefusesFiles says why a server with these settings cannot import files; "" if it can.
func RefusesFiles(server target.FileServer, settings map[string]string) string {
	on := func(name string) bool {
		value := settings[name]
		return value != "" && value != "OFF" && value != "0"
	}
	switch {
	case settings["innodb_page_size"] == "":
		return "the server has no InnoDB"
	case !on("innodb_file_per_table"):
		return "the server keeps all tables in one file (innodb_file_per_table is off)"
	case on("innodb_force_recovery"), on("innodb_read_only"):
		return "the server has been started to be read from only"
	case on("innodb_encrypt_tables"), on("default_table_encryption"):
		return "the server encrypts its tables"
	case on("innodb_compression_default"):
		return "the server compresses the pages of its tables (innodb_compression_default is on)"
	case server.Engine == string(mysql.MySQL) && !server.HasDictionary():
		return "servers of MySQL before 8.0 are not trusted with files"
	case server.Engine != string(mysql.MySQL) && settings["innodb_log_checkpoint_now"] == "":
		return noCheckpoint
	case settings["lower_case_table_names"] == "2":
		return "the server's file system does not tell upper from lower case (lower_case_table_names is 2)"
	}
	return ""
}

// ReadsPastCache says whether a server with these settings bypasses the kernel's page cache.
func ReadsPastCache(settings map[string]string) bool {
	if buffers := settings["innodb_data_file_buffering"]; buffers != "" { // since 11.0
		return buffers == "OFF"
	}
	return strings.HasPrefix(settings["innodb_flush_method"], "O_DIRECT")
}

// tryFolder finds out whether files can be put into a scratch database, which it drops again. Under the lock nobody
// else has a scratch database, and the remains of an earlier run are no longer needed.
func tryFolder(ctx context.Context, db *session.Server) (err error) {
	lock, err := db.Locked(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := canCheckpoint(ctx, lock); err != nil {
		return ClassifyFiles(db, "try to have a checkpoint written", err)
	}
	incoming := db.Names.Incoming
	if err := DropDatabase(ctx, lock, incoming); err != nil {
		return db.Classify("drop database "+incoming, err)
	}
	defer func() {
		err = errors.Join(err, db.Classify("drop database "+incoming, DropDatabase(context.WithoutCancel(ctx), lock, incoming)))
	}()
	if err := lock.CreateBeside(ctx, db.Names.Live, incoming); err != nil {
		return db.Classify("create database "+incoming, err)
	}
	f, err := OpenFolder(ctx, lock, incoming)
	if err != nil {
		return ClassifyFiles(db, "try the data folder", err)
	}
	return f.Close()
}

// ClassifyFiles classifies an error that concerns the files of tables.
func ClassifyFiles(db *session.Server, action string, err error) error {
	var refused *target.FilesError
	switch {
	case errors.As(err, &refused):
		return refused
	case isFullHere(err):
		return &target.NoSpaceError{Server: db.Config.URL.Address(), Err: err}
	}
	return db.Classify(action, err)
}

// Segment is a chunk of the dump that is part of a file.
type Segment struct {
	Chunk  int
	Table  *Tablespace
	File   int
	Offset int64 // in the file
}

// WaitingSpace returns a tablespace number for the first of the files that wait to be imported. A server's own
// numbers are small, since it counts upwards.
func WaitingSpace() uint32 {
	const least = 1 << 30
	return least + rand.Uint32N(least)
}
