package localdb

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
)

// fileLoad is the tables of a dump that come as files on their way in, over all sessions.
type fileLoad struct {
	*mysqlLoad
	folder    folder
	tables    []*tablespace
	stretches []stretch
	progress  func(int64)
	taken     atomic.Int64 // stretches
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
				f.stretches = append(f.stretches, stretch{chunk: from, table: t, file: file, offset: offset})
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
