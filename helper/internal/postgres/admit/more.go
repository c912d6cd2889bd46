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
	Never   Turn = iota
	AtOnce       // what follows in the dump may need it
	AtEnd        // when nothing of the dump is executed any more
	Event        // after that, and after all other changes of the database, to which it might react
	OnLogin      // not at all: an event trigger that would react to each login
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
	if more.Turn == AtOnce && s.Begins("CREATE") && s.Is(s.kind(), "FUNCTION") {
		if more.Function = s.function(); more.Function == nil {
			return More{}
		}
	}
	if s.Begins("CREATE") && s.Is(s.kind(), "LANGUAGE") {
		for _, word := range []string{"HANDLER", "INLINE", "VALIDATOR"} {
			if at := s.Find(0, 0, word); at > 0 {
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
	case s.Begins("COMMENT", "ON"):
		if s.Is(2, "EVENT", "TRIGGER") {
			return Event
		}
		return AtEnd
	case s.Begins("GRANT") || s.Begins("REVOKE"):
		return s.grant()
	case s.Is(1, "EVENT", "TRIGGER"):
		if s.Begins("CREATE") && s.Find(0, 0, "ON", "login") > 0 {
			return OnLogin
		}
		return Event
	case s.Begins("ALTER") && s.Find(1, 0, "OWNER", "TO") > 0:
		if s.inCatalog(2) {
			return Never
		}
		return AtEnd
	case s.Begins("ALTER", "DEFAULT", "PRIVILEGES"), s.Is(1, "PUBLICATION"):
		return AtEnd
	case s.switchesTriggers():
		return AtOnce // those of foreign keys are the server's own
	case s.Begins("ALTER", "FOREIGN", "TABLE") && s.Find(1, 0, "OPTIONS") > 0:
		return s.foreign()
	case s.Begins("ALTER", "OPERATOR", "FAMILY"):
		return AtOnce
	case !s.Begins("CREATE"):
		return Never
	case s.Is(at, "CAST"):
		// A cast between types of the server's own with a function of the dump would be used by whoever converts such values.
		if s.Find(1, 0, "WITH", "FUNCTION") > 0 {
			return Never
		}
		return AtOnce
	case s.Is(at, "FOREIGN", "TABLE"):
		if s.Find(1, 0, "PARTITION", "OF") > 0 { // its bounds are computed at once
			return Never
		}
		return s.foreign()
	case s.Is(at, "FUNCTION"), s.Is(at, "TYPE"), s.Is(at, "AGGREGATE"), s.Is(at, "OPERATOR"), s.Is(at, "FOREIGN", "DATA", "WRAPPER"), s.Is(at, "SERVER"),
		s.Is(at, "ACCESS", "METHOD"), s.Is(at, "TRANSFORM"), s.Is(at, "TEXT", "SEARCH", "PARSER"), s.Is(at, "TEXT", "SEARCH", "TEMPLATE"):
		return AtOnce
	case s.Is(at, "LANGUAGE"):
		return AtOnce
	}
	return Never
}

// switchesTriggers reports whether it turns all triggers of a table on or off, and does nothing else.
func (s *statement) switchesTriggers() bool {
	at := 2
	if s.Is(at, "ONLY") {
		at++
	}
	end := s.name(at)
	return s.Begins("ALTER", "TABLE") && end > at && (s.Is(end, "DISABLE", "TRIGGER", "ALL") || s.Is(end, "ENABLE", "TRIGGER", "ALL")) && end+3 == len(s.Tokens)
}

// foreign judges the options of a foreign table: it must not read files or programs of the server, which an administrator may allow.
func (s *statement) foreign() Turn {
	for i := range s.Tokens {
		if !s.IsName(i) || i+1 >= len(s.Tokens) || s.Tokens[i+1].Kind != sqltext.Text {
			continue
		}
		for _, word := range []string{"file", "program", "path", "dir", "command"} {
			if strings.Contains(strings.ToLower(s.Tokens[i].Name(s.Text)), word) {
				return Never
			}
		}
	}
	return AtOnce
}

// grant judges GRANT and REVOKE: on something of the database, and not of the server.
func (s *statement) grant() Turn {
	on := s.Find(0, 0, "ON")
	if on < 0 || s.Is(on+1, "DATABASE") || s.Is(on+1, "TABLESPACE") || s.Is(on+1, "PARAMETER") || s.Is(on+1, "FOREIGN", "DATA") || s.inCatalog(on+1) {
		return Never
	}
	return AtEnd
}

// inCatalog reports whether a name from token i on says that it lies in the server's own schema.
func (s *statement) inCatalog(i int) bool {
	for ; i < len(s.Tokens) && !s.Is(i, "OWNER", "TO"); i++ {
		if s.Is(i, "pg_catalog", ".") || s.IsName(i) && s.Is(i+1, ".") && strings.EqualFold(s.Tokens[i].Name(s.Text), "pg_catalog") {
			return true
		}
	}
	return false
}

// function reads the properties of a function of the server's own code, nil if it is in another language.
func (s *statement) function() *Function {
	f := &Function{Language: s.language()}
	as := s.Find(0, 0, "AS")
	if f.Language != "c" && f.Language != "internal" || as < 0 || as+1 >= len(s.Tokens) {
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
	if s.Is(as+2, ",") && as+3 < len(s.Tokens) {
		f.Symbol = text(as + 3)
	}
	if f.Library == "" {
		return nil
	}
	return f
}
