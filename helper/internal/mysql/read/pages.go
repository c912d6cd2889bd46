package read

import (
	"fmt"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
)

// page is a range of rows that one query reads to its end. It is short enough to give the metadata lock of its table
// back soon, and its rows fit into the current chunk. The next page begins behind its last key.
type page struct {
	condition string // WHERE, ORDER BY and LIMIT; empty if all rows are read at once
	limit     int64  // 0 means none
}

// pageTime is how long it should take to read a page: over a slow line pages are smaller than a chunk.
const pageTime = 150 * time.Millisecond

// pager cuts a span into pages.
type pager struct {
	table *tableRows
	span  span
	last  []string // the key of the last row that was read, as literals; empty at the beginning
	left  int64    // rows that a rule still lets through; no limit if the rule has none
	// These are estimates from the rows so far.
	rowBytes float64 // of SQL
	rowTime  time.Duration
}

func newPager(table *tableRows, s span) *pager {
	return &pager{table: table, span: s, left: table.filter.Limit.Limit}
}

// done reports whether all rows have been read that a rule lets through.
func (p *pager) done() bool { return p.table.filter.Limit.Limit > 0 && p.left <= 0 }

// next returns a page whose rows fill about that many bytes.
func (p *pager) next(room int) page {
	if len(p.table.order) == 0 {
		return page{condition: p.spanCondition() + p.table.limit()}
	}
	if p.rowBytes == 0 {
		if p.rowBytes = float64(p.table.rowBytes); p.rowBytes == 0 {
			p.rowBytes = 1 << 10
		}
	}
	limit := float64(max(room, 1)) / p.rowBytes
	if p.rowTime > 0 {
		limit = min(limit, float64(pageTime)/float64(p.rowTime))
	}
	n := max(int64(limit), 1)
	if p.table.filter.Limit.Limit > 0 {
		n = min(n, p.left)
	}
	parts := p.conditions()
	if len(p.last) > 0 {
		parts = append(parts, "("+p.behind(0)+")")
	}
	order := make([]string, len(p.table.order))
	for i, column := range p.table.order {
		order[i] = mysql.QuoteName(p.table.columns[column.number].Name)
		if p.falling(column) {
			order[i] += " DESC"
		}
	}
	return page{condition: fmt.Sprintf("%s%s ORDER BY %s LIMIT %d", p.table.forceIndex(), where(parts), strings.Join(order, ","), n), limit: n}
}

// falling reports whether rows are read from a column's greatest value on. With a limit, the newest rows are those that count.
func (p *pager) falling(column orderColumn) bool {
	return column.falling != (p.table.filter.Limit.Limit > 0)
}

// conditions are those of the span and of the rules.
func (p *pager) conditions() []string {
	var parts []string
	if p.table.key != nil {
		parts = p.span.conditions(mysql.QuoteName(p.table.key.Name))
	}
	if rules := p.table.filter.Where(); rules != "" {
		parts = append(parts, rules)
	}
	return parts
}

// where joins conditions into a WHERE clause.
func where(conditions []string) string {
	if len(conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}

// spanCondition is the condition of the whole span.
func (p *pager) spanCondition() string {
	if p.table.key == nil {
		return where(p.conditions())
	}
	// In the order of the primary key rows load fastest.
	return p.table.forceIndex() + where(p.conditions())
}

// behind is the condition for what comes after the last key, from the given column of the key on. Servers use the index
// for it, which they do not for (a, b) > (1, 2).
func (p *pager) behind(i int) string {
	column := p.table.order[i]
	name, beyond := mysql.QuoteName(p.table.columns[column.number].Name), " > "
	if p.falling(column) {
		beyond = " < "
	}
	text := name + beyond + p.last[i]
	if i+1 < len(p.last) {
		text += " OR " + name + " = " + p.last[i] + " AND (" + p.behind(i+1) + ")"
	}
	return text
}

// read records how large a page was and how long it took.
func (p *pager) read(rows, bytes int64, took time.Duration) {
	if rows == 0 {
		return
	}
	p.left -= rows
	p.rowBytes = max(1, float64(bytes)/float64(rows))
	p.rowTime = max(1, took/time.Duration(rows))
}

// keep stores the key of a row, given the lengths of its values. The last row of a page remains.
func (p *pager) keep(row []byte, nulls int, values []literal.Writer) error {
	last := 0
	for _, column := range p.table.order {
		last = max(last, column.number)
	}
	keys := make([]string, last+1)
	data := row[nulls:]
	for i, value := range values[:last+1] {
		if isNull(row, i) {
			continue
		}
		switch column := p.table.columns[i]; {
		case column.Charset != "" && isText(column.DataType):
			value = literal.Writer{Form: literal.FormTaggedIn, Tag: "_" + column.Charset}
		case value.Form == literal.FormBits: // MySQL does not compare all bits with x'…'
			value.Form = literal.FormBitsNumber
		}
		text, size := value.Append(nil, data)
		if size == 0 {
			return fmt.Errorf("read a key of table %s: %w", p.table.name, protocol.ErrNotUnderstood)
		}
		keys[i] = string(text)
		data = data[size:]
	}
	p.last = p.last[:0]
	for _, column := range p.table.order {
		p.last = append(p.last, keys[column.number])
	}
	return nil
}
