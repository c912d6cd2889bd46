// Package load loads a dump into an empty database of a MySQL or MariaDB server, over a pool of sessions, and checks
// the result.
package load

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

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/admit"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Load is the load of a dump into the scratch database.
type Load struct {
	Server *session.Server
	// Lock holds the lock. The dump's statements run in other sessions, because they change the settings of their
	// session.
	Lock       *session.Session
	Pool       *session.Pool
	Account    *session.Account // whose sessions they are; nil if they are of the pull's own account
	ownPool    *session.Pool    // of the pull's own account, for objects; nil before
	filePool   *session.Pool    // more sessions, for files
	Rewriter   *rewrite.Rewriter
	judge      *admit.Judge
	packet     int64 // the longest statement that the server takes, in bytes
	objects    []object
	Events     map[string]string // the status of each event, which stays disabled until the swap
	statements int64
	offset     int64               // where the text that Run reads begins in the dump, in bytes
	deferAbove int64               // tables with more text in their rows get their keys afterwards
	BulkAbove  int                 // statements with more text are sent in bulk
	refused    *target.TablesError // nil while the server has taken all tables
	inChunks   bool                // the dump comes in chunks
	unmade     map[string]bool     // tables that the server refused and that are not pulled
	checked    bool                // unique_checks has been turned on
	Counted    session.Counts
	// Definitions has what SHOW CREATE TABLE shows of tables in the incoming database. Whoever alters one deletes its entry.
	Definitions map[string]string
	settings    rowSettings
	made        target.FoldedNames // tables and views
	warnings    warnings
	heard       []tableWarning
	Versions    Versions
	// mayBeTooLong are tables of which the server has warned that it does not take all rows that their columns allow.
	mayBeTooLong []string
	// named has every name in a statement that may have made something, in lower case.
	named map[string]bool
	// unnamed says that a statement may have made things that it does not name.
	unnamed bool
}

// packetHead is how many bytes of a packet the protocol and the driver need for themselves.
const packetHead = 64

// New prepares a load into the incoming database, which exists and is empty. The session that holds the lock stays
// the caller's.
func New(ctx context.Context, db *session.Server, lock *session.Session) (*Load, error) {
	l := &Load{
		Server: db, Lock: lock, Events: map[string]string{}, deferAbove: deferredBytes, BulkAbove: BulkBytes,
		filePool: &session.Pool{}, named: map[string]bool{}, unmade: map[string]bool{}, made: target.FoldedNames{},
	}
	if db.Config.AsText != nil {
		l.BulkAbove = 0
	}
	return l, l.prepare(ctx)
}

func (l *Load) prepare(ctx context.Context) error {
	db, n := l.Server, l.Server.Names
	if err := l.openPool(ctx); err != nil {
		return err
	}
	// These are the settings of the mysql client and of the heads of dumps. The dump's own settings come on top.
	for _, setting := range []string{
		"USE " + mysql.QuoteName(n.Incoming),
		"SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', unique_checks = 0, lock_wait_timeout = 3600",
	} {
		if err := l.Pool.Everywhere(ctx, setting); err != nil {
			return db.Classify("use database "+n.Incoming, err)
		}
	}
	if err := l.prepareForRows(ctx); err != nil {
		return err
	}
	if err := l.prepareForVersions(ctx); err != nil {
		return err
	}
	if err := l.Lock.Conn.QueryRowContext(ctx, "SELECT @@max_allowed_packet").Scan(&l.packet); err != nil {
		return db.Classify("ask for max_allowed_packet", err)
	}
	l.packet -= packetHead
	if err := l.prepareToAdmit(ctx); err != nil {
		return err
	}
	notes := target.NewOnce(db.Config.Note)
	l.Rewriter = &rewrite.Rewriter{
		Once: notes, Account: db.Account, Server: db.Release,
		Collations: &rewrite.Collations{Ask: l.Lock, Once: notes, Nearest: map[string]string{}},
	}
	accounts, err := l.Lock.List(ctx, "SELECT CONCAT(User, '@', Host) AS name FROM mysql.user")
	if err == nil {
		l.Rewriter.Accounts = map[string]bool{}
		for _, account := range accounts {
			l.Rewriter.Accounts[account] = true
		}
		if l.Account != nil {
			delete(l.Rewriter.Accounts, l.Account.Name+"@"+l.Account.Host) // it will be gone
		}
	}
	return nil
}

