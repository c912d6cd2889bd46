package leak

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
)

// Texts are found by six bytes of them. Each has the six bytes at four places in a row, so it is enough to look at every fourth place of the
// SQL: one of the four is there. Where a bit of the six bytes' hash is set, they are looked up, and the texts that have them are compared.
const (
	window = 6
	stride = 4 // window+stride-1 is Least
	// hashing is the odd number next to 2^64 divided by the golden ratio: Knuth, The Art of Computer Programming, 6.4.
	hashing = 0x9E3779B97F4A7C15
)

// index finds any of many texts.
type index struct {
	values  []value
	spelled []spelling
	anchors map[uint64][]anchor
	filter  []uint64
	shift   int // of a hash, to a bit of the filter
	longest int // of the spellings
}

// spelling is one way in which SQL may have a value.
type spelling struct {
	value  int
	text   string
	digits bool // hexadecimal: there is nothing to compare around it
}

// anchor is where a spelling has six bytes.
type anchor struct{ spelling, offset int }

// newIndex makes an index of values.
func newIndex(values []value) *index {
	x := &index{values: values, anchors: map[uint64][]anchor{}}
	shared := map[uint64]int{} // how often the spellings have the same six bytes
	for i, v := range values {
		for _, s := range spellings(v.text) {
			if len(s.text) < Least {
				continue
			}
			s.value = i
			x.spelled = append(x.spelled, s)
			x.longest = max(x.longest, len(s.text))
			for at := range len(s.text) - window + 1 {
				shared[sixBytes(s.text[at:])]++
			}
		}
	}
	for i := range x.spelled {
		x.add(i, shared)
	}
	size := max(16, bits.Len(uint(len(x.anchors)))+5)
	x.filter, x.shift = make([]uint64, 1<<size/64), 64-size
	for key := range x.anchors {
		at := key * hashing >> x.shift
		x.filter[at/64] |= 1 << (at % 64)
	}
	return x
}

// add chooses the six bytes of a spelling: those that the fewest others have, because these are rare in the SQL, too.
func (x *index) add(number int, shared map[uint64]int) {
	text := x.spelled[number].text
	best, least := 0, math.MaxInt
	for base := 0; base+Least <= len(text) && least > 1; base++ {
		most := 0
		for i := range stride {
			most = max(most, shared[sixBytes(text[base+i:])])
		}
		if most < least {
			best, least = base, most
		}
	}
	for i := range stride {
		key := sixBytes(text[best+i:])
		x.anchors[key] = append(x.anchors[key], anchor{number, best + i})
	}
}

func sixBytes(text string) uint64 {
	var eight [8]byte
	copy(eight[:window], text)
	return binary.LittleEndian.Uint64(eight[:])
}

// search calls found with each value that a text has, and where.
func (x *index) search(text []byte, found func(value value, at int)) {
	if len(x.spelled) == 0 {
		return
	}
	const six = 1<<(8*window) - 1
	i := 0
	for ; i+8 <= len(text); i += stride {
		key := binary.LittleEndian.Uint64(text[i:]) & six
		if at := key * hashing >> x.shift; x.filter[at/64]>>(at%64)&1 != 0 {
			x.compare(text, i, key, found)
		}
	}
	for ; i+window <= len(text); i += stride {
		x.compare(text, i, sixBytes(string(text[i:i+window])), found)
	}
}

// compare compares the spellings that have a key with the text that has it at a place.
func (x *index) compare(text []byte, at int, key uint64, found func(value value, at int)) {
	for _, anchor := range x.anchors[key] {
		spelling, begin := x.spelled[anchor.spelling], at-anchor.offset
		end := begin + len(spelling.text)
		if begin < 0 || end > len(text) || string(text[begin:end]) != spelling.text {
			continue
		}
		value := x.values[spelling.value]
		if value.of == "" || spelling.digits || alone(text, begin, end) {
			found(value, begin)
		}
	}
}

// alone says whether a text is no part of a longer word or number. A text that was cut may go on.
func alone(text []byte, begin, end int) bool {
	if begin > 0 && isWord(text[begin]) && isWord(text[begin-1]) && (begin < 2 || text[begin-2] != '\\') {
		return false
	}
	return end-begin >= longest-3 || end == len(text) || !isWord(text[end-1]) || !isWord(text[end])
}

// isWord says whether a byte belongs to a word or a number. Bytes beyond ASCII may also be quotes and dashes.
func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// columnAt returns the name of the column in which a place of statements with rows is; "" if it cannot tell.
func columnAt(sql []byte, at int) string {
	if bytes.HasPrefix(sql, []byte("COPY ")) {
		return copyColumn(sql, at)
	}
	begin := 0
	if i := bytes.LastIndex(sql[:at], []byte("\nINSERT INTO ")); i >= 0 {
		begin = i + 1
	}
	head, rest, ok := bytes.Cut(sql[begin:], []byte(") VALUES "))
	if !ok || begin+len(head) > at {
		return ""
	}
	_, list, ok := bytes.Cut(head, []byte(" ("))
	if !ok {
		return ""
	}
	column, quoted := 0, false
	values := rest[:max(0, at-begin-len(head)-len(") VALUES "))]
	for i := 0; i < len(values); i++ {
		switch c := values[i]; {
		case quoted && c == '\\':
			i++
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			column = 0
		case c == ',':
			column++
		}
	}
	return nameAt(list, "`", column)
}

// copyColumn is columnAt for COPY.
func copyColumn(sql []byte, at int) string {
	head, _, ok := bytes.Cut(sql, []byte(") FROM stdin;\n"))
	if !ok || len(head) > at {
		return ""
	}
	_, list, ok := bytes.Cut(head, []byte(" ("))
	if !ok {
		return ""
	}
	line := bytes.LastIndexByte(sql[:at], '\n') + 1
	return nameAt(list, `"`, bytes.Count(sql[line:at], []byte{'\t'}))
}

// nameAt returns a name of a list of names with commas between them.
func nameAt(list []byte, quote string, number int) string {
	names := bytes.Split(list, []byte{','})
	if number >= len(names) {
		return ""
	}
	return string(bytes.Trim(names[number], " "+quote))
}
