package sqltext

import (
	"regexp"
	"strings"
)

// savedName matches the variables in which dumps save settings, in capitals.
var savedName = regexp.MustCompile(`^(?:OLD|SAVED?|PREV|PREVIOUS|ORIG|ORIGINAL|MYSQLDUMP_TEMP)_`)

// switches are settings that dumps turn off and on again, with the values that turn them off.
var switches = map[string][]string{
	"FOREIGN_KEY_CHECKS":       {"0", "OFF", "FALSE"},
	"SESSION_REPLICATION_ROLE": {"REPLICA"},
}

// No tool saves as many settings as this, or has longer names for them.
const mostVariables, longestVariable = 1000, 256

// set handles SET, from the offset after that word.
func (e *ending) set(text []byte, at int) {
	for at < len(text) {
		var a assignment
		a, at = nextAssignment(text, at, e.dialect)
		switch {
		case len(a.name) > longestVariable || len(e.saved)+len(e.off) >= mostVariables:
		case a.user && savedName.MatchString(a.name):
			e.saved[a.name] = e.saved[a.name] || !e.begun && !strings.HasPrefix(a.name, "SAVE") // @saved_… are those of one table
			e.restored = false
			e.keepsMode = e.keepsMode || a.name == "OLD_SQL_MODE"
			e.keepsChecks = e.keepsChecks || a.name == "OLD_FOREIGN_KEY_CHECKS"
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

// assignment is one assignment of a SET.
type assignment struct {
	name  string // the variable's name, in capitals
	user  bool   // it is a user variable, with an @
	value string // the value if it is a single word, in capitals
	from  string // the user variable that the value is made from, in capitals
}

func (a assignment) isOneOf(values ...string) bool {
	for _, value := range values {
		if a.value == value {
			return true
		}
	}
	return false
}

// nextAssignment reads an assignment and returns the offset after the comma that ends it.
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
			// One @ means a user variable, two mean a setting.
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
			a.name = word // the last one, after SESSION
		case assigned && a.value == "" && token.Kind != Symbol:
			a.value = word
		}
	}
}
