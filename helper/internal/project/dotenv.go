package project

import (
	"errors"
	"regexp"
	"strings"
)

// variable is one NAME=VALUE of an .env file.
type variable struct {
	name, value string
	line        int
	// unset says that the value refers to a variable which the file does not set before it.
	unset bool
}

// syntaxError is a line of an .env file that cannot be read. It never repeats the line, which may hold a secret.
type syntaxError struct {
	line int
	text string
}

// parseDotenv reads the text of an .env file the way DDEV does (its library is godotenv): optional
// "export", = or : after the name, single quotes literal, double quotes with \n, \r, \", \\ and \$,
// # comments, values in quotes over several lines; $NAME and ${NAME} stand for variables that
// the same file set before.
//
// It is stricter in one point, so that a slip does not pass for a value: whatever follows a closing quote
// must be a comment.
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

// closingQuote gives the position of the quote that ends the quoted text s begins with, -1 if there is none.
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

// unquote gives the value that s begins with, its escapes and references still in it, and its quote, 0 for none.
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

// dotenvPart is an escape, or a reference; only upper-case names count, as in godotenv, so that a
// password like pa$word stays what it is.
var dotenvPart = regexp.MustCompile(`(?s)\\.|\$\{[A-Z0-9_]+\}|\$[A-Z0-9_]+`)

// expandDotenv replaces escapes and references; escapes other than \$ count in double quotes only.
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
