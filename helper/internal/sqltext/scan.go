package sqltext

import (
	"bytes"
	"fmt"
)

// How much of a text is kept in memory, in bytes.
const (
	// manyRows is the length from which on an INSERT comes in several pieces.
	manyRows = 6 << 20
	// longestStatement is the longest statement without rows.
	longestStatement = 16 << 20
	// longestText is the longest part of a text that is kept.
	longestText = 32 << 20
	// mostTokens is how many tokens a statement without rows may have: they take more memory than its text.
	mostTokens = 1 << 20
	// longestLine is the longest line that means something to a client, such as DELIMITER.
	longestLine = 64 << 10
)

// TooLongError means that something in the text is longer than what is kept in memory.
type TooLongError struct {
	What   string // with its article
	Offset int64  // where it begins, in bytes from the beginning of the dump
	Limit  string // with its unit
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("%s at byte %d has more than %s", e.What, e.Offset, e.Limit)
}

func (s *Splitter) tooLong(what string, limit int) error {
	return &TooLongError{What: what, Offset: s.offset, Limit: fmt.Sprintf("%d bytes", limit)}
}

// tooManyTokens reports whether a statement has more tokens than a reader should have to keep.
func tooManyTokens(text []byte, dialect Dialect) bool {
	if len(text) <= mostTokens {
		return false
	}
	count := 0
	for at := 0; count <= mostTokens; count++ {
		token := NextToken(text, at, dialect)
		if token.Kind == End {
			break
		}
		at = token.End
	}
	return count > mostTokens
}

// scan is a statement that is being read. Offsets are those in the splitter's buffer.
type scan struct {
	at      int    // up to where it has been read
	first   Token  // its first word
	hasRows bool   // it is an INSERT or REPLACE
	in      inside // what at is inside of
	depth   int    // of parentheses
	groups  rowGroups
	// groupEnd is where the last pair of parentheses ends that is not inside another pair; 0 if there is none.
	groupEnd int
	last     lastRow
	long     *longRows // nil as long as the statement may be short
	body     body
}

// lastRow is the row that has begun behind complete ones.
type lastRow struct {
	at, before int       // where it begins, and where the one before it ends; 0 if there is none
	groups     rowGroups // before it
}

// rowGroups is what is learned about the parentheses of a statement.
type rowGroups struct {
	count  int // the pairs that are not inside another pair
	breaks int // the gaps between and after them that have more than a comma
}

// shift follows the text when it moves to the front of the buffer.
func (c *scan) shift(by int) {
	if c == nil {
		return
	}
	for _, at := range []*int{&c.at, &c.groupEnd, &c.last.at, &c.last.before} {
		*at = max(0, *at-by)
	}
}

// interesting marks, for each dialect, the bytes at which the scanner must look closer.
var interesting = [2][256]bool{
	MySQL:    mark("'\"`;-#/()"),
	Postgres: mark("'\"$;-/()Ee"),
}

func mark(bytes string) (table [256]bool) {
	for i := range len(bytes) {
		table[bytes[i]] = true
	}
	return table
}

// continueStatement returns the statement, or its next part if it is too long to be kept.
func (s *Splitter) continueStatement() (Piece, error) {
	c := s.statement
	ended, err := s.scanTo(c)
	if err != nil {
		return Piece{}, err
	}
	if !ended {
		return s.part(c)
	}
	s.statement = nil
	if c.long == nil {
		return s.whole(c.first, c.groups, c.at)
	}
	return s.lastPart(c), nil
}

// scanTo reads a statement up to its delimiter. It returns false if the statement goes on and so much of it has been read that a
// part of it is to be returned first.
func (s *Splitter) scanTo(c *scan) (ended bool, err error) {
	special := interesting[s.dialect]
	special[s.delimiter[0]] = true
	delimiter, escapes := s.delimiter[0], s.escapes
	text := s.buf[:s.end] // a copy of the fields, which the inner loop would read for each byte
	at := c.at
	for {
		for c.in.kind == 0 && at < len(text) && !special[text[at]] {
			at++
		}
		if c.in.kind != 0 {
			next, closed := c.in.skip(text, at)
			if at = next; closed {
				c.in = inside{}
				continue
			}
		}
		if c.in.kind != 0 || at >= len(text) {
			c.at = at
			if s.full(c) {
				return false, nil
			}
			if !s.fill() {
				return false, s.broken()
			}
			text = s.buf[:s.end]
			continue
		}
		b := text[at]
		if b == '\'' {
			// Nearly all strings have been read to their end.
			if end := stringEnd(text, at+1, escapes); end > 0 {
				at = end
				continue
			}
		}
		if b == delimiter && s.atDelimiter(at) && (s.dialect == MySQL || c.depth == 0 && !c.body.contains(s.buf[s.start:at])) {
			c.at = at
			c.closeGap(s.buf, at)
			return true, nil
		}
		switch {
		case b == '(':
			if c.depth == 0 {
				c.begin(s.buf, at)
			}
			c.depth++
			at++
		case b == ')':
			at++
			if c.depth = max(c.depth-1, 0); c.depth == 0 {
				c.groupEnd = at
			}
		default:
			at = s.special(c, at)
		}
		text = s.buf[:s.end]
	}
}

