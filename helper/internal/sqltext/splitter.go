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
	// Partial means that Raw does not end where a statement, a line or a comment does: it goes on in the next piece. An INSERT of
	// many rows that is too long for the memory comes as several pieces. The Text of each is a statement of its own.
	Partial bool
	// Open means that the Text of Rows, of MySQL's dialect, ends inside a row, since a single row is too long. Continued means that
	// it goes on where the Text of the piece before has ended. The last of such pieces has the number of rows.
	Open, Continued bool
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
	midLine   bool   // a line of it has begun in the piece before
	filler    inside // the comment that has begun in the piece before
	statement *scan  // the statement that has begun in the piece before; nil if there is none
	stats     statistics
}

// NewSplitter returns a Splitter for a dump of a dialect.
func NewSplitter(source io.Reader, dialect Dialect) *Splitter {
	return &Splitter{
		source: source, dialect: dialect, delimiter: []byte(";"), escapes: dialect == MySQL,
		stats: newStatistics(dialect),
	}
}

// Next returns the next piece, and io.EOF after the last one. Its other errors are the source's own, ErrUnterminated,
// *NotSQLError and *TooLongError.
func (s *Splitter) Next() (Piece, error) {
	s.compact()
	if s.start == s.end && !s.fill() {
		if s.readErr == io.EOF && (s.copying != "" || s.filler.endsEarly() || s.statement != nil) {
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
	return piece, s.stats.add(piece)
}

// Stats returns the counts so far. They are those of the whole dump once Next has returned io.EOF.
func (s *Splitter) Stats() Stats { return s.stats.snapshot() }

func (s *Splitter) scan() (Piece, error) {
	switch {
	case s.copying != "":
		return s.scanCopy()
	case s.statement != nil:
		return s.continueStatement()
	}
	at, err := s.scanFiller()
	switch {
	case err != nil:
		return Piece{}, err
	case at > s.start:
		return Piece{Kind: Filler, Raw: s.buf[s.start:at], Partial: s.filler.kind != 0}, nil
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
		size := max(2*len(s.buf), bufferSize)
		if len(s.buf) < longestText+2*readSize { // no text needs more
			size = min(size, longestText+2*readSize)
		}
		grown := make([]byte, size)
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
		s.statement.shift(s.start)
		s.buf, s.start, s.end = small, 0, left
		return
	}
	// It does so early enough that a statement of the usual size fits after the rest: growing in the middle of one costs a new
	// buffer.
	if s.start > 0 && len(s.buf)-s.start < 2*readSize {
		s.statement.shift(s.start)
		copy(s.buf, s.buf[s.start:s.end])
		s.start, s.end = 0, left
	}
}

// byteOrderMark is the beginning of UTF-8 text by some programs of Windows. Clients skip it.
var byteOrderMark = []byte("\xEF\xBB\xBF")

// scanFiller returns the offset of the first byte that is neither white space nor comment, or an earlier one if that is far away.
func (s *Splitter) scanFiller() (at int, err error) {
	for at = s.start; at-s.start < readSize; {
		if s.filler.kind != 0 {
			if at, err = s.skipComment(at); err != nil {
				return 0, err
			}
			continue
		}
		if !s.have(at) {
			if s.readErr != io.EOF && at == s.start {
				return 0, s.readErr
			}
			return at, nil
		}
		s.have(at + 3) // enough to recognize a comment
		rest := s.buf[at:s.end]
		switch {
		case isSpace(rest[0]):
			for end := min(s.end, s.start+readSize); at < end && isSpace(s.buf[at]); {
				at++
			}
		case s.offset == 0 && at == s.start && bytes.HasPrefix(rest, byteOrderMark):
			at += len(byteOrderMark)
		case isLineComment(rest, s.dialect):
			s.filler = inside{kind: lineComment}
		case bytes.HasPrefix(rest, []byte("/*")) && (s.dialect == Postgres || executable(rest) == 0):
			s.filler, at = inside{kind: blockComment, nests: s.dialect == Postgres, depth: 1}, at+len("/*")
		default:
			return at, nil
		}
	}
	return at, nil
}

// skipComment returns the offset after the comment that at is in, or how far a long comment has been read.
func (s *Splitter) skipComment(at int) (int, error) {
	for at-s.start < readSize {
		next, closed := s.filler.skip(s.buf[:s.end], at)
		at = next
		switch {
		case closed:
			s.filler = inside{}
			return at, nil
		case at-s.start >= readSize:
			return at, nil
		case s.fill():
		case s.readErr == io.EOF && s.filler.kind == lineComment:
			s.filler = inside{}
			return s.end, nil
		default:
			return 0, s.broken()
		}
	}
	return at, nil
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

// after returns the offset after the next occurrence of mark, or io.EOF if there is none. It is for a line or a comment that means
// something, and so is not long.
func (s *Splitter) after(at int, mark string) (int, error) {
	for from := at; ; {
		if i := bytes.Index(s.buf[from:s.end], []byte(mark)); i >= 0 {
			return from + i + len(mark), nil
		}
		if s.end-at > longestLine {
			return 0, s.tooLong("a line", longestLine)
		}
		from = max(at, s.end-len(mark)+1)
		if !s.fill() {
			return 0, s.readErr
		}
	}
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
	text := s.buf[s.start:s.end]
	s.statement = &scan{at: s.start, first: first, hasRows: first.Is(text, "INSERT") || first.Is(text, "REPLACE")}
	return s.continueStatement()
}

// whole makes a piece of the whole statement that ends at an offset.
func (s *Splitter) whole(first Token, groups rowGroups, textEnd int) (Piece, error) {
	end := textEnd + len(s.delimiter)
	piece := Piece{Kind: Statement, Raw: s.buf[s.start:end], Text: s.buf[s.start:textEnd]}
	if textEnd == s.start {
		return Piece{Kind: Filler, Raw: piece.Raw}, nil
	}
	if s.ansi {
		piece.Text = withBackticks(piece.Text)
	}
	switch {
	case first.Is(piece.Text, "INSERT"), first.Is(piece.Text, "REPLACE"):
		piece.Kind = Rows
		piece.Table, piece.Rows = insertedRows(piece.Text, groups, s.dialect)
		return piece, nil
	case tooManyTokens(piece.Text, s.dialect):
		return Piece{}, &TooLongError{"a statement", s.offset, "1048576 words and signs"}
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
