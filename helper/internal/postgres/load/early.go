package load

import (
	"bytes"
	"context"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/admit"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// The indexes of a large table are built as soon as its rows are in, while other tables still load. What they are is at the end of the dump, so
// that this begins once the end is there. A build that fails is left for the tail, which says why.

// leastEarly is how much text the rows of such a table have, in bytes. Those of others are built together, in the tail.
const leastEarly = 1 << 20

// earlyBuilds are the builds of large tables.
type earlyBuilds struct {
	load   *Load
	chunks dump.Chunks
	tails  int // where the rows end in the list

	mutex   sync.Mutex
	read    bool
	left    map[string]int // chunks of each large table that are not loaded
	builds  map[string][]*buildStatement
	waiting []*buildStatement // of tables whose rows are in
	done    map[string]bool   // by their text
}

func newEarlyBuilds(l *Load, chunks dump.Chunks, from, tails int) *earlyBuilds {
	e := &earlyBuilds{load: l, chunks: chunks, tails: tails, left: map[string]int{}, builds: map[string][]*buildStatement{}, done: map[string]bool{}}
	sizes := map[string]int64{}
	for _, chunk := range chunks.List()[from:tails] {
		sizes[chunk.Table] += chunk.Bytes
		e.left[chunk.Table]++
	}
	for table, size := range sizes {
		if size < leastEarly {
			delete(e.left, table)
		}
	}
	return e
}

// loaded says that a chunk of a table is in.
func (e *earlyBuilds) loaded(table string) {
	if e == nil {
		return
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if _, large := e.left[table]; !large {
		return
	}
	if e.left[table]--; e.left[table] == 0 {
		e.waiting = append(e.waiting, e.builds[table]...)
	}
}

// next returns a build whose table is complete; nil if there is none now.
func (e *earlyBuilds) next(ctx context.Context, reader dump.ChunkReader) *buildStatement {
	if e == nil {
		return nil
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if !e.read && len(e.left) > 0 && e.hasTail(reader) {
		e.read = true
		e.readTail(ctx, reader)
	}
	if len(e.waiting) == 0 {
		return nil
	}
	build := e.waiting[0]
	e.waiting = e.waiting[1:]
	return build
}

func (e *earlyBuilds) hasTail(reader dump.ChunkReader) bool {
	for i := e.tails; i < len(e.chunks.List()); i++ {
		if !reader.Has(i) {
			return false
		}
	}
	return true
}

// readTail reads which builds there are, up to the first statement after which something may be different.
func (e *earlyBuilds) readTail(ctx context.Context, reader dump.ChunkReader) {
	splitter := sqltext.NewSplitter(&dump.ChunkStream{Ctx: ctx, Reader: reader, Next: e.tails, End: len(e.chunks.List())}, sqltext.Postgres)
	for {
		piece, err := splitter.Next()
		if err != nil {
			return // at the end, too
		}
		if piece.Kind != sqltext.Statement {
			continue
		}
		build := readBuild(piece.Text)
		if build == nil && !follows(piece.Text) && !leavesBuilds(piece.Text) {
			return
		}
		if build == nil || build.foreign || !ofColumns(piece.Text) {
			continue
		}
		table := build.tables[0]
		left, large := e.left[table]
		if !large {
			continue
		}
		texts := e.load.rewriter.Statement(piece.Text)
		if len(texts) != 1 || admit.Statement(texts[0], e.load.account != nil) != nil {
			continue
		}
		piece.Text = bytes.Clone(texts[0])
		build.Statement = Statement{Piece: piece}
		if left == 0 {
			e.waiting = append(e.waiting, build)
		} else {
			e.builds[table] = append(e.builds[table], build)
		}
	}
}

// leavesBuilds reports whether a statement does not matter to builds behind it: it sets a sequence, or something of the session other than where
// indexes lie.
func leavesBuilds(text []byte) bool {
	first := FirstWords(text)
	if first == "SET DEFAULT_TABLESPACE" {
		return bytes.HasSuffix(text, []byte("= ''"))
	}
	return strings.HasPrefix(first, "SELECT PG_CATALOG.SET") || strings.HasPrefix(first, "SET ")
}

// ofColumns reports whether an index or a key is one of columns alone: an expression or a condition may call functions that look at tables
// which are not loaded yet.
func ofColumns(text []byte) bool {
	depth := 0
	for token := sqltext.NextToken(text, 0, sqltext.Postgres); token.Kind != sqltext.End; token = sqltext.NextToken(text, token.End, sqltext.Postgres) {
		switch {
		case token.IsSymbol(text, '('):
			depth++
		case token.IsSymbol(text, ')'):
			depth--
		case token.Is(text, "WHERE"), token.Is(text, "EXCLUDE"):
			return false
		}
		if depth > 1 {
			return false
		}
	}
	return true
}

// build builds, and notes whether that succeeded.
func (e *earlyBuilds) build(ctx context.Context, s *session.Session, build *buildStatement) {
	if s.Exec(ctx, string(build.Text)) != nil {
		return
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.done[string(build.Text)] = true
}

// has reports whether a statement was executed.
func (e *earlyBuilds) has(text []byte) bool {
	if e == nil {
		return false
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.done[string(text)]
}
