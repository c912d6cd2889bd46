package localdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
)

func (db *mysqlDatabase) TakesFiles(ctx context.Context) (FileServer, error) {
	server := FileServer{Engine: db.info.Engine, Version: db.info.Version}
	s, err := db.connect(ctx)
	if err != nil {
		return server, err
	}
	defer s.close()
	settings, err := s.fileSettings(ctx)
	if err != nil {
		return server, db.explain("ask for settings of the server", err)
	}
	server.PageSize, _ = strconv.ParseInt(settings["innodb_page_size"], 10, 64)
	if reason := refusesFiles(server, settings); reason != "" {
		return server, &FilesError{Reason: reason}
	}
	data, err := s.dataFolder(ctx)
	if err != nil {
		return server, db.explain("ask for the server's data folder", err)
	}
	if _, err := os.Stat(data); err != nil {
		return server, unreachable(err)
	}
	return server, db.tryFolder(ctx)
}

// fileSettings gives those settings of the server on which it depends whether and how it takes files, by their names.
func (s *mysqlSession) fileSettings(ctx context.Context) (map[string]string, error) {
	rows, err := s.table(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('innodb_page_size', 'innodb_file_per_table', 'innodb_force_recovery',"+
		" 'innodb_log_checkpoint_now', 'innodb_read_only', 'innodb_encrypt_tables', 'default_table_encryption', 'innodb_compression_default',"+
		" 'lower_case_table_names', 'innodb_flush_method', 'innodb_data_file_buffering')")
	settings := map[string]string{}
	for _, row := range rows {
		settings[row["variable_name"]] = row["value"]
	}
	return settings, err
}

// refusesFiles says why a server of such settings takes no files; "" where it does.
func refusesFiles(server FileServer, settings map[string]string) string {
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
	case server.Engine == "mysql" && !server.hasDictionary():
		return "servers of MySQL before 8.0 are not trusted with files"
	case server.Engine != "mysql" && settings["innodb_log_checkpoint_now"] == "":
		return noCheckpoint
	case settings["lower_case_table_names"] == "2":
		return "the server's file system does not tell upper from lower case (lower_case_table_names is 2)"
	}
	return ""
}

// readsPastCache says whether a server of such settings has no use for what the kernel keeps of its files in memory.
func readsPastCache(settings map[string]string) bool {
	if buffers := settings["innodb_data_file_buffering"]; buffers != "" { // since 11.0
		return buffers == "OFF"
	}
	return strings.HasPrefix(settings["innodb_flush_method"], "O_DIRECT")
}

// tryFolder finds out whether we can put files into a scratch database, which goes again. Under the lock nobody else has one, and what
// an earlier run has left of it nobody needs.
func (db *mysqlDatabase) tryFolder(ctx context.Context) (err error) {
	lock, err := db.locked(ctx)
	if err != nil {
		return err
	}
	defer lock.close()
	if err := lock.canCheckpoint(ctx); err != nil {
		return db.explainFiles("try to have a checkpoint written", err)
	}
	incoming := db.names.incoming
	if err := lock.dropDatabase(ctx, incoming); err != nil {
		return db.explain("drop database "+incoming, err)
	}
	defer func() {
		err = errors.Join(err, db.explain("drop database "+incoming, lock.dropDatabase(context.WithoutCancel(ctx), incoming)))
	}()
	if err := lock.createBeside(ctx, db.names.live, incoming); err != nil {
		return db.explain("create database "+incoming, err)
	}
	f, err := lock.openFolder(ctx, incoming)
	if err != nil {
		return db.explainFiles("try the data folder", err)
	}
	return f.Close()
}

// explainFiles is explain for what is done with the files of tables.
func (db *mysqlDatabase) explainFiles(action string, err error) error {
	var refused *FilesError
	switch {
	case errors.As(err, &refused):
		return refused
	case isFullHere(err):
		return &NoSpaceError{Server: db.config.URL.Address(), Err: err}
	}
	return db.explain(action, err)
}

// fileLoad is the tables of a dump that come as files on their way in, over all sessions.
type fileLoad struct {
	*mysqlLoad
	folder    folder
	tables    []*tablespace
	stretches []stretch
	progress  func(int64)
	taken     atomic.Int64 // stretches
}

// stretch is a chunk of the dump that is part of a file.
type stretch struct {
	chunk  int
	table  *tablespace
	file   int
	offset int64 // in the file
}