// Run loads a dump's text: see target.Load.
func (l *Load) Run(ctx context.Context, r io.Reader, dialect sqltext.Dialect, progress func(int64)) (sqltext.Stats, error) {
	if dialect != sqltext.MySQL {
		return sqltext.Stats{}, &target.WrongEngineError{Dump: dialect.String(), Target: l.Server.Release.Flavour.Product()}
	}
	splitter := sqltext.NewSplitter(r, dialect)
	next := func() (sqltext.Piece, error) {
		piece, err := splitter.Next()
		piece.Offset += l.offset
		if progress != nil {
			progress(int64(len(piece.Raw)))
		}
		return piece, err
	}
	for {
		piece, err := next()
		if err == io.EOF {
			break
		}
		if err != nil {
			_ = l.Pool.Wait() // the reader may be closed then
			return splitter.Stats(), fmt.Errorf("read the dump: %w", err)
		}
		if err := l.piece(ctx, piece, next); err != nil {
			_ = l.Pool.Wait()
			return splitter.Stats(), err
		}
	}
	if err := l.Pool.Wait(); err != nil {
		return splitter.Stats(), err
	}
	if err := l.refusedTables(); err != nil {
		return splitter.Stats(), err
	}
	if !l.inChunks {
		if err := l.makeObjects(ctx); err != nil {
			return splitter.Stats(), err
		}
	}
	// A dump may end with autocommit off.
	return splitter.Stats(), l.Server.Classify("end the load", l.Pool.Everywhere(ctx, "COMMIT"))
}

// piece loads a piece of the dump. next returns the pieces that follow, for a row that is longer than one.
func (l *Load) piece(ctx context.Context, piece sqltext.Piece, next func() (sqltext.Piece, error)) error {
	switch piece.Kind {
	case sqltext.Filler:
		defaults, err := l.Rewriter.ReadHeader(ctx, piece.Raw)
		if err != nil || defaults == nil {
			return l.Server.Classify("read the dump", err)
		}
		return l.failed(ctx, piece, l.statement(ctx, defaults))
	case sqltext.Rows:
		l.statements++
		return l.rows(ctx, piece, next)
	case sqltext.Statement:
		l.statements++
		text, err := l.Rewriter.Rewrite(ctx, piece.Text)
		if err != nil {
			return l.Server.Classify("read the dump", err)
		}
		off := false
		if len(text) > 0 {
			off, err = l.putOff(ctx, piece, text)
		}
		if err == nil && !off && len(text) > 0 {
			err = l.statement(ctx, text)
		}
		if err == nil {
			err = l.keysOnExpressions(ctx)
		}
		return l.collect(piece, l.failed(ctx, piece, err))
	}
	return nil
}

