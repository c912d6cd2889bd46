package mask

import (
	"errors"
	"fmt"
	"strings"
)

// digits replaces the digits of numbers and keeps everything else. Distinct numbers stay distinct.
type digits struct {
	*permutation
	column         Column
	format         *checked
	numbers, radix []byte
	at             []int // where in the value the characters are
	original       []byte
}

func newDigits(key Key, spec Spec, column Column) (Masker, error) {
	if err := onlyFor("digits", column, Text, Integer, Decimal, Float); err != nil {
		return nil, err
	}
	if column.UniquePrefix > 0 {
		return nil, errors.New("digits cannot keep values distinct whose unique key has only their beginning: use hash")
	}
	m := &digits{permutation: newPermutation(key, "digits "+spec.Format), column: column}
	if spec.Format != "" {
		m.format = checkedNumbers[spec.Format]
		if m.format == nil {
			return nil, fmt.Errorf("digits: unknown format %q: there are %s", spec.Format, strings.Join(Formats(), ", "))
		}
		if column.Kind != Text && m.format.letters {
			return nil, fmt.Errorf("digits: numbers of format %s have letters, and the column has none", spec.Format)
		}
	}
	return m, nil
}

func (m *digits) Mask(dst, value []byte) ([]byte, bool) {
	begin := len(dst)
	dst = append(dst, value...)
	made := dst[begin:]
	m.find(made)
	if len(m.numbers) == 0 {
		return dst, false
	}
	if m.column.Kind != Text {
		m.maskNumber(made)
		return dst, false
	}
	if m.format != nil && m.format.mask(m, made) {
		return dst, false
	}
	for {
		m.apply(m.numbers, m.radix)
		m.put(made)
		// What was no valid number must not become one: those are what valid ones become.
		if m.format == nil || !m.format.valid(m, made) {
			return dst, false
		}
	}
}

// find lists the characters of a value that are replaced: digits, and the letters of formats that have some.
func (m *digits) find(value []byte) {
	m.numbers, m.radix, m.at = m.numbers[:0], m.radix[:0], m.at[:0]
	for i, c := range value {
		switch asciiClass[c] {
		case digit:
			m.numbers, m.radix, m.at = append(m.numbers, c-'0'), append(m.radix, 10), append(m.at, i)
		case lower, upper:
			if m.format != nil && m.format.letters {
				m.numbers, m.radix, m.at = append(m.numbers, c|0x20-'a'), append(m.radix, 26), append(m.at, i)
			}
		}
	}
}

// put writes the numbers into the value.
func (m *digits) put(value []byte) {
	for i, at := range m.at {
		if m.radix[i] == 10 {
			value[at] = '0' + m.numbers[i]
		} else {
			value[at] = value[at]&0x20 | 'A' + m.numbers[i]
		}
	}
}

// maskNumber keeps leading zeros, and that other numbers have none, and the column's range: it permutes until the number is of that kind
// again ("cycle walking"), which is a permutation of the numbers of that kind.
func (m *digits) maskNumber(value []byte) {
	if exponent := strings.IndexAny(string(value), "eE"); exponent >= 0 {
		for len(m.at) > 0 && m.at[len(m.at)-1] > exponent {
			m.at = m.at[:len(m.at)-1]
		}
		m.numbers, m.radix = m.numbers[:len(m.at)], m.radix[:len(m.at)]
	}
	zeros := 0
	for zeros < len(m.numbers) && m.numbers[zeros] == 0 {
		zeros++
	}
	if zeros == len(m.numbers) {
		return
	}
	if m.format != nil && m.format.mask(m, value) {
		return
	}
	limited := m.column.Kind == Integer && !m.column.exceeds(value) // else it would never end
	for {
		m.apply(m.numbers[zeros:], m.radix[zeros:])
		if m.numbers[zeros] == 0 {
			continue
		}
		m.put(value)
		if (!limited || !m.column.exceeds(value)) && (m.format == nil || !m.format.valid(m, value)) {
			return
		}
	}
}
