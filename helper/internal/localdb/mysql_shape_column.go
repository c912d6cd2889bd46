package localdb

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// readColumn takes the definition of a column, with the keys and checks that are within it.
func (t *tableShape) readColumn(s *statement, e element) bool {
	c := &tablePart{kind: columnPart, name: s.nameAt(e.first), traits: map[string]trait{}}
	t.parts = append(t.parts, c)
	at := c.readType(s, e.first+1, e.last)
	null, defaulted := "", false
	for at < e.last && !c.unread {
		word := s.word(at)
		value := s.value(at + 1)
		next := at + 1
		switch {
		case s.words(at, "NOT", "NULL"):
			null, next = "NOT NULL", at+2
		case word == "NULL":
			null = "NULL"
		case s.words(at, "CHARACTER", "SET"), s.words(at, "CHAR", "SET"):
			c.charset(unquotedAt(s, at+2), "")
			next = at + 3
		case word == "CHARSET":
			c.charset(unquotedAt(s, at+1), "")
			next = at + 2
		case word == "COLLATE":
			c.charset("", unquotedAt(s, at+1))
			next = at + 2
		case word == "DEFAULT":
			defaulted = true
			next = c.readDefault(s, at+1, e.last)
		case s.words(at, "ON", "UPDATE"):
			next = s.valueEnd(at + 2)
			c.traits["on update"] = trait{value: "now" + precision(s, at+3), text: "ON UPDATE " + s.between(at+2, next)}
		case word == "AUTO_INCREMENT":
			c.traits["counter"] = trait{value: "yes", text: word}
		case word == "GENERATED" && s.word(at+1) == "ALWAYS" && s.word(at+2) == "AS", word == "AS":
			as := at
			if word == "GENERATED" {
				as = at + 2
			}
			next = c.readGenerated(s, at, as, e.last)
		case word == "INVISIBLE":
			c.traits["visible"] = trait{value: "no", text: word}
		case word == "VISIBLE", word == "FIRST":
		case word == "AFTER":
			next = at + 2
		case word == "SRID", word == "REF_SYSTEM_ID":
			c.traits["srid"] = trait{value: s.nameAt(value), text: "SRID " + s.nameAt(value)}
			next = value + 1
		case word == "COMMENT":
			c.traits["comment"] = s.comment(value)
			next = value + 1
		case word == "COMPRESSED":
			c.traits["compressed"] = trait{value: "yes", text: word}
			if s.symbol(at+1, '=') {
				next = at + 3
			}
		case s.words(at, "WITHOUT", "SYSTEM", "VERSIONING"):
			c.traits["versions"] = trait{value: "no", text: "WITHOUT SYSTEM VERSIONING"}
			next = at + 3
		case s.words(at, "WITH", "SYSTEM", "VERSIONING"):
			next = at + 3
		case word == "PRIMARY", word == "UNIQUE", word == "KEY":
			if s.word(next) == "KEY" {
				next++
			}
			key := &tablePart{kind: keyPart, traits: map[string]trait{"kind": keyKind(word)}, columns: []string{strings.ToLower(c.name)}}
			if word != "UNIQUE" {
				key.kind, key.traits["kind"] = primaryKey, trait{}
			}
			key.traits["columns"] = trait{value: key.columns[0], text: "(" + c.name + ")"}
			t.parts = append(t.parts, key)
		case word == "CONSTRAINT" && s.word(at+2) == "CHECK":
			next = at + 2
		case word == "CHECK" && s.symbol(at+1, '('):
			end := s.closing(at + 1)
			check := &tablePart{kind: checkPart, traits: map[string]trait{}}
			if at > e.first+1 && s.word(at-2) == "CONSTRAINT" {
				check.name = s.nameAt(at - 1)
			}
			check.readCheck(s, at+1, end, s.words(end+1, "NOT", "ENFORCED"))
			t.parts = append(t.parts, check)
			if next = end + 1; s.words(next, "NOT", "ENFORCED") {
				next += 2
			} else if s.word(next) == "ENFORCED" {
				next++
			}
		case slices.Contains([]string{"COLUMN_FORMAT", "STORAGE", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE"}, word):
			next = value + 1
		default:
			c.unread = true
		}
		at = next
	}
	c.settle(null, defaulted)
	return true
}

// settle says what a column is of which the statement does not say all.
func (c *tablePart) settle(null string, defaulted bool) {
	_, generated := c.traits["generated"]
	_, counter := c.traits["counter"]
	timestamp := strings.HasPrefix(c.traits["type"].value, "timestamp")
	c.traits["null"] = trait{value: null, text: null}
	if null == "" {
		c.traits["null"] = trait{value: "NULL", text: "NULL", unknown: timestamp || generated || counter}
	}
	switch {
	case defaulted:
	case timestamp && null == "":
		c.traits["default"] = trait{unknown: true}
		if c.traits["on update"].value == "" {
			c.traits["on update"] = trait{unknown: true}
		}
	case null != "NOT NULL" && !generated && !counter:
		c.traits["default"] = trait{value: "null", text: "DEFAULT NULL"}
	}
}

func unquotedAt(s *statement, at int) string {
	if at >= len(s.tokens) {
		return ""
	}
	return strings.ToLower(unquoted(s.text, s.tokens[at]))
}

// charset notes a character set or a collation; where there are both the collation says it.
func (c *tablePart) charset(charset, collation string) {
	if charset != "" {
		c.traits["charset"] = trait{value: charset}
	}
	if collation != "" {
		c.traits["collation"] = trait{value: collation}
	}
}

// precision gives the digits of now(6).
func precision(s *statement, open int) string {
	if s.symbol(open, '(') && !s.symbol(open+1, ')') && s.nameAt(open+1) != "0" {
		return s.nameAt(open + 1)
	}
	return ""
}

// readGenerated takes an expression, which begins behind the token as.
func (c *tablePart) readGenerated(s *statement, from, as, last int) int {
	if s.words(as+1, "ROW", "START") || s.words(as+1, "ROW", "END") {
		text := "GENERATED ALWAYS AS ROW " + s.word(as+2)
		c.traits["generated"] = trait{value: text, text: text}
		return as + 3
	}
	if !s.symbol(as+1, '(') {
		c.unread = true
		return last
	}
	end := s.closing(as + 1)
	c.traits["generated"] = trait{value: "yes", text: s.between(from, end+1)}
	c.traits["expression"] = trait{value: s.between(as+1, end+1), text: "AS " + s.between(as+1, end+1)}
	c.traits["stored"] = trait{text: "VIRTUAL"}
	switch s.word(end + 1) {
	case "STORED", "PERSISTENT":
		c.traits["stored"] = trait{value: "yes", text: "STORED"}
		return end + 2
	case "VIRTUAL":
		return end + 2
	}
	return end + 1
}

// nows are the functions that tell the time of a default.
var nows = []string{"CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"}

// valueEnd gives the token behind a default, which is a literal, a word or a function.
func (s *statement) valueEnd(at int) int {
	switch {
	case s.symbol(at, '('):
		return s.closing(at) + 1
	case s.symbol(at, '-'), s.symbol(at, '+'):
		return s.valueEnd(at + 1)
	case at+1 < len(s.tokens) && s.tokens[at].Kind == sqltext.Word && s.isText(at+1):
		return at + 2
	case s.symbol(at, '.'):
		return at + 2
	}
	at++
	number := s.word(at-1) != "" && s.word(at - 1)[0]-'0' < 10
	if s.symbol(at, '.') && number {
		at += 2
	}
	if word := s.word(at - 1); number && strings.HasSuffix(word, "E") && !strings.HasPrefix(word, "0X") && (s.symbol(at, '-') || s.symbol(at, '+')) {
		at += 2
	}
	if s.symbol(at, '(') && !s.isText(at-1) {
		return s.closing(at) + 1
	}
	return at
}

// readDefault takes a default and gives the token behind it.
func (c *tablePart) readDefault(s *statement, from, last int) int {
	end := min(s.valueEnd(from), last)
	text := "DEFAULT " + s.between(from, end)
	first, behind := from, end
	for s.symbol(first, '(') && s.closing(first) == behind-1 {
		first, behind = first+1, behind-1
	}
	is := func(value string) { c.traits["default"] = trait{value: value, text: text} }
	word := s.word(first)
	if strings.HasPrefix(word, "_") && first+2 == behind { // the character set of a text
		first++
	}
	var literal string
	known := true
	switch {
	case slices.Contains(nows, word):
		is("now" + precision(s, first+1))
		return end
	case word == "NULL" && first+1 == behind:
		is("null")
		return end
	case s.isText(first) && first+1 == behind:
		literal = decoded(s, first)
	case word == "TRUE" && first+1 == behind:
		literal = "1"
	case word == "FALSE" && first+1 == behind:
		literal = "0"
	case (word == "B" || word == "X") && s.isText(first+1) && first+2 == behind:
		literal, known = c.bits(decoded(s, first+1), map[string]int{"B": 2, "X": 16}[word])
	case strings.HasPrefix(word, "0X") && first+1 == behind:
		literal, known = c.bits(word[2:], 16)
	case s.symbol(first, '(') || s.symbol(first+1, '('), word != "" && word[0] >= 'A' && !s.isText(first+1):
		c.traits["default"] = trait{value: "expression", text: text}
		c.traits["default expression"] = trait{value: s.between(from, end), text: text}
		return end
	default:
		literal = strings.ReplaceAll(s.between(first, behind), " ", "")
		known = literal != "" && (literal[0]-'0' < 10 || strings.IndexByte("+-.", literal[0]) >= 0)
	}
	if !known {
		c.traits["default"] = trait{value: "expression", text: text}
		return end
	}
	is("=" + c.literal(literal))
	return end
}

// bits gives what digits of a base are: a number to numbers, else bytes.
func (c *tablePart) bits(digits string, base int) (string, bool) {
	kind := c.typeName()
	if base == 16 && kind != "bit" && !isNumeric(kind) {
		var out []byte
		for len(digits) > 1 {
			b, err := strconv.ParseUint(digits[:2], 16, 8)
			if err != nil {
				return "", false
			}
			out, digits = append(out, byte(b)), digits[2:]
		}
		return string(out), true
	}
	n, err := strconv.ParseUint(digits, base, 64)
	return strconv.FormatUint(n, 10), err == nil
}

func (c *tablePart) typeName() string {
	name, _, _ := strings.Cut(c.traits["type"].value, "(")
	name, _, _ = strings.Cut(name, " ")
	return name
}

func isNumeric(kind string) bool {
	return slices.Contains([]string{"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "year", "bit"}, kind)
}

// literal gives a value as values of the column's type are compared.
func (c *tablePart) literal(text string) string {
	switch kind := c.typeName(); {
	case isNumeric(kind):
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			return strconv.FormatFloat(number, 'g', -1, 64)
		}
	case kind == "timestamp":
		// The server shows it in the time zone of who asks.
		if strings.Trim(text, "0-: .") != "" {
			return "a time"
		}
		return ""
	case kind == "datetime", kind == "date", kind == "time":
		sign := ""
		if strings.HasPrefix(text, "-") {
			sign, text = "-", text[1:]
		}
		whole, fraction, _ := strings.Cut(text, ".")
		var numbers []string
		for _, field := range strings.FieldsFunc(whole, func(r rune) bool { return r < '0' || r > '9' }) {
			numbers = append(numbers, strings.TrimLeft(field, "0"))
		}
		for len(numbers) > 0 && numbers[len(numbers)-1] == "" {
			numbers = numbers[:len(numbers)-1]
		}
		return sign + strings.Join(numbers, ":") + "." + strings.TrimRight(fraction, "0")
	case kind == "binary":
		return strings.TrimRight(text, "\x00")
	case kind == "char", kind == "enum", kind == "set":
		return strings.TrimRight(text, " ")
	}
	return text
}