func (l *Load) rows(ctx context.Context, piece sqltext.Piece, next func() (sqltext.Piece, error)) error {
	if l.refused != nil && !l.inChunks {
		return nil // the definitions of other tables may still come
	}
	if err := l.refusedTables(); err != nil {
		return err
	}
	if err := l.forRows(ctx); err != nil {
		return l.failed(ctx, piece, err)
	}
	if (piece.Rows < 0 || piece.Open) && !l.checked {
		// If the dump turns unique_checks off, MariaDB fills an empty table in bulk. INSERT IGNORE with a duplicate
		// then succeeds and leaves the table empty.
		if err := l.Pool.Everywhere(ctx, "SET SESSION unique_checks = 1"); err != nil {
			return l.failed(ctx, piece, err)
		}
		l.checked = true
	}
	text, err := l.Rewriter.Rows(piece.Text)
	if err != nil {
		return l.Server.Classify("read the dump", err)
	}
	if piece.Open {
		if err := l.Pool.Wait(); err != nil {
			return err
		}
		piece.Text = text
		_, err = l.addLong(ctx, l.Pool.Sessions[0], piece, next)
		return l.failed(ctx, piece, err)
	}
	if err := l.judge.Insert(text); err != nil {
		return l.failed(ctx, piece, &notAdmitted{err})
	}
	if int64(len(text)) <= l.packet {
		return l.insert(ctx, piece, text)
	}
	parts, longest := splitRows(text, int(l.packet))
	if parts == nil {
		return &target.PacketError{Table: piece.Table, Need: int64(longest) + packetHead, Limit: l.packet + packetHead}
	}
	for _, part := range parts {
		if err := l.insertNext(ctx, piece, part); err != nil {
			return err
		}
	}
	return nil
}

// insertNext adds rows after everything before them is done.
func (l *Load) insertNext(ctx context.Context, piece sqltext.Piece, text []byte) error {
	err := l.Pool.Wait()
	if err == nil {
		_, err = l.add(ctx, l.Pool.Sessions[0], piece, text)
	}
	return l.failed(ctx, piece, err)
}

// insert adds rows, in any session if their order does not matter.
func (l *Load) insert(ctx context.Context, piece sqltext.Piece, text []byte) error {
	ordered := piece.Rows < 0 || len(text) > session.ParallelBytes || l.Pool.Alone
	if !ordered {
		var err error
		if ordered, err = l.Pool.Ordered(ctx, l.Server.Names.Incoming, piece.Table); err != nil {
			return l.failed(ctx, piece, err)
		}
	}
	if ordered {
		return l.insertNext(ctx, piece, text)
	}
	text, statement := bytes.Clone(text), l.statements
	return l.Pool.Insert(func(s *session.Session) error {
		_, err := l.add(ctx, s, piece, text)
		return l.failedAt(ctx, piece, statement, err)
	})
}

