package localdb

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// mysqlLoad is a dump on its way into the scratch database.
type mysqlLoad struct {
	db *mysqlServer
	// lock holds the lock; the dump's statements, which change their session's settings as they like, have sessions of
	// their own.
	lock       *mysqlSession
	crew       *crew
	porters    *crew // more sessions, for files
	rewriter   *rewriter
	packet     int64             // the longest statement that the server takes, bytes
	events     map[string]string // the status of each event, which is disabled until the swap
	statements int64
	offset     int64 // how much of the dump's text lies before what Run reads, bytes
	deferAbove int64 // keys of tables with more text in their rows are added afterwards
	bulkAbove  int   // statements with more text are sent in bulk
	checked    bool  // unique_checks has been turned on
	counted    counts
	settings   rowSettings
	made       folded // tables and views
	warnings   warnings
	heard      []tableWarning
	versions   versions
	// named has each name in a statement that may have made something, in small letters.
	named map[string]bool
	// unnamed says that a statement may have made things that it does not name.
	unnamed bool
}

// packetHead is what the protocol and the driver need of a packet for themselves, in bytes.
const packetHead = 64

// newMySQLLoad makes ready for a dump that goes into the incoming database, which is there and empty. The session that holds the lock
// stays the caller's.
func newMySQLLoad(ctx context.Context, db *mysqlServer, lock *mysqlSession) (*mysqlLoad, error) {
	l := &mysqlLoad{
		db: db, lock: lock, events: map[string]string{}, deferAbove: deferredBytes, bulkAbove: bulkBytes,
		porters: &crew{}, named: map[string]bool{}, made: folded{},
	}
	return l, l.prepare(ctx)
}

func (l *mysqlLoad) prepare(ctx context.Context) error {
	db, n := l.db, l.db.names
	var err error
	if l.crew, err = db.hireCrew(ctx, db.crewSize()); err != nil {
		return err
	}
	// As the mysql client and the heads of dumps set it; the dump's own settings come on top.
	for _, setting := range []string{
		"USE " + quoteName(n.incoming),
		"SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', unique_checks = 0, lock_wait_timeout = 3600",
	} {
		if err := l.crew.everywhere(ctx, setting); err != nil {
			return db.explain("use database "+n.incoming, err)
		}
	}
	if err := l.prepareForRows(ctx); err != nil {
		return err
	}
	if err := l.prepareForVersions(ctx); err != nil {
		return err
	}
	if err := l.lock.conn.QueryRowContext(ctx, "SELECT @@max_allowed_packet").Scan(&l.packet); err != nil {
		return db.explain("ask for max_allowed_packet", err)
	}
	l.packet -= packetHead
	notes := newOnce(db.config.Note)
	l.rewriter = &rewriter{
		once: notes, account: db.account, server: kindOf(db.info),
		collations: &collations{ask: l.lock, once: notes, nearest: map[string]string{}},
	}
	accounts, err := l.lock.list(ctx, "SELECT CONCAT(User, '@', Host) AS name FROM mysql.user")
	if err == nil {
		l.rewriter.accounts = map[string]bool{}
		for _, account := range accounts {
			l.rewriter.accounts[account] = true
		}
	}
	return nil
}

func (l *mysqlLoad) Run(ctx context.Context, r io.Reader, dialect sqltext.Dialect, progress func(int64)) (sqltext.Stats, error) {
	if dialect != sqltext.MySQL {
		return sqltext.Stats{}, &WrongEngineError{Dump: dialect.String(), Target: map[string]string{"mariadb": "MariaDB", "mysql": "MySQL"}[l.db.info.Engine]}
	}
	splitter := sqltext.NewSplitter(r, dialect)
	for {
		piece, err := splitter.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return splitter.Stats(), fmt.Errorf("read the dump: %w", err)
		}
		piece.Offset += l.offset
		if err := l.piece(ctx, piece); err != nil {
			_ = l.crew.wait() // the reader may be closed then
			return splitter.Stats(), err
		}
		if progress != nil {
			progress(int64(len(piece.Raw)))
		}
	}
	if err := l.crew.wait(); err != nil {
		return splitter.Stats(), err
	}
	// A dump may end with autocommit off.
	return splitter.Stats(), l.db.explain("end the load", l.crew.everywhere(ctx, "COMMIT"))
}

