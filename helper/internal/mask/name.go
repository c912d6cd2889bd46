package mask

import (
	"errors"
	"fmt"
	"strings"
)

// names replaces names of persons with others of the same language. Different persons may get the same name, unless a unique key has the
// column: then a hash follows.
type names struct {
	*hasher
	first, last []string
	length      int // of the hash behind the name, with its hyphen; 0 if there is none
	room        int
}

func newName(key Key, spec Spec, column Column) (Masker, error) {
	if err := onlyFor("name", column, Text); err != nil {
		return nil, err
	}
	locale := spec.Locale
	if locale == "" {
		locale = "en"
	}
	list, ok := nameLists[locale]
	if !ok {
		return nil, fmt.Errorf("name: unknown locale %q: there are de, en, fr", locale)
	}
	m := &names{hasher: key.hasher("name", column.Folded || !column.Unique), first: list.first, last: list.last, room: column.room(1 << 10)}
	if column.ASCII {
		m.first, m.last = transliterated(m.first), transliterated(m.last)
	}
	switch spec.Part {
	case "first":
		m.last = nil
	case "last":
		m.first = nil
	case "", "full":
	default:
		return nil, fmt.Errorf("name: unknown part %q: there are first, last, full", spec.Part)
	}
	if column.Unique {
		if column.UniquePrefix > 0 {
			return nil, errors.New("name makes values that differ at their ends, and a unique key has only the beginning: use hash")
		}
		length, err := hashRoom("name", column, 1)
		if err != nil {
			return nil, err
		}
		m.length = min(length, leastUniqueHash) + 1
	}
	return m, nil
}

func (m *names) Mask(dst, value []byte) ([]byte, bool) {
	if len(value) == 0 {
		return dst, false
	}
	sum := m.hash(value)
	begin, room := len(dst), m.room-m.length
	dst = appendCut(dst, pick(m.first, sum[20:24]), room)
	last := pick(m.last, sum[24:28])
	if left := room - (len(dst) - begin); last != "" && len(dst) > begin {
		if left < 1+len(last) { // better one name than a piece of another
			last = ""
		} else {
			dst = append(dst, ' ')
		}
	}
	dst = appendCut(dst, last, room-(len(dst)-begin))
	if m.length > 0 {
		dst = appendHash(append(dst, '-'), sum, m.length-1)
	}
	return dst, false
}

// pick returns the name that the bits of a hash select; "" if there are no names.
func pick(list []string, bits []byte) string {
	if len(list) == 0 {
		return ""
	}
	number := uint64(bits[0]) | uint64(bits[1])<<8 | uint64(bits[2])<<16 | uint64(bits[3])<<24
	return list[number*uint64(len(list))>>32]
}

// appendCut appends a text, up to a number of bytes and without a part of a character.
func appendCut(dst []byte, text string, most int) []byte {
	end := 0
	for i, r := range text {
		next := i + len(string(r))
		if next > most {
			break
		}
		end = next
	}
	return append(dst, text[:end]...)
}

// transliterated returns names as people write them who have only ASCII.
func transliterated(list []string) []string {
	ascii := strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss",
		"é", "e", "è", "e", "ê", "e", "ë", "e", "É", "E", "Ë", "E", "ç", "c", "ï", "i", "î", "i", "ô", "o", "à", "a", "â", "a")
	result := make([]string, len(list))
	for i, name := range list {
		result[i] = ascii.Replace(name)
	}
	return result
}
