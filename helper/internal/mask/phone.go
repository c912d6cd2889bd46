package mask

// phone replaces the digits of telephone numbers, and makes sure that nobody can be called: the digits behind the country's code, or
// behind the zero of a domestic number, become zeros, with which no area code begins.
type phone struct {
	*hasher
	random *random
}

// Numbers of fewer digits than leastPhone are too short for anything but other digits. deadDigits is how many become zero.
const (
	leastPhone = 7
	deadDigits = 3
)

func newPhone(key Key, column Column) (Masker, error) {
	if err := onlyFor("phone", column, Text); err != nil {
		return nil, err
	}
	if column.Unique {
		return nil, uniqueErr("phone", "digits")
	}
	return &phone{key.hasher("phone", column.Folded), newRandom()}, nil
}

func (m *phone) Mask(dst, value []byte) ([]byte, bool) {
	if len(value) == 0 {
		return dst, false
	}
	m.random.seed(m.hash(value))
	count := 0
	for _, c := range value {
		if asciiClass[c] == digit {
			count++
		}
	}
	keep, dead := 0, 0
	if count >= leastPhone {
		keep, dead = codeDigits(value), deadDigits
	}
	for i, at := 0, 0; i < len(value); {
		if c := value[i]; asciiClass[c] != digit {
			begin := i
			for i < len(value) && asciiClass[value[i]] != digit {
				i++
			}
			dst = m.between(dst, value[begin:i])
			continue
		}
		switch {
		case at < keep:
			dst = append(dst, value[i])
		case at < keep+dead:
			dst = append(dst, '0')
		default:
			dst = append(dst, '0'+byte(m.random.below(10)))
		}
		at++
		i++
	}
	return dst, false
}

// between replaces words between digits, such as a name that somebody wrote there.
func (m *phone) between(dst, value []byte) []byte {
	words := text{hasher: m.hasher, random: m.random}
	return words.replace(dst, value)
}

// codeDigits returns how many digits at the beginning stay: the code of a country, or the zero before an area code.
func codeDigits(value []byte) int {
	var first [4]byte
	n := 0
	plus := false
	for _, c := range value {
		if c == '+' && n == 0 {
			plus = true
		}
		if asciiClass[c] == digit && n < len(first) {
			first[n] = c
			n++
		}
	}
	// Codes of countries have one to three digits: 1 and 7 have one, the others' first two say which have three.
	switch {
	case plus && (first[0] == '1' || first[0] == '7'):
		return 1
	case plus:
		return 2
	case first[0] == '0' && first[1] == '0':
		return 4
	case first[0] == '0':
		return 1
	}
	return 0
}
