package localdb

import (
	"bytes"
	"math"
)

// literalForm is a form in which a value stands in an INSERT of a dump.
type literalForm uint8

const (
	literalNone literalForm = iota // none of those below
	literalNull
	literalInteger // -9223372036854775808 to 9223372036854775807
	literalLarge   // to 18446744073709551615
	literalDecimal // 1.50, and integers that are longer
	literalFloat   // 1e-05
	literalText    // '…', in the connection's character set
	literalBinary  // _binary '…'
	literalHex     // x'…'
)

// literal is a value as it stands in a text. Only forms are known that the dumps of this program have; what MySQL
// understands beyond that is none.
type literal struct {
	form       literalForm
	start, end int    // of a number, or of what is between quotes
	escapes    int    // how many bytes of that stand behind a backslash
	number     uint64 // the value of an integer; a negative one's complement
}

// nextLiteral gives the literal that begins at an offset of a text, and where it ends.
func nextLiteral(text []byte, at int) (literal, int) {
	if at >= len(text) {
		return literal{}, at
	}
	switch c := text[at]; {
	case c == '\'':
		return quoted(text, at+1, literalText)
	case c == '-' || c-'0' < 10:
		return numeric(text, at)
	case c == 'N':
		if bytes.HasPrefix(text[at:], []byte("NULL")) {
			return literal{form: literalNull}, at + len("NULL")
		}
	case c == '_':
		if binary := "_binary '"; bytes.HasPrefix(text[at:], []byte(binary)) {
			return quoted(text, at+len(binary), literalBinary)
		}
	case c == 'x':
		if bytes.HasPrefix(text[at:], []byte("x'")) {
			return hexadecimal(text, at+len("x'"))
		}
	}
	return literal{}, at
}

// quoted reads a literal whose content begins at an offset.
func quoted(text []byte, at int, form literalForm) (literal, int) {
	l := literal{form: form, start: at}
	for {
		length := bytes.IndexByte(text[at:], '\'')
		if length < 0 {
			return literal{}, at
		}
		quote := at + length
		for at <= quote {
			length := bytes.IndexByte(text[at:quote], '\\')
			if length < 0 {
				l.end = quote
				return l, quote + 1
			}
			at += length + 1
			if unescaped[text[at]] == notEscaped {
				return literal{}, at
			}
			l.escapes++
			at++
		}
	}
}

// notEscaped is what no byte stands for that may not be behind a backslash.
const notEscaped = 1

// unescaped has what a byte behind a backslash stands for.
var unescaped = func() (table [256]byte) {
	for i := range table {
		table[i] = notEscaped
	}
	for _, pair := range []string{"0\x00", "n\n", "r\r", "Z\x1A", "''", `\\`} {
		table[pair[0]] = pair[1]
	}
	return table
}()

// appendUnescaped adds what a literal between quotes stands for.
func appendUnescaped(dst, content []byte) []byte {
	for {
		at := bytes.IndexByte(content, '\\')
		if at < 0 {
			return append(dst, content...)
		}
		dst = append(append(dst, content[:at]...), unescaped[content[at+1]])
		content = content[at+2:]
	}
}

func hexadecimal(text []byte, at int) (literal, int) {
	l := literal{form: literalHex, start: at}
	for at < len(text) && hexDigits[text[at]] != noDigit {
		at++
	}
	if at >= len(text) || text[at] != '\'' || (at-l.start)%2 != 0 {
		return literal{}, at
	}
	l.end = at
	return l, at + 1
}

const noDigit = 0xFF

// hexDigits has the values of digits.
var hexDigits = func() (table [256]byte) {
	for i := range table {
		table[i] = noDigit
	}
	for i, c := range []byte("0123456789ABCDEF") {
		table[c] = byte(i)
	}
	return table
}()

func appendHexadecimal(dst, digits []byte) []byte {
	for i := 0; i+1 < len(digits); i += 2 {
		dst = append(dst, hexDigits[digits[i]]<<4|hexDigits[digits[i+1]])
	}
	return dst
}

// Longer decimals the server rounds, each in its own way.
const mostDigits, mostDecimals = 65, 30

func numeric(text []byte, at int) (literal, int) {
	l := literal{form: literalInteger, start: at}
	negative := text[at] == '-'
	if negative {
		at++
	}
	value, digits, fits := uint64(0), 0, true
	for ; at < len(text) && text[at]-'0' < 10; at++ {
		digit := uint64(text[at] - '0')
		if digits++; digits >= 20 { // which may be too many
			fits = fits && digits == 20 && (value < math.MaxUint64/10 || value == math.MaxUint64/10 && digit <= math.MaxUint64%10)
		}
		value = value*10 + digit
	}
	if digits == 0 {
		return literal{}, at
	}
	switch {
	case !fits, negative && value > 1<<63:
		l.form = literalDecimal
	case negative:
		value = -value
	case value > math.MaxInt64:
		l.form = literalLarge
	}
	decimals := 0
	if at < len(text) && text[at] == '.' {
		l.form = literalDecimal
		for at++; at < len(text) && text[at]-'0' < 10; at++ {
			decimals++
		}
		if decimals == 0 {
			return literal{}, at
		}
	}
	if at < len(text) && text[at] == 'e' {
		l.form = literalFloat
		if at++; at < len(text) && (text[at] == '-' || text[at] == '+') {
			at++
		}
		exponent := at
		for at < len(text) && text[at]-'0' < 10 {
			at++
		}
		if at == exponent {
			return literal{}, at
		}
	} else if l.form == literalDecimal && (digits+decimals > mostDigits || decimals > mostDecimals) {
		return literal{}, at
	}
	l.end, l.number = at, value
	return l, at
}