func (l *mysqlLoad) piece(ctx context.Context, piece sqltext.Piece) error {
	switch piece.Kind {
	case sqltext.Filler:
		l.rewriter.readHeader(piece.Raw)
		return nil
	case sqltext.Rows:
		l.statements++
		return l.rows(ctx, piece)
	case sqltext.Statement:
		l.statements++
		text, err := l.rewriter.rewrite(ctx, piece.Text)
		if err != nil || text == nil {
			return l.db.explain("read the dump", err)
		}
		return l.failed(ctx, piece, l.statement(ctx, text))
	}
	return nil
}

func (l *mysqlLoad) rows(ctx context.Context, piece sqltext.Piece) error {
	if err := l.forRows(ctx); err != nil {
		return l.failed(ctx, piece, err)
	}
	if piece.Rows < 0 && !l.checked {
		// MariaDB fills an empty table in bulk where the dump turns unique_checks off, and INSERT IGNORE
		// with a duplicate in it then ends well and leaves the table empty.
		if err := l.crew.everywhere(ctx, "SET SESSION unique_checks = 1"); err != nil {
			return l.failed(ctx, piece, err)
		}
		l.checked = true
	}
	text, err := l.rewriter.rows(piece.Text)
	if err != nil {
		return l.db.explain("read the dump", err)
	}
	if int64(len(text)) <= l.packet {
		return l.insert(ctx, piece, text)
	}
	parts, longest := splitRows(text, int(l.packet))
	if parts == nil {
		return &PacketError{Table: piece.Table, Need: int64(longest) + packetHead, Limit: l.packet + packetHead}
	}
	for _, part := range parts {
		if err := l.insertNext(ctx, piece, part); err != nil {
			return err
		}
	}
	return nil
}

// insertNext adds rows when everything before them is done.
func (l *mysqlLoad) insertNext(ctx context.Context, piece sqltext.Piece, text []byte) error {
	err := l.crew.wait()
	if err == nil {
		_, err = l.add(ctx, l.crew.sessions[0], piece, text)
	}
	return l.failed(ctx, piece, err)
}

// insert adds rows, by any session where their order does not matter.
func (l *mysqlLoad) insert(ctx context.Context, piece sqltext.Piece, text []byte) error {
	ordered := piece.Rows < 0 || len(text) > parallelBytes || l.crew.alone
	if !ordered {
		var err error
		if ordered, err = l.crew.ordered(ctx, l.db.names.incoming, piece.Table); err != nil {
			return l.failed(ctx, piece, err)
		}
	}
	if ordered {
		return l.insertNext(ctx, piece, text)
	}
	text, statement := bytes.Clone(text), l.statements
	return l.crew.insert(func(s *mysqlSession) error {
		_, err := l.add(ctx, s, piece, text)
		return l.failedAt(ctx, piece, statement, err)
	})
}

// statement runs a statement without rows, and gets over what servers differ in.
func (l *mysqlLoad) statement(ctx context.Context, text []byte) error {
	if int64(len(text)) > l.packet {
		return &PacketError{Need: int64(len(text)) + packetHead, Limit: l.packet + packetHead}
	}
	s := parse(text)
	if l.dropsNothing(s) {
		return nil
	}
	if err := l.meet(s); err != nil {
		return err
	}
	if err := l.settingsFor(ctx, s); err != nil {
		return err
	}
	l.remember(s)
	if s.verb == "CREATE" && s.kind == "EVENT" {
		// It must not fire while it waits in the scratch database.
		disabled, was := setEventStatus(string(text), eventDisabled)
		if at := s.find("EVENT") + 1; s.word(at) == "IF" {
			l.events[s.nameAt(at+3)] = was
		} else {
			l.events[s.nameAt(at)] = was
		}
		text = []byte(disabled)
	}
	if s.verb == "SET" && s.find(insertHistory) >= 0 {
		if l.versions.inDump = true; !l.versions.taken {
			return nil
		}
	}
	do := l.crew.exec
	if s.verb == "SET" {
		do = l.crew.everywhere
	}
	l.crew.alone = l.crew.alone || beginsTransaction(s)
	err := do(ctx, string(text))
	for tries := 0; tries < 10 && number(err) == mysqlWrongValue && s.verb == "SET"; tries++ {
		match := unknownMode.FindStringSubmatch(err.Error())
		if match == nil {
			break
		}
		changed, ok := withoutMode(text, match[1])
		if !ok {
			break
		}
		text, err = changed, do(ctx, string(changed))
	}
	if err == nil && s.kind == "TABLE" && s.verb != "DROP" {
		return l.hearOf(ctx, s)
	}
	switch number(err) {
	case mysqlEmptyQuery:
		return nil // it is for servers of the other family, or newer ones
	case mysqlUnknownVariable:
		if s.verb == "SET" {
			l.rewriter.once.about(err.Error(), "a setting of the dump is unknown here: "+serverMessage(err))
			return nil
		}
	case mysqlSpecificDenied:
		// Only an administrator may make things in the name of others.
		if mine, changed := replaceDefiner(string(text), func(string, string) bool { return true }); changed {
			l.rewriter.once.about("definer", "this account may not make things in the name of others: views and routines belong to "+l.db.account)
			return do(ctx, mine)
		}
	case mysqlEventEndsEarly, mysqlEventInThePast, mysqlEventPastChange:
		return nil // its time is over
	}
	return err
}

