// Package admit decides whether a statement of a dump may be sent to the local server. It knows the statements that dumps consist
// of, and refuses all others, and those that reach outside the database that is being loaded.
package admit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// Judge judges the statements of one dump, in their order. Each is judged as it is sent.
type Judge struct {
	// Server is what will read the statements.
	Server mysql.Release
	// Database is the one that is being loaded. It is the default of the sessions.
	Database string
	// Loadable are the functions that administrators have added to the server, in capitals. They may do anything.
	Loadable map[string]bool
	// Mode is that of the sessions.
	Mode Mode
	// ModeChanged says that a SET since it was last false may have changed the sessions' mode.
	ModeChanged bool

	// elsewhere are the tables whose rows are not in the database, in lower case.
	elsewhere map[string]bool
}

// SettingError means that a statement sets a variable of its session that dumps have no reason to set. It can be left out.
type SettingError struct{ Name string }

func (e *SettingError) Error() string { return "it sets " + e.Name }

// Statement returns nil if a statement may be sent, and otherwise an error that says why not. A statement can be read in more than
// one way: a server may execute what stands in the comments /*! */ and /*M! */, or some of it, or nothing. All must be admitted.
func (j *Judge) Statement(statement []byte) error {
	for _, executes := range j.readings() {
		all, err := tokens(statement, j.Mode, executes)
		if err != nil {
			return err
		}
		if err := j.judge(&reader{judge: j, tokens: all}); err != nil {
			return err
		}
	}
	return nil
}

func (j *Judge) readings() []func(mysql.Comment) (bool, error) {
	return []func(mysql.Comment) (bool, error){
		func(mysql.Comment) (bool, error) { return true, nil },
		func(mysql.Comment) (bool, error) { return false, nil },
		func(c mysql.Comment) (bool, error) { return j.Server.Executes(c), nil },
	}
}

// Takes returns an error if rows must not be added to a table.
func (j *Judge) Takes(table string) error {
	if j.elsewhere[strings.ToLower(table)] {
		return fmt.Errorf("the rows of table %s are not in its database", excerpt(table))
	}
	return nil
}

// judge judges one reading of a statement.
func (j *Judge) judge(r *reader) error {
	if len(r.tokens) == 0 {
		return nil
	}
	verb := r.word(0)
	r.at = 1
	if verb != "CREATE" && slices.ContainsFunc(r.tokens, func(t token) bool { return t.isSymbol(';') }) {
		return errors.New("it is more than one statement")
	}
	switch verb {
	case "SET":
		return r.settings()
	case "CREATE":
		return r.create()
	case "ALTER":
		return r.alter()
	case "DROP":
		return r.drop()
	case "INSERT", "REPLACE":
		return r.insert()
	case "UPDATE":
		return r.update()
	case "DELETE":
		return r.remove()
	case "TRUNCATE":
		r.pass("TABLE")
		return r.end(r.rowsOf())
	case "RENAME":
		return r.rename()
	case "LOCK", "UNLOCK":
		if !r.pass("TABLES") && !r.pass("TABLE") {
			return r.unknown()
		}
		return r.lists("READ", "LOCAL", "WRITE", "LOW_PRIORITY", "CONCURRENT", "AS")
	case "ANALYZE", "OPTIMIZE", "CHECK", "REPAIR":
		r.pass("NO_WRITE_TO_BINLOG", "LOCAL")
		if !r.pass("TABLE") && !r.pass("TABLES") {
			return r.unknown()
		}
		return r.lists("EXTENDED", "QUICK", "FAST", "MEDIUM", "CHANGED", "FOR", "UPGRADE", "USE_FRM", "PERSISTENT", "ALL")
	case "START", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE":
		return r.transaction(verb)
	case "DO", "SELECT":
		return r.query(verb)
	}
	return r.unknown()
}

// reader reads the tokens of a statement from the left to the right.
type reader struct {
	judge  *Judge
	tokens []token
	at     int
}

func (t token) isSymbol(c byte) bool { return t.kind == symbol && t.text[0] == c }

// isName reports whether a token can be a name.
func (t token) isName() bool { return t.kind == word || t.kind == quoted }

// upper returns a word in capitals; "" for what is no word.
func (t token) upper() string {
	if t.kind != word {
		return ""
	}
	return strings.ToUpper(string(t.text))
}

// name returns the name that a token stands for.
func (t token) name() string {
	if t.kind != quoted || len(t.text) < 2 {
		return string(t.text)
	}
	quote := string(t.text[:1])
	return strings.ReplaceAll(string(t.text[1:len(t.text)-1]), quote+quote, quote)
}

