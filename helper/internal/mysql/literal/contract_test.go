package literal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
)

// columnType is a type that a column can have, with a function that makes a value of it, as the server sends it, from
// arbitrary bytes. meant is what the server takes that value for, in the words of understood. It is made from the bytes
// without the writer.
type columnType struct {
	name   string
	sent   protocol.Column
	column Column
	bits   bool // BIT that is written as a number, as in keys of pages
	value  func(data []byte) (wire []byte, meant string)
}

// columnTypes has each type that a server sends once, and text in character sets of each kind.
var columnTypes = func() (types []columnType) {
	add := func(name string, kind byte, unsigned bool, value func([]byte) ([]byte, string)) {
		types = append(types, columnType{name: name, sent: sent(kind, unsigned), value: value})
	}
	for _, size := range []struct {
		name  string
		kind  byte
		bytes int
	}{{"tinyint", wireTiny, 1}, {"smallint", wireShort, 2}, {"mediumint", wireInt24, 4}, {"int", wireLong, 4}, {"bigint", wireLongLong, 8}} {
		add(size.name, size.kind, false, integerOf(size.bytes, false))
		add(size.name+" unsigned", size.kind, true, integerOf(size.bytes, true))
	}
	add("year", wireYear, true, integerOf(2, true))
	add("float", wireFloat, false, floatOf)
	add("double", wireDouble, false, doubleOf)
	add("decimal", wireDecimal, false, decimalOf)
	add("old decimal", 0, false, decimalOf)
	add("date", wireDate, false, dateOf(4))
	add("datetime", wireDateTime, false, dateOf(11))
	add("timestamp", wireTimestamp, false, dateOf(11))
	add("time", wireTime, false, timeOf)
	add("bit", wireBit, true, func(data []byte) ([]byte, string) { return field(string(data)), fmt.Sprintf("bytes %x", data) })
	types = append(types, columnType{name: "bit as a number", sent: sent(wireBit, true), bits: true, value: func(data []byte) ([]byte, string) {
		var bits [8]byte
		copy(bits[:], data)
		return field(string(bits[:])), fmt.Sprint("integer ", binary.BigEndian.Uint64(bits[:]))
	}})

	text := func(kind byte, dataType, charset string, meant func([]byte) string) {
		types = append(types, columnType{
			name: dataType + " " + charset, sent: sent(kind, false), column: Column{Name: "c", DataType: dataType, Charset: charset},
			value: func(data []byte) ([]byte, string) { return field(string(data)), meant(data) },
		})
	}
	readable := func(ok func([]byte) bool, otherwise string) func([]byte) string {
		return func(data []byte) string {
			if ok(data) {
				return fmt.Sprintf("text %x", data)
			}
			return fmt.Sprintf("%s %x", otherwise, data)
		}
	}
	ascii := func(data []byte) bool { return IsASCII(string(data)) }
	always := func([]byte) bool { return true }
	never := func([]byte) bool { return false }
	for _, kind := range []byte{15, 249, 250, 251, 252, 253, 254} { // all that are text or bytes, depending on their column
		for _, charset := range []string{"utf8mb4", "utf8mb3", "utf8"} {
			text(kind, "varchar", charset, readable(utf8.Valid, "bytes"))
		}
		for _, charset := range []string{"latin1", "latin2", "ascii", "gbk", "big5", "cp932", "koi8r"} {
			text(kind, "text", charset, readable(ascii, "bytes"))
		}
		for _, charset := range []string{"ucs2", "utf16", "utf16le", "utf32", "swe7", "sjis"} {
			text(kind, "char", charset, readable(never, "bytes"))
		}
		for _, charset := range []string{"", "binary"} {
			text(kind, "blob", charset, readable(never, "bytes"))
		}
	}
	for _, dataType := range []string{"enum", "set"} {
		for _, kind := range []byte{247, 248, 254} {
			text(kind, dataType, "utf8mb4", readable(utf8.Valid, "bytes"))
			text(kind, dataType, "latin1", readable(ascii, "latin1"))
			text(kind, dataType, "ucs2", readable(never, "ucs2"))
			text(kind, dataType, "sjis", readable(never, "sjis"))
			text(kind, dataType, "binary", readable(never, "bytes"))
		}
	}
	text(245, "json", "", readable(always, ""))
	text(252, "json", "binary", readable(always, ""))
	for _, dataType := range []string{"inet4", "inet6", "uuid"} {
		text(254, dataType, "", readable(ascii, "bytes"))
	}
	text(255, "geometry", "", readable(never, "bytes"))
	text(242, "vector", "", readable(never, "bytes"))
	return types
}()

