package sqltext

import (
	"bytes"
	"slices"
)

// longRows is an INSERT that is returned in parts, or may be.
type longRows struct {
	head    []byte // INSERT INTO … VALUES
	columns int    // how many lists of columns it has: 0 or 1
	table   string
	exact   bool // the text tells the number of rows
	open    bool // a part of a row has been returned
	rowsAt  int  // where the rows begin in the part that is not returned yet
}

// part returns the beginning of a statement that is too long: whole rows, or a part of a row.
func (s *Splitter) part(c *scan) (Piece, error) {
	l := c.long
	if l == nil {
		return Piece{}, s.tooLong("a statement", longestStatement)
	}
	piece := Piece{Kind: Rows, Table: l.table, Partial: true, Continued: l.open}
	if c.last.at > s.start {
		piece.Raw = s.buf[s.start:c.last.at]
		piece.Text = l.text(s.buf[s.start:c.last.before])
		piece.Rows = l.rows(c.last.groups)
		l.open = false
		c.groups.count += l.columns - c.last.groups.count
		c.groups.breaks += l.columns - c.last.groups.breaks
		return piece, nil
	}
	if s.dialect != MySQL {
		return Piece{}, s.tooLong("a row", longestText)
	}
	if c.depth == 0 && c.groupEnd > 0 {
		gap := bytes.TrimSpace(s.buf[c.groupEnd:c.at])
		l.exact = l.exact && (len(gap) == 0 || len(gap) == 1 && gap[0] == ',')
		c.groupEnd = 0
	}
	piece.Raw = s.buf[s.start:c.at]
	piece.Text = l.text(piece.Raw)
	piece.Open, l.open = true, true
	return piece, nil
}

// lastPart returns what is left of a statement whose beginning has been returned.
func (s *Splitter) lastPart(c *scan) Piece {
	return Piece{
		Kind: Rows, Table: c.long.table, Rows: c.long.rows(c.groups), Continued: c.long.open,
		Raw:  s.buf[s.start : c.at+len(s.delimiter)],
		Text: c.long.text(s.buf[s.start:c.at]),
	}
}

// longRows reads the head of an INSERT … VALUES or REPLACE … VALUES at the beginning of the buffer; nil if it is something else.
func (s *Splitter) longRows(c *scan) *longRows {
	text := s.buf[s.start:c.at]
	next := func(token Token) Token { return NextToken(text, token.End, s.dialect) }
	token := c.first
	l := &longRows{exact: token.Is(text, "INSERT")}
	for token = next(token); !token.Is(text, "INTO"); token = next(token) {
		if token.Kind != Word {
			return nil
		}
		l.exact = l.exact && !token.Is(text, "IGNORE")
	}
	begin := text
	if s.ansi {
		begin = withBackticks(text[:min(len(text), longestLine)])
	}
	parts, _, _ := QualifiedName(begin, token.End, s.dialect)
	if len(parts) == 0 {
		return nil
	}
	l.table = tableName(parts, s.dialect)
	for token = next(token); !token.Is(text, "VALUES") && (!token.Is(text, "VALUE") || s.dialect == Postgres); token = next(token) {
		switch {
		case token.Kind == End, token.Is(text, "SELECT"), token.Is(text, "SET"):
			return nil
		case token.IsSymbol(text, '('):
			l.columns = 1
		}
	}
	l.head, l.rowsAt = bytes.Clone(text[:token.End]), token.End
	if s.ansi {
		l.head = withBackticks(l.head)
	}
	return l
}

// text returns the text of a part: of a statement, or of the rest of a row.
func (l *longRows) text(part []byte) []byte {
	if l.open {
		return part
	}
	rows := part[l.rowsAt:]
	l.rowsAt = 0
	return slices.Concat(l.head, rows)
}

// rows counts the rows of a part; -1 if the text does not tell. groups are those since the statement or its last part began, its
// list of columns included.
func (l *longRows) rows(groups rowGroups) int64 {
	l.exact = l.exact && groups.breaks == l.columns && groups.count > l.columns
	if !l.exact {
		return -1
	}
	return int64(groups.count - l.columns)
}
