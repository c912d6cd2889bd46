package sqltext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Kind is the kind of a piece of a dump.
type Kind int

// The kinds of pieces.
const (
	Filler    Kind = iota // comments, blank lines, empty statements
	Statement             // any other statement
	Rows                  // INSERT or REPLACE … VALUES …
	CopyBegin             // PostgreSQL's COPY … FROM stdin;
	CopyRows              // whole lines of a COPY's data
	CopyEnd               // the line \. that ends them
	Command               // a line for the client program: DELIMITER, MariaDB's sandbox line, psql's \restrict
)

// Piece is a range of a dump. The Raw of all pieces together is the dump, byte for byte.
type Piece struct {
	Kind Kind
	// Raw is valid until the next call of Next.
	Raw []byte
	// Text is the statement within Raw, without its delimiter: for Statement, Rows and CopyBegin.
	Text []byte
	// Offset is where Raw begins in the dump, in bytes.
	Offset int64
	// Table is the table that Rows, CopyBegin and CopyRows fill: the bare name for MySQL, and schema.table as written for
	// PostgreSQL.
	Table string
	// Rows is the number of rows in this piece; -1 if the text does not tell, as with INSERT … SELECT and INSERT IGNORE.
	Rows int64
}

// ErrUnterminated means that the text ends inside a statement, a string or a COPY.
var ErrUnterminated = errors.New("the dump ends in the middle of a statement")

// NotSQLError means that no statement begins where one should.
type NotSQLError struct {
	// Offset is where that is, in bytes from the beginning of the dump.
	Offset int64
	// Excerpt is the text there.
	Excerpt string
}

func (e *NotSQLError) Error() string {
	return fmt.Sprintf("not SQL at byte %d: %q", e.Offset, e.Excerpt)
}

const (
	// readSize is the size of mysqldump's statements, and about how much is read at a time.
	readSize = 1 << 20
	// bufferSize is the size of the buffer, unless a statement is longer.
	bufferSize = 4 * readSize
	// copyBlock is how much of a COPY's data makes a piece.
	copyBlock = 1 << 20
	// longestStatement is MySQL's own limit for a packet, and so for a statement.
	longestStatement = 1<<30 + readSize
)

// Splitter splits a dump while it reads it.
type Splitter struct {
	source  io.Reader
	dialect Dialect

	buf        []byte // what has been read and not yet returned: buf[start:end]
	start, end int
	offset     int64 // the offset of buf[start] in the dump
	readErr    error // the source's last error, io.EOF at its end

	delimiter []byte
	escapes   bool   // a backslash in '…' escapes the next character
	ansi      bool   // the dump writes a name as "name"
	copying   string // the table of the COPY whose data is being read
	stats     statistics
}

// NewSplitter returns a Splitter for a dump of a dialect.
func NewSplitter(source io.Reader, dialect Dialect) *Splitter {
	return &Splitter{
		source: source, dialect: dialect, delimiter: []byte(";"), escapes: dialect == MySQL,
		stats: newStatistics(dialect),
	}
}

// Next returns the next piece, and io.EOF after the last one. Its other errors are the source's own, ErrUnterminated and
// *NotSQLError.
func (s *Splitter) Next() (Piece, error) {
	s.compact()
	if s.start == s.end && !s.fill() {
		if s.readErr == io.EOF && s.copying != "" {
			return Piece{}, ErrUnterminated
		}
		return Piece{}, s.readErr
	}
	piece, err := s.scan()
	if err != nil {
		return Piece{}, err
	}
	piece.Offset = s.offset
	s.start += len(piece.Raw)
	s.offset += int64(len(piece.Raw))
	s.stats.add(piece)
	return piece, nil
}

// Stats returns the counts so far. They are those of the whole dump once Next has returned io.EOF.
func (s *Splitter) Stats() Stats { return s.stats.snapshot() }