// statement runs a statement without rows, and adapts it to the server.
func (l *Load) statement(ctx context.Context, text []byte) error {
	if int64(len(text)) > l.packet {
		return &target.PacketError{Need: int64(len(text)) + packetHead, Limit: l.packet + packetHead}
	}
	s := rewrite.Parse(text)
	if l.dropsNothing(s) {
		return nil
	}
	if err := l.claim(s); err != nil {
		return err
	}
	if err := l.settingsFor(ctx, s); err != nil {
		return err
	}
	l.remember(s)
	if s.Verb == "CREATE" && s.Kind == "EVENT" {
		// An event must not fire while it waits in the scratch database.
		disabled, was := rewrite.SetEventStatus(string(text), rewrite.EventDisabled)
		if at := s.Find("EVENT") + 1; s.Word(at) == "IF" {
			l.Events[s.NameAt(at+3)] = was
		} else {
			l.Events[s.NameAt(at)] = was
		}
		text = []byte(disabled)
	}
	if s.Verb == "SET" && s.Find(insertHistory) >= 0 {
		if l.Versions.InDump = true; !l.Versions.Taken {
			return nil
		}
	}
	do, mayWarn := l.Pool.Exec, true
	switch {
	case s.Verb == "SET":
		do = l.Pool.Everywhere
	case s.Kind == "TABLE" && s.Verb != "DROP":
		do = func(ctx context.Context, statement string) (err error) {
			mayWarn, err = l.execHeard(ctx, statement)
			return err
		}
	}
	l.Pool.Alone = l.Pool.Alone || beginsTransaction(s)
	admitted := func(statement []byte) error {
		if err := l.admits(statement); err != nil {
			return err
		}
		return do(ctx, string(statement))
	}
	err := admitted(text)
	for tries := 0; tries < 10 && mysql.Errno(err) == mysql.ErrnoWrongValue && s.Verb == "SET"; tries++ {
		match := unknownMode.FindStringSubmatch(err.Error())
		if match == nil {
			break
		}
		changed, ok := rewrite.WithoutMode(text, match[1])
		if !ok {
			break
		}
		text, err = changed, admitted(changed)
	}
	if setting := (*admit.SettingError)(nil); errors.As(err, &setting) {
		l.Rewriter.Once.About("setting "+setting.Name, "a setting of the dump is left out: "+strings.ToLower(setting.Name))
		return nil
	}
	if err == nil && l.judge.ModeChanged {
		err = l.readMode(ctx)
	}
	if err == nil && s.Kind == "TABLE" && s.Verb != "DROP" && mayWarn {
		return l.hearOf(ctx, s)
	}
	switch mysql.Errno(err) {
	case mysql.ErrnoEmptyQuery:
		return nil // it is for servers of the other family, or newer ones
	case mysql.ErrnoUnknownVariable:
		if s.Verb == "SET" {
			l.Rewriter.Once.About(err.Error(), "a setting of the dump is unknown here: "+mysql.ServerMessage(err))
			return nil
		}
	case mysql.ErrnoSpecificDenied:
		if s.Verb == "SET" && l.Account != nil {
			l.Rewriter.Once.About(string(text), "a setting of the dump is left out, because only administrators may make it: "+withoutValues(text))
			return nil
		}
		// Only an administrator may create objects that run as someone else.
		if mine, changed := rewrite.ReplaceDefiner(string(text), func(string, string) bool { return true }); changed {
			l.Rewriter.Once.About("definer", "this account may not make things in the name of others: views and routines belong to "+l.Server.Account)
			err = admitted([]byte(mine))
		}
	case mysql.ErrnoEventEndsEarly, mysql.ErrnoEventInThePast, mysql.ErrnoEventPastChange:
		return nil // the event's time is over
	}
	if err != nil {
		return l.retry(ctx, s, err)
	}
	return nil
}

var unknownMode = regexp.MustCompile(`Variable 'sql_mode' can't be set to the value of '([A-Z_0-9]+)'`)

// beginsTransaction says whether a statement may begin a transaction.
func beginsTransaction(s *rewrite.Statement) bool {
	switch s.Verb {
	case "BEGIN", "START", "XA":
		return true
	case "SET":
		return s.Find("AUTOCOMMIT") > 0
	}
	return false
}

// filledAlone returns the table of a statement that would fill it, or prepare it for that, if the dump has not made it; else "".
func (l *Load) filledAlone(piece sqltext.Piece, err error) string {
	if mysql.Errno(err) != mysql.ErrnoUnknownTable || l.refused != nil {
		return ""
	}
	if piece.Kind == sqltext.Rows {
		return piece.Table
	}
	if s := rewrite.Parse(piece.Text); s.Verb == "ALTER" && s.Kind == "TABLE" && s.Find("DISABLE") > 0 {
		return s.TableName()
	}
	return ""
}

// failed describes the failure of the current statement; nil stays nil.
func (l *Load) failed(ctx context.Context, piece sqltext.Piece, err error) error {
	return l.failedAt(ctx, piece, l.statements, err)
}

