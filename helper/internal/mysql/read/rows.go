package read

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// keyPart is how much of a column counts where its table has no key, in bytes.
const keyPart = 64

// statementBytes is about the length of an INSERT. Longer ones load no faster.
const statementBytes = 1 << 20

// rowWriter turns the rows of one span into chunks.
type rowWriter struct {
	table  *tableRows
	head   []byte // INSERT INTO … VALUES
	chunks *dump.Queue
	key    []bool // which columns decide where chunks begin

	masks *rules.Row // nil if nothing is masked
	// Buffers for masked values: where the row's fields begin, a value, what it becomes, and the value that decides.
	fields               []int
	plain, became, other []byte

	values    []literal.Writer
	buf       []byte
	statement int   // where in buf the current statement begins, -1 if there is none
	open      bool  // a part of a row has been emitted
	rows      int64 // in buf
	all       int64 // rows of the span so far
	complete  int64 // bytes of the span so far, without buf
}

// newRowWriter returns a writer for a span.
func newRowWriter(table *tableRows, chunks *dump.Queue) *rowWriter {
	names := make([]string, len(table.columns))
	for i, column := range table.columns {
		names[i] = mysql.QuoteName(column.Name)
	}
	head := fmt.Sprintf("INSERT INTO %s (%s) VALUES ", mysql.QuoteName(table.name), strings.Join(names, ","))
	w := &rowWriter{table: table, head: []byte(head), chunks: chunks, statement: -1, key: make([]bool, len(names))}
	for _, column := range table.order {
		w.key[column.number] = true
	}
	if len(table.order) == 0 { // such a row is known by all that it has
		for i := range w.key {
			w.key[i] = true
		}
	}
	return w
}

// selection returns the query for the rows of a page.
func selection(table *tableRows, p page) string {
	names := make([]string, len(table.columns))
	for i, column := range table.columns {
		names[i] = mysql.QuoteName(column.Name)
		if column.Numbered {
			names[i] = "CAST(" + names[i] + " AS UNSIGNED)"
		}
	}
	if len(names) == 0 { // all of them are generated
		names = []string{"1"}
	}
	history := ""
	if table.versioned {
		history = " FOR SYSTEM_TIME ALL"
	}
	return "SELECT /*!40001 SQL_NO_CACHE */ " + strings.Join(names, ",") + " FROM " + mysql.QuoteName(table.name) + history + p.condition
}

// write reads the rows of a span to their end, page by page, and emits them. The receiver may take long: during that
// time no query is open and no table is locked.
func (w *rowWriter) write(from *protocol.Connection, reader *snapshotReader, s span) error {
	pages := newPager(w.table, s)
	for more := true; more; {
		reader.touch(w.table.name)
		next, before, rows := pages.next(dump.ChunkBytes), w.made(), w.all
		took, err := w.page(from, next, pages)
		if err != nil {
			return err
		}
		count := w.all - rows
		pages.read(count, w.made()-before, took)
		more = next.limit > 0 && count == next.limit && !pages.done()
		if err := from.Exec(source.GiveBack); err != nil {
			return err
		}
		reader.free()
		if err := w.chunks.Emit(); err != nil {
			return err
		}
	}
	return w.flush()
}

// made is how much SQL has been written so far.
func (w *rowWriter) made() int64 { return w.complete + int64(len(w.buf)) }

// page reads the rows of a page. It returns how long that took, from the first row on.
func (w *rowWriter) page(from *protocol.Connection, p page, pages *pager) (took time.Duration, err error) {
	columns, err := from.Query(selection(w.table, p))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	w.values = w.values[:0]
	for i, column := range w.table.columns {
		value, err := literal.NewWriter(columns[i], column)
		if err != nil {
			return 0, err
		}
		w.values = append(w.values, value)
	}
	nulls := 1 + (len(columns)+9)/8
	for n := int64(1); ; n++ {
		row, err := from.Row()
		if err == io.EOF {
			break
		}
		long := err == protocol.ErrLongRow //nolint:errorlint // that very error
		if long && w.masks != nil {
			row, err = w.readLong(from.LongRow())
		} else if long {
			row, err = w.longRow(from.LongRow(), nulls)
		}
		if err != nil {
			return 0, err
		}
		if len(row) < nulls {
			return 0, fmt.Errorf("read a row: %w", protocol.ErrNotUnderstood)
		}
		if n == p.limit {
			if err := pages.keep(row, nulls, w.values); err != nil {
				return 0, err
			}
		}
		switch {
		case long && w.masks == nil: // written already
			continue
		case long:
			err = w.longMasked(row, nulls)
		default:
			err = w.row(row, nulls)
		}
		if err != nil {
			return 0, err
		}
	}
	return time.Since(began), from.Finish()
}

