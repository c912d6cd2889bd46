package rewrite

import (
	"slices"
	"strconv"
	"strings"
)

// sameTypes has, for other names of a type, the name that servers show.
var sameTypes = map[string]string{
	"bool": "tinyint", "boolean": "tinyint", "int1": "tinyint", "int2": "smallint", "int3": "mediumint", "middleint": "mediumint", "int4": "int", "integer": "int",
	"int8": "bigint", "dec": "decimal", "numeric": "decimal", "fixed": "decimal", "number": "decimal", "real": "double", "float4": "float", "float8": "double",
	"character": "char", "varcharacter": "varchar", "varchar2": "varchar", "geomcollection": "geometrycollection",
}

// shortest are the default lengths of types that have a length.
var shortest = map[string]string{"char": "1", "binary": "1", "bit": "1"}

// readType reads the type of a column, and returns the token after it.
func (c *TablePart) readType(s *Statement, at, last int) int {
	from := at
	name := strings.ToLower(s.NameAt(at))
	at++
	switch {
	case name == "double" && s.Word(at) == "PRECISION":
		at++
	case (name == "character" || name == "char") && s.Word(at) == "VARYING":
		name = "varchar"
		at++
	case name == "national", name == "nchar", name == "nvarchar", name == "long", name == "serial", name == "raw", name == "clob":
		c.Unread = true
		return last
	}
	if same := sameTypes[name]; same != "" {
		name = same
	}
	var arguments string
	unknown := false
	if s.Symbol(at, '(') {
		end := min(s.closing(at), last)
		var members []string
		for i := at + 1; i < end; i++ {
			switch {
			case s.isText(i):
				members = append(members, strings.TrimRight(Decoded(s, i), " "))
			case !s.Symbol(i, ','):
				unknown = unknown || name == "enum" || name == "set"
				members = append(members, s.NameAt(i))
			}
		}
		arguments = strings.Join(members, ",")
		if name == "enum" || name == "set" {
			arguments = strings.Join(members, "\x00")
		}
		at = end + 1
	} else {
		arguments = shortest[name]
	}
	switch {
	case slices.Contains([]string{"tinyint", "smallint", "mediumint", "int", "bigint", "year"}, name):
		arguments = "" // it is only the display width
	case name == "decimal" && arguments == "":
		arguments = "10,0"
	case name == "decimal" && !strings.Contains(arguments, ","):
		arguments += ",0"
	case name == "float" && arguments != "" && !strings.Contains(arguments, ","):
		if bits, _ := strconv.Atoi(arguments); bits > 24 {
			name = "double"
		}
		arguments = ""
	case slices.Contains([]string{"datetime", "timestamp", "time"}, name) && arguments == "0":
		arguments = ""
	case (strings.HasSuffix(name, "text") || strings.HasSuffix(name, "blob")) && arguments != "":
		unknown = true // the server takes the smallest that is long enough
	}
	value := name
	if arguments != "" {
		value += "(" + arguments + ")"
	}
	zerofill := false
	behind := at
attributes:
	for ; at < last; at++ {
		switch s.Word(at) {
		case "UNSIGNED":
			value += " unsigned"
		case "ZEROFILL":
			zerofill = true
		case "SIGNED":
		default:
			break attributes
		}
		behind = at + 1
	}
	if zerofill {
		value = strings.TrimSuffix(value, " unsigned") + " unsigned zerofill"
	}
	text := value
	if name == "enum" || name == "set" {
		text = s.between(from, behind)
	}
	c.Traits["type"] = Trait{value, text, unknown}
	return at
}

// HasCharset says whether a column has a text type.
func (c *TablePart) HasCharset() bool {
	return slices.Contains([]string{"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"}, c.TypeName())
}
