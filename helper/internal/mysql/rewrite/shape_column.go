package rewrite

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// readColumn reads the definition of a column, with the keys and checks within it.
func (t *TableShape) readColumn(s *Statement, e element) bool {
	c := &TablePart{Kind: ColumnPart, Name: s.NameAt(e.first), Traits: map[string]Trait{}}
	t.parts = append(t.parts, c)
	at := c.readType(s, e.first+1, e.last)
	null, defaulted := "", false
	for at < e.last && !c.Unread {
		word := s.Word(at)
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
			c.Traits["on update"] = Trait{Value: "now" + precision(s, at+3), Text: "ON UPDATE " + s.between(at+2, next)}
		case word == "AUTO_INCREMENT":
			c.Traits["counter"] = Trait{Value: "yes", Text: word}
		case word == "GENERATED" && s.Word(at+1) == "ALWAYS" && s.Word(at+2) == "AS", word == "AS":
			as := at
			if word == "GENERATED" {
				as = at + 2
			}
			next = c.readGenerated(s, at, as, e.last)
		case word == "INVISIBLE":
			c.Traits["visible"] = Trait{Value: "no", Text: word}
		case word == "VISIBLE", word == "FIRST":
		case word == "AFTER":
			next = at + 2
		case word == "SRID", word == "REF_SYSTEM_ID":
			c.Traits["srid"] = Trait{Value: s.NameAt(value), Text: "SRID " + s.NameAt(value)}
			next = value + 1
		case word == "COMMENT":
			c.Traits["comment"] = s.comment(value)
			next = value + 1
		case word == "COMPRESSED":
			c.Traits["compressed"] = Trait{Value: "yes", Text: word}
			if s.Symbol(at+1, '=') {
				next = at + 3
			}
		case s.words(at, "WITHOUT", "SYSTEM", "VERSIONING"):
			c.Traits["versions"] = Trait{Value: "no", Text: "WITHOUT SYSTEM VERSIONING"}
			next = at + 3
		case s.words(at, "WITH", "SYSTEM", "VERSIONING"):
			next = at + 3
		case word == "PRIMARY", word == "UNIQUE", word == "KEY":
			if s.Word(next) == "KEY" {
				next++
			}
			key := &TablePart{Kind: KeyPart, Traits: map[string]Trait{"kind": keyKind(word)}, Columns: []string{strings.ToLower(c.Name)}}
			if word != "UNIQUE" {
				key.Kind, key.Traits["kind"] = PrimaryKey, Trait{}
			}
			key.Traits["columns"] = Trait{Value: key.Columns[0], Text: "(" + c.Name + ")"}
			t.parts = append(t.parts, key)
		case word == "CONSTRAINT" && s.Word(at+2) == "CHECK":
			next = at + 2
		case word == "CHECK" && s.Symbol(at+1, '('):
			end := s.closing(at + 1)
			check := &TablePart{Kind: CheckPart, Traits: map[string]Trait{}}
			if at > e.first+1 && s.Word(at-2) == "CONSTRAINT" {
				check.Name = s.NameAt(at - 1)
			}
			check.readCheck(s, at+1, end, s.words(end+1, "NOT", "ENFORCED"))
			t.parts = append(t.parts, check)
			if next = end + 1; s.words(next, "NOT", "ENFORCED") {
				next += 2
			} else if s.Word(next) == "ENFORCED" {
				next++
			}
		case slices.Contains([]string{"COLUMN_FORMAT", "STORAGE", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE"}, word):
			next = value + 1
		default:
			c.Unread = true
		}
		at = next
	}
	c.settle(null, defaulted)
	return true
}

// settle fills in what a statement leaves out about a column.
func (c *TablePart) settle(null string, defaulted bool) {
	_, generated := c.Traits["generated"]
	_, counter := c.Traits["counter"]
	timestamp := strings.HasPrefix(c.Traits["type"].Value, "timestamp")
	c.Traits["null"] = Trait{Value: null, Text: null}
	if null == "" {
		c.Traits["null"] = Trait{Value: "NULL", Text: "NULL", Unknown: timestamp || generated || counter}
	}
	switch {
	case defaulted:
	case timestamp && null == "":
		c.Traits["default"] = Trait{Unknown: true}
		if c.Traits["on update"].Value == "" {
			c.Traits["on update"] = Trait{Unknown: true}
		}
	case null != "NOT NULL" && !generated && !counter:
		c.Traits["default"] = Trait{Value: "null", Text: "DEFAULT NULL"}
	}
}

func unquotedAt(s *Statement, at int) string {
	if at >= len(s.Tokens) {
		return ""
	}
	return strings.ToLower(unquoted(s.Text, s.Tokens[at]))
}

// charset notes a character set or a collation. If there are both, the collation decides.
func (c *TablePart) charset(charset, collation string) {
	if charset != "" {
		c.Traits["charset"] = Trait{Value: charset}
	}
	if collation != "" {
		c.Traits["collation"] = Trait{Value: collation}
	}
}

// precision returns the digits in now(6).
func precision(s *Statement, open int) string {
	if s.Symbol(open, '(') && !s.Symbol(open+1, ')') && s.NameAt(open+1) != "0" {
		return s.NameAt(open + 1)
	}
	return ""
}

// readGenerated reads an expression, which begins after the token as.
func (c *TablePart) readGenerated(s *Statement, from, as, last int) int {
	if s.words(as+1, "ROW", "START") || s.words(as+1, "ROW", "END") {
		text := "GENERATED ALWAYS AS ROW " + s.Word(as+2)
		c.Traits["generated"] = Trait{Value: text, Text: text}
		return as + 3
	}
	if !s.Symbol(as+1, '(') {
		c.Unread = true
		return last
	}
	end := s.closing(as + 1)
	c.Traits["generated"] = Trait{Value: "yes", Text: s.between(from, end+1)}
	c.Traits["expression"] = Trait{Value: s.between(as+1, end+1), Text: "AS " + s.between(as+1, end+1)}
	c.Traits["stored"] = Trait{Text: "VIRTUAL"}
	switch s.Word(end + 1) {
	case "STORED", "PERSISTENT":
		c.Traits["stored"] = Trait{Value: "yes", Text: "STORED"}
		return end + 2
	case "VIRTUAL":
		return end + 2
	}
	return end + 1
}

// nows are the functions for the current time in a default.
var nows = []string{"CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"}

// valueEnd returns the token after a default, which is a literal, a word or a function.
func (s *Statement) valueEnd(at int) int {
	switch {
	case s.Symbol(at, '('):
		return s.closing(at) + 1
	case s.Symbol(at, '-'), s.Symbol(at, '+'):
		return s.valueEnd(at + 1)
	case at+1 < len(s.Tokens) && s.Tokens[at].Kind == sqltext.Word && s.isText(at+1):
		return at + 2
	case s.Symbol(at, '.'):
		return at + 2
	}
	at++
	number := s.Word(at-1) != "" && s.Word(at - 1)[0]-'0' < 10
	if s.Symbol(at, '.') && number {
		at += 2
	}
	if word := s.Word(at - 1); number && strings.HasSuffix(word, "E") && !strings.HasPrefix(word, "0X") && (s.Symbol(at, '-') || s.Symbol(at, '+')) {
		at += 2
	}
	if s.Symbol(at, '(') && !s.isText(at-1) {
		return s.closing(at) + 1
	}
	return at
}

// readDefault reads a default and returns the token after it.
func (c *TablePart) readDefault(s *Statement, from, last int) int {
	end := min(s.valueEnd(from), last)
	text := "DEFAULT " + s.between(from, end)
	first, behind := from, end
	for s.Symbol(first, '(') && s.closing(first) == behind-1 {
		first, behind = first+1, behind-1
	}
	is := func(value string) { c.Traits["default"] = Trait{Value: value, Text: text} }
	word := s.Word(first)
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
		literal = Decoded(s, first)
	case word == "TRUE" && first+1 == behind:
		literal = "1"
	case word == "FALSE" && first+1 == behind:
		literal = "0"
	case (word == "B" || word == "X") && s.isText(first+1) && first+2 == behind:
		literal, known = c.bits(Decoded(s, first+1), map[string]int{"B": 2, "X": 16}[word])
	case strings.HasPrefix(word, "0X") && first+1 == behind:
		literal, known = c.bits(word[2:], 16)
	case s.Symbol(first, '(') || s.Symbol(first+1, '('), word != "" && word[0] >= 'A' && !s.isText(first+1):
		c.Traits["default"] = Trait{Value: "expression", Text: text}
		c.Traits["default expression"] = Trait{Value: s.between(from, end), Text: text}
		return end
	default:
		literal = strings.ReplaceAll(s.between(first, behind), " ", "")
		known = literal != "" && (literal[0]-'0' < 10 || strings.IndexByte("+-.", literal[0]) >= 0)
	}
	if !known {
		c.Traits["default"] = Trait{Value: "expression", Text: text}
		return end
	}
	is("=" + c.literal(literal))
	return end
}

// bits returns the value of digits in a base: a number for numeric columns, otherwise bytes.
func (c *TablePart) bits(digits string, base int) (string, bool) {
	kind := c.TypeName()
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

// TypeName is the name of a column's type, in lower case.
func (c *TablePart) TypeName() string {
	name, _, _ := strings.Cut(c.Traits["type"].Value, "(")
	name, _, _ = strings.Cut(name, " ")
	return name
}

func isNumeric(kind string) bool {
	return slices.Contains([]string{"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "year", "bit"}, kind)
}

// literal returns a value in the form in which values of the column's type are compared.
func (c *TablePart) literal(text string) string {
	switch kind := c.TypeName(); {
	case isNumeric(kind):
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			return strconv.FormatFloat(number, 'g', -1, 64)
		}
	case kind == "timestamp":
		// The server shows it in the session's time zone.
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
