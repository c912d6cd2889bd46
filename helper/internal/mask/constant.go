package mask

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// null replaces every value with NULL.
type null struct{}

func newNull(column Column) (Masker, error) {
	if !column.Nullable {
		return nil, errors.New("null cannot mask a column that is NOT NULL")
	}
	return null{}, nil
}

func (null) Mask(dst, _ []byte) ([]byte, bool) { return dst, true }

// constant replaces every value with the same one.
type constant []byte

func (c constant) Mask(dst, _ []byte) ([]byte, bool) { return append(dst, c...), false }

// empties are the values that stand for nothing, of each type that has one.
var empties = map[Kind]string{
	Text: "", Binary: "", Integer: "0", Decimal: "0", Float: "0", Date: "1970-01-01", DateTime: "1970-01-02 00:00:00", JSON: "{}",
	UUID: "00000000-0000-0000-0000-000000000000", Inet: "0.0.0.0", Network: "0.0.0.0/32",
}

func newEmpty(column Column) (Masker, error) {
	value, ok := empties[column.Kind]
	if !ok {
		return nil, errors.New("no value of this type is an empty one")
	}
	if column.Unique {
		return nil, uniqueErr("empty", "hash")
	}
	return constant(value), nil
}

func newFixed(spec Spec, column Column) (Masker, error) {
	if column.Unique {
		return nil, uniqueErr("fixed", "hash")
	}
	if err := column.takes(spec.Value); err != nil {
		return nil, fmt.Errorf("fixed: %w", err)
	}
	return constant(spec.Value), nil
}

// takes returns an error if a column cannot have a value. What a database alone can know, such as the members of an ENUM, is not checked.
func (c Column) takes(value string) error {
	switch c.Kind {
	case Text, Binary:
		length := utf8.RuneCountInString(value)
		if c.Kind == Binary {
			length = len(value)
		}
		if c.Characters > 0 && length > c.Characters || c.Bytes > 0 && len(value) > c.Bytes {
			return errors.New("the value is longer than the column")
		}
		for i := range len(value) {
			if c.ASCII && value[i] >= utf8.RuneSelf {
				return errors.New("the value is not ASCII, and the column is not UTF-8")
			}
		}
	case Integer:
		if !isInteger(value) || c.exceeds([]byte(value)) {
			return fmt.Errorf("the column cannot have the number %q", value)
		}
	case Decimal, Float:
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return fmt.Errorf("%q is not a number", value)
		}
	case Date, DateTime:
		if _, ok := parseDate([]byte(value)); !ok {
			return fmt.Errorf("%q is not a date like 2006-01-02 15:04:05", value)
		}
	case JSON:
		if !validJSON([]byte(value)) {
			return errors.New("the value is not JSON")
		}
	}
	return nil
}

// isInteger says whether a text is a number in plain decimal digits.
func isInteger(text string) bool {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// exceeds says whether an integer without leading zeros is out of the column's range.
func (c Column) exceeds(number []byte) bool {
	limit := c.Most
	if len(number) > 0 && number[0] == '-' {
		number, limit = number[1:], c.Least
		if limit == "0" {
			return true
		}
		if limit != "" {
			limit = limit[1:]
		}
	}
	switch {
	case limit == "":
		return false
	case len(number) != len(limit):
		return len(number) > len(limit)
	}
	return string(number) > limit
}
