package read

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// nativeClient is the client that the index of such a dump names.
const nativeClient = "dump-helper"

// emitError is an error of the function that takes the chunks. The source did not cause it.
type emitError struct{ error }

func (e *emitError) Unwrap() error { return e.error }

// nativeDump begins a dump that reads rows over connections of its own. If one was already begun, something has changed
// since, so it inspects the database again.
func (m *Server) nativeDump(ctx context.Context, earlier source.TableStates) (*source.Dump, error) {
	var info *source.Info
	if m.dumped {
		again, err := m.inspectAgain(ctx)
		if err != nil {
			return nil, err
		}
		info = &again
	}
	m.dumped = true
	read := m.withRows()
	snapshot, err := m.openSnapshot(ctx, read)
	if err != nil {
		return nil, m.classify(m.explain(ctx, err))
	}
	unread, err := m.unread(ctx, snapshot, earlier)
	if err != nil {
		_ = snapshot.Close()
		return nil, m.classify(err)
	}
	return &source.Dump{
		Unread:       unread,
		Info:         info,
		SnapshotTime: snapshot.time,
		How:          snapshot.how,
		Closers:      []io.Closer{snapshot},
		Chunks: func(ctx context.Context, emit dump.Emit) error {
			err := m.writeChunks(ctx, snapshot, read, unread, func(chunk dump.Chunk) ([]byte, error) {
				spare, err := emit(chunk)
				if err != nil {
					err = &emitError{err}
				}
				return spare, err
			})
			return m.classifyRows(m.explain(ctx, err))
		},
	}, nil
}

// inspectAgain is inspect, but it does not repeat notes.
func (m *Server) inspectAgain(ctx context.Context) (source.Info, error) {
	note := m.config.Note
	defer func() { m.config.Note = note }()
	m.config.Note = func(string) {}
	return m.Inspect(ctx)
}

// writeChunks emits head, rows and tail, but no rows of the unread tables. It ends early if another session waits for it.
func (m *Server) writeChunks(ctx context.Context, snapshot *snapshot, names, unread []string, emit dump.Emit) error {
	definitions, tables, plan, err := snapshot.describe(ctx, names)
	if err != nil {
		return err
	}
	if err := snapshot.sampleMasked(ctx, plan, m.config.Leaks); err != nil {
		return err
	}
	if _, err := emit(dump.Chunk{Section: dump.Head, SQL: definitions.head}); err != nil {
		return err
	}
	tables = slices.DeleteFunc(tables, func(t *tableRows) bool { return slices.Contains(unread, t.name) })
	if err := snapshot.readRows(ctx, tables, emit); err != nil {
		return err
	}
	_, err = emit(dump.Chunk{Section: dump.Tail, SQL: definitions.tail})
	return err
}

// describe confirms the definitions, and describes the tables whose rows are read and what is masked in them. A reader
// does the latter meanwhile, if another connection can do the former.
func (s *snapshot) describe(ctx context.Context, names []string) (text *definitions, tables []*tableRows, plan *rules.Plan, err error) {
	describe := func(ctx context.Context, conn *sql.Conn) (err error) {
		if tables, err = readTables(ctx, conn, names, s.server.versions); err != nil {
			return err
		}
		if plan, err = s.server.inspectMasks(ctx, conn, names); err != nil {
			return err
		}
		for _, table := range tables {
			table.plan, table.filter = plan, rowfilter.For(s.server.config.Rows, table.name)
		}
		return nil
	}
	if s.aside == nil {
		if text, err = s.confirm(ctx, nil); err == nil {
			err = describe(ctx, s.now())
		}
		return text, tables, plan, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		text, err = s.confirm(ctx, s.readers[1:])
		return err
	})
	group.Go(func() error {
		first := s.readers[0]
		return errors.Join(describe(ctx, first.Conn), first.giveBack(ctx))
	})
	err = group.Wait()
	return text, tables, plan, err
}

