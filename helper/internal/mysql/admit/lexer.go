package admit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// Mode is what decides how a session's server reads a statement.
type Mode struct {
	ANSIQuotes         bool // "…" is a name
	NoBackslashEscapes bool // a backslash in '…' is a backslash
	// Charset is the session's character_set_client, in lower case.
	Charset string
}

// ModeOf returns the mode of a session with these settings.
func ModeOf(sqlMode, charset string) Mode {
	modes := strings.Split(strings.ToUpper(sqlMode), ",")
	return Mode{slices.Contains(modes, "ANSI_QUOTES"), slices.Contains(modes, "NO_BACKSLASH_ESCAPES"), strings.ToLower(charset)}
}

// leads are the first bytes of characters whose second byte may be a backslash or a backtick, by character set.
var leads = map[string]func(byte) bool{
	"big5":    func(c byte) bool { return c >= 0xA1 && c <= 0xF9 },
	"gbk":     func(c byte) bool { return c >= 0x81 && c <= 0xFE },
	"gb18030": func(c byte) bool { return c >= 0x81 && c <= 0xFE },
	"sjis":    leadsShiftJIS,
	"cp932":   leadsShiftJIS,
}

func leadsShiftJIS(c byte) bool { return c >= 0x81 && c <= 0x9F || c >= 0xE0 && c <= 0xFC }

type kind byte

const (
	word   kind = iota + 1 // letters, digits, _, $, and bytes beyond ASCII, but not digits alone
	number                 // digits
	quoted                 // a quoted name
	text                   // a literal in quotes
	symbol                 // any other byte
)

// token is a part of a statement. Its text is what stands there, with its quotes.
type token struct {
	kind kind
	text []byte
}

// What no server takes, or not every server in the same way.
var (
	errUnclosed = errors.New("a literal, a quoted name or a comment in it does not end")
	errNested   = errors.New("an executable comment is inside another one")
	errVersion  = errors.New("the version number of an executable comment has neither 5 nor 6 digits")
	errTooLong  = errors.New("a word in it is too long")
	errBare     = errors.New("a name without quotes has letters beyond ASCII, under a character set in which they may look like quotes")
)

// lexer cuts a statement into tokens, as the server does. The text may come in parts.
type lexer struct {
	mode     Mode
	executes func(mysql.Comment) (bool, error) // whether the content of an executable comment is code
	emit     func(token) error

	leads   func(byte) bool // see leads; nil for most character sets
	in      byte            // the quote or the comment that the text is in; 0 if it is in neither
	code    bool            // inside an executable comment that is code
	escaped bool            // the next byte is escaped
	rest    []byte
}

// What a text is in besides quotes.
const (
	lineComment  = '\n'
	blockComment = '*'
)

// lookahead is how many bytes of text decide what a token is.
const lookahead, longestWord = 16, 4096

// feed reads the next part of the text. Quoted names and literals that end in another part than they begin have no text.
func (l *lexer) feed(part []byte, last bool) error {
	if len(l.rest) > 0 {
		part = slices.Concat(l.rest, part)
		l.rest = nil
	}
	for at := 0; ; {
		if l.in != 0 {
			if at < len(part) {
				at = l.skip(part, at)
			}
			if l.in == 0 {
				continue
			}
			if last && l.in != lineComment {
				return errUnclosed
			}
			return nil
		}
		if at >= len(part) {
			if last && l.code {
				return errUnclosed
			}
			return nil
		}
		if !last && len(part)-at < lookahead {
			l.rest = bytes.Clone(part[at:])
			return nil
		}
		next, err := l.token(part, at, last)
		if err != nil {
			return err
		}
		if next < 0 { // a word goes on in the next part
			if l.rest = bytes.Clone(part[at:]); len(l.rest) > longestWord {
				return errTooLong
			}
			return nil
		}
		at = next
	}
}

// token reads what begins at an offset and returns where it ends.
func (l *lexer) token(part []byte, at int, last bool) (end int, err error) {
	switch c := part[at]; {
	case c == ' ' || c >= '\t' && c <= '\r':
		return at + 1, nil
	case isWordByte(c):
		digits := true
		for end = at; end < len(part) && isWordByte(part[end]); end++ {
			digits = digits && part[end]-'0' < 10
		}
		switch {
		case end == len(part) && !last:
			return -1, nil
		case l.leads != nil && slices.ContainsFunc(part[at:end], func(c byte) bool { return c >= 0x80 }):
			return 0, errBare
		case digits:
			return end, l.emit(token{number, part[at:end]})
		}
		return end, l.emit(token{word, part[at:end]})
	case c == '\'' || c == '"' || c == '`':
		l.in = c
		if end = l.skip(part, at+1); l.in != 0 {
			return end, l.emit(token{kind: l.quotedKind(c)})
		}
		return end, l.emit(token{l.quotedKind(c), part[at:end]})
	case c == '#', c == '-' && bytes.HasPrefix(part[at:], []byte("--")) && (len(part) == at+2 || part[at+2] <= ' ' || part[at+2] == 0x7f):
		l.in = lineComment
		return at + 1, nil
	case c == '/' && bytes.HasPrefix(part[at:], []byte("/*")):
		return l.comment(part, at)
	case c == '*' && l.code && bytes.HasPrefix(part[at:], []byte("*/")):
		l.code = false
		return at + len("*/"), nil
	}
	return at + 1, l.emit(token{symbol, part[at : at+1]})
}

