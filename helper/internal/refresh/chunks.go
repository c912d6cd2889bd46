package refresh

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/leak"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// chunks copies a dump that comes in chunks to the writer. It counts what it copies as a reader of the whole text does: no dump is
// published that the same program would not take for complete. textRows are the rows that are in no chunk of rows, by table.
func (r *run) chunks(ctx context.Context, d *source.Dump, k known, info source.Info, writer *dumpfile.Writer) (stats sqltext.Stats, textRows map[string]int64, err error) {
	counter := chunkCounter{Counter: sqltext.NewCounter(sqltext.DialectOf(info.Engine)), meet: r.needs.Meet}
	search := chunkSearch{check: r.Source.Leaks}
	defer counter.end()
	r.keep(k, d.Unread, writer, &counter)
	err = d.WriteChunks(ctx, func(chunk dump.Chunk) ([]byte, error) {
		if err := counter.count(chunk); err != nil {
			return nil, &UnreadableError{err}
		}
		search.chunk(chunk)
		length := int64(len(chunk.SQL))
		add := writer.Add
		if chunk.Open {
			add = writer.AddPartial
		}
		spare, err := add(chunk.SQL, dumpfile.About{Section: chunk.Section, Table: chunk.Table, Rows: chunk.Rows})
		if err != nil {
			return nil, err
		}
		r.Progress.Advance(length)
		return spare, nil
	})
	stats, textRows = counter.Stats()
	return stats, textRows, err
}

// chunkCounter counts chunks. Those of a row that comes in parts follow one another.
type chunkCounter struct {
	*sqltext.Counter
	meet func(sqltext.Piece) // takes the pieces of heads and tails
	open *sqltext.OpenRows   // nil if there is no such row
}

func (c *chunkCounter) count(chunk dump.Chunk) error {
	switch {
	case chunk.Section != dump.Rows:
		return c.Text(chunk.SQL, c.meet)
	case !chunk.Open && !chunk.Continued:
		return c.Rows(chunk.SQL, chunk.Table, chunk.Rows)
	case !chunk.Continued:
		c.open = c.Open()
	}
	open := c.open
	if _, err := open.Write(chunk.SQL); err != nil {
		return err
	}
	if chunk.Open {
		return nil
	}
	c.open = nil
	return open.Close(chunk.Table, chunk.Rows)
}

// end ends what a dump that failed has left open.
func (c *chunkCounter) end() {
	if c.open != nil {
		c.open.Abort()
	}
}

// chunkSearch searches chunks for what must not be published. Those of a row that comes in parts follow one another.
type chunkSearch struct {
	check *leak.Check
	open  *leak.Text // of such a row; nil if there is none
}

func (s *chunkSearch) chunk(chunk dump.Chunk) {
	if !chunk.Open && !chunk.Continued {
		s.check.Rows(chunk.SQL, chunk.Table)
		return
	}
	if !chunk.Continued {
		s.open = s.check.Text(chunk.Table)
	}
	_, _ = s.open.Write(chunk.SQL) // it never fails
}

// UnreadableError means that what was about to be published could not be read again. It is a mistake of this program.
type UnreadableError struct{ Err error }

func (e *UnreadableError) Error() string {
	return "the dump that was about to be published could not be read again: " + e.Err.Error()
}

func (e *UnreadableError) Unwrap() error { return e.Err }
