package literal

import (
	"bytes"
	"math"
)

// Form is the form of a value in an INSERT of a dump.
type Form uint8

// These are the forms of literals.
const (
	LiteralNone Form = iota // any other text
	LiteralNull
	LiteralInteger // -9223372036854775808 to 9223372036854775807
	LiteralLarge   // to 18446744073709551615
	LiteralDecimal // 1.50, and longer integers
	LiteralFloat   // 1e-05
	LiteralText    // '…', in the connection's character set
	LiteralBinary  // _binary '…'
	LiteralHex     // x'…'
	LiteralTagged  // _charset x'…', bytes of a text in that character set
)

// Literal is a value in a text. The parser only knows the forms that dumps of this program contain; MySQL understands
// more.
type Literal struct {
	Form       Form
	Start, End int    // of a number, or of the content of quotes
	Escapes    int    // how many bytes of the content follow a backslash
	Tag        int    // the length of the character set's name
	Number     uint64 // the value of an integer, in two's complement if it is negative
}

// NextLiteral returns the literal that begins at an offset of a text, and the offset at which it ends.
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

// quoted parses a literal whose content begins at an offset.
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

// notEscaped marks bytes that may not follow a backslash.
const notEscaped = 1

// unescaped has what a byte after a backslash means.
var unescaped = func() (table [256]byte) {
	for i := range table {
		table[i] = notEscaped
	}
	for _, pair := range []string{"0\x00", "n\n", "r\r", "Z\x1A", "''", `\\`} {
		table[pair[0]] = pair[1]
	}
	return table
}()

// AppendUnescaped appends the meaning of a quoted literal's content.
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

// beforeBytes is the text between a character set's name and the digits.
const beforeBytes = " x'"

// tagged parses bytes that follow the name of their character set.
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

// Charset returns the name of a tagged literal's character set.
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

// hexDigits has the values of hexadecimal digits.
var hexDigits = func() (table [256]byte) {
	for i := range table {
		table[i] = noDigit
	}
	for i, c := range []byte("0123456789ABCDEF") {
		table[c] = byte(i)
	}
	return table
}()

// AppendHexadecimal appends the bytes that a hexadecimal literal means. It returns false if there is an odd number of
// digits.
func AppendHexadecimal(dst, digits []byte) []byte {
	for i := 0; i+1 < len(digits); i += 2 {
		dst = append(dst, hexDigits[digits[i]]<<4|hexDigits[digits[i+1]])
	}
	return dst
}

// Servers round decimals that are longer than MariaDB's columns allow, each in its own way.
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
		if digits++; digits >= 20 { // this may be too many
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