// nameAt gives the i-th token as a name.
func (s *statement) nameAt(i int) string {
	if i >= len(s.tokens) {
		return ""
	}
	return s.tokens[i].Name(s.text)
}

var unknownMode = regexp.MustCompile(`Variable 'sql_mode' can't be set to the value of '([A-Z_0-9]+)'`)

func serverMessage(err error) string {
	var serverError *mysql.MySQLError
	if errors.As(err, &serverError) {
		return serverError.Message
	}
	return err.Error()
}

// beginsTransaction says whether what follows a statement belongs to a transaction, perhaps.
func beginsTransaction(s *statement) bool {
	switch s.verb {
	case "BEGIN", "START", "XA":
		return true
	case "SET":
		return s.find("AUTOCOMMIT") > 0
	}
	return false
}

// failed tells that the statement at hand has failed; nil stays nil.
func (l *mysqlLoad) failed(ctx context.Context, piece sqltext.Piece, err error) error {
	return l.failedAt(ctx, piece, l.statements, err)
}

// failedAt tells which statement of the dump failed.
func (l *mysqlLoad) failedAt(ctx context.Context, piece sqltext.Piece, statement int64, err error) error {
	if err == nil {
		return nil
	}
	if earlier := l.crew.failure(); earlier != nil && err == earlier { //nolint:errorlint // that very error, of a statement that was still running
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("load the dump: %w", ctx.Err())
	}
	var packet *PacketError
	if errors.As(err, &packet) {
		return packet
	}
	var names *NamesError
	if errors.As(err, &names) {
		return names
	}
	explained := l.db.explain("load the dump", err)
	var full *NoSpaceError
	var lost *LostError
	if errors.As(explained, &full) || errors.As(explained, &lost) {
		return explained
	}
	e := &LoadError{Statement: statement, Offset: piece.Offset, Table: piece.Table, Message: serverMessage(err), Err: err}
	if piece.Kind == sqltext.Rows {
		e.Message = withoutValues(e.Message)
	} else {
		e.Excerpt = excerpt(piece.Text)
	}
	if setting := l.db.settingBehind(ctx, err); setting != nil {
		setting.Err = e
		return setting
	}
	return e
}

// excerpt is how a statement begins, on one line.
func excerpt(text []byte) string {
	const longest = 200
	words := strings.Join(strings.Fields(string(text[:min(len(text), longest)])), " ")
	return strings.ToValidUTF8(words, "")
}

func (l *mysqlLoad) Compare(ctx context.Context, stats sqltext.Stats) error {
	l.warnings.tell(l.db.config.Note)
	if err := l.findVersions(ctx); err != nil {
		return err
	}
	l.versions.tell(l.db.config.Note)
	if err := l.compareDefinitions(ctx); err != nil {
		return l.db.explain("compare the tables' definitions", err)
	}
	if stats.Header != "" && !stats.Complete {
		return ErrIncomplete
	}
	incoming := quoteName(l.db.names.incoming) + "."
	elsewhere, err := l.lock.list(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND ENGINE IN"+
		" ('MRG_MyISAM', 'FEDERATED', 'CONNECT', 'OQGRAPH', 'SPIDER', 'VP')", l.db.names.incoming)
	if err != nil {
		return l.db.explain("list the tables", err)
	}
	var tables []string
	for table, want := range stats.Tables {
		if l.counted.are(table, want) {
			continue
		}
		if !slices.Contains(elsewhere, table) { // whose rows are those of other tables, of which dumps hold them
			tables = append(tables, table)
		}
	}
	if err := l.compareTables(ctx, tables, stats.Tables); err != nil {
		return err
	}
	if l.db.config.Part.TablesOnly {
		return nil // its views do not come
	}
	views, err := l.lock.list(ctx, "SELECT TABLE_NAME AS name FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ?", l.db.names.incoming)
	if err != nil {
		return l.db.explain("list the views", err)
	}
	for _, name := range views {
		if err := l.lock.exec(ctx, "SELECT 1 FROM "+incoming+quoteName(name)+" LIMIT 0"); number(err) != 0 {
			l.db.config.Note(fmt.Sprintf("view %s does not work: %s", name, serverMessage(err)))
		} else if err != nil {
			return l.db.explain("try view "+name, err)
		}
	}
	return nil
}

