package load

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Stages are the steps of loading a dump in chunks.
type Stages struct {
	Head func(context.Context, *Script, sqltext.Piece) error
	// Ready is called before the rows, with the stats of the heads.
	Ready func(context.Context, sqltext.Stats) error
	After func(context.Context) error // the rows
	Tail  func(context.Context, *Script, sqltext.Piece) error
	End   func(context.Context) error
	// Early has the indexes of large tables built while others load. Tail leaves those out.
	Early bool
}

// RunChunks loads a dump that comes in chunks: see target.Load.
func (l *Load) RunChunks(ctx context.Context, chunks dump.Chunks, progress func(int64)) (sqltext.Stats, error) {
	tail := &Tail{Load: l}
	return l.Stages(ctx, chunks, progress, Stages{
		Head: l.Piece, Ready: func(context.Context, sqltext.Stats) error { return nil },
		After: func(context.Context) error { return nil }, Tail: tail.Piece, End: tail.Flush, Early: true,
	})
}

// Stages loads a dump in chunks, stage by stage.
func (l *Load) Stages(ctx context.Context, chunks dump.Chunks, progress func(int64), do Stages) (sqltext.Stats, error) {
	var mutex sync.Mutex
	told := func(bytes int64) {
		if progress != nil {
			mutex.Lock()
			defer mutex.Unlock()
			progress(bytes)
		}
	}
	defer l.dismiss()
	list := chunks.List()
	rows := dump.IndexOf(list, 0, func(c dump.StoredChunk) bool { return c.Section != dump.Head })
	tails := dump.IndexOf(list, rows, func(c dump.StoredChunk) bool { return c.Section == dump.Tail })

	l.inChunks = true
	stats, err := l.script(ctx, chunks, 0, rows, told, do.Head)
	if err = cmp.Or(err, l.refusedTables()); err != nil {
		return stats, err
	}
	if err := do.Ready(ctx, stats); err != nil {
		return stats, err
	}
	l.offset = stats.Bytes
	if do.Early && l.Main.Conn.TxStatus() == 'I' { // nobody else sees what a transaction of the dump has made
		l.early = newEarlyBuilds(l, chunks, rows, tails)
	}
	if err := l.rows(ctx, chunks, rows, tails, told); err != nil {
		return stats, err
	}
	if err := do.After(ctx); err != nil {
		return stats, err
	}
	for _, chunk := range list[rows:tails] {
		stats.AddRows(chunk.Table, chunk.Rows, chunk.Bytes)
	}
	l.offset = stats.Bytes
	l.statements += int64(tails - rows)

	last, err := l.script(ctx, chunks, tails, len(list), told, do.Tail)
	if err == nil {
		err = do.End(ctx)
	}
	stats.Join(last)
	stats.Statements = l.statements
	if rows < len(list) { // otherwise the heads end the dump
		stats.Complete = last.Complete
	}
	return stats, err
}

// script loads the texts of a range of the list one after the other.
func (l *Load) script(ctx context.Context, chunks dump.Chunks, from, to int, progress func(int64), do func(context.Context, *Script, sqltext.Piece) error) (sqltext.Stats, error) {
	reader, err := chunks.Open()
	if err != nil {
		return sqltext.Stats{}, fmt.Errorf("read the dump: %w", err)
	}
	defer reader.Close()
	return l.run(ctx, &dump.ChunkStream{Ctx: ctx, Reader: reader, Next: from, End: to}, progress, do)
}

// rows loads the rows in a range of the list over several sessions. Nothing that depends on their order exists yet:
// keys, triggers and rules belong to the tail.
func (l *Load) rows(ctx context.Context, chunks dump.Chunks, from, to int, progress func(int64)) error {
	list := chunks.List()
	offsets := make([]int64, len(list))
	for i, at := from, l.offset; i < to; i++ {
		offsets[i] = at
		at += list[i].Bytes
	}
	if from == to {
		return nil
	}
	path, err := l.sitePath(ctx, l.Main)
	if err != nil {
		return err
	}
	var taken atomic.Int64
	err = l.together(ctx, to-from, func(ctx context.Context, s *session.Session) error {
		reader, err := chunks.Open()
		if err != nil {
			return fmt.Errorf("read the dump: %w", err)
		}
		defer reader.Close()
		own, err := exchangePath(ctx, s, path)
		if err != nil {
			return l.Server.Classify("set the search path", err)
		}
		for {
			if build := l.early.next(ctx, reader); build != nil {
				l.early.build(ctx, s, build)
				continue
			}
			n := int(taken.Add(1))
			i := from + n - 1
			if i >= to {
				_, err := exchangePath(ctx, s, own)
				return l.Server.Classify("set the search path", err)
			}
			at := Statement{sqltext.Piece{Kind: sqltext.CopyBegin, Table: list[i].Table, Offset: offsets[i]}, l.statements + int64(n)}
			if list[i].IsLong() {
				if err := l.copyLong(ctx, s, list[i], func() io.Reader { return reader.Stream(ctx, i) }, at, progress); err != nil {
					return err
				}
				l.early.loaded(list[i].Table)
				continue
			}
			text, err := reader.Read(ctx, i)
			if err != nil {
				return fmt.Errorf("read the dump: %w", err)
			}
			if err := l.copyChunk(ctx, s, list[i], text, at); err != nil {
				return err
			}
			l.early.loaded(list[i].Table)
			progress(int64(len(text)))
		}
	})
	if err != nil {
		return err
	}
	return l.checkNewRows(ctx)
}

