package project

import (
	"errors"
	"regexp"
	"strings"
)

// variable is a NAME=VALUE of an env file.
type variable struct {
	name, value string
	line        int
	// unset means that the value refers to a variable that the file does not set above it.
	unset bool
}

// syntaxError is a line of an env file that cannot be parsed. It never repeats the line, which may contain a secret.
type syntaxError struct {
	line int
	text string
}

// parseDotenv parses an env file as DDEV does, whose library is godotenv: an optional "export"; = or : after the name; single
// quotes for literal text; double quotes with \n, \r, \", \\ and \$; # for comments; quoted values over several lines; $NAME and
// ${NAME} for variables that the same file has set above.
//
// It is stricter in one point, so that a slip is not taken for a value: only a comment may follow a closing quote.
func parseDotenv(text string) ([]variable, []syntaxError) {
	text = strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff")
	var variables []variable
	var broken []syntaxError
	set := map[string]string{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line, number := strings.TrimSpace(lines[i]), i+1
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		match := assignment.FindStringSubmatch(line)
		if match == nil {
			broken = append(broken, syntaxError{number, "not a NAME=VALUE line"})
			continue
		}
		v := variable{name: match[1], line: number}
		rest := match[2]
		if rest != "" && (rest[0] == '\'' || rest[0] == '"') {
			for closingQuote(rest) < 0 && i+1 < len(lines) {
				i++
				rest += "\n" + lines[i]
			}
		}
		raw, quote, err := unquote(rest)
		if err != nil {
			broken = append(broken, syntaxError{number, v.name + ": " + err.Error()})
			continue
		}
		v.value = raw
		if quote != '\'' {
			v.value, v.unset = expandDotenv(raw, quote == '"', set)
		}
		set[v.name] = v.value
		variables = append(variables, v)
	}
	return variables, broken
}

var (
	assignment = regexp.MustCompile(`(?s)^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.\-]*)\s*[=:]\s*(.*)$`)
	comment    = regexp.MustCompile(`\s#`)
)

// closingQuote returns the position of the quote that closes the one s begins with; -1 if there is none.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i
		}
	}
	return -1
}

// unquote returns the value that s begins with, in which escapes and references are not replaced yet, and its quote; 0 for none.
func unquote(s string) (raw string, quote byte, err error) {
	if s == "" || (s[0] != '\'' && s[0] != '"') {
		if strings.HasPrefix(s, "#") {
			return "", 0, nil
		}
		if at := comment.FindStringIndex(s); at != nil {
			s = s[:at[0]]
		}
		return strings.TrimSpace(s), 0, nil
	}
	end := closingQuote(s)
	if end < 0 {
		return "", 0, errors.New("the quote is never closed")
	}
	if rest := strings.TrimSpace(s[end+1:]); rest != "" && !strings.HasPrefix(rest, "#") {
		return "", 0, errors.New("text after the closing quote")
	}
	return s[1:end], s[0], nil
}

// dotenvPart matches an escape or a reference. As in godotenv, only upper-case names count, so a password like pa$word stays as
// it is.
var dotenvPart = regexp.MustCompile(`(?s)\\.|\$\{[A-Z0-9_]+\}|\$[A-Z0-9_]+`)

// expandDotenv replaces escapes and references. Outside of double quotes, \$ is the only escape.
func expandDotenv(raw string, escapes bool, set map[string]string) (value string, unset bool) {
	value = dotenvPart.ReplaceAllStringFunc(raw, func(part string) string {
		switch {
		case part == `\$`:
			return "$"
		case part[0] == '\\' && !escapes:
			return part
		case part == `\n`:
			return "\n"
		case part == `\r`:
			return "\r"
		case part[0] == '\\':
			return part[1:]
		}
		text, ok := set[strings.Trim(part, "${}")]
		unset = unset || !ok
		return text
	})
	return value, unset
}
