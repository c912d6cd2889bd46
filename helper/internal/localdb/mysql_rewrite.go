package localdb

import (
	"context"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// rewriter makes the statements of a dump fit the server and the scratch database. It looks at tokens
// only, never into strings, and of INSERT statements it looks at the head alone.
type rewriter struct {
	once       *once
	collations *collations
	server     serverKind
	// accounts are those of the server, "user@host"; nil where we may not see them.
	accounts map[string]bool
	account  string
	// database is the dump's own, once something has told its name.
	database  string
	elsewhere elsewhere
	declared  declared
}

// Statements by their first word.
var (
	// harmless touch nothing but the session and the tables that they name.
	harmless = []string{"SET", "SELECT", "DO", "INSERT", "REPLACE", "UPDATE", "DELETE", "TRUNCATE", "RENAME", "LOCK", "UNLOCK",
		"START", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "ANALYZE", "OPTIMIZE", "CHECK",
		"CREATE", "ALTER", "DROP"}
	// ours are the kinds of things that a dump may create, alter and drop.
	ours = []string{"TABLE", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "INDEX", "SEQUENCE", "PACKAGE"}
	// others are the kinds that lie outside of a database.
	others = []string{"DATABASE", "SCHEMA", "USER", "ROLE", "SERVER", "TABLESPACE", "LOGFILE", "INSTANCE", "RESOURCE", "UNDO"}
	// nameWords come right before the name of something in a database.
	nameWords = []string{"TABLE", "TABLES", "EXISTS", "VIEW", "INTO", "UPDATE", "FROM", "JOIN", "REFERENCES", "LIKE", "TO",
		"SEQUENCE", "PROCEDURE", "FUNCTION", "EVENT", "TRIGGER", "PACKAGE", "BODY", "TRUNCATE", "RENAME", "AS", "IGNORE", "FOR"}
)

// statement is one of a dump's, taken apart.
type statement struct {
	text   []byte
	tokens []sqltext.Token
	verb   string // the first word, in capitals
	kind   string // what CREATE, ALTER and DROP are about: one of ours or of others, or ""
	edits  edits
	// declares is the text without what this server was noted not to know; nil where that is all of it.
	declares []byte
}

func parse(text []byte) *statement {
	s := &statement{text: text}
	for at := 0; ; {
		token := sqltext.NextToken(text, at, sqltext.MySQL)
		if token.Kind == sqltext.End {
			break
		}
		s.tokens = append(s.tokens, token)
		at = token.End
	}
	s.verb = s.word(0)
	if s.verb == "CREATE" || s.verb == "ALTER" || s.verb == "DROP" {
		for i := 1; i < len(s.tokens) && s.kind == ""; i++ {
			if word := s.word(i); slices.Contains(ours, word) || slices.Contains(others, word) {
				s.kind = word
			}
		}
	}
	return s
}

// word gives the i-th token in capitals if it is a bare word.
func (s *statement) word(i int) string {
	if i < 0 || i >= len(s.tokens) || s.tokens[i].Kind != sqltext.Word {
		return ""
	}
	return strings.ToUpper(s.tokens[i].Name(s.text))
}

func (s *statement) symbol(i int, c byte) bool {
	return i >= 0 && i < len(s.tokens) && s.tokens[i].IsSymbol(s.text, c)
}

// find gives the place of the first of some words; -1 where there is none.
func (s *statement) find(words ...string) int {
	for i := range s.tokens {
		if word := s.word(i); word != "" && slices.Contains(words, word) {
			return i
		}
	}
	return -1
}

// rewrite gives the statement as it shall be run, or nothing if it shall not.
func (w *rewriter) rewrite(ctx context.Context, text []byte) ([]byte, error) {
	s := parse(text)
	switch {
	case s.verb == "USE":
		return nil, w.meets(unquoted(text, s.tokens[min(1, len(s.tokens)-1)]))
	case s.kind == "DATABASE" || s.kind == "SCHEMA":
		at := s.find("DATABASE", "SCHEMA") + 1
		for slices.Contains([]string{"IF", "NOT", "EXISTS"}, s.word(at)) {
			at++
		}
		if at < len(s.tokens) && s.tokens[at].Kind != sqltext.Symbol {
			return nil, w.meets(unquoted(text, s.tokens[at]))
		}
		return nil, nil
	case !slices.Contains(harmless, s.verb), slices.Contains(others, s.kind), s.forServer(),
		s.kind == "" && slices.Contains([]string{"CREATE", "ALTER", "DROP"}, s.verb):
		w.skip(s)
		return nil, nil
	case s.verb == "SET" && s.find("GTID_PURGED", "SQL_LOG_BIN") >= 0:
		return nil, nil
	case s.verb == "LOCK", s.verb == "UNLOCK":
		// Nobody else is in the scratch database, and MariaDB's own dumps fail to lock the sequences
		// that a table's defaults need.
		return nil, nil
	}
	s = w.translate(s)
	declares := s
	if s.declares != nil {
		declares = parse(s.declares)
	}
	w.declared.meet(w.adapt(declares)) // what that leaves out is noted
	s = w.adapt(s)
	if err := w.stripDatabase(s); err != nil {
		return nil, err
	}
	w.keepInside(s)
	if err := w.replaceCollations(ctx, s); err != nil {
		return nil, err
	}
	out := s.edits.apply(s.text)
	if s.kind == "" || s.kind == "TABLE" {
		return out, nil
	}
	changed, _ := replaceDefiner(string(out), w.unwanted)
	return []byte(changed), nil
}

// forServer says whether a statement changes the server as a whole.
func (s *statement) forServer() bool {
	switch s.verb {
	case "SET":
		for i := range s.tokens {
			switch s.word(i) {
			case "GLOBAL", "PERSIST", "PERSIST_ONLY":
				if i == 1 || s.symbol(i-1, '@') || s.symbol(i-1, ',') {
					// SET @old = @@GLOBAL.x only reads.
					return s.find("GTID_PURGED", "SQL_LOG_BIN") < 0 && !s.symbol(i-3, '=')
				}
			case "PASSWORD", "ROLE", "DEFAULT":
				if i == 1 {
					return true
				}
			}
		}
	case "START":
		return s.word(1) != "TRANSACTION"
	case "CREATE":
		return s.kind == "FUNCTION" && s.find("SONAME") >= 0
	case "SELECT":
		return s.find("OUTFILE", "DUMPFILE") >= 0
	}
	return false
}

func (w *rewriter) skip(s *statement) {
	what := strings.TrimSpace(s.verb + " " + s.kind)
	if s.verb == "SET" {
		what = "SET GLOBAL"
	}
	if s.verb == "FLUSH" || s.verb == "CHANGE" || s.verb == "RESET" {
		return // of no use here, and nobody misses it
	}
	w.once.about("skipped "+what, "the dump's "+what+" statements are skipped")
}

// meets notes the name of the dump's database and refuses a second one.
func (w *rewriter) meets(database string) error {
	if w.database == "" {
		w.database = database
	}
	if !strings.EqualFold(w.database, database) {
		return &SeveralDatabasesError{First: w.database, Second: database}
	}
	return nil
}

// readHeader finds the database's name in the comment by which mysqldump and mariadb-dump begin.
func (w *rewriter) readHeader(filler []byte) {
	if w.database != "" || !strings.Contains(string(filler), "-- Host: ") {
		return
	}
	for line := range strings.Lines(string(filler)) {
		_, name, found := strings.Cut(strings.TrimRight(line, "\r\n"), "    Database: ")
		if found && strings.HasPrefix(line, "-- Host: ") {
			w.database = strings.TrimSpace(name)
		}
	}
}

// stripDatabase takes the dump's database off the names of tables and the like, so that they are those
// of the scratch database, and refuses the names of others.
func (w *rewriter) stripDatabase(s *statement) error {
	last := len(s.tokens)
	switch {
	case s.verb == "CREATE" && s.kind == "VIEW":
		return w.stripView(s)
	case s.verb == "SET", s.verb == "SELECT" && s.find("SETVAL") < 0:
		return nil
	case s.verb == "CREATE" && s.kind == "TRIGGER":
		// The body begins behind ON table FOR EACH ROW.
		if each := s.find("EACH"); each > 0 {
			last = each
		}
	case s.verb == "CREATE" && slices.Contains([]string{"PROCEDURE", "FUNCTION", "EVENT", "PACKAGE"}, s.kind):
		// Only the name that is made; the rest is a body.
		last = min(last, s.find(s.kind)+8)
	case s.verb == "UPDATE" && s.find("SET") > 0:
		last = s.find("SET")
	}
	isList := slices.Contains([]string{"DROP", "RENAME", "TRUNCATE", "ANALYZE", "OPTIMIZE", "CHECK", "UPDATE"}, s.verb)
	for i := 1; i+2 < last; i++ {
		if !s.isName(i) || !s.symbol(i+1, '.') || s.symbol(i-1, '.') || !s.isName(i+2) {
			continue
		}
		called := s.symbol(i-1, '(') && slices.Contains([]string{"NEXTVAL", "SETVAL", "LASTVAL"}, s.word(i-2))
		on := s.word(i-1) == "ON" && (s.kind == "TRIGGER" || s.kind == "INDEX")
		if !called && !on && !slices.Contains(nameWords, s.word(i-1)) && !(isList && s.symbol(i-1, ',')) {
			continue
		}
		if database := s.nameAt(i); s.word(i-1) == "REFERENCES" && !strings.EqualFold(database, w.database) {
			standIn := w.elsewhere.standIn(place{database, s.nameAt(i + 2)})
			s.edits.replace(s.tokens[i].Start, s.tokens[i+2].End, quoteName(standIn))
			continue
		}
		if err := w.meets(s.tokens[i].Name(s.text)); err != nil {
			return err
		}
		s.edits.replace(s.tokens[i].Start, s.tokens[i+2].Start, "")
	}
	return nil
}

// rows gives an INSERT or REPLACE without the dump's database before its table; only the head of the
// statement is looked at.
func (w *rewriter) rows(text []byte) ([]byte, error) {
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
		var table edits
		table.replace(start, end, quoteName(parts[len(parts)-1]))
		return table.apply(text), nil
	}
}

