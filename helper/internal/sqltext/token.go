package sqltext

import (
	"bytes"
	"strings"
)

// TokenKind is the kind of a token.
type TokenKind int

// The kinds of tokens.
const (
	End        TokenKind = iota // the text is over
	Word                        // a keyword or a bare name or number: letters, digits, _ and $, or bytes beyond ASCII
	QuotedName                  // `name` (MySQL) or "name" (PostgreSQL)
	Text                        // 'text', and "text" (MySQL) or $tag$text$tag$ (PostgreSQL)
	Symbol                      // any other single character
)

// Token is a range of SQL text.
type Token struct {
	Kind       TokenKind
	Start, End int
}

// Is reports whether the token is a keyword, in any case.
func (t Token) Is(text []byte, keyword string) bool {
	return t.Kind == Word && len(keyword) == t.End-t.Start && strings.EqualFold(string(text[t.Start:t.End]), keyword)
}

// IsSymbol reports whether the token is a character.
func (t Token) IsSymbol(text []byte, symbol byte) bool {
	return t.Kind == Symbol && text[t.Start] == symbol
}

// Name returns the name that a Word or QuotedName token stands for, without its quotes.
func (t Token) Name(text []byte) string {
	raw := string(text[t.Start:t.End])
	if t.Kind != QuotedName || len(raw) < 2 {
		return raw
	}
	quote := raw[:1]
	return strings.ReplaceAll(raw[1:len(raw)-1], quote+quote, quote)
}

// NextToken returns the token at or after offset at of a statement's text. It skips white space and comments. MySQL's executable
// comments (/*!50001 … */) count as the text in them.
func NextToken(text []byte, at int, dialect Dialect) Token {
	at = skipFiller(text, at, dialect)
	if at >= len(text) {
		return Token{End, len(text), len(text)}
	}
	c := text[at]
	switch {
	case c == '\'':
		escapes := dialect == MySQL
		return Token{Text, at, closing(text, at+1, '\'', escapes)}
	case c == '"' && dialect == MySQL:
		return Token{Text, at, closing(text, at+1, '"', true)}
	case c == '"', c == '`' && dialect == MySQL:
		return Token{QuotedName, at, closing(text, at+1, c, false)}
	case c == '$' && dialect == Postgres:
		if tag := dollarTag(text[at:]); tag > 0 {
			if end := bytes.Index(text[at+tag:], text[at:at+tag]); end >= 0 {
				return Token{Text, at, at + tag + end + tag}
			}
			return Token{Text, at, len(text)}
		}
	case (c == 'E' || c == 'e') && dialect == Postgres && at+1 < len(text) && text[at+1] == '\'':
		return Token{Text, at, closing(text, at+2, '\'', true)}
	}
	if !isWordByte(c) {
		return Token{Symbol, at, at + 1}
	}
	end := at + 1
	for end < len(text) && isWordByte(text[end]) {
		end++
	}
	return Token{Word, at, end}
}

// Tokens returns all tokens of a statement's text.
func Tokens(text []byte, dialect Dialect) (all []Token) {
	for at := 0; ; {
		token := NextToken(text, at, dialect)
		if token.Kind == End {
			return all
		}
		all, at = append(all, token), token.End
	}
}

// skipFiller returns the offset of the first byte at or after at that is neither white space nor comment.
func skipFiller(text []byte, at int, dialect Dialect) int {
	for at < len(text) {
		rest := text[at:]
		switch {
		case isSpace(rest[0]):
			at++
		case isLineComment(rest, dialect):
			newline := bytes.IndexByte(rest, '\n')
			if newline < 0 {
				return len(text)
			}
			at += newline + 1
		case dialect == MySQL && executable(rest) > 0:
			at += executable(rest)
		case dialect == MySQL && bytes.HasPrefix(rest, []byte("*/")):
			at += 2
		case bytes.HasPrefix(rest, []byte("/*")):
			end := bytes.Index(rest[2:], []byte("*/"))
			if end < 0 {
				return len(text)
			}
			at += 2 + end + 2
		default:
			return at
		}
	}
	return at
}

// executable returns the length of the opening of an executable comment, /*! or /*M! with an optional version, at the start of
// text; 0 if there is none.
func executable(text []byte) int {
	var n int
	switch {
	case bytes.HasPrefix(text, []byte("/*!")):
		n = 3
	case bytes.HasPrefix(text, []byte("/*M!")):
		n = 4
	default:
		return 0
	}
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// isLineComment reports whether text begins with a comment that ends with the line. MySQL requires white space after the two dashes.
func isLineComment(text []byte, dialect Dialect) bool {
	if dialect == MySQL && text[0] == '#' {
		return true
	}
	if text[0] != '-' || len(text) < 2 || text[1] != '-' {
		return false
	}
	return dialect == Postgres || len(text) == 2 || isSpace(text[2]) || text[2] < ' '
}

// closing returns the offset after the quote that closes a literal whose content begins at at. A doubled quote does not close it,
// nor, with escapes, a quote after a backslash.
func closing(text []byte, at int, quote byte, escapes bool) int {
	for {
		i := bytes.IndexByte(text[at:], quote)
		if i < 0 {
			return len(text)
		}
		if escapes && backslashes(text[at:at+i])%2 == 1 {
			at += i + 1
			continue
		}
		at += i + 1
		if at >= len(text) || text[at] != quote {
			return at
		}
		at++
	}
}

// backslashes counts the backslashes at the end of text.
func backslashes(text []byte) int {
	n := 0
	for n < len(text) && text[len(text)-1-n] == '\\' {
		n++
	}
	return n
}

// dollarTag returns the length of PostgreSQL's $tag$ at the start of text; 0 if there is none.
func dollarTag(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '$':
			return i + 1
		case !isWordByte(c) || i == 1 && c >= '0' && c <= '9':
			return 0
		}
	}
	return 0
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// JoinName joins the parts of a name by dots. A part before the last one is quoted if it has dots or quotes of its own, so that table "c" of schema
// "a.b" is called "a.b".c, and table "b.c" of schema "a" is called a.b.c.
func JoinName(parts []string) string {
	var name strings.Builder
	for i, part := range parts {
		if i == len(parts)-1 {
			name.WriteString(part)
			break
		}
		if strings.ContainsAny(part, `."`) {
			part = `"` + strings.ReplaceAll(part, `"`, `""`) + `"`
		}
		name.WriteString(part + ".")
	}
	return name.String()
}

// SplitName splits a name of JoinName into a schema and the rest; qualified is false if there is no schema.
func SplitName(name string) (schema, rest string, qualified bool) {
	if strings.HasPrefix(name, `"`) {
		text := []byte(name)
		if quoted := NextToken(text, 0, Postgres); quoted.End < len(text) && text[quoted.End] == '.' {
			return quoted.Name(text), name[quoted.End+1:], true
		}
	}
	return strings.Cut(name, ".")
}

// QualifiedName reads a name of one or more parts joined by dots, at or after offset at. It returns the parts without quotes, and
// where the name begins and ends; no parts if there is no name.
func QualifiedName(text []byte, at int, dialect Dialect) (parts []string, start, end int) {
	start, end = at, at
	for {
		token := NextToken(text, end, dialect)
		if token.Kind != Word && token.Kind != QuotedName {
			return parts, start, end
		}
		if parts == nil {
			start = token.Start
		}
		parts, end = append(parts, token.Name(text)), token.End
		dot := NextToken(text, end, dialect)
		if !dot.IsSymbol(text, '.') {
			return parts, start, end
		}
		end = dot.End
	}
}
