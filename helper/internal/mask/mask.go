// Package mask replaces personal values with others that look alike. It knows values and columns, but neither servers nor SQL.
//
// The same value becomes the same everywhere: what a masker makes of it depends on the value, the key and the masker, not on the table
// or the column. So joins work, and a row that has not changed is masked to the same bytes again. It also means that whoever holds the key
// can test guesses: masked data is pseudonymous, not anonymous.
package mask

import (
	"errors"
	"fmt"
	"slices"
)

// Masker replaces the values of one column. It keeps buffers, so only one goroutine at a time may use it.
type Masker interface {
	// Mask appends what replaces a value to dst. With null, NULL replaces it, and dst is returned as it was. Both values are the text that
	// the server would print: of numbers and dates too. NULL itself is never passed.
	Mask(dst, value []byte) (masked []byte, null bool)
}

// Kind is what kind of values a column has.
type Kind uint8

// The kinds of columns.
const (
	Other Kind = iota // only NULL can replace its values
	Text
	Binary
	Integer
	Decimal
	Float
	Date     // 2006-01-02
	DateTime // 2006-01-02 15:04:05.000000, also with a zone behind it
	JSON
	UUID
	Inet    // an address, with or without the length of its network
	Network // an address of a network: no bits behind its length
	Labels  // one of a few texts, or a set of them
)

// Column describes the column of a masker as far as it limits the values.
type Column struct {
	Kind Kind
	// Characters and Bytes are the longest value of a text or a binary string; 0 is no limit.
	Characters, Bytes int
	// Least and Most are the range of an integer, in the digits of the decimal system; empty if there is no limit.
	Least, Most string
	Nullable    bool
	// Unique means that the column belongs to a unique key.
	Unique bool
	// UniquePrefix is how many characters of the value the unique key has; 0 means all.
	UniquePrefix int
	// Folded means that the server takes upper and lower case for the same.
	Folded bool
	// ASCII means that the column's character set is not UTF-8, but has ASCII in it: what a masker makes up must be ASCII.
	ASCII bool
}

// Spec names a masker and its options. The zero value of each option is its default.
type Spec struct {
	Name string
	// Value is the text of fixed.
	Value string
	// Domain is that of email; example.com by default.
	Domain string
	// Locale is the language of name: de, en or fr.
	Locale string
	// Part is what name makes: first, last or full.
	Part string
	// Format is that of digits (see Formats) or password (see PasswordFormats).
	Format string
	// Password is the one that password makes a hash of.
	Password string
	// Days is by how many days date moves a value at most.
	Days int
	// Paths are the values inside JSON and serialized values that are masked, and how; none stands for all texts.
	Paths []Path
}

// Path is a place inside a structured value, and how what is there is masked.
type Path struct {
	Keys string // separated by points; * stands for any text within a key, ** alone for any keys
	Spec Spec
}

// Names are the names of all maskers.
func Names() []string {
	return []string{"null", "empty", "fixed", "hash", "email", "name", "phone", "text", "digits", "date", "ip", "password", "filename", "json",
		"serialized", "html"}
}

// ErrUnknown means that there is no masker of that name.
var ErrUnknown = errors.New("no such masker")

// uniqueErr says that a masker makes the same of different values.
func uniqueErr(name, instead string) error {
	return fmt.Errorf("%s makes the same of different values, and a unique key has the column: use %s", name, instead)
}

// New returns a masker for a column. The error says why the masker cannot work there, or which option is wrong.
func New(key Key, spec Spec, column Column) (Masker, error) {
	if column.Kind == Other && spec.Name != "null" {
		return nil, fmt.Errorf("%s cannot mask a column of this type, only null can", spec.Name)
	}
	switch spec.Name {
	case "null":
		return newNull(column)
	case "empty":
		return newEmpty(column)
	case "fixed":
		return newFixed(spec, column)
	case "hash":
		return newHash(key, column)
	case "email":
		return newEmail(key, spec, column)
	case "name":
		return newName(key, spec, column)
	case "phone":
		return newPhone(key, column)
	case "text":
		return newText(key, column)
	case "digits":
		return newDigits(key, spec, column)
	case "date":
		return newDate(key, spec, column)
	case "ip":
		return newIP(key, column)
	case "password":
		return newPassword(key, spec, column)
	case "filename":
		return newFilename(key, column)
	case "json", "serialized":
		return newTree(key, spec, column)
	case "html":
		return newHTML(key, column)
	}
	return nil, fmt.Errorf("%s: %w", spec.Name, ErrUnknown)
}

// onlyFor returns an error if a column is of none of the kinds.
func onlyFor(name string, column Column, kinds ...Kind) error {
	if slices.Contains(kinds, column.Kind) {
		return nil
	}
	return fmt.Errorf("%s cannot mask a column of this type", name)
}

// room returns the most characters that a value of ASCII may have; most if there is no limit below it.
func (c Column) room(most int) int {
	for _, limit := range []int{c.Characters, c.Bytes} {
		if limit > 0 {
			most = min(most, limit)
		}
	}
	return most
}
