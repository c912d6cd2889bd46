package admit

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Turn says when the pull's own account does what the account that loads the dump may not do.
type Turn int

// The turns.
const (
	Never  Turn = iota
	AtOnce      // what follows in the dump may need it
	AtEnd       // when nothing of the dump is executed any more
	Event       // after that, and after all other changes of the database, to which it might react
)

// More is what the pull's own account executes. Its text is made of what was read.
type More struct {
	Turn Turn
	Text string
	// Function is set for a function of the server's own code.
	Function *Function
	// Handlers are the functions that execute what is written in a language, as schema.name or name.
	Handlers []string
}

// Function is a function in a language in which functions may do anything.
type Function struct {
	Language string // "c" or "internal"
	Library  string // of C, with or without its folder
	Symbol   string // its name there
}

// Beyond says what the pull's own account does of a statement that the account that loads the dump may not execute. It executes none of the
// dump's own code as that account: no default, no body of a function, no expression.
func Beyond(text []byte) More {
	s := read(text)
	if s.several() {
		return More{}
	}
	more := More{Text: s.plain(), Turn: s.turn()}
	if more.Turn == AtOnce && s.begins("CREATE") && s.is(s.kind(), "FUNCTION") {
		if more.Function = s.function(); more.Function == nil {
			return More{}
		}
	}
	if s.begins("CREATE") && s.is(s.kind(), "LANGUAGE") {
		for _, word := range []string{"HANDLER", "INLINE", "VALIDATOR"} {
			if at := s.find(0, word); at > 0 {
				more.Handlers = append(more.Handlers, strings.Join(s.parts(at+1), "."))
			}
		}
		if len(more.Handlers) == 0 && !slices.Contains(s.parts(s.kind()+1), "plpgsql") {
			return More{} // it would be an extension
		}
	}
	return more
}

func (s *statement) turn() Turn {
	at := s.kind()
	switch {
	case s.begins("COMMENT", "ON"):
		if s.is(2, "EVENT", "TRIGGER") {
			return Event
		}
		return AtEnd
	case s.begins("GRANT") || s.begins("REVOKE"):
		return s.grant()
	case s.is(1, "EVENT", "TRIGGER"):
		if s.begins("CREATE") && s.find(0, "ON", "login") > 0 { // it would fire in every session of ours
			return Never
		}
		return Event
	case s.begins("ALTER") && s.find(1, "OWNER", "TO") > 0:
		if s.inCatalog(2) {
			return Never
		}
		return AtEnd
	case s.begins("ALTER", "DEFAULT", "PRIVILEGES"), s.is(1, "PUBLICATION"):
		return AtEnd
	case s.switchesTriggers():
		return AtOnce // those of foreign keys are the server's own
	case s.begins("ALTER", "FOREIGN", "TABLE") && s.find(1, "OPTIONS") > 0:
		return s.foreign()
	case s.begins("ALTER", "OPERATOR", "FAMILY"):
		return AtOnce
	case !s.begins("CREATE"):
		return Never
	case s.is(at, "CAST"):
		// A cast between types of the server's own with a function of the dump would be used by whoever converts such values.
		if s.find(1, "WITH", "FUNCTION") > 0 {
			return Never
		}
		return AtOnce
	case s.is(at, "FOREIGN", "TABLE"):
		if s.find(1, "PARTITION", "OF") > 0 { // its bounds are computed at once
			return Never
		}
		return s.foreign()
	case s.is(at, "FUNCTION"), s.is(at, "TYPE"), s.is(at, "AGGREGATE"), s.is(at, "OPERATOR"), s.is(at, "FOREIGN", "DATA", "WRAPPER"), s.is(at, "SERVER"),
		s.is(at, "ACCESS", "METHOD"), s.is(at, "TRANSFORM"), s.is(at, "TEXT", "SEARCH", "PARSER"), s.is(at, "TEXT", "SEARCH", "TEMPLATE"):
		return AtOnce
	case s.is(at, "LANGUAGE"):
		return AtOnce
	}
	return Never
}

// switchesTriggers reports whether it turns all triggers of a table on or off, and does nothing else.
func (s *statement) switchesTriggers() bool {
	at := 2
	if s.is(at, "ONLY") {
		at++
	}
	end := s.name(at)
	return s.begins("ALTER", "TABLE") && end > at && (s.is(end, "DISABLE", "TRIGGER", "ALL") || s.is(end, "ENABLE", "TRIGGER", "ALL")) && end+3 == len(s.tokens)
}

// foreign judges the options of a foreign table: it must not read files or programs of the server, which an administrator may allow.
func (s *statement) foreign() Turn {
	for i := range s.tokens {
		if !s.isName(i) || i+1 >= len(s.tokens) || s.tokens[i+1].Kind != sqltext.Text {
			continue
		}
		for _, word := range []string{"file", "program", "path", "dir", "command"} {
			if strings.Contains(strings.ToLower(s.tokens[i].Name(s.text)), word) {
				return Never
			}
		}
	}
	return AtOnce
}

// grant judges GRANT and REVOKE: on something of the database, and not of the server.
func (s *statement) grant() Turn {
	on := s.find(0, "ON")
	if on < 0 || s.is(on+1, "DATABASE") || s.is(on+1, "TABLESPACE") || s.is(on+1, "PARAMETER") || s.is(on+1, "FOREIGN", "DATA") || s.inCatalog(on+1) {
		return Never
	}
	return AtEnd
}

// inCatalog reports whether a name from token i on says that it lies in the server's own schema.
func (s *statement) inCatalog(i int) bool {
	for ; i < len(s.tokens) && !s.is(i, "OWNER", "TO"); i++ {
		if s.is(i, "pg_catalog", ".") || s.isName(i) && s.is(i+1, ".") && strings.EqualFold(s.tokens[i].Name(s.text), "pg_catalog") {
			return true
		}
	}
	return false
}

// function reads the properties of a function of the server's own code, nil if it is in another language.
func (s *statement) function() *Function {
	f := &Function{Language: s.language()}
	as := s.find(0, "AS")
	if f.Language != "c" && f.Language != "internal" || as < 0 || as+1 >= len(s.tokens) {
		return nil
	}
	text := func(i int) string {
		raw := s.raw(i)
		if len(raw) < 2 || raw[0] != '\'' {
			return ""
		}
		return strings.ReplaceAll(raw[1:len(raw)-1], "''", "'")
	}
	if f.Language == "internal" {
		f.Symbol = text(as + 1)
		return f
	}
	f.Library = text(as + 1)
	f.Symbol = f.Library
	if s.is(as+2, ",") && as+3 < len(s.tokens) {
		f.Symbol = text(as + 3)
	}
	if f.Library == "" {
		return nil
	}
	return f
}