// copyChunk loads the rows of one chunk.
func (l *Load) copyChunk(ctx context.Context, s *session.Session, chunk dump.StoredChunk, text []byte, at Statement) error {
	statement, rows, err := cutCopy(text, chunk.Table)
	if err != nil {
		return fmt.Errorf("read the dump: %w", err)
	}
	if err := l.sameColumns(chunk.Table, statement); err != nil {
		return err
	}
	copyIn := func() (pgconn.CommandTag, error) {
		source := &chunkRows{from: bytes.NewReader(rows)}
		defer source.end()
		return postgres.CopyFrom(ctx, s.Conn, source, statement)
	}
	tag, err := l.withoutChecks(ctx, s, copyIn)
	if err != nil {
		return l.Failed(ctx, at, err)
	}
	if tag.RowsAffected() != chunk.Rows {
		return &target.MismatchError{Table: chunk.Table, Want: chunk.Rows, Got: tag.RowsAffected()}
	}
	return nil
}

// checkTries limits how many constraints of a table are dropped for the rows of a chunk.
const checkTries = 100

// sameColumns compares the columns of a COPY with those of its table, if that exists before the dump is loaded.
func (l *Load) sameColumns(table, statement string) error {
	there, known := l.Columns[table]
	if !known {
		return nil
	}
	return SameColumns(table, columnsOf(statement), there)
}

// chunkRows reads the rows of a chunk. If the connection breaks, the driver may go on reading for a moment after it
// has returned, when the text already belongs to someone else.
type chunkRows struct {
	mutex sync.Mutex
	from  io.Reader // nil once the driver has returned
}

func (c *chunkRows) Read(p []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.from == nil {
		return 0, io.EOF
	}
	return c.from.Read(p)
}

func (c *chunkRows) end() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.from = nil
}

// endOfRows is the line after the rows of a COPY.
const endOfRows = "\\.\n"

// cutCopy splits the text of a chunk of rows into the statement and its rows. It fails with *ChunkError unless the
// text is exactly one COPY that fills the table from the lines after it.
func cutCopy(text []byte, table string) (statement string, rows []byte, err error) {
	next := func(at int) sqltext.Token { return sqltext.NextToken(text, at, sqltext.Postgres) }
	refused := &target.ChunkError{Table: table}
	begin := next(0)
	if !begin.Is(text, "COPY") {
		return "", nil, refused
	}
	parts, _, end := sqltext.QualifiedName(text, begin.End, sqltext.Postgres)
	if len(parts) != 2 || sqltext.JoinName(parts) != table {
		return "", nil, refused
	}
	token := next(end)
	if token.IsSymbol(text, '(') { // the columns
		for token = next(token.End); !token.IsSymbol(text, ')'); token = next(token.End) {
			if token.Kind != sqltext.Word && token.Kind != sqltext.QuotedName && !token.IsSymbol(text, ',') {
				return "", nil, refused
			}
		}
		token = next(token.End)
	}
	source := next(token.End)
	semicolon := next(source.End)
	if !token.Is(text, "FROM") || !source.Is(text, "STDIN") || !semicolon.IsSymbol(text, ';') || !bytes.HasPrefix(text[semicolon.End:], []byte("\n")) {
		return "", nil, refused
	}
	rows, ended := bytes.CutSuffix(text[semicolon.End+1:], []byte(endOfRows))
	if !ended || len(rows) > 0 && rows[len(rows)-1] != '\n' || bytes.HasPrefix(rows, []byte(endOfRows)) || bytes.Contains(rows, []byte("\n"+endOfRows)) {
		return "", nil, refused
	}
	return string(text[begin.Start:semicolon.Start]), rows, nil
}
