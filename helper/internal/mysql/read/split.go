package read

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
)

// span is a range of a table along the first column of its key, given as literals. It includes from and excludes to. An
// empty one is the table's beginning or end.
type span struct {
	from, to string
	bytes    int64 // about
}

// conditions returns the span as conditions. However the server compares values, each row is in exactly one span.
func (s span) conditions(column string) []string {
	var parts []string
	if s.from != "" {
		parts = append(parts, column+" >= "+s.from)
	}
	if s.to != "" {
		parts = append(parts, column+" < "+s.to)
	}
	return parts
}

// spanBytes is about the size of a span: small enough that all connections end at about the same time. A chunk ends where a span
// ends, so spans should be the same ones as in the last dump: they end at round keys, and whether one is cut depends on it
// alone.
const spanBytes = 16 << 20

// mostSpans limits how finely a table is cut, and so how many queries that takes.
const mostSpans = 256

// split cuts a table that is large enough. A table that cannot be cut well gets fewer spans.
func split(ctx context.Context, conn *snapshotReader, table *tableRows) ([]span, error) {
	whole := span{bytes: table.bytes}
	if table.key == nil || table.bytes < 2*spanBytes || table.filter.Limit.Limit > 0 {
		return []span{whole}, nil
	}
	c := &cutter{conn: conn, name: table.name, bytes: table.bytes, table: mysql.QuoteName(table.name), index: table.forceIndex(), column: mysql.QuoteName(table.key.Name), key: keyOf(*table.key)}
	if c.key == nil {
		return []span{whole}, nil
	}
	var low, high sql.NullString
	conn.touch(table.name)
	err := conn.QueryRowContext(ctx, fmt.Sprintf("SELECT MIN(%s), MAX(%[1]s) FROM %s", c.column, c.table)).Scan(&low, &high)
	if err != nil {
		return nil, err
	}
	if !low.Valid || !c.key.usable(low.String) || !c.key.usable(high.String) {
		return []span{whole}, conn.giveBack(ctx)
	}
	if c.all, err = c.rows(ctx, whole); err != nil {
		return nil, err
	}
	c.least = max(spanBytes, table.bytes/mostSpans) * 3 / 2
	spans, err := c.cut(ctx, whole, low.String, high.String)
	if err != nil {
		return nil, err
	}
	return spans, conn.giveBack(ctx)
}

// cutter cuts one table.
type cutter struct {
	conn          *snapshotReader
	name          string
	table, column string
	index         string // FORCE INDEX
	bytes         int64  // of the table
	key           key
	all           float64 // rows of the table, by the server's estimate
	least         int64   // the size of a span that is cut
	cuts          int
}

// cut halves a span until it is small enough. low and high are the least and the greatest key in it.
func (c *cutter) cut(ctx context.Context, whole span, low, high string) ([]span, error) {
	if whole.bytes < c.least || low == high || c.cuts == mostSpans {
		return []span{whole}, nil
	}
	c.cuts++
	if err := c.conn.giveBackOld(ctx); err != nil {
		return nil, err
	}
	c.conn.touch(c.name)
	middle, before, err := c.middle(ctx, low, high)
	if err != nil || middle == "" {
		return []span{whole}, err
	}
	lower, upper := span{from: whole.from, to: c.key.literal(middle)}, span{from: c.key.literal(middle), to: whole.to}
	counts := [2]float64{}
	for i, part := range []span{lower, upper} {
		if counts[i], err = c.rows(ctx, part); err != nil {
			return nil, err
		}
	}
	share := c.share(counts[0], counts[1], float64(whole.bytes)/float64(c.bytes))
	lower.bytes = int64(share * float64(whole.bytes))
	upper.bytes = whole.bytes - lower.bytes
	left, err := c.cut(ctx, lower, low, before)
	if err != nil {
		return nil, err
	}
	right, err := c.cut(ctx, upper, middle, high)
	return append(left, right...), err
}

// share returns which part of a span's rows lies in its lower half, by the server's estimates of the rows of both
// halves. of is the span's own part of the table.
//
// InnoDB estimates a range of many pages at twice its size, but never at more than half of the table
// (btr_estimate_n_rows_in_range). If a half reaches that limit, only the other half's estimate says anything.
func (c *cutter) share(lower, upper, of float64) float64 {
	whole, most := max(1, c.all*of), c.all/2-1
	switch {
	case lower >= most && upper >= most:
		return 0.5
	case lower >= most:
		return 1 - min(upper/2/whole, 0.5)
	case upper >= most:
		return min(lower/2/whole, 0.5)
	default:
		return (lower + 1) / (lower + upper + 2)
	}
}

// middle looks for a round key somewhere between two others, above the lower one, and for the key before it. It returns
// nothing if there is none.
func (c *cutter) middle(ctx context.Context, low, high string) (middle, before string, err error) {
	for _, share := range []float64{0.5, 0.25, 0.75} {
		guess, ok := c.key.between(low, high, share)
		if !ok {
			return "", "", nil
		}
		find := func(aggregate, condition string) (string, error) {
			var found sql.NullString
			err := c.conn.QueryRowContext(ctx, fmt.Sprintf("SELECT %s(%s) FROM %s WHERE %s", aggregate, c.column, c.table, condition)).Scan(&found)
			return found.String, err
		}
		middle, err = find("MIN", fmt.Sprintf("%s >= %s AND %[1]s > %s", c.column, c.key.literal(guess), c.key.literal(low)))
		if err != nil {
			return "", "", err
		}
		if middle == "" || !c.key.usable(middle) {
			continue
		}
		before, err = find("MAX", fmt.Sprintf("%s < %s", c.column, c.key.literal(middle)))
		if err != nil || before != "" && c.key.usable(before) {
			return middle, before, err
		}
	}
	return "", "", nil
}