func integerOf(size int, unsigned bool) func([]byte) ([]byte, string) {
	return func(data []byte) ([]byte, string) {
		wire := make([]byte, size)
		copy(wire, data)
		number := uint64(0)
		for i, b := range wire {
			number |= uint64(b) << (8 * i)
		}
		if unsigned {
			return wire, fmt.Sprint("integer ", number)
		}
		shift := 64 - 8*size
		return wire, fmt.Sprint("integer ", int64(number<<shift)>>shift)
	}
}

// A number is the same with and without an exponent; a zero keeps its sign.
func floatOf(data []byte) ([]byte, string) {
	wire := make([]byte, 4)
	copy(wire, data)
	value := math.Float32frombits(binary.LittleEndian.Uint32(wire))
	if value != value || math.IsInf(float64(value), 0) { // no server has such values
		wire, value = bits32(0), 0
	}
	return wire, fmt.Sprintf("float %x", math.Float32bits(value))
}

func doubleOf(data []byte) ([]byte, string) {
	wire := make([]byte, 8)
	copy(wire, data)
	value := math.Float64frombits(binary.LittleEndian.Uint64(wire))
	if value != value || math.IsInf(value, 0) {
		wire, value = bits64(0), 0
	}
	return wire, fmt.Sprintf("double %x", math.Float64bits(value))
}

// decimalOf makes a decimal of at most 65 digits, at most 38 of them behind the point. The first byte gives the sign,
// the second one the position of the point.
func decimalOf(data []byte) ([]byte, string) {
	if len(data) < 3 {
		data = append(bytes.Clone(data), make([]byte, 3-len(data))...)
	}
	digits := make([]byte, 0, 65)
	for _, b := range data[2:min(len(data), 2+65)] {
		digits = append(digits, '0'+b%10)
	}
	places := min(int(data[1]), 38, len(digits)-1)
	number := string(digits[:len(digits)-places])
	if places > 0 {
		number += "." + string(digits[len(digits)-places:])
	}
	if data[0]%2 != 0 {
		number = "-" + number
	}
	return field(number), "decimal " + plainDecimal(number)
}

// plainDecimal is a decimal without leading zeros. As for a server, a negative integer -0 is 0.
func plainDecimal(number string) string {
	digits, negative := strings.CutPrefix(number, "-")
	digits = strings.TrimLeft(digits, "0")
	if digits == "" || digits[0] == '.' {
		digits = "0" + digits
	}
	if negative && digits != "0" {
		digits = "-" + digits
	}
	return digits
}

// A server leaves out the zeros at the end of a date.
func dateOf(most int) func([]byte) ([]byte, string) {
	return func(data []byte) ([]byte, string) {
		var full [11]byte
		copy(full[:most], data)
		micro := binary.LittleEndian.Uint32(full[7:]) % 1_000_000
		binary.LittleEndian.PutUint32(full[7:], micro)
		meant := fmt.Sprintf("%04d-%02d-%02d", binary.LittleEndian.Uint16(full[:]), full[2], full[3])
		length := 4
		switch {
		case micro != 0:
			length = 11
		case full[4] != 0 || full[5] != 0 || full[6] != 0:
			length = 7
		case full == [11]byte{}:
			length = 0
		}
		if length > 4 {
			meant += fmt.Sprintf(" %02d:%02d:%02d", full[4], full[5], full[6])
		}
		if micro != 0 {
			meant += fmt.Sprintf(".%06d", micro)
		}
		return field(string(full[:length])), fmt.Sprintf("text %x", meant)
	}
}

func timeOf(data []byte) ([]byte, string) {
	var full [12]byte
	copy(full[:], data)
	full[0] %= 2
	days := binary.LittleEndian.Uint32(full[1:]) % 36
	binary.LittleEndian.PutUint32(full[1:], days)
	micro := binary.LittleEndian.Uint32(full[8:]) % 1_000_000
	binary.LittleEndian.PutUint32(full[8:], micro)
	meant := fmt.Sprintf("%02d:%02d:%02d", int(days)*24+int(full[5]), full[6], full[7])
	if full[0] != 0 {
		meant = "-" + meant
	}
	length := 8
	if micro != 0 {
		length = 12
		meant += fmt.Sprintf(".%06d", micro)
	} else if full == [12]byte{} {
		length = 0
	}
	return field(string(full[:length])), fmt.Sprintf("text %x", meant)
}