func (r *reader) peek(i int) token {
	if i < 0 || i >= len(r.tokens) {
		return token{}
	}
	return r.tokens[i]
}

func (r *reader) word(i int) string { return r.peek(i).upper() }

func (r *reader) symbol(i int, c byte) bool { return r.peek(i).isSymbol(c) }

func (r *reader) ended() bool { return r.at >= len(r.tokens) }

// pass passes the next word if it is one of these.
func (r *reader) pass(words ...string) bool {
	if found := r.word(r.at); found != "" && slices.Contains(words, found) {
		r.at++
		return true
	}
	return false
}

// unknown is the error about a statement of an unknown form. It names only the words that it begins with.
func (r *reader) unknown() error {
	var words []string
	for i := 0; i <= min(r.at, 3); i++ {
		if found := r.word(i); found != "" {
			words = append(words, found)
		}
	}
	return fmt.Errorf("dumps have no statement of this form: %s", strings.Join(words, " "))
}

// end returns an error if the statement goes on.
func (r *reader) end(_ string, err error) error {
	if err == nil && !r.ended() {
		return r.unknown()
	}
	return err
}

// target reads the name of something in the database.
func (r *reader) target() (string, error) {
	if !r.peek(r.at).isName() {
		return "", r.unknown()
	}
	name := r.peek(r.at).name()
	r.at++
	if !r.symbol(r.at, '.') {
		return name, nil
	}
	if name != r.judge.Database || !r.peek(r.at+1).isName() || r.symbol(r.at+2, '.') {
		return "", fmt.Errorf("it concerns database %s", name)
	}
	name = r.peek(r.at + 1).name()
	r.at += 2
	return name, nil
}

// rowsOf reads the name of a table whose rows a statement changes.
func (r *reader) rowsOf() (string, error) {
	name, err := r.target()
	if err == nil {
		err = r.judge.Takes(name)
	}
	return name, err
}

// lists reads names with commas between them, and the words that may stand behind each.
func (r *reader) lists(options ...string) error {
	for !r.ended() {
		if _, err := r.rowsOf(); err != nil {
			return err
		}
		for r.pass(options...) {
			if r.word(r.at-1) == "AS" && r.peek(r.at).isName() {
				r.at++
			}
		}
		if r.peek(r.at).isName() && (r.symbol(r.at+1, ',') || r.word(r.at+1) == "READ" || r.word(r.at+1) == "WRITE") {
			r.at++ // an alias
			for r.pass(options...) {
			}
		}
		if r.ended() {
			return nil
		}
		if !r.symbol(r.at, ',') {
			return r.unknown()
		}
		r.at++
	}
	return nil
}

func (r *reader) transaction(verb string) error {
	if verb == "SAVEPOINT" || verb == "RELEASE" && r.pass("SAVEPOINT") || verb == "ROLLBACK" && r.word(r.at) == "TO" {
		if verb == "ROLLBACK" {
			r.at++
			r.pass("SAVEPOINT")
		}
		return r.end(r.target())
	}
	if verb == "RELEASE" || verb == "START" && !r.pass("TRANSACTION") {
		return r.unknown()
	}
	for !r.ended() {
		known := verb == "START" && r.pass("WITH", "CONSISTENT", "SNAPSHOT", "READ", "ONLY", "WRITE") ||
			verb != "START" && r.pass("WORK") || verb != "START" && verb != "BEGIN" && r.pass("AND", "NO", "CHAIN", "RELEASE")
		if verb == "START" && r.symbol(r.at, ',') {
			r.at++
			continue
		}
		if !known {
			return r.unknown()
		}
	}
	return nil
}

func (r *reader) rename() error {
	if !r.pass("TABLE") && !r.pass("TABLES") {
		return r.unknown()
	}
	for {
		r.pass("IF")
		r.pass("EXISTS")
		from, err := r.rowsOf()
		if err != nil {
			return err
		}
		for r.pass("WAIT", "NOWAIT") {
			if r.peek(r.at).kind == number {
				r.at++
			}
		}
		if !r.pass("TO") {
			return r.unknown()
		}
		if _, err := r.target(); err != nil {
			return fmt.Errorf("it renames %s: %w", from, err)
		}
		if r.ended() {
			return nil
		}
		if !r.symbol(r.at, ',') {
			return r.unknown()
		}
		r.at++
	}
}