// failedAt says which statement of the dump failed.
func (l *Load) failedAt(ctx context.Context, piece sqltext.Piece, statement int64, err error) error {
	if err == nil {
		return nil
	}
	if earlier := l.Pool.Failure(); earlier != nil && err == earlier { //nolint:errorlint // that very error, of a statement that was still running
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("load the dump: %w", ctx.Err())
	}
	var packet *target.PacketError
	if errors.As(err, &packet) {
		return packet
	}
	var unread *readError
	if errors.As(err, &unread) {
		return unread
	}
	var names *target.NamesError
	if errors.As(err, &names) {
		return names
	}
	var refused *notAdmitted
	if errors.As(err, &refused) {
		return &target.NotAdmittedError{Statement: statement, Offset: piece.Offset, Excerpt: withoutValues(piece.Text), Reason: refused.Error()}
	}
	explained := l.Server.Classify("load the dump", err)
	var full *target.NoSpaceError
	var lost *target.LostError
	if errors.As(explained, &full) || errors.As(explained, &lost) {
		return explained
	}
	if table := l.filledAlone(piece, err); table != "" {
		return &target.RowsAloneError{Table: table, Err: err}
	}
	e := &target.LoadError{Statement: statement, Offset: piece.Offset, Table: piece.Table, Message: mysql.ServerMessage(err), Err: err}
	if piece.Kind == sqltext.Rows {
		e.Message = mysql.WithoutValues(e.Message)
	} else {
		e.Excerpt = target.Excerpt(piece.Text)
	}
	if setting := l.Server.SettingBehind(ctx, err); setting != nil {
		setting.Err = e
		return setting
	}
	return l.shortPages(piece, e)
}

// Compare counts what has been loaded: see target.Load.
func (l *Load) Compare(ctx context.Context, stats sqltext.Stats) error {
	lose := func(note string) { l.Rewriter.Once.Lose(note, note) }
	l.warnings.tell(lose)
	if err := l.findVersions(ctx); err != nil {
		return err
	}
	l.Versions.tell(lose)
	if err := l.compareDefinitions(ctx); err != nil {
		return l.Server.Classify("compare the tables' definitions", err)
	}
	if lost := l.Rewriter.Once.Lost(); l.Server.Config.Strict && len(lost) > 0 {
		return &target.StrictError{Lost: lost}
	}
	if stats.Header != "" && !stats.Complete {
		return target.ErrIncomplete
	}
	incoming := mysql.QuoteName(l.Server.Names.Incoming) + "."
	rows, err := l.Lock.Table(ctx, "SELECT TABLE_NAME AS name, ENGINE AS engine FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?", l.Server.Names.Incoming)
	if err != nil {
		return l.Server.Classify("list the tables", err)
	}
	elsewhere := map[string]bool{}
	for _, row := range rows {
		elsewhere[row["name"]] = mysql.RowsElsewhere(row["engine"])
	}
	var tables []string
	for table, want := range stats.Tables {
		if l.unmade[table] || l.Counted.Are(table, want) {
			continue
		}
		if !elsewhere[table] { // its rows are those of other tables; dumps do not contain them
			tables = append(tables, table)
		}
	}
	if err := l.compareTables(ctx, tables, stats.Tables); err != nil {
		return err
	}
	if l.Server.Config.Part.TablesOnly {
		return nil // views of a partial pull are not replaced
	}
	views, err := l.Lock.List(ctx, "SELECT TABLE_NAME AS name FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ?", l.Server.Names.Incoming)
	if err != nil {
		return l.Server.Classify("list the views", err)
	}
	for _, name := range views {
		// A SELECT, even of no rows, may call the functions of a view, which may write.
		if err := l.Lock.Exec(ctx, "SHOW FIELDS FROM "+incoming+mysql.QuoteName(name)); mysql.Errno(err) != 0 {
			l.Server.Config.Note(fmt.Sprintf("view %s does not work: %s", name, mysql.ServerMessage(err)))
		} else if err != nil {
			return l.Server.Classify("try view "+name, err)
		}
	}
	return nil
}

// smallTable is the most rows of a table that is counted together with others: a query for each would take longer than the counting.
const smallTable, countedAtOnce = 1000, 50