// full reports whether a part of a statement is to be returned before more is read.
func (s *Splitter) full(c *scan) bool {
	length := s.end - s.start
	if c.hasRows && c.long == nil && length >= manyRows {
		c.long = s.longRows(c)
		c.hasRows = c.long != nil
	}
	switch {
	case !c.hasRows:
		return length >= longestStatement
	case c.long != nil && c.long.open:
		return length >= bufferSize
	case s.dialect == MySQL, c.last.at > s.start:
		return length >= manyRows
	}
	return length >= longestText
}

// closeGap looks at what is between two pairs of parentheses, or behind the last one.
func (c *scan) closeGap(text []byte, to int) (onlyComma bool) {
	if c.groupEnd == 0 {
		return false
	}
	gap := bytes.TrimSpace(text[c.groupEnd:to])
	if len(gap) > 1 || len(gap) == 1 && gap[0] != ',' {
		c.groups.breaks++
	}
	return len(gap) == 1 && gap[0] == ','
}

// begin notes a pair of parentheses that begins at at and is not inside another pair.
func (c *scan) begin(text []byte, at int) {
	if c.closeGap(text, at) {
		c.last = lastRow{at, c.groupEnd, c.groups}
	}
	c.groups.count++
}

// stringEnd returns the offset after the quote that closes a string whose content begins at at; 0 if the text ends before.
func stringEnd(text []byte, at int, escapes bool) int {
	for begin := at; ; begin = at {
		i := bytes.IndexByte(text[at:], '\'')
		if i < 0 {
			return 0
		}
		at += i + 1
		if !escapes || i == 0 || text[at-2] != '\\' || backslashes(text[begin:at-1])%2 == 0 {
			return at
		}
	}
}

func (s *Splitter) atDelimiter(at int) bool {
	return s.have(at+len(s.delimiter)-1) && bytes.Equal(s.buf[at:at+len(s.delimiter)], s.delimiter)
}

// special enters the string, name or comment that begins at at, or passes the single byte there. It returns where to read on.
func (s *Splitter) special(c *scan, at int) int {
	switch b := s.buf[at]; {
	case b == '\'':
		c.in = inside{kind: b, escapes: s.escapes}
	case b == '"':
		c.in = inside{kind: b, escapes: s.dialect == MySQL && s.escapes}
	case b == '`' && s.dialect == MySQL:
		c.in = inside{kind: b}
	case b == 'E' || b == 'e':
		if s.have(at+1) && s.buf[at+1] == '\'' && (at == s.start || !isWordByte(s.buf[at-1])) {
			c.in = inside{kind: '\'', escapes: true}
			return at + 2
		}
	case b == '$':
		s.have(at + 64) // PostgreSQL's longest tag
		tag := dollarTag(s.buf[at:s.end])
		if tag > 0 && (at == s.start || !isWordByte(s.buf[at-1])) {
			c.in = inside{kind: dollarQuote, tag: bytes.Clone(s.buf[at : at+tag])}
			return at + tag
		}
	case b == '-', b == '#':
		s.have(at + 2)
		if isLineComment(s.buf[at:s.end], s.dialect) {
			c.in = inside{kind: lineComment}
		}
	case b == '/':
		s.have(at + 3)
		rest := s.buf[at:s.end]
		if s.dialect == MySQL && executable(rest) > 0 {
			return at + executable(rest)
		}
		if bytes.HasPrefix(rest, []byte("/*")) {
			c.in = inside{kind: blockComment, nests: s.dialect == Postgres, depth: 1}
			return at + 2
		}
	}
	return at + 1
}
