package read

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// nativeDump dumps a database in chunks. pg_dump writes the definitions, of which it knows every detail. The rows come
// from COPY over connections of our own. All see the same snapshot.
type nativeDump struct {
	*Server
	snapshot *snapshot
	target   clientTarget
}

// nativeDump takes the snapshot. If the server does not let others share it, pg_dump makes the whole dump.
func (p *Server) nativeDump(ctx context.Context, earlier source.TableStates) (_ *source.Dump, err error) {
	d := &source.Dump{}
	defer func() {
		if err != nil {
			_ = d.Close()
		}
	}()
	target, forward, err := p.clientTarget(ctx)
	if err != nil {
		return nil, err
	}
	if forward != nil {
		d.Closers = append(d.Closers, forward)
	}
	snapshot, err := p.takeSnapshot(ctx, &target)
	var alone *snapshotNotSharedError
	if errors.As(err, &alone) {
		_ = d.Close()
		dump, err := p.clientDump(ctx)
		if err != nil {
			return nil, err
		}
		if len(p.own) > 0 {
			p.tell("the settings of the database are left out, because pg_dump makes the whole dump")
		}
		dump.How = "one snapshot, read over one connection: " + alone.Error()
		return dump, nil
	}
	if err != nil {
		return nil, err
	}
	d.Closers = append([]io.Closer{snapshot}, d.Closers...)
	if d.Unread, err = p.unread(ctx, earlier); err != nil {
		return nil, err
	}
	snapshot.pieces = slices.DeleteFunc(snapshot.pieces, func(piece pageRange) bool { return slices.Contains(d.Unread, piece.table.to.String()) })
	native := &nativeDump{Server: p, snapshot: snapshot, target: p.withRules(target)}
	d.SnapshotTime, d.How, d.Info = snapshot.time.UTC(), snapshot.how(), &snapshot.info
	d.Chunks = native.chunks
	return d, nil
}

// chunks emits the dump. Its three parts are read side by side. Each part waits, with its first chunk in memory, until
// the parts before it have been emitted.
func (n *nativeDump) chunks(ctx context.Context, emit dump.Emit) error {
	return n.explain(ctx, n.watched(ctx, emit))
}

// watched emits the dump, and gives way to sessions that wait for it.
func (n *nativeDump) watched(ctx context.Context, emit dump.Emit) error {
	err := n.snapshot.watched(ctx, func(ctx context.Context) error { return n.parts(ctx, emit) })
	n.disturbed = n.disturbed || errors.Is(err, source.ErrDefinitionChanged)
	return n.nameLock(ctx, err)
}

// watched reads something, and gives way to sessions that wait for it.
func (s *snapshot) watched(ctx context.Context, do func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	watching, done := context.WithCancel(ctx)
	watched := make(chan error, 1)
	group.Go(func() error {
		err := s.watch(watching)
		watched <- err
		return err
	})
	group.Go(func() error {
		defer done()
		err := do(ctx)
		if err != nil {
			// If both errors are known, the waiting session is the cause.
			done()
			if gaveWay := <-watched; gaveWay != nil {
				return gaveWay
			}
		}
		return err
	})
	return group.Wait()
}

// parts emits the three parts.
func (n *nativeDump) parts(ctx context.Context, emit dump.Emit) error {
	group, within := errgroup.WithContext(ctx)
	definitions := &definitions{nativeDump: n}
	headDone, rowsDone := make(chan struct{}), make(chan struct{})
	group.Go(func() error {
		if err := definitions.read(within); err != nil {
			return err
		}
		if err := definitions.head(within, emit); err != nil {
			return err
		}
		close(headDone)
		// A tail of pg_dump's starts only after the head's pg_dump has ended, so that one connection is enough for both.
		return definitions.tail(within, rowsDone, after(within, emit, rowsDone))
	})
	group.Go(func() error {
		early := &earlyChunks{headDone: headDone, emit: after(within, emit, headDone)}
		err := n.snapshot.rows(within, early.add)
		if err == nil {
			err = early.handOn()
		}
		if err == nil {
			close(rowsDone)
		}
		return err
	})
	if err := group.Wait(); err != nil || n.snapshot.aside != nil {
		return err
	}
	return n.snapshot.sameAfterwards(ctx)
}