// stripView does so for a view, whose text names tables and columns alike: `a`.`b` may be a table b of
// database a and a column b of table a. A view may read from another database.
func (w *rewriter) stripView(s *statement) error {
	inFrom := false
	name := s.find("VIEW") + 1
	for i := 1; i+2 < len(s.tokens); i++ {
		inFrom = s.word(i-1) == "FROM" || s.word(i-1) == "JOIN" || inFrom && s.symbol(i-1, '(')
		if !s.isName(i) || !s.symbol(i+1, '.') || s.symbol(i-1, '.') {
			continue
		}
		database := s.tokens[i].Name(s.text)
		if i == name {
			if err := w.meets(database); err != nil {
				return err
			}
		}
		if strings.EqualFold(database, w.database) && (i == name || inFrom || s.symbol(i+3, '.') || s.symbol(i+3, '(')) {
			s.edits.replace(s.tokens[i].Start, s.tokens[i+2].Start, "")
		}
	}
	return nil
}

// isName says whether the i-th token can be a name; numbers are words too.
func (s *statement) isName(i int) bool {
	if i < 0 || i >= len(s.tokens) {
		return false
	}
	token := s.tokens[i]
	if token.Kind == sqltext.QuotedName {
		return true
	}
	return token.Kind == sqltext.Word && (s.text[token.Start] < '0' || s.text[token.Start] > '9')
}

