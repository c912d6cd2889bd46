package staging

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"slices"

	driver "github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"
)

// nativeClient is what a dump says that it was made by.
const nativeClient = "dump-helper"

// emitError is an error of whoever takes the chunks, which is nothing that the source has to do with.
type emitError struct{ error }

func (e *emitError) Unwrap() error { return e.error }

// nativeDump begins a dump whose rows are read by connections of our own.
func (m *mysqlServer) nativeDump(ctx context.Context) (*Dump, error) {
	var read []string
	for _, table := range m.tables {
		if !slices.Contains(m.structureOnly, table) && !slices.Contains(m.elsewhere, table) {
			read = append(read, table)
		}
	}
	snapshot, err := m.openSnapshot(ctx, read)
	if err != nil {
		return nil, m.explain(err)
	}
	return &Dump{
		SnapshotTime: snapshot.time,
		How:          snapshot.how,
		closers:      []io.Closer{snapshot},
		chunks: func(ctx context.Context, emit Emit) error {
			err := m.writeChunks(ctx, snapshot, read, func(chunk Chunk) ([]byte, error) {
				spare, err := emit(chunk)
				if err != nil {
					err = &emitError{err}
				}
				return spare, err
			})
			return m.explainRows(err)
		},
	}, nil
}

// writeChunks emits head, rows and tail. The definitions are read once more in the end: if somebody has altered
// them meanwhile, rows and definitions may not go together.
func (m *mysqlServer) writeChunks(ctx context.Context, snapshot *mysqlSnapshot, names []string, emit Emit) error {
	first := snapshot.conns[0]
	definitions, err := m.readDefinitions(ctx, first, m.tables)
	if err != nil {
		return err
	}
	tables, err := readTables(ctx, first, names)
	if err != nil {
		return err
	}
	if _, err := emit(Chunk{Section: Head, SQL: definitions.head}); err != nil {
		return err
	}
	if err := readRows(ctx, snapshot.conns, tables, emit); err != nil {
		return err
	}
	if _, err := first.ExecContext(ctx, "SET NAMES utf8mb4"); err != nil {
		return err
	}
	after, err := m.readDefinitions(ctx, first, m.tables)
	if err != nil {
		return err
	}
	if !definitions.same(after) {
		return ErrDefinitionChanged
	}
	_, err = emit(Chunk{Section: Tail, SQL: definitions.tail})
	return err
}

// readRows emits the rows of all tables, over all connections.
func readRows(ctx context.Context, conns []*sql.Conn, tables []*mysqlTable, emit Emit) error {
	work := newQueue(tables)
	group, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, work.wake)()
	for _, conn := range conns {
		group.Go(func() error { return readSpans(ctx, conn, work, emit) })
	}
	return group.Wait()
}

// readSpans is one connection's part.
func readSpans(ctx context.Context, conn *sql.Conn, work *queue, emit Emit) error {
	// Text comes as it lies in its column; see newValueWriter.
	if _, err := conn.ExecContext(ctx, "SET character_set_results = NULL"); err != nil {
		return err
	}
	var rows *wire
	var buf []byte
	for {
		table, s, err := work.next(ctx, func(table *mysqlTable) ([]span, error) { return split(ctx, conn, table) })
		if err != nil || table == nil {
			return err
		}
		err = conn.Raw(func(driverConn any) (err error) {
			if rows == nil {
				if rows, err = newWire(driverConn); err != nil {
					return err
				}
			}
			defer rows.watch(ctx)()
			writer := newRowWriter(table.table, buf, emit)
			err = writer.write(rows, s)
			buf = writer.buf
			return err
		})
		work.done(table)
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
}

// explainRows tells what went wrong while rows were read.
func (m *mysqlServer) explainRows(err error) error {
	var taken *emitError
	var server *driver.MySQLError
	switch {
	case err == nil, errors.Is(err, ErrDefinitionChanged):
		return err
	case errors.As(err, &taken):
		return taken.error
	case errors.As(err, &server) && definitionChanged[server.Number]:
		return failure("source "+m.url.String(), ErrDefinitionChanged, err)
	}
	return m.explain(err)
}

// definitionChanged is what a server says of a table that was altered or dropped since the snapshot.
var definitionChanged = map[uint16]bool{
	1412: true,             // its definition is newer
	1146: true, 1051: true, // there is no such table
	1054: true, // no such column
	1176: true, // no such key
}