// planFiles makes ready for the chunks of files in a stretch of the list: all tables are as they were on the server that wrote the
// files, or it fails with *FilesError before any has changed.
func (l *mysqlLoad) planFiles(ctx context.Context, chunks Chunks, from, to int, progress func(int64)) (*fileLoad, error) {
	f := &fileLoad{mysqlLoad: l, progress: progress}
	if from == to {
		return f, nil
	}
	if err := f.assign(chunks, from, to); err != nil {
		return nil, err
	}
	err := f.look(ctx)
	if err == nil {
		err = l.hirePorters(ctx)
	}
	if err == nil {
		err = f.discard(ctx)
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// look finds out where the files of all tables go, and whether the tables are what they were on the server that wrote the files.
func (f *fileLoad) look(ctx context.Context) error {
	incoming := f.db.names.incoming
	settings, err := f.lock.fileSettings(ctx)
	if err != nil {
		return f.db.explain("ask for settings of the server", err)
	}
	files, err := f.lock.files(ctx, incoming)
	if err != nil {
		return f.db.explain("ask for the files of tables", err)
	}
	file := func(table string) string {
		if settings["lower_case_table_names"] == "1" {
			table = strings.ToLower(table)
		}
		return files[table]
	}
	if f.folder, err = f.lock.folderOf(ctx, file(f.tables[0].Name)); err != nil {
		return f.db.explainFiles("look for the data folder", err)
	}
	if err = f.lock.exec(ctx, "USE "+quoteName(incoming)); err != nil {
		return f.db.explain("use database "+incoming, err)
	}
	pageSize, _ := strconv.ParseInt(settings["innodb_page_size"], 10, 64)
	space := waitingSpace()
	for _, t := range f.tables {
		t.folder, t.pageSize, t.uncached = f.folder, pageSize, readsPastCache(settings)
		if f.lock.oracle {
			t.space = space
			space += uint32(len(t.Files))
		}
		t.file = filepath.Base(file(t.Name))
		if err := t.check(ctx, f.lock); err != nil {
			return f.db.explainFiles("look at table "+t.Name, err)
		}
	}
	return nil
}

// waitingSpace is a number for a file that waits to be imported, and may be the first of some. A server's own are small: it gives them
// one after the other.
func waitingSpace() uint32 {
	const least = 1 << 30
	return least + rand.Uint32N(least)
}

// mostPorters bounds how many sessions take files at once.
const mostPorters = 8

// hirePorters opens more sessions, since an import mostly waits for the disk. Nobody misses them where the server has no more, or
// where it was said how many there may be.
func (l *mysqlLoad) hirePorters(ctx context.Context) error {
	more := min(2*runtime.NumCPU(), mostPorters) - len(l.crew.sessions)
	if l.db.config.Threads > 0 || more <= 0 {
		return nil
	}
	porters, err := l.db.hireCrew(ctx, more)
	if number(err) == mysqlTooManyConnections {
		return nil
	}
	if err != nil {
		return err
	}
	l.porters = porters
	for _, setting := range []string{"USE " + quoteName(l.db.names.incoming), "SET SESSION lock_wait_timeout = 3600"} {
		if err := porters.everywhere(ctx, setting); err != nil {
			return l.db.explain("use database "+l.db.names.incoming, err)
		}
	}
	return nil
}

// discard takes the files of all tables away, and has the server forget them.
func (f *fileLoad) discard(ctx context.Context) error {
	err := f.crew.each(ctx, len(f.tables), func(ctx context.Context, s *mysqlSession, i int) error {
		t := f.tables[i]
		return f.db.explainFiles("take the files of table "+t.Name+" away", t.discard(ctx, s))
	})
	if err != nil {
		return err
	}
	if err := f.lock.checkpoint(ctx, f.tables[0].Name); err != nil {
		return f.db.explainFiles("have the server write a checkpoint", err)
	}
	onStep("checkpoint written")
	return nil
}

// assign finds out which chunk goes where.
func (f *fileLoad) assign(chunks Chunks, from, to int) error {
	list, part := chunks.List(), f.db.config.Part
	for _, table := range chunks.Tables() {
		if !part.has(table.Name) {
			continue
		}
		for from < to && !part.has(list[from].Table) {
			from++
		}
		before := len(f.stretches)
		t := newTablespace(table)
		f.tables = append(f.tables, t)
		for file, what := range table.Files {
			offset := int64(0)
			for ; from < to && list[from].Table == table.Name && list[from].File == what.Name; from++ {
				f.stretches = append(f.stretches, stretch{from, t, file, offset})
				offset += list[from].Bytes
			}
			if offset != what.Size || offset == 0 {
				return &FilesError{Table: table.Name, Reason: fmt.Sprintf("of %d bytes of its file there are %d", what.Size, offset)}
			}
		}
		t.left.Store(int64(len(f.stretches) - before))
	}
	return nil
}

// work is one session's part. Who writes the last stretch of a table has the server take it.
func (f *fileLoad) work(ctx context.Context, s *mysqlSession, reader ChunkReader) error {
	for {
		next := int(f.taken.Add(1)) - 1
		if next >= len(f.stretches) {
			return nil
		}
		part := f.stretches[next]
		t := part.table
		if err := t.begin(); err != nil {
			return f.db.explainFiles("make room for the files of table "+t.Name, err)
		}
		bytes, err := reader.Read(ctx, part.chunk)
		if err != nil {
			return fmt.Errorf("read the dump: %w", err)
		}
		if err := t.write(part, bytes); err != nil {
			return f.db.explainFiles("write the files of table "+t.Name, err)
		}
		f.progress(int64(len(bytes)))
		if t.left.Add(-1) > 0 {
			continue
		}
		if err := t.take(ctx, s); err != nil {
			return f.db.explainFiles("import table "+t.Name, err)
		}
		if err := f.count(ctx, s, t); err != nil {
			return f.db.explainFiles("count the rows of table "+t.Name, err)
		}
	}
}

// count compares the rows of a table with those that it had on the server that wrote its files.
func (f *fileLoad) count(ctx context.Context, s *mysqlSession, t *tablespace) error {
	got, err := s.count(ctx, f.versions.countOf(t.Name))
	if err != nil {
		return t.refused(err)
	}
	if got != t.Rows {
		return &FilesError{Table: t.Name, Reason: fmt.Sprintf("its files have %d rows, the dump has %d", got, t.Rows)}
	}
	f.counted.add(t.Name, got)
	if t.Checksum != 0 { // to sum it up here would take longer than the import
		f.counted.addSum(t.Name, strconv.FormatUint(uint64(t.Checksum), 10))
	}
	return nil
}

// close closes what is open.
func (f *fileLoad) close() {
	for _, t := range f.tables {
		_ = t.close()
	}
	if f.folder.Root != nil {
		_ = f.folder.Close()
	}
	f.porters.close()
}
