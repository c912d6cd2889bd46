package sqltext

import (
	"regexp"
	"strings"
)

// savedName is what the variables are called in which dumps save settings, in capitals.
var savedName = regexp.MustCompile(`^(?:OLD|SAVED?|PREV|PREVIOUS|ORIG|ORIGINAL|MYSQLDUMP_TEMP)_`)

// switches are settings that dumps turn off, with the values that mean so, and turn on again.
var switches = map[string][]string{
	"FOREIGN_KEY_CHECKS":       {"0", "OFF", "FALSE"},
	"SESSION_REPLICATION_ROLE": {"REPLICA"},
}

// set reads SET, from an offset behind that word.
func (e *ending) set(text []byte, at int) {
	for at < len(text) {
		var a assignment
		a, at = nextAssignment(text, at, e.dialect)
		switch {
		case a.user && savedName.MatchString(a.name):
			e.saved[a.name] = e.saved[a.name] || !e.begun && !strings.HasPrefix(a.name, "SAVE") // @saved_… are those of one table
			e.restored = false
		case a.user || a.name == "":
		case a.from != "":
			if atBeginning, saved := e.saved[a.from]; saved {
				e.restored = e.restored || atBeginning
				delete(e.saved, a.from)
			}
			delete(e.off, a.name)
		case a.name == "AUTOCOMMIT":
			e.transaction, e.outer = a.isOneOf("0", "OFF", "FALSE"), e.outer || !e.begun
		case switches[a.name] != nil && a.isOneOf(switches[a.name]...):
			e.off[a.name] = !e.begun
			e.on = false
		case switches[a.name] != nil:
			e.on = e.on || e.off[a.name]
			delete(e.off, a.name)
		}
	}
}

// assignment is one of those that a SET makes.
type assignment struct {
	name  string // of the variable, in capitals
	user  bool   // it is one of the user's, with an @
	value string // where it is a single word, in capitals
	from  string // the user's variable that the value is made of, in capitals
}

func (a assignment) isOneOf(values ...string) bool {
	for _, value := range values {
		if a.value == value {
			return true
		}
	}
	return false
}

// nextAssignment reads an assignment, and gives the offset behind the comma that ends it.
func nextAssignment(text []byte, at int, dialect Dialect) (a assignment, end int) {
	assigned, depth := false, 0
	for token := NextToken(text, at, dialect); ; token = NextToken(text, token.End, dialect) {
		word := strings.ToUpper(strings.Trim(token.Name(text), `'"`))
		switch {
		case token.Kind == End:
			return a, len(text)
		case token.IsSymbol(text, ',') && depth == 0:
			return a, token.End
		case token.IsSymbol(text, '('):
			depth++
		case token.IsSymbol(text, ')'):
			depth--
		case !assigned && (token.IsSymbol(text, '=') || token.Is(text, "TO")):
			assigned = true
		case token.IsSymbol(text, '@'):
			// One @ makes a variable the user's, two a setting.
			next := NextToken(text, token.End, dialect)
			if next.IsSymbol(text, '@') {
				token = next
				break
			}
			if token = next; assigned {
				a.from = strings.ToUpper(next.Name(text))
			} else {
				a.name, a.user = strings.ToUpper(next.Name(text)), true
			}
		case !assigned && (token.Kind == Word || token.Kind == QuotedName):
			a.name = word // the last one, behind SESSION
		case assigned && a.value == "" && token.Kind != Symbol:
			a.value = word
		}
	}
}
