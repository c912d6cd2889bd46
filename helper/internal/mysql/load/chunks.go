package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// RunChunks loads a dump that comes in chunks: see target.Load.
func (l *Load) RunChunks(ctx context.Context, chunks dump.Chunks, progress func(int64)) (sqltext.Stats, error) {
	if progress == nil {
		progress = func(int64) {}
	}
	l.inChunks = true
	list := chunks.List()
	rows := dump.IndexOf(list, 0, func(c dump.StoredChunk) bool { return c.Section != dump.Head })
	tails := dump.IndexOf(list, rows, func(c dump.StoredChunk) bool { return c.Section == dump.Tail })
	files := dump.IndexOf(list[:tails], rows, func(c dump.StoredChunk) bool { return c.Section == dump.Files })
	stats, err := l.loadTexts(ctx, chunks, 0, rows, progress)
	if err != nil {
		return stats, err
	}
	if err := CheckIncoming(ctx, l.Server, l.Lock, l.Server.Config.Part); err != nil {
		return stats, err
	}
	if l.Server.Config.Part.Unchanged {
		if err := l.checkUnchanged(ctx); err != nil {
			return stats, err
		}
	}
	l.noteShortPages()
	if rows < tails {
		statements, err := l.tableChunks(ctx, chunks, rows, files, tails, stats.Bytes, progress)
		l.statements += statements
		stats.Statements += statements
		if err != nil {
			return stats, err
		}
	}
	for _, chunk := range list[rows:tails] {
		stats.AddRows(chunk.Table, chunk.Rows, chunk.Bytes)
	}
	for _, table := range chunks.Tables() {
		if l.Counted.Are(table.Name, table.Rows) {
			stats.AddRows(table.Name, table.Rows, 0)
		}
	}
	if rows == len(list) {
		return stats, l.makeObjects(ctx)
	}
	l.offset = stats.Bytes
	last, err := l.loadTexts(ctx, chunks, tails, len(list), progress)
	stats.Complete = last.Complete
	stats.Join(last)
	if err == nil {
		err = l.makeObjects(ctx)
	}
	return stats, err
}

// loadTexts loads the texts of a range of the list one after the other.
func (l *Load) loadTexts(ctx context.Context, chunks dump.Chunks, from, to int, progress func(int64)) (sqltext.Stats, error) {
	reader, err := chunks.Open()
	if err != nil {
		return sqltext.Stats{}, fmt.Errorf("read the dump: %w", err)
	}
	defer reader.Close()
	return l.Run(ctx, &dump.ChunkStream{Ctx: ctx, Reader: reader, Next: from, End: to}, sqltext.MySQL, progress)
}

// rowLoad is the load of a dump's rows over all sessions.
type rowLoad struct {
	*Load
	list     []dump.StoredChunk
	offsets  []int64 // where the chunks begin in the dump's text
	progress func(int64)

	jobs       rowJobs
	keys       map[string]*deferredKeys
	left       map[string]*atomic.Int64 // jobs of each table that are not done
	statements atomic.Int64
	bulk       bool // values mean the same as texts here
	long       sync.Mutex
}

