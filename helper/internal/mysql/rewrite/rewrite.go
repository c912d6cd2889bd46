// Package rewrite changes the statements of a dump so that another server accepts them and none reaches outside the
// scratch database. It also reads what they define.
package rewrite

import (
	"context"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// NameAt returns the i-th token as a name.
func (s *Statement) NameAt(i int) string {
	if i >= len(s.Tokens) {
		return ""
	}
	return s.Tokens[i].Name(s.Text)
}

// Rewriter adapts the statements of a dump to the server and the scratch database. It looks only at tokens, never
// into strings, and only at the head of INSERT statements.
type Rewriter struct {
	Once       *target.Once
	Collations *Collations
	Server     mysql.Release
	// Accounts are the server's accounts, "user@host"; nil if we may not see them.
	Accounts map[string]bool
	Account  string
	// Database is the dump's own, once the dump has named it.
	Database  string
	Elsewhere elsewhere
	// Numbered are the tables whose columns take numbers from other databases, which waits until all rows are in.
	Numbered []Numbered
	Declared declared
	// Unversioned are the tables that were system-versioned and are plain tables here, and whether transactions numbered
	// their versions.
	Unversioned map[string]bool
	// onExpressions are keys that wait until their tables are made.
	onExpressions []KeyOnExpression
	// known are the names of all such keys so far, with those of their tables.
	known map[[2]string]bool
}

// Statements by their first word.
var (
	// harmless statements affect only the session and the tables that they name.
	harmless = []string{"SET", "SELECT", "DO", "INSERT", "REPLACE", "UPDATE", "DELETE", "TRUNCATE", "RENAME", "LOCK", "UNLOCK",
		"START", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "ANALYZE", "OPTIMIZE", "CHECK",
		"CREATE", "ALTER", "DROP"}
	// ours are the kinds of objects that a dump may create, alter and drop.
	ours = []string{"TABLE", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "INDEX", "SEQUENCE", "PACKAGE"}
	// others are the kinds of objects outside a database.
	others = []string{"DATABASE", "SCHEMA", "USER", "ROLE", "SERVER", "TABLESPACE", "LOGFILE", "INSTANCE", "RESOURCE", "UNDO"}
	// nameWords come right before the name of an object in a database.
	nameWords = []string{"TABLE", "TABLES", "EXISTS", "VIEW", "INTO", "UPDATE", "FROM", "JOIN", "REFERENCES", "LIKE", "TO",
		"SEQUENCE", "PROCEDURE", "FUNCTION", "EVENT", "TRIGGER", "PACKAGE", "BODY", "TRUNCATE", "RENAME", "AS", "IGNORE", "FOR"}
)

// Statement is a parsed statement of a dump.
type Statement struct {
	Text   []byte
	Tokens []sqltext.Token
	Verb   string // the first word, in capitals
	Kind   string // what CREATE, ALTER and DROP concern: one of ours or of others, or ""
	Edits  sqltext.Edits
	// declares is the text without the parts that a note has reported as unknown to this server; nil if there are
	// none.
	declares []byte
}

// Parse cuts a statement into tokens and determines what it concerns.
func Parse(text []byte) *Statement {
	s := &Statement{Text: text, Tokens: sqltext.Tokens(text, sqltext.MySQL)}
	s.Verb = s.Word(0)
	if s.Verb == "CREATE" || s.Verb == "ALTER" || s.Verb == "DROP" {
		for i := 1; i < len(s.Tokens) && s.Kind == ""; i++ {
			if word := s.Word(i); slices.Contains(ours, word) || slices.Contains(others, word) {
				s.Kind = word
			}
		}
	}
	return s
}

// Word returns the i-th token in capitals if it is a bare word.
func (s *Statement) Word(i int) string {
	if i < 0 || i >= len(s.Tokens) || s.Tokens[i].Kind != sqltext.Word {
		return ""
	}
	return strings.ToUpper(s.Tokens[i].Name(s.Text))
}

// Symbol says whether the i-th token is a symbol.
func (s *Statement) Symbol(i int, c byte) bool {
	return i >= 0 && i < len(s.Tokens) && s.Tokens[i].IsSymbol(s.Text, c)
}

// Find returns the index of the first of some words; -1 if there is none.
func (s *Statement) Find(words ...string) int {
	for i := range s.Tokens {
		if word := s.Word(i); word != "" && slices.Contains(words, word) {
			return i
		}
	}
	return -1
}

// Rewrite returns the statement to run, or nothing if it is to be skipped.
func (w *Rewriter) Rewrite(ctx context.Context, text []byte) ([]byte, error) {
	s := Parse(text)
	switch {
	case s.Verb == "USE":
		return nil, w.meets(unquoted(text, s.Tokens[min(1, len(s.Tokens)-1)]))
	case s.Kind == "DATABASE" || s.Kind == "SCHEMA":
		return w.ofDatabase(ctx, s)
	case !slices.Contains(harmless, s.Verb), slices.Contains(others, s.Kind), s.forServer(),
		s.Kind == "" && slices.Contains([]string{"CREATE", "ALTER", "DROP"}, s.Verb):
		w.skip(s)
		return nil, nil
	case s.Verb == "SET" && s.Find("GTID_PURGED", "SQL_LOG_BIN") >= 0:
		return nil, nil
	case !w.Server.Since(knowsSequences, 0) && s.ofSequence():
		if s.Verb == "CREATE" {
			w.Once.Lose(s.Label(), s.Label()+" is left out: this server has no sequences")
		}
		return nil, nil
	case s.Verb == "LOCK", s.Verb == "UNLOCK":
		// Locks are unnecessary in the scratch database, and MariaDB's own dumps fail to lock the sequences that a
		// table's defaults need.
		return nil, nil
	}
	s = w.Translate(s)
	declares := s
	if s.declares != nil {
		declares = Parse(s.declares)
	}
	s = w.putOffNumbers(s)
	w.Declared.meet(w.Adapt(declares)) // a note has reported what Adapt leaves out
	s = w.Adapt(s)
	if err := w.stripDatabase(s); err != nil {
		return nil, err
	}
	w.keepInside(s)
	if err := w.replaceCollations(ctx, s); err != nil {
		return nil, err
	}
	out := s.Edits.Apply(s.Text)
	if s.Kind == "" || s.Kind == "TABLE" {
		return out, nil
	}
	changed, _ := ReplaceDefiner(string(out), w.unwanted)
	return []byte(changed), nil
}

// forServer says whether a statement changes the server as a whole.
func (s *Statement) forServer() bool {
	switch s.Verb {
	case "SET":
		for i := range s.Tokens {
			switch s.Word(i) {
			case "GLOBAL", "PERSIST", "PERSIST_ONLY":
				if i == 1 || s.Symbol(i-1, '@') || s.Symbol(i-1, ',') {
					// SET @old = @@GLOBAL.x only reads.
					return s.Find("GTID_PURGED", "SQL_LOG_BIN") < 0 && !s.Symbol(i-3, '=')
				}
			case "PASSWORD", "ROLE", "DEFAULT":
				if i == 1 {
					return true
				}
			}
		}
	case "START":
		return s.Word(1) != "TRANSACTION"
	case "CREATE":
		return s.Kind == "FUNCTION" && s.Find("SONAME") >= 0
	case "SELECT":
		return s.Find("OUTFILE", "DUMPFILE") >= 0
	}
	return false
}

func (w *Rewriter) skip(s *Statement) {
	what := strings.TrimSpace(s.Verb + " " + s.Kind)
	if s.Verb == "SET" {
		what = "SET GLOBAL"
	}
	if s.Verb == "FLUSH" || s.Verb == "CHANGE" || s.Verb == "RESET" {
		return // it has no effect here
	}
	w.Once.About("skipped "+what, "the dump's "+what+" statements are skipped")
}

// meets notes the name of the dump's database and refuses a second one.
func (w *Rewriter) meets(database string) error {
	if w.Database == "" {
		w.Database = database
	}
	if !strings.EqualFold(w.Database, database) {
		return &target.SeveralDatabasesError{First: w.Database, Second: database}
	}
	return nil
}

// ReadHeader finds the database's name in the comment at the beginning of a dump by mysqldump or mariadb-dump, and in one of our
// own also the database's default collation. It returns the statement that gives the scratch database the same default, if any.
func (w *Rewriter) ReadHeader(ctx context.Context, filler []byte) (defaults []byte, err error) {
	if w.Database != "" || !strings.Contains(string(filler), "-- Host: ") {
		return nil, nil
	}
	for line := range strings.Lines(string(filler)) {
		_, name, found := strings.Cut(strings.TrimRight(line, "\r\n"), "    Database: ")
		if found && strings.HasPrefix(line, "-- Host: ") {
			w.Database = strings.TrimSpace(name)
		}
		collation, found := strings.CutPrefix(strings.TrimSpace(line), "-- Collation of the database: ")
		if found && isPlainWord(collation) {
			defaults, err = w.ofDatabase(ctx, Parse([]byte("ALTER DATABASE COLLATE "+collation)))
		}
	}
	return defaults, err
}

// stripDatabase removes the dump's database from names, so that they refer to the scratch database, and refuses names
// of other databases.
func (w *Rewriter) stripDatabase(s *Statement) error {
	last := len(s.Tokens)
	switch {
	case s.Verb == "CREATE" && s.Kind == "VIEW":
		return w.stripView(s)
	case s.Verb == "SET", s.Verb == "SELECT" && s.Find("SETVAL") < 0:
		return nil
	case s.Verb == "CREATE" && s.Kind == "TRIGGER":
		// The body begins after ON table FOR EACH ROW.
		if each := s.Find("EACH"); each > 0 {
			last = each
		}
	case s.Verb == "CREATE" && slices.Contains([]string{"PROCEDURE", "FUNCTION", "EVENT", "PACKAGE"}, s.Kind):
		// Only the name of the object; the rest is a body.
		last = min(last, s.Find(s.Kind)+8)
	case s.Verb == "UPDATE" && s.Find("SET") > 0:
		last = s.Find("SET")
	}
	isList := slices.Contains([]string{"DROP", "RENAME", "TRUNCATE", "ANALYZE", "OPTIMIZE", "CHECK", "UPDATE"}, s.Verb)
	for i := 1; i+2 < last; i++ {
		if !s.IsName(i) || !s.Symbol(i+1, '.') || s.Symbol(i-1, '.') || !s.IsName(i+2) {
			continue
		}
		called := s.callsSequence(i)
		on := s.Word(i-1) == "ON" && (s.Kind == "TRIGGER" || s.Kind == "INDEX")
		if !called && !on && !slices.Contains(nameWords, s.Word(i-1)) && !(isList && s.Symbol(i-1, ',')) {
			continue
		}
		if called && w.Database != "" && !strings.EqualFold(s.NameAt(i), w.Database) {
			continue // putOffNumbers takes such a default out
		}
		if database := s.NameAt(i); s.Word(i-1) == "REFERENCES" && !strings.EqualFold(database, w.Database) {
			standIn := w.Elsewhere.standIn(QualifiedName{database, s.NameAt(i + 2)})
			s.Edits.Replace(s.Tokens[i].Start, s.Tokens[i+2].End, mysql.QuoteName(standIn))
			continue
		}
		if err := w.meets(s.Tokens[i].Name(s.Text)); err != nil {
			return err
		}
		s.Edits.Replace(s.Tokens[i].Start, s.Tokens[i+2].Start, "")
	}
	return nil
}

// Rows returns an INSERT or REPLACE without the dump's database before its table. It reads only the head of the
// statement.
func (w *Rewriter) Rows(text []byte) ([]byte, error) {
	for at := 0; ; {
		token := sqltext.NextToken(text, at, sqltext.MySQL)
		if token.Kind != sqltext.Word {
			return text, nil
		}
		at = token.End
		if !token.Is(text, "INTO") {
			continue
		}
		parts, start, end := sqltext.QualifiedName(text, at, sqltext.MySQL)
		if len(parts) < 2 {
			return text, nil
		}
		if err := w.meets(parts[0]); err != nil {
			return nil, err
		}
		var table sqltext.Edits
		table.Replace(start, end, mysql.QuoteName(parts[len(parts)-1]))
		return table.Apply(text), nil
	}
}

// stripView does the same for a view, where `a`.`b` may be table b of database a, or column b of table a. A view may
// read from another database.
func (w *Rewriter) stripView(s *Statement) error {
	inFrom := false
	name := s.Find("VIEW") + 1
	for i := 1; i+2 < len(s.Tokens); i++ {
		inFrom = s.Word(i-1) == "FROM" || s.Word(i-1) == "JOIN" || inFrom && s.Symbol(i-1, '(')
		if !s.IsName(i) || !s.Symbol(i+1, '.') || s.Symbol(i-1, '.') {
			continue
		}
		database := s.Tokens[i].Name(s.Text)
		if i == name {
			if err := w.meets(database); err != nil {
				return err
			}
		}
		if strings.EqualFold(database, w.Database) && (i == name || inFrom || s.Symbol(i+3, '.') || s.Symbol(i+3, '(') || s.callsSequence(i)) {
			s.Edits.Replace(s.Tokens[i].Start, s.Tokens[i+2].Start, "")
		}
	}
	return nil
}

// callsSequence says whether the i-th token is the argument of a function of a sequence.
func (s *Statement) callsSequence(i int) bool {
	return s.Symbol(i-1, '(') && slices.Contains([]string{"NEXTVAL", "SETVAL", "LASTVAL"}, s.Word(i-2))
}

// knowsSequences is the version of MariaDB that first had sequences. MySQL has none.
const knowsSequences = 100301

// ofSequence reports whether a statement makes, changes, sets or drops a sequence.
func (s *Statement) ofSequence() bool {
	return s.Kind == "SEQUENCE" || (s.Verb == "DO" || s.Verb == "SELECT") && (s.Word(1) == "SETVAL" || s.Word(1) == "NEXTVAL")
}

// IsName says whether the i-th token can be a name. Numbers are words too.
func (s *Statement) IsName(i int) bool {
	if i < 0 || i >= len(s.Tokens) {
		return false
	}
	token := s.Tokens[i]
	if token.Kind == sqltext.QuotedName {
		return true
	}
	return token.Kind == sqltext.Word && (s.Text[token.Start] < '0' || s.Text[token.Start] > '9')
}

// replaceCollations replaces character sets and collations that the server does not know.
func (w *Rewriter) replaceCollations(ctx context.Context, s *Statement) error {
	for i, token := range s.Tokens {
		if token.Kind != sqltext.Word && token.Kind != sqltext.Text {
			continue
		}
		word := unquoted(s.Text, token)
		replace := w.Collations.collation
		before := s.Word(i - 1)
		if s.Symbol(i-1, '=') {
			before = s.Word(i - 2)
		}
		switch {
		case before == "COLLATE", before == "COLLATION_CONNECTION", token.Kind == sqltext.Word && looksLikeCollation(word):
			if !looksLikeCollation(word) {
				continue
			}
		case before == "CHARSET", before == "NAMES", before == "SET" && s.Word(i-2) == "CHARACTER",
			strings.HasPrefix(before, "CHARACTER_SET_"):
			if len(charsetsNear(word)) == 0 {
				continue
			}
			replace = w.Collations.charset
		default:
			continue
		}
		known, err := replace(ctx, word)
		if err != nil {
			return err
		}
		if !strings.EqualFold(known, word) {
			s.Edits.Replace(token.Start, token.End, known)
		}
	}
	return nil
}

// unwanted says whether a definer must be replaced, because the server does not have it.
func (w *Rewriter) unwanted(user, host string) bool {
	name := user + "@" + host
	if w.Accounts[name] || name == w.Account {
		return false
	}
	if w.Accounts == nil {
		w.Once.About("definer "+name, "whether definer "+name+" exists here cannot be seen: "+w.Account+" takes its place")
	} else {
		w.Once.About("definer "+name, "definer "+name+" does not exist here: "+w.Account+" takes its place")
	}
	return true
}

// WithoutMode removes a mode that the server does not know from a SET statement's sql_mode.
func WithoutMode(text []byte, mode string) ([]byte, bool) {
	var changes sqltext.Edits
	for _, token := range sqltext.Tokens(text, sqltext.MySQL) {
		if token.Kind != sqltext.Text {
			continue
		}
		modes := strings.Split(unquoted(text, token), ",")
		left := slices.DeleteFunc(slices.Clone(modes), func(m string) bool { return strings.EqualFold(m, mode) })
		if len(left) < len(modes) {
			changes.Replace(token.Start, token.End, mysql.QuoteText(strings.Join(left, ",")))
		}
	}
	return changes.Apply(text), len(changes) > 0
}