// replaceCollations puts what the server knows in place of what it does not.
func (w *rewriter) replaceCollations(ctx context.Context, s *statement) error {
	for i, token := range s.tokens {
		if token.Kind != sqltext.Word && token.Kind != sqltext.Text {
			continue
		}
		word := unquoted(s.text, token)
		replace := w.collations.collation
		before := s.word(i - 1)
		if s.symbol(i-1, '=') {
			before = s.word(i - 2)
		}
		switch {
		case before == "COLLATE", before == "COLLATION_CONNECTION", token.Kind == sqltext.Word && looksLikeCollation(word):
			if !looksLikeCollation(word) {
				continue
			}
		case before == "CHARSET", before == "NAMES", before == "SET" && s.word(i-2) == "CHARACTER",
			strings.HasPrefix(before, "CHARACTER_SET_"):
			if len(charsetsNear(word)) == 0 {
				continue
			}
			replace = w.collations.charset
		default:
			continue
		}
		known, err := replace(ctx, word)
		if err != nil {
			return err
		}
		if !strings.EqualFold(known, word) {
			s.edits.replace(token.Start, token.End, known)
		}
	}
	return nil
}

// unwanted says whether a definer must give way: the server does not have it.
func (w *rewriter) unwanted(user, host string) bool {
	name := user + "@" + host
	if w.accounts[name] || name == w.account {
		return false
	}
	if w.accounts == nil {
		w.once.about("definer "+name, "whether definer "+name+" exists here cannot be seen: "+w.account+" takes its place")
	} else {
		w.once.about("definer "+name, "definer "+name+" does not exist here: "+w.account+" takes its place")
	}
	return true
}

// withoutMode takes a mode that the server does not know out of a SET statement's sql_mode.
func withoutMode(text []byte, mode string) ([]byte, bool) {
	var changes edits
	for at := 0; ; {
		token := sqltext.NextToken(text, at, sqltext.MySQL)
		if token.Kind == sqltext.End {
			break
		}
		at = token.End
		if token.Kind != sqltext.Text {
			continue
		}
		modes := strings.Split(unquoted(text, token), ",")
		left := slices.DeleteFunc(slices.Clone(modes), func(m string) bool { return strings.EqualFold(m, mode) })
		if len(left) < len(modes) {
			changes.replace(token.Start, token.End, quoteText(strings.Join(left, ",")))
		}
	}
	return changes.apply(text), len(changes) > 0
}
