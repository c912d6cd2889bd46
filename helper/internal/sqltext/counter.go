package sqltext

import (
	"fmt"
	"io"
	"slices"
	"sync"
)

// Counter counts a dump that is made in chunks of whole statements, exactly as one Splitter counts the whole text.
type Counter struct {
	mutex sync.Mutex
	text  *Splitter // of the last text that is no rows
	rows  Stats     // of the chunks of rows
}

// CountError means that a chunk of rows does not have the rows that were announced.
type CountError struct {
	Table     string
	Announced int64
	Found     map[string]int64
}

func (e *CountError) Error() string {
	if rows, known := e.Found[e.Table]; known && len(e.Found) == 1 {
		return fmt.Sprintf("a part of table %s should have %d rows, its text has %d", e.Table, e.Announced, rows)
	}
	return fmt.Sprintf("a part of table %s should have %d rows, its text has rows of %d tables", e.Table, e.Announced, len(e.Found))
}

// NewCounter returns a Counter for a dump of a dialect.
func NewCounter(dialect Dialect) *Counter {
	return &Counter{text: NewSplitter(nil, dialect), rows: Stats{Tables: map[string]int64{}}}
}

// Text counts the next text that is no chunk of rows, and passes its pieces on. Its errors are those of Splitter.Next.
func (c *Counter) Text(sql []byte, meet func(Piece)) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.text = c.text.follow(sql)
	return c.text.finish(meet)
}

// Rows counts a chunk that should hold rows of one table and nothing else. Any number of goroutines may call it. It fails with *CountError
// and as Splitter.Next does.
func (c *Counter) Rows(sql []byte, table string, rows int64) error {
	c.mutex.Lock()
	chunk := c.text.follow(sql)
	c.mutex.Unlock()
	chunk.stats = newStatistics(chunk.dialect)
	if err := chunk.finish(pass); err != nil {
		return err
	}
	return c.add(chunk.stats.Stats, table, rows)
}

// add adds what was found in rows of a table.
func (c *Counter) add(found Stats, table string, rows int64) error {
	if found.Tables[table] != rows || len(found.Tables) != 1 {
		return &CountError{table, rows, found.Tables}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.text.stats.ending.rows()
	c.rows.Join(found)
	return nil
}

// Known counts rows of a table that have been counted before, and whose text is not at hand.
func (c *Counter) Known(table string, rows, bytes int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.text.stats.ending.rows()
	c.rows.Join(Stats{Bytes: bytes, Rows: rows, Tables: map[string]int64{table: rows}})
}

// OpenRows counts rows whose text comes in parts, because it is too long for the memory. Only one may be open at a time.
type OpenRows struct {
	counter  *Counter
	splitter *Splitter
	text     *io.PipeWriter
	ended    chan error
}

// Open begins rows that come in parts.
func (c *Counter) Open() *OpenRows {
	c.mutex.Lock()
	before := c.text.follow(nil)
	c.mutex.Unlock()
	from, text := io.Pipe()
	splitter := NewSplitter(from, before.dialect)
	splitter.delimiter, splitter.escapes, splitter.ansi = before.delimiter, before.escapes, before.ansi
	o := &OpenRows{counter: c, splitter: splitter, text: text, ended: make(chan error, 1)}
	go func() {
		err := splitter.finish(pass)
		_ = from.CloseWithError(err)
		o.ended <- err
	}()
	return o
}

// Write takes the next part. Its errors are those of Counter.Rows.
func (o *OpenRows) Write(sql []byte) (int, error) { return o.text.Write(sql) }

// Close ends the rows and counts them as Counter.Rows does.
func (o *OpenRows) Close(table string, rows int64) error {
	_ = o.text.Close()
	if err := <-o.ended; err != nil {
		return err
	}
	return o.counter.add(o.splitter.stats.Stats, table, rows)
}

// Abort ends rows that will not be complete.
func (o *OpenRows) Abort() {
	_ = o.text.CloseWithError(io.ErrUnexpectedEOF)
	<-o.ended //nolint:errcheck // a consequence
}

// Stats returns the counts so far. TextRows counts the rows that are not in chunks of rows, by table.
func (c *Counter) Stats() (stats Stats, textRows map[string]int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	stats = c.text.Stats()
	textRows = make(map[string]int64)
	for table, rows := range stats.Tables {
		if rows != 0 {
			textRows[table] = rows
		}
	}
	end := stats
	stats.Join(c.rows)
	stats.Tool, stats.Header = end.Tool, end.Header
	return stats, textRows
}

// follow returns a Splitter of text that follows what s has split. The text stays as it is.
func (s *Splitter) follow(text []byte) *Splitter {
	return &Splitter{
		dialect: s.dialect, buf: text, end: len(text), readErr: io.EOF, offset: s.offset,
		delimiter: slices.Clone(s.delimiter), escapes: s.escapes, ansi: s.ansi, stats: s.stats,
	}
}

// finish reads to the end.
func (s *Splitter) finish(meet func(Piece)) error {
	for {
		piece, err := s.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		meet(piece)
	}
}

// pass takes a piece of which nothing more is to be known.
func pass(Piece) {}