// earlyChunks keeps the rows of small tables that are read before the head is there, up to a limit.
type earlyChunks struct {
	headDone <-chan struct{}
	emit     dump.Emit
	mutex    sync.Mutex
	kept     []dump.Chunk
	bytes    int
}

const (
	// mostEarly is how many bytes of rows are kept, and smallChunk is the largest chunk that is kept.
	mostEarly  = 8 << 20
	smallChunk = 256 << 10
)

// add keeps a chunk or emits it. The order of chunks does not matter, but for those that are parts of one row.
func (e *earlyChunks) add(chunk dump.Chunk) ([]byte, error) {
	select {
	case <-e.headDone:
	default:
		e.mutex.Lock()
		defer e.mutex.Unlock()
		if !chunk.Open && !chunk.Continued && len(chunk.SQL) <= smallChunk && e.bytes+len(chunk.SQL) <= mostEarly {
			e.bytes += len(chunk.SQL)
			spare := chunk.SQL[:0]
			chunk.SQL = bytes.Clone(chunk.SQL)
			e.kept = append(e.kept, chunk)
			return spare, nil
		}
	}
	return e.emit(chunk)
}

// handOn emits what has been kept.
func (e *earlyChunks) handOn() error {
	for _, chunk := range e.kept {
		if _, err := e.emit(chunk); err != nil {
			return err
		}
	}
	return nil
}

// after returns an Emit that waits until done is closed.
func after(ctx context.Context, emit dump.Emit, done <-chan struct{}) dump.Emit {
	return func(chunk dump.Chunk) ([]byte, error) {
		if err := until(ctx, done); err != nil {
			return nil, err
		}
		return emit(chunk)
	}
}

// classifyDump turns an error of the driver during a dump into one of package source.
func (p *Server) classifyDump(doing string, err error) error {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		if p.tunnel != nil {
			err = p.tunnel.ClassifyCut(err)
		}
		return fmt.Errorf("%s: %w", doing, p.classify(err))
	}
	switch server.Code {
	case postgres.SerializationFailure, // a standby had to undo what the snapshot needs
		postgres.UndefinedTable, postgres.UndefinedColumn, postgres.UnknownSchema: // gone
		return source.Failure(doing, source.ErrDefinitionChanged, server)
	}
	switch kind := postgres.Classify(server); kind {
	case fault.None:
	case fault.Unreachable: // it was reached before
		return source.Faulty(doing, fault.Lost, server)
	default:
		return source.Faulty(doing, kind, server)
	}
	said := []string{server.Message}
	if server.Hint != "" {
		said = append(said, server.Hint)
	}
	number, _, _ := strings.Cut(p.version, " ")
	return fmt.Errorf("%s: %w", doing,
		&source.ClientError{Client: "PostgreSQL " + number, Status: "SQLSTATE " + server.Code, Stderr: said, Reason: source.ReasonOf(said)})
}

// snapshotNotSharedError means that only the connection that took a snapshot can read it.
type snapshotNotSharedError struct{ cause *pgconn.PgError }

func (e *snapshotNotSharedError) Error() string {
	return "the server lets no other share it (" + e.cause.Message + ")"
}

// connections counts connections in words.
func connections(n int) string {
	if n == 1 {
		return "one connection"
	}
	return fmt.Sprintf("%d connections", n)
}

// how describes how all rows come from one moment.
func (s *snapshot) how() string {
	text := "one snapshot, read over " + connections(len(s.readers))
	switch {
	case s.postgres.pooler != nil:
		text += ": " + s.postgres.pooler.name + " stands before the server, and the site needs its sessions"
	case s.refused != "":
		text += ": the server refused more (" + s.refused + ")"
	}
	return text
}
