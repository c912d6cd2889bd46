package load

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/tablespace"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// fileLoad is the import of tablespace files over all sessions.
type fileLoad struct {
	*Load
	folder   tablespace.Folder
	tables   []*tablespace.Tablespace
	segments []tablespace.Segment
	progress func(int64)
	taken    atomic.Int64 // segments
}

// planFiles prepares the import of the files in a range of the list. It fails with *FilesError before any table has
// changed, if a table is not as it was on the server that wrote the files.
func (l *Load) planFiles(ctx context.Context, chunks dump.Chunks, from, to int, progress func(int64)) (*fileLoad, error) {
	f := &fileLoad{Load: l, progress: progress}
	if from == to {
		return f, nil
	}
	if err := f.assign(chunks, from, to); err != nil {
		return nil, err
	}
	err := f.look(ctx)
	if err == nil {
		err = l.openFilePool(ctx)
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

// look finds where the files of all tables go, and checks that the tables are as they were on the server that wrote
// the files.
func (f *fileLoad) look(ctx context.Context) error {
	incoming := f.Server.Names.Incoming
	settings, err := tablespace.FileSettings(ctx, f.Lock)
	if err != nil {
		return f.Server.Classify("ask for settings of the server", err)
	}
	files, err := tablespace.Files(ctx, f.Lock, incoming)
	if err != nil {
		return f.Server.Classify("ask for the files of tables", err)
	}
	file := func(table string) string {
		if settings["lower_case_table_names"] == "1" {
			table = strings.ToLower(table)
		}
		return files[table]
	}
	if f.folder, err = tablespace.FolderOf(ctx, f.Lock, file(f.tables[0].Name)); err != nil {
		return tablespace.ClassifyFiles(f.Server, "look for the data folder", err)
	}
	if err = f.Lock.Exec(ctx, "USE "+mysql.QuoteName(incoming)); err != nil {
		return f.Server.Classify("use database "+incoming, err)
	}
	pageSize, _ := strconv.ParseInt(settings["innodb_page_size"], 10, 64)
	space := tablespace.WaitingSpace()
	for _, t := range f.tables {
		t.Folder, t.PageSize, t.Uncached = f.folder, pageSize, tablespace.ReadsPastCache(settings)
		if f.Lock.Flavour == mysql.MySQL {
			t.Space = space
			space += uint32(len(t.Files))
		}
		t.File = filepath.Base(file(t.Name))
		if err := t.Check(ctx, f.Lock); err != nil {
			return tablespace.ClassifyFiles(f.Server, "look at table "+t.Name, err)
		}
	}
	return nil
}

// maxFileSessions limits how many sessions import files at once.
const maxFileSessions = 8

// openFilePool opens more sessions, since an import mostly waits for the disk. The load goes on without them if the
// server has none left, or if the user has limited their number.
func (l *Load) openFilePool(ctx context.Context) error {
	more := min(2*runtime.NumCPU(), maxFileSessions) - len(l.Pool.Sessions)
	if l.Server.Config.Threads > 0 || more <= 0 {
		return nil
	}
	pool, err := l.Server.OpenPool(ctx, more)
	if mysql.Is(err, fault.TooManyConnections) {
		return nil
	}
	if err != nil {
		return err
	}
	l.filePool = pool
	for _, setting := range []string{"USE " + mysql.QuoteName(l.Server.Names.Incoming), "SET SESSION lock_wait_timeout = 3600"} {
		if err := pool.Everywhere(ctx, setting); err != nil {
			return l.Server.Classify("use database "+l.Server.Names.Incoming, err)
		}
	}
	return nil
}

// discard removes the files of all tables, and makes the server forget them.
func (f *fileLoad) discard(ctx context.Context) error {
	err := f.Pool.Each(ctx, len(f.tables), func(ctx context.Context, s *session.Session, i int) error {
		t := f.tables[i]
		return tablespace.ClassifyFiles(f.Server, "take the files of table "+t.Name+" away", t.Discard(ctx, s))
	})
	if err != nil {
		return err
	}
	if err := tablespace.Checkpoint(ctx, f.Lock, f.tables[0].Name); err != nil {
		return tablespace.ClassifyFiles(f.Server, "have the server write a checkpoint", err)
	}
	target.OnStep("checkpoint written")
	return nil
}

// assign finds where each chunk belongs.
func (f *fileLoad) assign(chunks dump.Chunks, from, to int) error {
	list, part := chunks.List(), f.Server.Config.Part
	for _, table := range chunks.Tables() {
		if !part.Includes(table.Name) {
			continue
		}
		for from < to && !part.Includes(list[from].Table) {
			from++
		}
		before := len(f.segments)
		t := tablespace.New(table)
		f.tables = append(f.tables, t)
		for file, what := range table.Files {
			offset := int64(0)
			for ; from < to && list[from].Table == table.Name && list[from].File == what.Name; from++ {
				f.segments = append(f.segments, tablespace.Segment{Chunk: from, Table: t, File: file, Offset: offset})
				offset += list[from].Bytes
			}
			if offset != what.Size || offset == 0 {
				return &target.FilesError{Table: table.Name, Reason: fmt.Sprintf("of %d bytes of its file there are %d", what.Size, offset)}
			}
		}
		t.Left.Store(int64(len(f.segments) - before))
	}
	return nil
}

// work is what one session does. The session that writes the last segment of a table imports it.
func (f *fileLoad) work(ctx context.Context, s *session.Session, reader dump.ChunkReader) error {
	for {
		next := int(f.taken.Add(1)) - 1
		if next >= len(f.segments) {
			return nil
		}
		part := f.segments[next]
		t := part.Table
		if err := t.Begin(); err != nil {
			return tablespace.ClassifyFiles(f.Server, "make room for the files of table "+t.Name, err)
		}
		bytes, err := reader.Read(ctx, part.Chunk)
		if err != nil {
			return fmt.Errorf("read the dump: %w", err)
		}
		if err := t.Write(part, bytes); err != nil {
			return tablespace.ClassifyFiles(f.Server, "write the files of table "+t.Name, err)
		}
		f.progress(int64(len(bytes)))
		if t.Left.Add(-1) > 0 {
			continue
		}
		if err := t.Take(ctx, s); err != nil {
			return tablespace.ClassifyFiles(f.Server, "import table "+t.Name, err)
		}
		if err := f.count(ctx, s, t); err != nil {
			return tablespace.ClassifyFiles(f.Server, "count the rows of table "+t.Name, err)
		}
	}
}

// count compares the rows of a table with those that it had on the server that wrote its files.
func (f *fileLoad) count(ctx context.Context, s *session.Session, t *tablespace.Tablespace) error {
	got, err := s.Count(ctx, f.Versions.countOf(t.Name))
	if err != nil {
		return t.Refused(err)
	}
	if got != t.Rows {
		return &target.FilesError{Table: t.Name, Reason: fmt.Sprintf("its files have %d rows, the dump has %d", got, t.Rows)}
	}
	f.Counted.Add(t.Name, got)
	if t.Checksum != 0 { // summing it up here would take longer than the import
		f.Counted.AddSum(t.Name, strconv.FormatUint(uint64(t.Checksum), 10))
	}
	return nil
}

// close closes what is open.
func (f *fileLoad) close() {
	for _, t := range f.tables {
		_ = t.Close()
	}
	if f.folder.Root != nil {
		_ = f.folder.Close()
	}
	f.filePool.Close()
}