// readRows emits the rows of all tables, over all connections.
func (s *snapshot) readRows(ctx context.Context, tables []*tableRows, emit dump.Emit) error {
	work, outer := newQueue(tables), ctx
	group, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, work.wake)()
	if s.aside != nil {
		watching, stop := context.WithCancel(ctx)
		watched := make(chan struct{})
		group.Go(func() error {
			defer close(watched)
			return s.watch(watching)
		})
		group.Go(func() error { return s.kept.broken(watching) })
		defer func() {
			stop()
			<-watched
		}()
		group.Go(func() error {
			defer stop()
			return s.readAll(ctx, work, emit)
		})
		if err := group.Wait(); err != nil {
			return err
		}
		return s.kept.release(outer)
	}
	if err := s.readAll(ctx, work, emit); err != nil {
		return err
	}
	return s.sameTables(ctx, tables...)
}

// readAll runs all readers.
func (s *snapshot) readAll(ctx context.Context, work *queue, emit dump.Emit) error {
	inTurn := dump.InTurn(emit)
	group, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, work.wake)()
	for _, reader := range s.readers {
		group.Go(func() error {
			err := s.readSpans(ctx, reader, work, inTurn(ctx))
			if err != nil {
				reader.end() // the others may need long to hand on what they have read
			}
			return err
		})
	}
	return group.Wait()
}

// readSpans does one connection's part of the work.
func (s *snapshot) readSpans(ctx context.Context, reader *snapshotReader, work *queue, emit dump.Emit) error {
	// Text arrives in the character set of its column; see NewWriter.
	if _, err := reader.ExecContext(ctx, "SET character_set_results = NULL, SESSION sql_mode = 'ALLOW_INVALID_DATES'"); err != nil {
		return err
	}
	var rows *protocol.Connection
	// A table is checked while its reader reads the next one, but before rows of that one are handed on.
	var check pendingCheck
	defer func() { _ = check.wait() }()
	chunks := dump.NewQueue(func(chunk dump.Chunk) ([]byte, error) {
		if err := check.wait(); err != nil {
			return nil, err
		}
		return emit(chunk)
	})
	for {
		table, part, err := work.next(ctx, func(table *tableRows) ([]span, error) { return split(ctx, reader, table) })
		if err == nil && table == nil {
			err = check.wait()
		}
		if err != nil || table == nil {
			return err
		}
		err = reader.Raw(func(driverConn any) (err error) {
			if rows == nil {
				if rows, err = protocol.TakeOver(driverConn); err != nil {
					return err
				}
			}
			defer rows.Watch(ctx)()
			writer := newRowWriter(table.table, chunks)
			if writer.masks, err = table.table.maskRows(); err != nil {
				return err
			}
			return writer.write(rows, reader, part)
		})
		whole := work.done(table)
		if err == nil && whole && s.aside != nil {
			if err = check.wait(); err == nil {
				check.begin(func() error { return s.sameTables(ctx, table.table) })
			}
		}
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
}

// classifyRows classifies an error of reading rows.
func (m *Server) classifyRows(err error) error {
	var taken *emitError
	switch {
	case err == nil, errors.Is(err, source.ErrDefinitionChanged), errors.Is(err, source.ErrGaveWay):
		return err
	case errors.As(err, &taken):
		return taken.error
	case definitionChanged[mysql.Errno(err)]:
		return source.Failure("source "+m.url.String(), source.ErrDefinitionChanged, err)
	}
	return m.classify(err)
}

// definitionChanged has the errors that the server reports for a table that was altered or dropped since the snapshot.
var definitionChanged = map[uint16]bool{
	mysql.ErrnoTableChanged: true, mysql.ErrnoUnknownTable: true, mysql.ErrnoNoTableToDrop: true,
	mysql.ErrnoUnknownColumn: true, mysql.ErrnoUnknownKey: true,
}

// withRows returns the tables whose rows go into the dump.
func (m *Server) withRows() (tables []string) {
	for _, table := range m.tables {
		if !slices.Contains(m.structureOnly, table) && !slices.Contains(m.elsewhere, table) {
			tables = append(tables, table)
		}
	}
	return tables
}