func (l *lexer) quotedKind(quote byte) kind {
	if quote == '`' || quote == '"' && l.mode.ANSIQuotes {
		return quoted
	}
	return text
}

// comment reads the beginning of a comment.
func (l *lexer) comment(part []byte, at int) (int, error) {
	found, length, digits := mysql.ReadComment(part[at:])
	if length == 0 {
		l.in = blockComment
		return at + len("/*"), nil
	}
	if l.code {
		return 0, errNested
	}
	if digits != 0 && digits != 5 && digits != 6 {
		return 0, errVersion
	}
	code, err := l.executes(found)
	if err != nil {
		return 0, err
	}
	if code {
		l.code = true
		return at + length, nil
	}
	// Inside a comment that is skipped, comments may be nested once.
	for end := at + length; ; {
		closing := bytes.Index(part[end:], []byte("*/"))
		if closing < 0 {
			return 0, errUnclosed
		}
		if bytes.Contains(part[end:end+closing], []byte("/*")) {
			end += closing + len("*/")
			continue
		}
		return end + closing + len("*/"), nil
	}
}

// skip returns the offset after what the text is in, or at the end of the part.
func (l *lexer) skip(part []byte, at int) int {
	switch l.in {
	case lineComment:
		if end := bytes.IndexByte(part[at:], '\n'); end >= 0 {
			l.in = 0
			return at + end + 1
		}
		return len(part)
	case blockComment:
		if l.escaped && at < len(part) && part[at] == '/' { // the star was the last byte of the part before
			l.in, l.escaped = 0, false
			return at + 1
		}
		if end := bytes.Index(part[at:], []byte("*/")); end >= 0 {
			l.in, l.escaped = 0, false
			return at + end + len("*/")
		}
		l.escaped = len(part) > at && part[len(part)-1] == '*'
		return len(part)
	}
	escapes := l.in == '\'' || l.in == '"' && !l.mode.ANSIQuotes
	escapes = escapes && !l.mode.NoBackslashEscapes
	if l.leads != nil {
		return l.skipBytes(part, at, escapes)
	}
	if l.escaped && at < len(part) {
		at, l.escaped = at+1, false
	}
	for begin := at; ; begin = at {
		found := bytes.IndexByte(part[at:], l.in)
		content := part[begin:]
		if found >= 0 {
			content = part[begin : at+found]
		}
		odd := escapes && trailing(content, '\\')%2 == 1
		switch {
		case found < 0:
			l.escaped = odd
			return len(part)
		case odd:
			at += found + 1
		case at+found+1 < len(part) && part[at+found+1] == l.in: // a doubled quote
			at += found + 2
		default:
			l.in = 0
			return at + found + 1
		}
	}
}

// skipBytes does so where the second byte of a character may look like a backslash or a quote.
func (l *lexer) skipBytes(part []byte, at int, escapes bool) int {
	for ; at < len(part); at++ {
		c := part[at]
		switch {
		case l.escaped:
			l.escaped = false
		case l.leads(c), escapes && c == '\\':
			l.escaped = true
		case c != l.in:
		case at+1 < len(part) && part[at+1] == l.in:
			at++
		default:
			l.in = 0
			return at + 1
		}
	}
	return at
}

// trailing counts how often a byte stands at the end of a text.
func trailing(text []byte, c byte) (n int) {
	for n < len(text) && text[len(text)-1-n] == c {
		n++
	}
	return n
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// tokens returns all tokens of a statement.
func tokens(statement []byte, mode Mode, executes func(mysql.Comment) (bool, error)) (all []token, err error) {
	l := &lexer{mode: mode, leads: leads[mode.Charset], executes: executes, emit: func(t token) error {
		if t.kind == symbol && t.text[0] < ' ' {
			return fmt.Errorf("it has a control character (%#x)", t.text[0])
		}
		all = append(all, t)
		return nil
	}}
	return all, l.feed(statement, true)
}
