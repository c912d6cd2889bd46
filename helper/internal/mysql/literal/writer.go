package literal

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
)

// IsASCII says whether a text has only bytes below 128.
func IsASCII[T string | []byte](text T) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Types of fields in the binary protocol.
const (
	wireTiny      = 1
	wireShort     = 2
	wireLong      = 3
	wireFloat     = 4
	wireDouble    = 5
	wireNull      = 6
	wireTimestamp = 7
	wireLongLong  = 8
	wireInt24     = 9
	wireDate      = 10
	wireTime      = 11
	wireDateTime  = 12
	wireYear      = 13
	wireBit       = 16
	wireDecimal   = 246
)

// form is the form in which a column's values are written as SQL.
type form uint8

// The forms of values.
const (
	formInt8 form = iota
	formUint8
	formInt16
	formUint16
	formInt32
	formUint32
	formInt64
	formUint64
	formFloat
	formDouble
	formDate
	formTime
	formBare // decimals
	FormBits // x'…'
	FormBitsNumber
	formUTF8     // '…', or _binary '…' if it is not UTF-8
	formASCII    // '…', or _binary '…' if it is not ASCII
	formBinary   // _binary '…'
	formJSON     // always '…': a value of type JSON cannot be made from binary text
	formTagged   // '…', or _charset x'…' if it is not ASCII
	FormTaggedIn // _charset x'…'
)

// Writer writes the values of one column.
type Writer struct {
	Form form
	Tag  string // the character set in tagged forms, with the underscore
}

// NewWriter chooses how to write the values of a column, by the type that the server sends and by the column's own
// type. The server sends text in the character set of its column, so that nothing is lost on the way. The text is
// written as it is if its bytes mean the same in UTF-8, in which dumps are read. Everything else is written as bytes,
// which a column of the same character set stores as they are.
func NewWriter(sent protocol.Column, column Column) (Writer, error) {
	number := func(signed, unsigned form) (Writer, error) {
		if sent.Unsigned {
			return Writer{Form: unsigned}, nil
		}
		return Writer{Form: signed}, nil
	}
	switch sent.Kind {
	case wireTiny:
		return number(formInt8, formUint8)
	case wireShort:
		return number(formInt16, formUint16)
	case wireYear:
		return Writer{Form: formUint16}, nil
	case wireLong, wireInt24:
		return number(formInt32, formUint32)
	case wireLongLong:
		return number(formInt64, formUint64)
	case wireFloat:
		return Writer{Form: formFloat}, nil
	case wireDouble:
		return Writer{Form: formDouble}, nil
	case wireDate, wireDateTime, wireTimestamp:
		return Writer{Form: formDate}, nil
	case wireTime:
		return Writer{Form: formTime}, nil
	case 0, wireDecimal:
		return Writer{Form: formBare}, nil
	case wireBit:
		return Writer{Form: FormBits}, nil
	}
	if sent.Kind < 15 || sent.Kind > 17 && sent.Kind < 242 {
		return Writer{}, fmt.Errorf("column %s has type %d, which is not known here", column.Name, sent.Kind)
	}
	ownNames := column.DataType == "enum" || column.DataType == "set"
	switch column.Charset {
	case "utf8mb4", "utf8mb3", "utf8":
		return Writer{Form: formUTF8}, nil
	case "ucs2", "utf16", "utf16le", "utf32", "swe7", "sjis": // their encodings are not supersets of ASCII
		if ownNames {
			return Writer{Form: FormTaggedIn, Tag: "_" + column.Charset}, nil
		}
		return Writer{Form: formBinary}, nil
	case "binary", "":
		switch column.DataType {
		case "json":
			return Writer{Form: formJSON}, nil
		case "inet4", "inet6", "uuid":
			return Writer{Form: formASCII}, nil
		}
		return Writer{Form: formBinary}, nil
	}
	if ownNames {
		return Writer{Form: formTagged, Tag: "_" + column.Charset}, nil
	}
	return Writer{Form: formASCII}, nil
}

