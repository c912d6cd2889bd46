package sqltext

import "bytes"

// inside is what the scanner is inside of: a literal, a quoted name or a comment. It is read block by block, so none of it needs to
// be kept in memory.
type inside struct {
	kind    byte // a quote, or one of the kinds below; 0 for nothing
	escapes bool // a backslash escapes the next character
	escaped bool // the next character is escaped
	nests   bool // comments nest
	depth   int  // of nested comments
	tag     []byte
}

// The kinds besides the quotes.
const (
	lineComment  = '-'
	blockComment = '*'
	dollarQuote  = '$'
)

// endsEarly reports whether a text that ends here is cut off.
func (i *inside) endsEarly() bool { return i.kind != 0 && i.kind != lineComment }

// skip returns the offset after the end of what at is in, and whether it has ended. If not, reading goes on from the offset once
// there is more text.
func (i *inside) skip(text []byte, at int) (next int, closed bool) {
	switch i.kind {
	case lineComment:
		return i.skipTo(text, at, []byte("\n"))
	case dollarQuote:
		return i.skipTo(text, at, i.tag)
	case blockComment:
		if i.nests {
			return i.skipNested(text, at)
		}
		return i.skipTo(text, at, []byte("*/"))
	}
	return i.skipQuoted(text, at)
}

func (i *inside) skipTo(text []byte, at int, mark []byte) (next int, closed bool) {
	if found := bytes.Index(text[at:], mark); found >= 0 {
		return at + found + len(mark), true
	}
	return max(at, len(text)-len(mark)+1), false
}

func (i *inside) skipNested(text []byte, at int) (next int, closed bool) {
	for at+1 < len(text) {
		switch {
		case text[at] == '/' && text[at+1] == '*':
			i.depth++
			at += 2
		case text[at] == '*' && text[at+1] == '/':
			at += 2
			if i.depth--; i.depth == 0 {
				return at, true
			}
		default:
			at++
		}
	}
	return at, false
}

// skipQuoted skips a literal or a name. A doubled quote needs no care: it ends one literal and begins another.
func (i *inside) skipQuoted(text []byte, at int) (next int, closed bool) {
	for {
		if i.escaped {
			if at == len(text) {
				return at, false
			}
			at, i.escaped = at+1, false
		}
		found := bytes.IndexByte(text[at:], i.kind)
		if found < 0 {
			i.escaped = i.escapes && backslashes(text[at:])%2 == 1
			return len(text), false
		}
		if !i.escapes || backslashes(text[at:at+found])%2 == 0 {
			return at + found + 1, true
		}
		at += found + 1
	}
}