func (s *Splitter) scan() (Piece, error) {
	if s.copying != "" {
		return s.scanCopy()
	}
	at, err := s.scanFiller()
	switch {
	case err != nil:
		return Piece{}, err
	case at > s.start:
		return Piece{Kind: Filler, Raw: s.buf[s.start:at]}, nil
	}
	end, err := s.scanCommand()
	switch {
	case err != nil:
		return Piece{}, err
	case end > 0:
		return Piece{Kind: Command, Raw: s.buf[s.start:end]}, nil
	}
	return s.scanStatement()
}

// fill reads more and reports whether there was more.
func (s *Splitter) fill() bool {
	if s.readErr != nil {
		return false
	}
	if len(s.buf)-s.end < readSize/2 {
		grown := make([]byte, max(2*len(s.buf), bufferSize))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	for {
		n, err := s.source.Read(s.buf[s.end:])
		s.end += n
		s.readErr = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
}

// have makes sure that buf[at] has been read; false at the end of the dump.
func (s *Splitter) have(at int) bool {
	for at >= s.end {
		if !s.fill() {
			return false
		}
	}
	return true
}

// broken returns the reason why a statement cannot be read to its end.
func (s *Splitter) broken() error {
	if s.readErr == io.EOF {
		return ErrUnterminated
	}
	return s.readErr
}

// compact moves the rest to the front of the buffer, and frees a buffer that one long statement has enlarged.
func (s *Splitter) compact() {
	if s.readErr != nil {
		return // nothing more is read
	}
	left := s.end - s.start
	if len(s.buf) > 4*bufferSize && left < readSize {
		small := make([]byte, bufferSize)
		copy(small, s.buf[s.start:s.end])
		s.buf, s.start, s.end = small, 0, left
		return
	}
	// It does so early enough that a statement of the usual size fits after the rest: growing in the middle of one costs a new
	// buffer.
	if s.start > 0 && len(s.buf)-s.start < 2*readSize {
		copy(s.buf, s.buf[s.start:s.end])
		s.start, s.end = 0, left
	}
}

// byteOrderMark is the beginning of UTF-8 text by some programs of Windows. Clients skip it.
var byteOrderMark = []byte("\xEF\xBB\xBF")

// scanFiller returns the offset of the first byte that is neither white space nor comment.
func (s *Splitter) scanFiller() (int, error) {
	at := s.start
	for s.have(at) {
		s.have(at + 3) // enough to recognize a comment
		rest := s.buf[at:s.end]
		var err error
		switch {
		case isSpace(rest[0]):
			at++
		case s.offset == 0 && at == s.start && bytes.HasPrefix(rest, byteOrderMark):
			at += len(byteOrderMark)
		case isLineComment(rest, s.dialect):
			if at, err = s.after(at, "\n"); err == io.EOF {
				at = s.end
			} else if err != nil {
				return 0, err
			}
		case bytes.HasPrefix(rest, []byte("/*")) && (s.dialect == Postgres || executable(rest) == 0):
			if at, err = s.afterComment(at); err != nil {
				return 0, err
			}
		default:
			return at, nil
		}
	}
	if s.readErr != io.EOF && at == s.start {
		return 0, s.readErr
	}
	return at, nil
}

// after returns the offset after the next occurrence of mark, or io.EOF if there is none.
func (s *Splitter) after(at int, mark string) (int, error) {
	from := at
	for {
		if i := bytes.Index(s.buf[from:s.end], []byte(mark)); i >= 0 {
			return from + i + len(mark), nil
		}
		from = max(at, s.end-len(mark)+1)
		if !s.fill() {
			return 0, s.readErr
		}
	}
}

// afterComment returns the offset after the comment that begins at at. PostgreSQL's comments nest.
func (s *Splitter) afterComment(at int) (int, error) {
	if s.dialect == MySQL {
		end, err := s.after(at+2, "*/")
		if err == io.EOF {
			err = ErrUnterminated
		}
		return end, err
	}
	for depth := 0; s.have(at + 1); {
		switch {
		case s.buf[at] == '/' && s.buf[at+1] == '*':
			depth++
			at += 2
		case s.buf[at] == '*' && s.buf[at+1] == '/':
			at += 2
			if depth--; depth == 0 {
				return at, nil
			}
		default:
			at++
		}
	}
	return 0, s.broken()
}

// scanCommand returns the end of the client's command that begins here; 0 if there is none.
func (s *Splitter) scanCommand() (int, error) {
	s.have(s.start + 32)
	rest := s.buf[s.start:s.end]
	if s.dialect == Postgres {
		if rest[0] != '\\' {
			return 0, nil
		}
		return s.lineEnd()
	}
	if n := executable(rest); n > 0 && bytes.HasPrefix(rest[n:], []byte(`\`)) {
		return s.after(s.start, "*/")
	}
	if len(rest) < 10 || !bytes.EqualFold(rest[:9], []byte("DELIMITER")) || !isSpace(rest[9]) {
		return 0, nil
	}
	end, err := s.lineEnd()
	if err != nil {
		return 0, err
	}
	delimiter := bytes.TrimSpace(s.buf[s.start+9 : end])
	if len(delimiter) == 0 {
		return 0, s.notSQL()
	}
	s.delimiter = bytes.Clone(delimiter)
	return end, nil
}

func (s *Splitter) lineEnd() (int, error) {
	end, err := s.after(s.start, "\n")
	if err == io.EOF {
		return s.end, nil
	}
	return end, err
}

// notSQL describes the text at the current offset.
func (s *Splitter) notSQL() error {
	s.have(s.start + 40)
	excerpt := s.buf[s.start:min(s.end, s.start+40)]
	if line := bytes.IndexByte(excerpt, '\n'); line > 0 {
		excerpt = excerpt[:line]
	}
	return &NotSQLError{Offset: s.offset, Excerpt: string(excerpt)}
}

func (s *Splitter) scanStatement() (Piece, error) {
	s.have(s.start + 64)
	first := NextToken(s.buf[s.start:s.end], 0, s.dialect)
	empty := bytes.HasPrefix(s.buf[s.start:s.end], s.delimiter)
	if !empty && !startsStatement(s.buf[s.start:s.end], first) {
		if s.offset > 0 && s.start+first.End == s.end && !s.have(s.end) && s.readErr == io.EOF && beginsOpening(s.buf[s.start:s.end]) {
			return Piece{}, ErrUnterminated
		}
		return Piece{}, s.notSQL()
	}
	groups, textEnd, err := s.statementEnd()
	if err != nil {
		return Piece{}, err
	}
	end := textEnd + len(s.delimiter)
	piece := Piece{Kind: Statement, Raw: s.buf[s.start:end], Text: s.buf[s.start:textEnd]}
	if empty {
		return Piece{Kind: Filler, Raw: piece.Raw}, nil
	}
	if s.ansi {
		piece.Text = withBackticks(piece.Text)
	}
	switch {
	case first.Is(piece.Text, "INSERT"), first.Is(piece.Text, "REPLACE"):
		piece.Kind = Rows
		piece.Table, piece.Rows = insertedRows(piece.Text, groups, s.dialect)
	case s.dialect == Postgres && first.Is(piece.Text, "COPY"):
		return s.beginCopy(piece, end)
	case first.Is(piece.Text, "SET"):
		s.readStringSetting(piece.Text)
		if s.dialect == MySQL {
			piece.Text = s.noticeANSI(piece.Text)
		}
	}
	return piece, nil
}

// readStringSetting notices if a dump changes whether backslashes escape in plain strings.
func (s *Splitter) readStringSetting(text []byte) {
	name, value, off := "standard_conforming_strings", "off", true
	if s.dialect == MySQL {
		name, value, off = "sql_mode", "no_backslash_escapes", false
	}
	for at := 0; ; {
		token := NextToken(text, at, s.dialect)
		if token.Kind == End {
			return
		}
		at = token.End
		if !token.Is(text, name) {
			continue
		}
		sign := NextToken(text, at, s.dialect)
		if sign.IsSymbol(text, ':') {
			sign = NextToken(text, sign.End, s.dialect)
		}
		if !sign.IsSymbol(text, '=') && !sign.Is(text, "TO") {
			continue // the old value is saved
		}
		// A variable's value is unknown; dumps use one to restore the default.
		set := NextToken(text, sign.End, s.dialect)
		s.escapes = bytes.Contains(bytes.ToLower(text[set.Start:set.End]), []byte(value)) == off
	}
}

// rowGroups is what statementEnd learns about the parentheses of a statement.
type rowGroups struct {
	count  int // the pairs that are not inside another pair
	breaks int // the gaps between and after them that have more than a comma
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

// statementEnd returns the offset of the delimiter that ends the statement at start.
func (s *Splitter) statementEnd() (groups rowGroups, end int, err error) {
	special := interesting[s.dialect]
	special[s.delimiter[0]] = true
	at, depth, groupEnd := s.start, 0, 0
	closeGap := func(to int) {
		if groupEnd == 0 {
			return
		}
		if gap := bytes.TrimSpace(s.buf[groupEnd:to]); len(gap) > 1 || len(gap) == 1 && gap[0] != ',' {
			groups.breaks++
		}
	}
	delimiter, escapes := s.delimiter[0], s.escapes
	text := s.buf[:s.end] // a copy of the fields, which the inner loop would read for each byte
	for {
		for at < len(text) && !special[text[at]] {
			at++
		}
		if at >= len(text) {
			if at-s.start > longestStatement {
				return groups, 0, fmt.Errorf("a statement of more than %d bytes: %w", longestStatement, ErrUnterminated)
			}
			if !s.have(at) {
				return groups, 0, s.broken()
			}
			text = s.buf[:s.end]
			continue
		}
		c := text[at]
		if c == '\'' {
			// Nearly all strings have been read to their end.
			if end := stringEnd(text, at+1, escapes); end > 0 {
				at = end
				continue
			}
		}
		if c == delimiter && s.atDelimiter(at) && (s.dialect == MySQL || depth == 0 && !insideBody(s.buf[s.start:at])) {
			closeGap(at)
			return groups, at, nil
		}
		switch {
		case c == '(':
			if depth == 0 {
				closeGap(at)
				groups.count++
			}
			depth++
			at++
		case c == ')':
			at++
			if depth = max(depth-1, 0); depth == 0 {
				groupEnd = at
			}
		default:
			if at, err = s.skipSpecial(at); err != nil {
				return groups, 0, err
			}
			text = s.buf[:s.end]
		}
	}
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

// skipSpecial returns the offset after the string, name or comment that begins at at, or after the single byte there.
func (s *Splitter) skipSpecial(at int) (int, error) {
	switch c := s.buf[at]; {
	case c == '\'':
		return s.afterQuote(at+1, c, s.escapes)
	case c == '"':
		return s.afterQuote(at+1, c, s.dialect == MySQL && s.escapes)
	case c == '`' && s.dialect == MySQL:
		return s.afterQuote(at+1, c, false)
	case c == 'E' || c == 'e':
		if s.have(at+1) && s.buf[at+1] == '\'' && (at == s.start || !isWordByte(s.buf[at-1])) {
			return s.afterQuote(at+2, '\'', true)
		}
	case c == '$':
		s.have(at + 64) // PostgreSQL's longest tag
		tag := dollarTag(s.buf[at:s.end])
		if tag > 0 && (at == s.start || !isWordByte(s.buf[at-1])) {
			end, err := s.after(at+tag, string(s.buf[at:at+tag]))
			if err == io.EOF {
				err = ErrUnterminated
			}
			return end, err
		}
	case c == '-', c == '#':
		s.have(at + 2)
		if isLineComment(s.buf[at:s.end], s.dialect) {
			end, err := s.after(at, "\n")
			if err == io.EOF {
				err = ErrUnterminated
			}
			return end, err
		}
	case c == '/':
		s.have(at + 3)
		rest := s.buf[at:s.end]
		if s.dialect == MySQL && executable(rest) > 0 {
			return at + executable(rest), nil
		}
		if bytes.HasPrefix(rest, []byte("/*")) {
			return s.afterComment(at)
		}
	}
	return at + 1, nil
}

// afterQuote returns the offset after the quote that closes a literal whose content begins at at. A doubled quote needs no care:
// it ends one literal and begins another.
func (s *Splitter) afterQuote(at int, quote byte, escapes bool) (int, error) {
	from := at
	for {
		i := bytes.IndexByte(s.buf[from:s.end], quote)
		if i < 0 {
			from = s.end
			if !s.fill() {
				return 0, s.broken()
			}
			continue
		}
		i += from
		if !escapes || backslashes(s.buf[at:i])%2 == 0 {
			return i + 1, nil
		}
		at, from = i+1, i+1
	}
}

// beginCopy turns a COPY … FROM stdin statement into a CopyBegin, its line feed included.
func (s *Splitter) beginCopy(piece Piece, end int) (Piece, error) {
	table, from := copyTarget(piece.Text)
	if !from {
		return piece, nil
	}
	lineEnd, err := s.after(end, "\n")
	if err == io.EOF {
		err = ErrUnterminated
	}
	if err != nil {
		return Piece{}, err
	}
	textLength := len(piece.Text)
	s.copying = table
	return Piece{
		Kind: CopyBegin, Table: table,
		Raw: s.buf[s.start:lineEnd], Text: s.buf[s.start : s.start+textLength],
	}, nil
}

// scanCopy returns whole lines of a COPY's data, or the line that ends it.
func (s *Splitter) scanCopy() (Piece, error) {
	for {
		data := s.buf[s.start:s.end]
		if bytes.HasPrefix(data, []byte("\\.")) && (len(data) > 2 || s.readErr != nil) {
			end, err := s.lineEnd()
			if err != nil {
				return Piece{}, err
			}
			s.copying = ""
			return Piece{Kind: CopyEnd, Raw: s.buf[s.start:end]}, nil
		}
		stop := bytes.Index(data, []byte("\n\\."))
		if stop < 0 && (len(data) >= copyBlock || s.readErr != nil) {
			stop = bytes.LastIndexByte(data, '\n')
		}
		if stop >= 0 {
			lines := data[:stop+1]
			return Piece{Kind: CopyRows, Raw: lines, Table: s.copying, Rows: int64(bytes.Count(lines, []byte("\n")))}, nil
		}
		if len(data) > longestStatement || !s.fill() {
			return Piece{}, s.broken()
		}
	}
}

// startsStatement reports whether a statement may begin with the token.
func startsStatement(text []byte, first Token) bool {
	if first.Kind != Word {
		return first.IsSymbol(text, '(')
	}
	word := string(bytes.ToUpper(text[first.Start:first.End]))
	_, found := slices.BinarySearch(openings, word)
	return found
}

// beginsOpening reports whether a text is the beginning of such a word, or of what may stand before it.
func beginsOpening(text []byte) bool {
	text = bytes.ToUpper(text)
	begins := func(word string) bool { return strings.HasPrefix(word, string(text)) }
	return slices.ContainsFunc(openings, begins) || bytes.HasPrefix(text, []byte("/*")) || begins("--") || begins("/*") || begins("DELIMITER")
}

// openings are the words that statements begin with, sorted. Words that only a client understands (source, system, pager) are
// missing on purpose.
var openings = []string{
	"ALTER", "ANALYSE", "ANALYZE", "BEGIN", "CALL", "CHANGE", "CHECK", "CHECKPOINT", "CHECKSUM", "CLUSTER", "COMMENT",
	"COMMIT", "COPY", "CREATE", "DEALLOCATE", "DECLARE", "DELETE", "DISCARD", "DO", "DROP", "END", "EXECUTE",
	"EXPLAIN", "FLUSH", "GRANT", "IMPORT", "INSERT", "INSTALL", "KILL", "LISTEN", "LOAD", "LOCK", "MERGE", "NOTIFY",
	"OPTIMIZE", "PREPARE", "PURGE", "REASSIGN", "REFRESH", "REINDEX", "RELEASE", "RENAME", "REPAIR", "REPLACE",
	"RESET", "REVOKE", "ROLLBACK", "SAVEPOINT", "SECURITY", "SELECT", "SET", "SHOW", "SHUTDOWN", "START", "STOP",
	"TABLE", "TRUNCATE", "UNINSTALL", "UNLISTEN", "UNLOCK", "UPDATE", "USE", "VACUUM", "VALUES", "WITH", "XA",
}
