package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
)

// bulkInsert is an INSERT INTO … VALUES that sends many rows in one packet, as values instead of text. Parsing SQL is
// a third of a server's work for such a statement.
type bulkInsert struct {
	head    []byte // INSERT INTO `table` (`column`,…) VALUES, and a space
	columns []bulkColumn
	id      uint32 // of the prepared statement
}

// bulkColumn is how the values of a column are sent. The server learns their kind once for all rows of a packet, and
// converts a value as it converts a literal of that kind.
type bulkColumn struct {
	name     string
	kind     bulkKind
	nullable bool // as far as is known: asked when the first NULL comes
	// Known once the server was asked for the column, when the first value in doubt came:
	widened bool   // the kind is the widest one
	charset string // of text
}

// bulkKind is a kind of values.
type bulkKind uint8

const (
	bulkNothing  bulkKind = iota // NULL so far
	bulkSigned                   // integers
	bulkUnsigned                 // integers, some of which are too large for the signed ones
	bulkDecimal                  // numbers with a point
	bulkFloat                    // numbers with an exponent
	bulkText                     // texts
	bulkBinary                   // bytes
	// The following kinds hold literals of several kinds, but only in some columns.
	bulkAnyDecimal // all but numbers with an exponent, in columns of decimals
	bulkAnyNumber  // in columns of floating-point numbers
	bulkAnyText    // bytes, and ASCII texts, in text columns whose character set includes ASCII
	bulkAnyUTF8    // bytes and texts, in columns of utf8mb4
	bulkAnyMember  // bytes in the column's character set, and ASCII texts, in columns of ENUM and SET
)

// bulkKinds has, for each kind, the type that the packet names, whether it is unsigned, and the forms that it holds.
var bulkKinds = [...]struct {
	kind  [2]byte
	forms uint
}{
	bulkNothing:    {kind: [2]byte{253, 0}},
	bulkSigned:     {[2]byte{8, 0}, 1 << literal.LiteralInteger},
	bulkUnsigned:   {[2]byte{8, 128}, 1<<literal.LiteralInteger | 1<<literal.LiteralLarge},
	bulkDecimal:    {[2]byte{246, 0}, 1 << literal.LiteralDecimal},
	bulkFloat:      {[2]byte{5, 0}, 1 << literal.LiteralFloat},
	bulkText:       {[2]byte{253, 0}, 1 << literal.LiteralText},
	bulkBinary:     {[2]byte{252, 0}, 1<<literal.LiteralBinary | 1<<literal.LiteralHex},
	bulkAnyDecimal: {[2]byte{246, 0}, 1<<literal.LiteralInteger | 1<<literal.LiteralLarge | 1<<literal.LiteralDecimal},
	bulkAnyNumber:  {[2]byte{5, 0}, 1<<literal.LiteralInteger | 1<<literal.LiteralLarge | 1<<literal.LiteralDecimal | 1<<literal.LiteralFloat},
	bulkAnyText:    {[2]byte{252, 0}, 1<<literal.LiteralText | 1<<literal.LiteralBinary | 1<<literal.LiteralHex},
	bulkAnyUTF8:    {[2]byte{252, 0}, 1<<literal.LiteralText | 1<<literal.LiteralBinary | 1<<literal.LiteralHex},
	bulkAnyMember:  {[2]byte{252, 0}, 1<<literal.LiteralText | 1<<literal.LiteralTagged},
}

// firstKinds has, for each form, the kind of a column whose first value has that form.
var firstKinds = [...]bulkKind{
	literal.LiteralInteger: bulkSigned, literal.LiteralLarge: bulkUnsigned, literal.LiteralDecimal: bulkDecimal, literal.LiteralFloat: bulkFloat,
	literal.LiteralText: bulkText, literal.LiteralBinary: bulkBinary, literal.LiteralHex: bulkBinary,
	literal.LiteralTagged: bulkNothing, // its column must be looked at first
}

// newBulkInsert reads the beginning of an INSERT. It returns nil for one that our dumps do not have.
func newBulkInsert(statement []byte, table string) *bulkInsert {
	at := len("INSERT INTO " + mysql.QuoteName(table) + " ")
	insert := &bulkInsert{}
	for next := byte('('); ; next = ',' {
		if at+1 >= len(statement) || statement[at] != next || statement[at+1] != '`' {
			break
		}
		name, end := quotedName(statement, at+1)
		if end == 0 {
			return nil
		}
		insert.columns = append(insert.columns, bulkColumn{name: name})
		at = end
	}
	if !bytes.HasPrefix(statement[at:], []byte(") VALUES (")) || len(insert.columns) == 0 {
		return nil
	}
	insert.head = bytes.Clone(statement[:at+len(") VALUES ")])
	return insert
}

// quotedName reads a name between backticks and returns where it ends, 0 if there is none.
func quotedName(text []byte, at int) (name string, end int) {
	for end = at + 1; ; end += 2 {
		length := bytes.IndexByte(text[end:], '`')
		if length < 0 {
			return "", 0
		}
		end += length
		if end+1 >= len(text) || text[end+1] != '`' {
			return string(bytes.ReplaceAll(text[at+1:end], []byte("``"), []byte("`"))), end + 1
		}
	}
}

// statement returns what the server prepares.
func (b *bulkInsert) statement() string {
	return string(b.head) + "(" + string(bytes.Repeat([]byte("?,"), len(b.columns)-1)) + "?)"
}

