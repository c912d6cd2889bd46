package sqltext

import (
	"bytes"
	"slices"
	"strings"
)

// mysqldump --compatible=ansi quotes names as "name". Its SQL_MODE at the beginning, which has ANSI or ANSI_QUOTES, says so.
// Such a dump's statements are given out with `name`, and its SQL_MODE without that mode. What a routine, trigger or event
// does stays as it is: it is made under a mode of its own.

// ansiModes are the modes under which "…" is a name, and what is left of each without that.
var ansiModes = map[string]string{"ANSI": "REAL_AS_FLOAT,PIPES_AS_CONCAT,IGNORE_SPACE", "ANSI_QUOTES": ""}

// noticeANSI notices the SET that saves the old mode and begins a dump with names as "name", and the one that ends it. It
// returns the text to give out.
func (s *Splitter) noticeANSI(text []byte) []byte {
	saves, at := false, 0
	for {
		token := NextToken(text, at, MySQL)
		if token.Kind == End {
			return text
		}
		at = token.End
		switch {
		case token.Is(text, "OLD_SQL_MODE"):
			saves = true
			continue
		case !token.Is(text, "SQL_MODE"):
			continue
		}
		sign := NextToken(text, at, MySQL)
		if !sign.IsSymbol(text, '=') {
			continue // the old value is saved
		}
		value := NextToken(text, sign.End, MySQL)
		if value.IsSymbol(text, '@') {
			s.ansi = s.ansi && !NextToken(text, value.End, MySQL).Is(text, "OLD_SQL_MODE")
			return text
		}
		if !saves || value.Kind != Text {
			continue
		}
		var modes []string
		for _, mode := range strings.Split(strings.Trim(string(text[value.Start:value.End]), `'"`), ",") {
			rest, is := ansiModes[strings.ToUpper(strings.TrimSpace(mode))]
			if !is {
				rest = mode
			}
			s.ansi = s.ansi || is
			if rest != "" {
				modes = append(modes, rest)
			}
		}
		return slices.Concat(text[:value.Start], []byte("'"+strings.Join(modes, ",")+"'"), text[value.End:])
	}
}

// withBackticks returns a statement in which each "name" is `name`.
func withBackticks(text []byte) []byte {
	if bytes.IndexByte(text, '"') < 0 {
		return text
	}
	var edits Edits
	creates := false
	for at := 0; ; {
		token := NextToken(text, at, MySQL)
		at = token.End
		switch {
		case token.Kind == End:
			return edits.Apply(text)
		case token.Is(text, "CREATE"):
			creates = true
		case creates && (token.Is(text, "PROCEDURE") || token.Is(text, "FUNCTION") || token.Is(text, "TRIGGER") || token.Is(text, "EVENT") || token.Is(text, "PACKAGE")):
			return text
		case token.Is(text, "TABLE"), token.Is(text, "VIEW"):
			creates = false
		case token.Kind == Text && text[token.Start] == '"' && token.End-token.Start > 2:
			name := strings.ReplaceAll(string(text[token.Start+1:token.End-1]), `""`, `"`)
			edits.Replace(token.Start, token.End, "`"+strings.ReplaceAll(name, "`", "``")+"`")
		}
	}
}