// rows returns the server's estimate of the rows of a span, for which the server looks into the index twice.
func (c *cutter) rows(ctx context.Context, s span) (float64, error) {
	rows, err := c.conn.QueryContext(ctx, fmt.Sprintf("EXPLAIN SELECT %s FROM %s%s%s", c.column, c.table, c.index, where(s.conditions(c.column))))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
	count := 0.0
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return 0, err
		}
		for i, name := range names {
			if strings.EqualFold(name, "rows") {
				count, _ = strconv.ParseFloat(values[i].String, 64)
			}
		}
	}
	return count, rows.Err()
}

// key is what is known about a type of column whose values are read as text.
type key interface {
	// literal writes a value for a statement.
	literal(value string) string
	// usable says whether a value can be written as a literal that compares like the column's values.
	usable(value string) bool
	// between returns a round value at about that share of the way from low to high; false if there is none. It stays the same while
	// low and high move a little.
	between(low, high string, share float64) (string, bool)
}

// keyOf returns nil for columns along which tables are not cut.
func keyOf(column literal.Column) key {
	switch column.DataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return integerKey{}
	case "binary", "varbinary":
		return bytesKey{}
	case "char", "varchar":
		switch column.Charset {
		case "utf8mb4", "utf8mb3", "utf8", "ascii", "latin1":
			return textKey{utf8: strings.HasPrefix(column.Charset, "utf8")}
		}
	}
	return nil
}

type integerKey struct{}

func (integerKey) literal(value string) string { return value }

func (integerKey) usable(string) bool { return true }

func (integerKey) between(low, high string, share float64) (string, bool) {
	l, lowOK := new(big.Int).SetString(low, 10)
	h, highOK := new(big.Int).SetString(high, 10)
	if !lowOK || !highOK {
		return "", false
	}
	at := func(share float64) *big.Int {
		way := new(big.Int).Sub(h, l)
		way.Mul(way, big.NewInt(int64(share*100))).Div(way, big.NewInt(100))
		return way.Add(way, l)
	}
	least, most := at(share-roundness), at(share+roundness)
	for bits := uint(most.BitLen()); bits > 0; bits-- {
		// Rsh rounds down, also negative numbers.
		round := new(big.Int).Rsh(most, bits)
		if round.Lsh(round, bits); round.Cmp(least) > 0 {
			return round.String(), true
		}
	}
	return most.String(), true
}

// roundness is how far from the wanted place a round key may lie, as a share of the range.
const roundness = 0.12

// roundNumber returns the number with the most zeros at its end, in the given base, at about that share of the way.
func roundNumber(low, high uint64, share float64, base uint64) uint64 {
	way := float64(high) - float64(low)
	least, most := uint64(float64(low)+(share-roundness)*way), uint64(float64(low)+(share+roundness)*way)
	for unit := base * base * base; unit > 1; unit /= base {
		if round := most / unit * unit; round > least {
			return round
		}
	}
	return most
}

type bytesKey struct{}

func (bytesKey) literal(value string) string { return fmt.Sprintf("x'%X'", value) }

func (bytesKey) usable(string) bool { return true }

func (bytesKey) between(low, high string, share float64) (string, bool) {
	at, l, h := fraction(low, high, 256, 0)
	middle := roundNumber(l, h, share, 256)
	guess := string([]byte{byte(middle >> 24), byte(middle >> 16), byte(middle >> 8), byte(middle)})
	return low[:at] + strings.TrimRight(guess, "\x00"), true
}

type textKey struct{ utf8 bool }

func (textKey) literal(value string) string {
	text, _ := literal.AppendQuoted(nil, []byte(value))
	return string(text)
}

func (t textKey) usable(value string) bool {
	if !t.utf8 {
		return literal.IsASCII(value)
	}
	return utf8.ValidString(value)
}

// between interpolates printable ASCII. How the collation really orders values shows when a key is looked for.
func (t textKey) between(low, high string, share float64) (string, bool) {
	at, l, h := fraction(low, high, 95, ' ')
	middle := roundNumber(l, h, share, 95)
	guess := make([]byte, 4)
	for i := range guess {
		guess[3-i] = ' ' + byte(middle%95)
		middle /= 95
	}
	return strings.ToValidUTF8(low[:at], "") + strings.TrimRight(string(guess), " "), true
}

// fraction removes the common beginning of two keys, and reads the next four bytes of each as a number in the given
// base, whose lowest digit is zero.
func fraction(low, high string, base uint64, zero byte) (common int, l, h uint64) {
	for common < len(low) && common < len(high) && low[common] == high[common] {
		common++
	}
	number := func(text string) (n uint64) {
		for i := range 4 {
			digit := uint64(0)
			if i < len(text) && text[i] > zero {
				digit = min(uint64(text[i]-zero), base-1)
			}
			n = n*base + digit
		}
		return n
	}
	return common, number(low[common:]), number(high[common:])
}