// Append writes the value at the beginning of data and returns its length there, 0 if data is cut short.
func (v Writer) Append(dst, data []byte) ([]byte, int) {
	switch v.Form {
	case formInt8, formUint8, formInt16, formUint16, formInt32, formUint32, formInt64, formUint64:
		return v.appendInteger(dst, data)
	case formFloat:
		if len(data) < 4 {
			return dst, 0
		}
		return appendFloat(dst, math.Float32frombits(binary.LittleEndian.Uint32(data))), 4
	case formDouble:
		if len(data) < 8 {
			return dst, 0
		}
		return appendDouble(dst, math.Float64frombits(binary.LittleEndian.Uint64(data))), 8
	}
	length, n := protocol.LengthEncoded(data)
	if n == 0 || length > uint64(len(data)-n) {
		return dst, 0
	}
	value, size := data[n:n+int(length)], n+int(length)
	switch v.Form {
	case formDate:
		dst, n = appendDate(dst, value)
	case formTime:
		dst, n = appendTime(dst, value)
	case formBare:
		dst = append(dst, value...)
	case FormBits:
		dst = appendHex(append(dst, 'x'), value)
	case FormBitsNumber:
		var bits [8]byte
		copy(bits[max(0, 8-len(value)):], value)
		dst = strconv.AppendUint(dst, binary.BigEndian.Uint64(bits[:]), 10)
	case formUTF8, formASCII, formJSON, formTagged:
		dst = v.appendText(dst, value)
	case formBinary:
		dst, _ = AppendQuoted(append(dst, "_binary "...), value)
	case FormTaggedIn:
		dst = appendHex(append(append(dst, v.Tag...), " x"...), value)
	}
	if n == 0 {
		return dst, 0
	}
	return dst, size
}

func (v Writer) appendInteger(dst, data []byte) ([]byte, int) {
	size := 1 << (v.Form / 2)
	if len(data) < size {
		return dst, 0
	}
	switch v.Form {
	case formInt8:
		return strconv.AppendInt(dst, int64(int8(data[0])), 10), size
	case formUint8:
		return strconv.AppendUint(dst, uint64(data[0]), 10), size
	case formInt16:
		return strconv.AppendInt(dst, int64(int16(binary.LittleEndian.Uint16(data))), 10), size
	case formUint16:
		return strconv.AppendUint(dst, uint64(binary.LittleEndian.Uint16(data)), 10), size
	case formInt32:
		return strconv.AppendInt(dst, int64(int32(binary.LittleEndian.Uint32(data))), 10), size
	case formUint32:
		return strconv.AppendUint(dst, uint64(binary.LittleEndian.Uint32(data)), 10), size
	case formInt64:
		return strconv.AppendInt(dst, int64(binary.LittleEndian.Uint64(data)), 10), size
	}
	return strconv.AppendUint(dst, binary.LittleEndian.Uint64(data), 10), size
}

// appendText writes readable text where possible, and bytes elsewhere.
func (v Writer) appendText(dst, value []byte) []byte {
	start := len(dst)
	dst, ascii := AppendQuoted(dst, value)
	if ascii || v.Form == formJSON || v.Form == formUTF8 && utf8.Valid(value) {
		return dst
	}
	dst = dst[:start]
	if v.Form == formTagged {
		return appendHex(append(append(dst, v.Tag...), " x"...), value)
	}
	dst, _ = AppendQuoted(append(dst, "_binary "...), value)
	return dst
}

// appendFloat writes the shortest text that gives the same bits again. The server parses it as a double, which must not
// be larger than the largest float.
func appendFloat(dst []byte, value float32) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, float64(value), 'g', -1, 32)
	if double, err := strconv.ParseFloat(string(dst[start:]), 64); err != nil || float32(double) != value || math.Abs(double) > math.MaxFloat32 {
		dst = strconv.AppendFloat(dst[:start], float64(value), 'g', -1, 64)
	}
	return withSign(dst, start)
}

func appendDouble(dst []byte, value float64) []byte {
	start := len(dst)
	return withSign(strconv.AppendFloat(dst, value, 'g', -1, 64), start)
}

// withSign turns an integer -0, which has no sign, into a number that has one.
func withSign(dst []byte, start int) []byte {
	if string(dst[start:]) == "-0" {
		return append(dst, "e0"...)
	}
	return dst
}