// compareTables counts the rows of tables, over all sessions, and says which does not have as many as it should.
func (l *mysqlLoad) compareTables(ctx context.Context, tables []string, rows map[string]int64) error {
	slices.SortFunc(tables, func(a, b string) int { return cmp.Compare(rows[b], rows[a]) }) // those first that take longest
	return l.crew.each(ctx, len(tables), func(ctx context.Context, s *mysqlSession, i int) error {
		table := tables[i]
		want := rows[table]
		if want >= 0 {
			want -= l.versions.leftOf(table)
		}
		got, err := s.count(ctx, l.versions.countOf(table))
		switch {
		case number(err) == mysqlUnknownTable:
			return &MismatchError{Table: table, Want: want, Got: -1}
		case err != nil:
			return l.db.explain("count the rows of table "+table, err)
		case want >= 0 && want != got:
			return &MismatchError{Table: table, Want: want, Got: got}
		}
		return nil
	})
}

// endSessions ends what the server may still be doing for us after our connections have been cut.
func (l *mysqlLoad) endSessions(ctx context.Context) error {
	s, err := l.db.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	// The numbers alone do not do: a server that has restarted counts from the beginning.
	ids, err := s.list(ctx, "SELECT ID AS name FROM information_schema.PROCESSLIST WHERE DB = ? OR ID = IS_USED_LOCK(?)",
		l.db.names.incoming, l.db.lockName())
	if err != nil {
		return l.db.explain("look for sessions of ours", err)
	}
	for _, id := range ids {
		if number, err := strconv.ParseInt(id, 10, 64); err == nil && (number == l.lock.id || l.crew.has(number) || l.porters.has(number)) {
			if err := s.kill(ctx, number); err != nil {
				return l.db.explain("end a session of ours", err)
			}
		}
	}
	return nil
}

// splitRows cuts an INSERT into several of at most limit bytes, between rows. Where a row is too long
// even by itself it gives nothing but the length that it needs.
func splitRows(text []byte, limit int) (parts [][]byte, need int) {
	next := func(at int) sqltext.Token { return sqltext.NextToken(text, at, sqltext.MySQL) }
	values := next(0)
	for !values.Is(text, "VALUES") && !values.Is(text, "VALUE") {
		if values.Kind == sqltext.End {
			return nil, len(text)
		}
		values = next(values.End)
	}
	head := text[:values.End]
	flush := func(rows []byte) { parts = append(parts, slices.Concat(head, rows)) }
	start, end, depth := values.End, values.End, 0 // of the rows not yet handed out
	for token := next(values.End); ; token = next(token.End) {
		switch {
		case token.IsSymbol(text, '('):
			depth++
			continue
		case token.IsSymbol(text, ')'):
			depth--
			continue
		case depth > 0 && token.Kind != sqltext.End:
			continue
		}
		// A row has ended: the token is the comma behind it, or the end.
		rowEnd := token.Start
		if token.Kind != sqltext.End && !token.IsSymbol(text, ',') {
			return nil, len(text) // ON DUPLICATE KEY UPDATE and the like
		}
		if len(head)+rowEnd-start > limit {
			if end > start {
				flush(text[start:end])
				start = end + 1 // behind the comma
			}
			if len(head)+rowEnd-start > limit {
				return nil, len(head) + rowEnd - start + 1
			}
		}
		end = rowEnd
		if token.Kind == sqltext.End {
			flush(text[start:end])
			return parts, 0
		}
	}
}