// ErrNotBulk means that an INSERT has to be sent as text.
var ErrNotBulk = errors.New("not in bulk")

// doubt means that the effect of a value depends on its column's type.
type doubt struct {
	column *bulkColumn
	form   literal.Form
}

func (d *doubt) Error() string { return "a value in doubt in column " + d.column.name }

// packet builds the packet of an INSERT in buffer. It refuses a packet longer than limit.
func (b *bulkInsert) packet(buffer, statement []byte, limit int) (packet []byte, err error) {
	packet = append(buffer[:0], 0, 0, 0, 0, protocol.CommandBulk) // the header goes in front
	packet = binary.LittleEndian.AppendUint32(packet, b.id)
	packet = append(packet, 128, 0) // kinds follow
	kinds := len(packet)
	packet = append(packet, make([]byte, 2*len(b.columns))...)
	for at := len(b.head); ; at++ {
		if packet, at, err = b.appendRow(packet, statement, at); err != nil {
			return packet, err
		}
		if len(packet)-protocol.HeaderSize > limit {
			return packet, ErrNotBulk
		}
		if at == len(statement) {
			break
		}
		if statement[at] != ',' {
			return packet, ErrNotBulk
		}
	}
	for i, column := range b.columns {
		copy(packet[kinds+2*i:], bulkKinds[column.kind].kind[:])
	}
	return packet, nil
}

// appendRow adds the row that begins at an offset of a text, and returns where it ends.
func (b *bulkInsert) appendRow(packet, text []byte, at int) (_ []byte, end int, err error) {
	if at >= len(text) || text[at] != '(' {
		return packet, at, ErrNotBulk
	}
	last := len(b.columns) - 1
	for i := range b.columns {
		value, end := literal.NextLiteral(text, at+1)
		if value.Form == literal.LiteralNone || end >= len(text) || (i < last && text[end] != ',') || (i == last && text[end] != ')') {
			return packet, at, ErrNotBulk
		}
		at = end
		column := &b.columns[i]
		if value.Form == literal.LiteralNull {
			// For a NULL in a NOT NULL column, a statement with several rows stores a default, but values are
			// refused.
			if !column.nullable {
				return packet, at, &doubt{column, value.Form}
			}
			packet = append(packet, 1)
			continue
		}
		if column.kind == bulkNothing {
			column.kind = firstKinds[value.Form]
		}
		if bulkKinds[column.kind].forms>>value.Form&1 == 0 {
			return packet, at, &doubt{column, value.Form}
		}
		var exact bool
		if packet, exact = column.append(append(packet, 0), text, value); !exact {
			return packet, at, &doubt{column, value.Form}
		}
	}
	return packet, at + 1, nil
}

// append adds a literal of a text, in a form that the column's kind holds, and says whether that is exactly what the literal means.
func (c *bulkColumn) append(packet, text []byte, l literal.Literal) (_ []byte, exact bool) {
	content := text[l.Start:l.End]
	switch c.kind {
	case bulkSigned:
		return binary.LittleEndian.AppendUint64(packet, l.Number), true
	case bulkUnsigned:
		return binary.LittleEndian.AppendUint64(packet, l.Number), l.Form == literal.LiteralLarge || int64(l.Number) >= 0
	case bulkFloat, bulkAnyNumber:
		value, err := strconv.ParseFloat(string(content), 64)
		// Zero keeps its sign only in a literal with an exponent.
		exact := err == nil && (l.Form == literal.LiteralFloat || value != 0 || !math.Signbit(value))
		return binary.LittleEndian.AppendUint64(packet, math.Float64bits(value)), exact
	case bulkAnyText:
		if l.Form == literal.LiteralText && !literal.IsASCII(content) {
			return packet, false
		}
	case bulkAnyUTF8:
		if l.Form == literal.LiteralText && !utf8.Valid(content) {
			return packet, false
		}
	case bulkAnyMember:
		if l.Form == literal.LiteralTagged && string(l.Charset(text)) != c.charset ||
			l.Form == literal.LiteralText && (!literal.IsASCII(content) || !hasASCII(c.charset)) {
			return packet, false
		}
	}
	switch {
	case l.Form == literal.LiteralHex, l.Form == literal.LiteralTagged:
		return literal.AppendHexadecimal(protocol.AppendLengthEncoded(packet, len(content)/2), content), true
	case l.Escapes > 0:
		return literal.AppendUnescaped(protocol.AppendLengthEncoded(packet, len(content)-l.Escapes), content), true
	}
	return append(protocol.AppendLengthEncoded(packet, len(content)), content...), true
}

// widestKind returns the kind that holds all literals for columns of a type, one of a form among them; bulkNothing if there is none.
func widestKind(dataType, charset string, form literal.Form) bulkKind {
	switch dataType {
	case "enum", "set":
		if form == literal.LiteralTagged || form == literal.LiteralText {
			return bulkAnyMember
		}
		return bulkUnsigned
	case "bigint":
		return bulkUnsigned
	case "decimal":
		return bulkAnyDecimal
	case "float", "double":
		return bulkAnyNumber
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		switch {
		case charset == "utf8mb4":
			return bulkAnyUTF8
		case hasASCII(charset):
			return bulkAnyText
		}
	}
	return bulkNothing
}

// hasASCII says whether the bytes of ASCII mean the same in a character set.
func hasASCII(charset string) bool {
	switch charset {
	case "binary", "ucs2", "utf16", "utf16le", "utf32", "swe7", "sjis":
		return false
	}
	return true
}