// compareTables counts the rows of tables over all sessions, and reports a table whose count is wrong.
func (l *Load) compareTables(ctx context.Context, tables []string, rows map[string]int64) error {
	slices.SortFunc(tables, func(a, b string) int { return cmp.Compare(rows[b], rows[a]) }) // the slowest first
	large := slices.IndexFunc(tables, func(table string) bool { return rows[table] <= smallTable })
	if large < 0 {
		large = len(tables)
	}
	var jobs [][]string
	for _, table := range tables[:large] {
		jobs = append(jobs, []string{table})
	}
	jobs = slices.AppendSeq(jobs, slices.Chunk(tables[large:], countedAtOnce))
	return l.Pool.Each(ctx, len(jobs), func(ctx context.Context, s *session.Session, i int) error {
		return l.compareSome(ctx, s, jobs[i], rows)
	})
}

// compareSome counts the rows of some tables, with one query if none of them is missing.
func (l *Load) compareSome(ctx context.Context, s *session.Session, tables []string, rows map[string]int64) error {
	queries := make([]string, len(tables))
	for i, table := range tables {
		queries[i] = l.Versions.countOf(table)
	}
	counts, err := s.CountAll(ctx, queries)
	switch {
	case mysql.Errno(err) != 0 && len(tables) > 1:
		for i := range tables {
			if err := l.compareSome(ctx, s, tables[i:i+1], rows); err != nil {
				return err
			}
		}
		return nil
	case mysql.Errno(err) == mysql.ErrnoUnknownTable:
		return &target.MismatchError{Table: tables[0], Want: l.wanted(tables[0], rows), Got: -1}
	case err != nil:
		return l.Server.Classify("count the rows of table "+tables[0], err)
	}
	for i, table := range tables {
		if want := l.wanted(table, rows); want >= 0 && want != counts[i] {
			return &target.MismatchError{Table: table, Want: want, Got: counts[i]}
		}
	}
	return nil
}

// wanted is how many rows a table must have; below zero if that is unknown.
func (l *Load) wanted(table string, rows map[string]int64) int64 {
	want := rows[table]
	if want >= 0 {
		want -= l.Versions.leftOf(table)
	}
	return want
}

// EndSessions ends what the server may still be doing for us after our connections were cut.
func (l *Load) EndSessions(ctx context.Context) error {
	s, err := l.Server.Connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := l.endSessions(ctx, s); err != nil || l.Account == nil {
		return err
	}
	// The pull's own account may not see those of another one.
	if s, err = l.Server.ConnectAs(ctx, l.Account); err != nil {
		return nil // the next pull has dropped the account
	}
	defer s.Close()
	return l.endSessions(ctx, s)
}

// endSessions ends those sessions of ours that an account sees.
func (l *Load) endSessions(ctx context.Context, s *session.Session) error {
	// The connection numbers are not enough: a restarted server counts from the beginning.
	ids, err := s.List(ctx, "SELECT ID AS name FROM information_schema.PROCESSLIST WHERE DB = ? OR ID = IS_USED_LOCK(?)",
		l.Server.Names.Incoming, l.Server.LockName())
	if err != nil {
		return l.Server.Classify("look for sessions of ours", err)
	}
	for _, id := range ids {
		if number, err := strconv.ParseInt(id, 10, 64); err == nil && (number == l.Lock.ID || l.Pool.Has(number) || l.ownPool.Has(number) || l.filePool.Has(number)) {
			if err := s.Kill(ctx, number); err != nil {
				return l.Server.Classify("end a session of ours", err)
			}
		}
	}
	return nil
}

// splitRows cuts an INSERT between rows into several of at most limit bytes. If a single row is too long, it returns
// only the length that the row needs.
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
	start, end, depth := values.End, values.End, 0 // of the rows not yet returned
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
		// A row has ended: the token is the comma after it, or the end.
		rowEnd := token.Start
		if token.Kind != sqltext.End && !token.IsSymbol(text, ',') {
			return nil, len(text) // ON DUPLICATE KEY UPDATE and the like
		}
		if len(head)+rowEnd-start > limit {
			if end > start {
				flush(text[start:end])
				start = end + 1 // after the comma
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