// row adds one row.
func (w *rowWriter) row(row []byte, nulls int) error {
	end := len(w.buf) // of the chunk, if the row begins another one
	if w.statement < 0 {
		w.beginStatement()
	} else {
		w.buf = append(w.buf, ',')
	}
	begin := len(w.buf)
	w.buf = append(w.buf, '(')
	if w.masks != nil {
		if err := w.findFields(row, nulls); err != nil {
			return err
		}
	}
	data, key := row[nulls:], dump.NewKeyHash()
	for i, value := range w.values {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		if isNull(row, i) {
			w.buf = append(w.buf, "NULL"...)
			continue
		}
		var size int
		if w.masks != nil && w.masks.Masks(i) {
			size = w.masked(row, data, i)
		} else {
			w.buf, size = value.Append(w.buf, data)
		}
		if size == 0 {
			return fmt.Errorf("read a row of table %s: column %s: %w", w.table.name, w.table.columns[i].Name, protocol.ErrNotUnderstood)
		}
		switch {
		case end < dump.LeastChunk || !w.key[i]:
		case len(w.table.order) > 0:
			key = key.Add(data[:size])
		default:
			key = key.Add(data[:min(size, keyPart)])
		}
		data = data[size:]
	}
	w.buf = append(w.buf, ')')
	if key.BeginsChunk(len(w.buf)-begin, end) {
		w.cut(end, begin)
	}
	w.rows++
	w.all++
	if len(w.buf)-w.statement >= statementBytes {
		w.endStatement()
	}
	if !w.chunks.IsLong() {
		return nil
	}
	// There are more rows in the page, or they are longer, than the server had estimated.
	return w.chunks.Emit()
}

// cut ends the chunk and moves the row that follows into the next one.
func (w *rowWriter) cut(end, row int) {
	last := w.buf
	w.buf = nil
	statement := w.statement
	w.beginStatement()
	w.buf = append(w.buf, last[row:]...)
	last = last[:end]
	if statement < end { // the statement had begun before the row
		last = append(last, ";\n"...)
	}
	w.chunks.Add(dump.Chunk{Section: dump.Rows, Table: w.table.name, Rows: w.rows, SQL: last})
	w.complete += int64(len(last))
	w.rows = 0
}

// isNull reports whether a field of a row is NULL.
func isNull(row []byte, i int) bool { return row[1+(i+2)/8]>>((i+2)%8)&1 != 0 }

func (w *rowWriter) beginStatement() {
	if w.buf == nil {
		w.buf = w.chunks.Buffer(dump.ChunkBytes / 2)
	}
	w.statement = len(w.buf)
	w.buf = append(w.buf, w.head...)
}

func (w *rowWriter) endStatement() {
	if w.statement >= 0 {
		w.buf = append(w.buf, ";\n"...)
		w.statement = -1
	}
}

// flush emits all rows that were written.
func (w *rowWriter) flush() error {
	w.endStatement()
	if len(w.buf) == 0 {
		return w.chunks.Emit()
	}
	return w.handOn(false)
}

// handOn emits the buffer, and what is complete before it. With open, it ends inside a row.
func (w *rowWriter) handOn(open bool) error {
	chunk := dump.Chunk{Section: dump.Rows, Table: w.table.name, SQL: w.buf, Open: open, Continued: w.open}
	if !open {
		chunk.Rows, w.rows = w.rows, 0
	}
	w.chunks.Add(chunk)
	w.complete += int64(len(w.buf))
	w.buf, w.open = nil, open
	return w.chunks.Emit()
}
