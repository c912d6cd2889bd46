package read

import (
	"fmt"
	"io"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
)

// longPart is how much of a long row is emitted at a time, and valuePart how much of a value is read at a time, in bytes.
const (
	longPart  = 2 * dump.ChunkBytes
	valuePart = 64 << 10
)

// longRow writes a row that is too long for the memory as a statement of its own, and emits it in parts. It returns the row without its
// long values.
func (w *rowWriter) longRow(from io.Reader, nulls int) (short []byte, err error) {
	if err := w.flush(); err != nil {
		return nil, err
	}
	short = make([]byte, nulls)
	if _, err := io.ReadFull(from, short); err != nil {
		return nil, fmt.Errorf("read a row: %w", err)
	}
	w.beginStatement()
	for i, value := range w.values {
		w.buf = append(w.buf, "(,"[min(i, 1)])
		if isNull(short, i) {
			w.buf = append(w.buf, "NULL"...)
			continue
		}
		if short, err = w.longRowValue(from, value, short); err != nil {
			return nil, fmt.Errorf("read a row of table %s: column %s: %w", w.table.name, w.table.columns[i].Name, err)
		}
	}
	if n, err := from.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return nil, fmt.Errorf("read a row of table %s: %w", w.table.name, protocol.ErrNotUnderstood)
	}
	w.buf = append(w.buf, ')')
	w.rows++
	w.all++
	return short, w.flush()
}

// longRowValue writes a value of a long row.
func (w *rowWriter) longRowValue(from io.Reader, value literal.Writer, short []byte) ([]byte, error) {
	begin := len(short)
	short, long, err := value.Read(from, short)
	if err != nil {
		return nil, err
	}
	if long == 0 {
		var size int
		if w.buf, size = value.Append(w.buf, short[begin:]); size == 0 {
			return nil, protocol.ErrNotUnderstood
		}
		return short, nil
	}
	short = append(short[:begin], 0) // an empty one, for whoever reads the others
	before, after, write := value.Long()
	w.buf = append(w.buf, before...)
	part := make([]byte, valuePart)
	for left := long; left > 0; left -= int64(len(part)) {
		part = part[:min(int64(len(part)), left)]
		if _, err := io.ReadFull(from, part); err != nil {
			return nil, err
		}
		w.buf = write(w.buf, part)
		if len(w.buf) >= longPart {
			if err := w.handOn(true); err != nil {
				return nil, err
			}
		}
	}
	w.buf = append(w.buf, after...)
	return short, nil
}
