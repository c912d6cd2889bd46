package staging

import (
	"fmt"
	"io"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysqlwire"
)

// rowWriter makes chunks of the rows of one span.
type rowWriter struct {
	table *mysqlTable
	head  []byte // INSERT INTO … VALUES
	emit  Emit

	values    []valueWriter
	buf       []byte
	statement int // where in buf the statement at hand begins, -1 where there is none
	rows      int64
}

func newRowWriter(table *mysqlTable, buf []byte, emit Emit) *rowWriter {
	names := make([]string, len(table.columns))
	for i, column := range table.columns {
		names[i] = quoteMySQL(column.name)
	}
	head := fmt.Sprintf("INSERT INTO %s (%s) VALUES ", quoteMySQL(table.name), strings.Join(names, ","))
	return &rowWriter{table: table, head: []byte(head), emit: emit, buf: buf, statement: -1}
}

// selection is the query for the rows of a span.
func selection(table *mysqlTable, s span) string {
	names := make([]string, len(table.columns))
	for i, column := range table.columns {
		names[i] = quoteMySQL(column.name)
		if column.numbered {
			names[i] = "CAST(" + names[i] + " AS UNSIGNED)"
		}
	}
	if len(names) == 0 { // all of them are generated
		names = []string{"1"}
	}
	text := "SELECT /*!40001 SQL_NO_CACHE */ " + strings.Join(names, ",") + " FROM " + quoteMySQL(table.name)
	if table.key != nil {
		// In the order of the primary key, in which rows load fastest.
		text += " FORCE INDEX (PRIMARY)" + s.condition(quoteMySQL(table.key.name))
	}
	return text
}

// write reads the rows of a span to their end and emits them.
func (w *rowWriter) write(from *wire, s span) error {
	columns, err := from.query(selection(w.table, s))
	if err != nil {
		return err
	}
	w.values = w.values[:0]
	for i, column := range w.table.columns {
		value, err := newValueWriter(columns[i], column)
		if err != nil {
			return err
		}
		w.values = append(w.values, value)
	}
	nulls := 1 + (len(columns)+9)/8
	for {
		row, err := from.row()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if len(row) < nulls {
			return fmt.Errorf("read a row: %w", mysqlwire.ErrNotUnderstood)
		}
		if err := w.row(row, nulls); err != nil {
			return err
		}
	}
	if err := from.finish(); err != nil {
		return err
	}
	return w.flush()
}

// row adds one row.
func (w *rowWriter) row(row []byte, nulls int) error {
	if w.statement < 0 {
		if w.buf == nil {
			w.buf = make([]byte, 0, chunkBytes+statementBytes+statementBytes/4)
		}
		w.statement = len(w.buf)
		w.buf = append(w.buf, w.head...)
	} else {
		w.buf = append(w.buf, ',')
	}
	w.buf = append(w.buf, '(')
	data := row[nulls:]
	for i, value := range w.values {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		if row[1+(i+2)/8]>>((i+2)%8)&1 != 0 {
			w.buf = append(w.buf, "NULL"...)
			continue
		}
		var size int
		if w.buf, size = value.append(w.buf, data); size == 0 {
			return fmt.Errorf("read a row of table %s: column %s: %w", w.table.name, w.table.columns[i].name, mysqlwire.ErrNotUnderstood)
		}
		data = data[size:]
	}
	w.buf = append(w.buf, ')')
	w.rows++
	if len(w.buf)-w.statement < statementBytes {
		return nil
	}
	w.endStatement()
	if len(w.buf) < chunkBytes {
		return nil
	}
	return w.flush()
}

func (w *rowWriter) endStatement() {
	if w.statement >= 0 {
		w.buf = append(w.buf, ";\n"...)
		w.statement = -1
	}
}

// flush emits what there is.
func (w *rowWriter) flush() (err error) {
	w.endStatement()
	if len(w.buf) == 0 {
		return nil
	}
	w.buf, err = w.emit(Chunk{Section: Rows, Table: w.table.name, Rows: w.rows, SQL: w.buf})
	w.rows = 0
	return err
}