// understood describes a literal as a column of the type takes it.
func understood(text []byte, l Literal, of columnType) string {
	content := text[l.Start:l.End]
	switch of.sent.Kind {
	case wireFloat, wireDouble:
		if l.Form != LiteralInteger && l.Form != LiteralLarge && l.Form != LiteralDecimal && l.Form != LiteralFloat {
			return "no number"
		}
		value, err := strconv.ParseFloat(string(content), 64)
		if err != nil || value == 0 && math.Signbit(value) && l.Form != LiteralFloat { // only a number with an exponent keeps its sign
			return "another number"
		}
		if of.sent.Kind == wireDouble {
			return fmt.Sprintf("double %x", math.Float64bits(value))
		}
		if math.Abs(value) > math.MaxFloat32 {
			return "a number out of range"
		}
		return fmt.Sprintf("float %x", math.Float32bits(float32(value)))
	case wireDecimal, 0:
		switch l.Form {
		case LiteralInteger:
			return fmt.Sprint("decimal ", int64(l.Number))
		case LiteralLarge:
			return fmt.Sprint("decimal ", l.Number)
		case LiteralDecimal:
			return "decimal " + plainDecimal(string(content))
		}
		return "no decimal"
	}
	switch l.Form {
	case LiteralNull:
		return "null"
	case LiteralInteger:
		return fmt.Sprint("integer ", int64(l.Number))
	case LiteralLarge:
		return fmt.Sprint("integer ", l.Number)
	case LiteralText, LiteralBinary:
		value := AppendUnescaped(nil, content)
		if len(value) != len(content)-l.Escapes {
			return fmt.Sprintf("%d bytes instead of %d", len(content)-l.Escapes, len(value))
		}
		if l.Form == LiteralText {
			return fmt.Sprintf("text %x", value)
		}
		return fmt.Sprintf("bytes %x", value)
	case LiteralHex:
		return fmt.Sprintf("bytes %x", AppendHexadecimal(nil, content))
	case LiteralTagged:
		return fmt.Sprintf("%s %x", l.Charset(text), AppendHexadecimal(nil, content))
	}
	return "none"
}

// understand demands that the parser finds in what the writer wrote the value from which it was made, and that it reads
// exactly these bytes, whatever comes next in a row.
func understand(t *testing.T, of columnType, data []byte) {
	t.Helper()
	wire, meant := of.value(data)
	writer, err := NewWriter(of.sent, of.column)
	if err != nil {
		t.Fatalf("%s: %v", of.name, err)
	}
	if of.bits {
		writer.Form = FormBitsNumber
	}
	const before = "(NULL,"
	text, size := writer.Append([]byte(before), append(bytes.Clone(wire), "rest"...))
	if size != len(wire) {
		t.Fatalf("%s: the writer took %d bytes of %d", of.name, size, len(wire))
	}
	end := len(text)
	for _, next := range []string{",'", ",NULL", ",-1", ",x'00'", "),(", ")"} {
		text = append(text[:end], next...)
		literal, stop := NextLiteral(text, len(before))
		if got := understood(text, literal, of); got != meant || stop != end {
			t.Fatalf("%s of %x: written as %q, parsed as %q to %d; it is %q to %d", of.name, data, text[len(before):end], got, stop, meant, end)
		}
	}
}

// FuzzContract writes a value of each type of column, and parses it again. If the parser does not know what the writer
// writes, the rows are still loaded, but as SQL, which takes much longer. The seeds in testdata have values with a
// special meaning to some type.
func FuzzContract(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 1<<15)]
		for _, of := range columnTypes {
			understand(t, of, data)
		}
	})
}

// The reader of rows writes what a column has no value for.
func TestNullIsUnderstood(t *testing.T) {
	text := []byte("NULL,")
	if literal, end := NextLiteral(text, 0); literal.Form != LiteralNull || end != 4 {
		t.Errorf("%v to %d", literal, end)
	}
}