// appendDate writes a date, or a date and a time: two bytes of year, then month, day, hour, minute, second, four bytes
// of microseconds, without trailing zeros. It returns 0 if data is not such a value.
func appendDate(dst, value []byte) ([]byte, int) {
	var full [11]byte
	if copy(full[:], value) != len(value) {
		return dst, 0
	}
	dst = append(dst, '\'')
	dst = appendDigits(dst, int(binary.LittleEndian.Uint16(full[:])), 4)
	dst = appendDigits(append(dst, '-'), int(full[2]), 2)
	dst = appendDigits(append(dst, '-'), int(full[3]), 2)
	if len(value) > 4 {
		dst = appendClock(append(dst, ' '), int(full[4]), full[5:])
	}
	return append(dst, '\''), len(value) + 1
}

// appendTime writes a time: a sign, four bytes of days, then hour, minute, second, four bytes of microseconds.
func appendTime(dst, value []byte) ([]byte, int) {
	var full [12]byte
	if copy(full[:], value) != len(value) {
		return dst, 0
	}
	dst = append(dst, '\'')
	if full[0] != 0 {
		dst = append(dst, '-')
	}
	dst = appendClock(dst, int(binary.LittleEndian.Uint32(full[1:]))*24+int(full[5]), full[6:])
	return append(dst, '\''), len(value) + 1
}

// appendClock writes hours, and minutes, seconds and microseconds from rest.
func appendClock(dst []byte, hours int, rest []byte) []byte {
	dst = appendDigits(dst, hours, 2)
	dst = appendDigits(append(dst, ':'), int(rest[0]), 2)
	dst = appendDigits(append(dst, ':'), int(rest[1]), 2)
	if micro := binary.LittleEndian.Uint32(rest[2:]); micro != 0 {
		dst = appendDigits(append(dst, '.'), int(micro), 6)
	}
	return dst
}

// appendDigits writes a number with at least that many digits.
func appendDigits(dst []byte, number, digits int) []byte {
	for limit := 10; digits > 1; digits, limit = digits-1, limit*10 {
		if number < limit {
			for range digits - 1 {
				dst = append(dst, '0')
			}
			break
		}
	}
	return strconv.AppendInt(dst, int64(number), 10)
}

func appendHex(dst, value []byte) []byte {
	return append(appendDigitsOf(append(dst, '\''), value), '\'')
}

// appendDigitsOf writes the hexadecimal digits of bytes.
func appendDigitsOf(dst, value []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range value {
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}

// AppendQuoted writes a string literal on one line, and says whether it is all ASCII. It only uses escapes that every
// server and client reads in the same way.
func AppendQuoted(dst, value []byte) (_ []byte, ascii bool) {
	dst, ascii = appendEscaped(append(dst, '\''), value)
	return append(dst, '\''), ascii
}

// appendEscaped writes what is between the quotes.
func appendEscaped(dst, value []byte) (_ []byte, ascii bool) {
	var high uint64
	done := 0 // how much of value has been written
	i := 0
	for ; i+8 <= len(value); i += 8 {
		word := binary.LittleEndian.Uint64(value[i:])
		high |= word
		for marked := special(word); marked != 0; marked &= marked - 1 {
			at := i + bits.TrailingZeros64(marked)/8
			if escaped := escapes[value[at]]; escaped != 0 {
				dst = append(append(dst, value[done:at]...), '\\', escaped)
				done = at + 1
			}
		}
	}
	for ; i < len(value); i++ {
		high |= uint64(value[i])
		if escaped := escapes[value[i]]; escaped != 0 {
			dst = append(append(dst, value[done:i]...), '\\', escaped)
			done = i + 1
		}
	}
	return append(dst, value[done:]...), high&highBits == 0
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// special marks, by their highest bits, the bytes of a word that may have to be escaped: those below the space, quotes
// and backslashes. It may needlessly mark the byte above such a byte.
func special(word uint64) uint64 {
	control := word - 0x20*lowBits
	quote := word ^ '\''*lowBits
	backslash := word ^ '\\'*lowBits
	return (control&^word | (quote-lowBits)&^quote | (backslash-lowBits)&^backslash) & highBits
}

// escapes has what is written after a backslash for a byte, 0 if the byte is written as it is.
var escapes = [256]byte{0: '0', '\n': 'n', '\r': 'r', 0x1A: 'Z', '\'': '\'', '\\': '\\'}
