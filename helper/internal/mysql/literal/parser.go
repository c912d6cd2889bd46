package literal

import (
	"bytes"
	"math"
)

// Form is a form in which a value stands in an INSERT of a dump.
type Form uint8

// Forms of literals.
const (
	LiteralNone Form = iota // none of those below
	LiteralNull
	LiteralInteger // -9223372036854775808 to 9223372036854775807
	LiteralLarge   // to 18446744073709551615
	LiteralDecimal // 1.50, and integers that are longer
	LiteralFloat   // 1e-05
	LiteralText    // '…', in the connection's character set
	LiteralBinary  // _binary '…'
	LiteralHex     // x'…'
	LiteralTagged  // _charset x'…', the bytes of a text in that character set
)

// Literal is a value as it stands in a text. Only forms are known that the dumps of this program have; what MySQL
// understands beyond that is none.
type Literal struct {
	Form       Form
	Start, End int    // of a number, or of what is between quotes
	Escapes    int    // how many bytes of that stand behind a backslash
	Tag        int    // how long the name of a tagged one's character set is
	Number     uint64 // the value of an integer; a negative one's complement
}

// NextLiteral gives the literal that begins at an offset of a text, and where it ends.
func NextLiteral(text []byte, at int) (Literal, int) {
	if at >= len(text) {
		return Literal{}, at
	}
	switch c := text[at]; {
	case c == '\'':
		return quoted(text, at+1, LiteralText)
	case c == '-' || c-'0' < 10:
		return numeric(text, at)
	case c == 'N':
		if bytes.HasPrefix(text[at:], []byte("NULL")) {
			return Literal{Form: LiteralNull}, at + len("NULL")
		}
	case c == '_':
		if binary := "_binary '"; bytes.HasPrefix(text[at:], []byte(binary)) {
			return quoted(text, at+len(binary), LiteralBinary)
		}
		return tagged(text, at)
	case c == 'x':
		if bytes.HasPrefix(text[at:], []byte("x'")) {
			return hexadecimal(text, at+len("x'"))
		}
	}
	return Literal{}, at
}

// quoted reads a literal whose content begins at an offset.
func quoted(text []byte, at int, form Form) (Literal, int) {
	l := Literal{Form: form, Start: at}
	for {
		length := bytes.IndexByte(text[at:], '\'')
		if length < 0 {
			return Literal{}, at
		}
		quote := at + length
		for at <= quote {
			length := bytes.IndexByte(text[at:quote], '\\')
			if length < 0 {
				l.End = quote
				return l, quote + 1
			}
			at += length + 1
			if unescaped[text[at]] == notEscaped {
				return Literal{}, at
			}
			l.Escapes++
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

// AppendUnescaped adds what a literal between quotes stands for.
func AppendUnescaped(dst, content []byte) []byte {
	for {
		at := bytes.IndexByte(content, '\\')
		if at < 0 {
			return append(dst, content...)
		}
		dst = append(append(dst, content[:at]...), unescaped[content[at+1]])
		content = content[at+2:]
	}
}

// beforeBytes stands between the name of a character set and the digits.
const beforeBytes = " x'"

// tagged reads bytes with the name of their character set before them.
func tagged(text []byte, at int) (Literal, int) {
	name := at + len("_")
	end := name
	for end < len(text) && (text[end]-'a' < 26 || text[end]-'0' < 10) {
		end++
	}
	if end == name || !bytes.HasPrefix(text[end:], []byte(beforeBytes)) || string(text[name:end]) == "binary" {
		return Literal{}, end
	}
	l, next := hexadecimal(text, end+len(beforeBytes))
	if l.Form == LiteralHex {
		l.Form, l.Tag = LiteralTagged, end-name
	}
	return l, next
}

// Charset is the name of a tagged literal's character set.
func (l Literal) Charset(text []byte) []byte {
	end := l.Start - len(beforeBytes)
	return text[end-l.Tag : end]
}

func hexadecimal(text []byte, at int) (Literal, int) {
	l := Literal{Form: LiteralHex, Start: at}
	for at < len(text) && hexDigits[text[at]] != noDigit {
		at++
	}
	if at >= len(text) || text[at] != '\'' || (at-l.Start)%2 != 0 {
		return Literal{}, at
	}
	l.End = at
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

// AppendHexadecimal writes the bytes that a hexadecimal literal stands for; false where it has an odd digit.
func AppendHexadecimal(dst, digits []byte) []byte {
	for i := 0; i+1 < len(digits); i += 2 {
		dst = append(dst, hexDigits[digits[i]]<<4|hexDigits[digits[i+1]])
	}
	return dst
}

// Longer decimals than MariaDB's columns have are rounded, by each server in its own way.
const mostDigits, mostDecimals = 65, 38

func numeric(text []byte, at int) (Literal, int) {
	l := Literal{Form: LiteralInteger, Start: at}
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
		return Literal{}, at
	}
	switch {
	case !fits, negative && value > 1<<63:
		l.Form = LiteralDecimal
	case negative:
		value = -value
	case value > math.MaxInt64:
		l.Form = LiteralLarge
	}
	decimals := 0
	if at < len(text) && text[at] == '.' {
		l.Form = LiteralDecimal
		for at++; at < len(text) && text[at]-'0' < 10; at++ {
			decimals++
		}
		if decimals == 0 {
			return Literal{}, at
		}
	}
	if at < len(text) && text[at] == 'e' {
		l.Form = LiteralFloat
		if at++; at < len(text) && (text[at] == '-' || text[at] == '+') {
			at++
		}
		exponent := at
		for at < len(text) && text[at]-'0' < 10 {
			at++
		}
		if at == exponent {
			return Literal{}, at
		}
	} else if l.Form == LiteralDecimal && (digits+decimals > mostDigits || decimals > mostDecimals) {
		return Literal{}, at
	}
	l.End, l.Number = at, value
	return l, at
}