// tableChunks loads a range of the list: rows, and from index files on tablespace files. It returns how many
// statements the rows took. The text before the range is offset bytes long.
func (l *Load) tableChunks(ctx context.Context, chunks dump.Chunks, from, files, to int, offset int64, progress func(int64)) (int64, error) {
	// These settings override those of the dump's head, because chunks are loaded in any order. With unique_checks
	// off, MariaDB fills empty tables in bulk. That gains nothing where keys are added later, and makes its warnings
	// about rows unreliable.
	for _, setting := range []string{"COMMIT", "SET SESSION autocommit = 1, unique_checks = 1, foreign_key_checks = 0"} {
		if err := l.Pool.Everywhere(ctx, setting); err != nil {
			return 0, l.Server.Classify("prepare for rows", err)
		}
	}
	l.checked = true
	if err := l.forRows(ctx); err != nil {
		return 0, l.Server.Classify("prepare for rows", err)
	}
	if err := l.findVersions(ctx); err != nil {
		return 0, err
	}
	bulk, err := l.takesBulk(ctx)
	if err != nil {
		return 0, l.Server.Classify("prepare for rows", err)
	}
	r := &rowLoad{Load: l, list: chunks.List(), progress: progress, left: map[string]*atomic.Int64{}, bulk: bulk}
	r.offsets = make([]int64, len(r.list))
	sizes, counts := map[string]int64{}, map[string]int{}
	for i := from; i < files; i++ {
		r.offsets[i] = offset
		offset += r.list[i].Bytes
		sizes[r.list[i].Table] += r.list[i].Bytes
		counts[r.list[i].Table]++
	}
	tables, err := l.planFiles(ctx, chunks, files, to, progress)
	if err != nil {
		return 0, err
	}
	defer tables.close()
	if err := r.plan(ctx, from, files, counts); err != nil {
		return 0, err
	}
	r.jobs.order(sizes)
	var large []string
	for table, size := range sizes {
		if size >= l.deferAbove {
			large = append(large, table)
		}
	}
	if r.keys, err = l.deferKeys(ctx, large); err != nil {
		return 0, err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, s := range slices.Concat(l.Pool.Sessions, l.filePool.Sessions) {
		group.Go(func() error {
			reader, err := chunks.Open()
			if err != nil {
				return fmt.Errorf("read the dump: %w", err)
			}
			defer reader.Close()
			if i < len(l.Pool.Sessions) {
				if err := r.work(ctx, s, reader); err != nil {
					return err
				}
			}
			return tables.work(ctx, s, reader)
		})
	}
	err = group.Wait()
	return r.statements.Load(), err
}

// plan makes the jobs. Each chunk is a job, but if the order of a table's rows matters, all its chunks are one job.
func (r *rowLoad) plan(ctx context.Context, from, to int, counts map[string]int) error {
	ordered := map[string]int{} // the job of each such table
	for i := from; i < to; i++ {
		table := r.list[i].Table
		if err := r.judge.Takes(table); err != nil {
			return &target.NotAdmittedError{Offset: r.offsets[i], Excerpt: "INSERT INTO " + mysql.QuoteName(table), Reason: err.Error()}
		}
		if counts[table] > 1 {
			matters, err := r.inOrder(ctx, table)
			if err != nil {
				return r.Server.Classify("look for the primary key of table "+table, err)
			}
			if job, known := ordered[table]; known {
				r.jobs.left[job].chunks = append(r.jobs.left[job].chunks, i)
				continue
			} else if matters {
				ordered[table] = len(r.jobs.left)
			}
		}
		r.jobs.left = append(r.jobs.left, rowJob{table, []int{i}})
		if r.left[table] == nil {
			r.left[table] = &atomic.Int64{}
		}
		r.left[table].Add(1)
	}
	return nil
}

// inOrder says whether the rows of a table are loaded one after the other.
func (r *rowLoad) inOrder(ctx context.Context, table string) (bool, error) {
	if r.Server.Config.InOrder {
		return true, nil
	}
	return r.Pool.Ordered(ctx, r.Server.Names.Incoming, table)
}

// work is what one session does. The session that loads the last rows of a table adds its keys.
func (r *rowLoad) work(ctx context.Context, s *session.Session, reader dump.ChunkReader) error {
	for {
		job, ok := r.jobs.next(reader.Has)
		if !ok {
			return nil
		}
		for _, i := range job.chunks {
			if r.streams(r.list[i]) {
				if err := r.longChunk(ctx, s, i, reader.Stream(ctx, i)); err != nil {
					return err
				}
				continue
			}
			text, err := reader.Read(ctx, i)
			if err != nil {
				return fmt.Errorf("read the dump: %w", err)
			}
			if err := r.chunk(ctx, s, i, text); err != nil {
				return err
			}
		}
		if keys := r.keys[job.table]; r.left[job.table].Add(-1) == 0 && keys != nil {
			if err := r.addKeys(ctx, s, keys); err != nil {
				return err
			}
			count, err := s.Count(ctx, r.Versions.countOf(job.table))
			if err != nil {
				return r.Server.Classify("count the rows of table "+job.table, err)
			}
			r.Counted.Add(job.table, count)
			if r.Server.Config.Token == "" || !r.Server.Config.Part.BecomesDump() || r.Server.Config.WithoutRows(job.table) {
				continue
			}
			sum, err := s.Checksum(ctx, r.Server.Names.Incoming, job.table)
			if err != nil {
				return r.Server.Classify("sum up the rows of table "+job.table, err)
			}
			r.Counted.AddSum(job.table, sum)
		}
	}
}

// cutStatement takes the first statement from the text of a chunk. A statement is a line, but names of tables and
// columns may contain line breaks. insert is how it must begin.
func cutStatement(text, insert []byte) (statement, rest []byte, ok bool) {
	if !bytes.HasPrefix(text, insert) {
		return nil, text, false
	}
	at := len(insert)
	for at+1 < len(text) && (text[at] == '(' || text[at] == ',') && text[at+1] == '`' {
		_, end := quotedName(text, at+1)
		if end == 0 {
			return nil, text, false
		}
		at = end
	}
	length := bytes.IndexByte(text[at:], '\n')
	if length < 0 {
		return nil, text, false
	}
	statement, ok = bytes.CutSuffix(text[:at+length], []byte(";"))
	return statement, text[at+length+1:], ok
}

// chunk sends the statements of a chunk, and checks that the server has added all its rows.
func (r *rowLoad) chunk(ctx context.Context, s *session.Session, i int, text []byte) error {
	chunk := r.list[i]
	insert := []byte("INSERT INTO " + mysql.QuoteName(chunk.Table) + " ")
	piece := sqltext.Piece{Kind: sqltext.Rows, Table: chunk.Table, Offset: r.offsets[i]}
	var got int64
	for len(text) > 0 {
		statement, rest, ok := cutStatement(text, insert)
		if !ok {
			return fmt.Errorf("read the dump: %w", &target.ChunkError{Table: chunk.Table})
		}
		length := int64(len(text) - len(rest))
		statement, left := r.Versions.Fit(chunk.Table, statement)
		got += left
		if len(statement) > 0 {
			rows, err := r.insertBulk(ctx, s, piece, statement)
			if errors.Is(err, ErrNotBulk) {
				rows, err = r.insertRows(ctx, s, piece, statement)
			}
			if err != nil {
				return err
			}
			got += rows
		}
		r.statements.Add(1)
		r.progress(length)
		piece.Offset += length
		text = rest
	}
	if got != chunk.Rows {
		return &target.MismatchError{Table: chunk.Table, Want: chunk.Rows, Got: got}
	}
	return nil
}

// insertRows runs an INSERT, split if it is too long for the server, and returns how many rows the table has gained.
func (r *rowLoad) insertRows(ctx context.Context, s *session.Session, piece sqltext.Piece, statement []byte) (int64, error) {
	if err := r.judge.Insert(statement); err != nil {
		piece.Text = statement
		return 0, r.failedAt(ctx, piece, 0, &notAdmitted{err})
	}
	parts := [][]byte{statement}
	if int64(len(statement)) > r.packet {
		var longest int
		if parts, longest = splitRows(statement, int(r.packet)); parts == nil {
			return 0, &target.PacketError{Table: piece.Table, Need: int64(longest) + packetHead, Limit: r.packet + packetHead}
		}
	}
	var all int64
	for _, part := range parts {
		rows, err := r.add(ctx, s, piece, part)
		if err != nil {
			return 0, r.failedAt(ctx, piece, 0, err)
		}
		all += rows
	}
	return all, nil
}
