package mask

import (
	"maps"
	"slices"
)

// checked is a kind of numbers with check digits. A valid number becomes another valid one: the payload is permuted, and the check digits are
// computed again. Anything else becomes something that is not valid either, so distinct values stay distinct.
type checked struct {
	letters bool
	// fits says whether characters, as numbers with their radix, have the kind's shape; keep and check are then the positions that stay and
	// those of the check digits.
	fits func(n, radix []byte) (keep, check []int, ok bool)
	// complete writes the check digits. It is false if no such number can be: not every remainder is a digit, not every day a date.
	complete func(n, radix []byte) bool
}

// Formats are the names of the numbers with check digits that digits knows.
func Formats() []string { return slices.Sorted(maps.Keys(checkedNumbers)) }

// Valid says whether a text is a number of one of Formats, with the right check digits. Blanks and punctuation in it do not count.
func Valid(format, text string) bool {
	m := &digits{format: checkedNumbers[format]}
	return m.format != nil && m.format.valid(m, []byte(text))
}

// valid says whether a value is such a number. It finds its characters anew.
func (c *checked) valid(m *digits, value []byte) bool {
	m.find(value)
	if _, _, ok := c.fits(m.numbers, m.radix); !ok {
		return false
	}
	m.original = append(m.original[:0], m.numbers...)
	return c.complete(m.original, m.radix) && string(m.original) == string(m.numbers)
}

// mask replaces a valid number; it is false for any other value.
func (c *checked) mask(m *digits, value []byte) bool {
	if !c.valid(m, value) {
		return false
	}
	keep, check, _ := c.fits(m.numbers, m.radix)
	var payload, radix []byte
	var at []int
	for i := range m.numbers {
		if !slices.Contains(keep, i) && !slices.Contains(check, i) {
			payload, radix, at = append(payload, m.numbers[i]), append(radix, m.radix[i]), append(at, i)
		}
	}
	limited := m.column.Kind != Text && value[0] != '0' && !m.column.exceeds(value)
	for {
		m.apply(payload, radix)
		for i, position := range at {
			m.numbers[position] = payload[i]
		}
		if !c.complete(m.numbers, m.radix) {
			continue
		}
		m.put(value)
		if !limited || value[0] != '0' && !m.column.exceeds(value) {
			return true
		}
	}
}

// plain says whether all characters are digits, so many.
func plain(radix []byte, length int) bool {
	return len(radix) == length && !slices.Contains(radix, 26)
}

// isDayOfMonth says whether four digits are a day and a month.
func isDayOfMonth(n []byte) bool {
	day, month := n[0]*10+n[1], n[2]*10+n[3]
	return day >= 1 && day <= 31 && month >= 1 && month <= 12
}

func luhn(n []byte) byte {
	sum := 0
	for i := range n {
		d := int(n[len(n)-1-i])
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return byte((10 - sum%10) % 10)
}

func remainder(n []byte, of int) int {
	rest := 0
	for _, d := range n {
		rest = (rest*10 + int(d)) % of
	}
	return rest
}

func weighted(n []byte, weights ...int) (sum int) {
	for i, weight := range weights {
		sum += int(n[i]) * weight
	}
	return sum
}

// checkedNumbers has the algorithms as the issuers publish them.
var checkedNumbers = map[string]*checked{
	// Payment cards (ISO/IEC 7812): the sum of Luhn. The first digit, the network, stays.
	"card": {
		fits: func(n, radix []byte) (keep, check []int, ok bool) {
			return []int{0}, []int{len(n) - 1}, len(n) >= 13 && len(n) <= 19 && plain(radix, len(n))
		},
		complete: func(n, _ []byte) bool {
			n[len(n)-1] = luhn(n[:len(n)-1])
			return true
		},
	},
	"iban": {letters: true, fits: fitsIBAN, complete: completeIBAN},
	// The German tax number of persons (§ 139b AO): one of the first ten digits occurs twice or three times, the others once;
	// ISO 7064 MOD 11,10.
	"de-tax": {
		fits: func(_, radix []byte) (keep, check []int, ok bool) { return nil, []int{10}, plain(radix, 11) },
		complete: func(n, _ []byte) bool {
			var count [10]int
			repeated, product := 0, 10
			for _, d := range n[:10] {
				if count[d]++; count[d] > 1 {
					repeated++
				}
				sum := (int(d) + product) % 10
				if sum == 0 {
					sum = 10
				}
				product = sum * 2 % 11
			}
			n[10] = byte((11 - product) % 10)
			most := slices.Max(count[:])
			return n[0] != 0 && (most == 2 && repeated == 1 || most == 3 && repeated == 2)
		},
	},
	// The German number of social insurance (VKVV § 2): area, day of birth, initial, serial number.
	"de-social": {
		letters: true,
		fits: func(_, radix []byte) (keep, check []int, ok bool) {
			return nil, []int{11}, len(radix) == 12 && radix[8] == 26 && plain(radix[:8], 8) && plain(radix[9:], 3)
		},
		complete: func(n, _ []byte) bool {
			letter := n[8] + 1
			all := append(append([]byte{}, n[:8]...), letter/10, letter%10, n[9], n[10])
			sum := 0
			for i, weight := range []int{2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1} {
				product := int(all[i]) * weight
				sum += product/10 + product%10
			}
			n[11] = byte(sum % 10)
			return isDayOfMonth(n[2:])
		},
	},
	// The Austrian number of social insurance (ASVG § 31): serial number, check digit, day of birth.
	"at-social": {
		fits: func(_, radix []byte) (keep, check []int, ok bool) { return nil, []int{3}, plain(radix, 10) },
		complete: func(n, _ []byte) bool {
			rest := (weighted(n, 3, 7, 9) + weighted(n[4:], 5, 8, 4, 2, 1, 6)) % 11
			n[3] = byte(rest % 10)
			return rest < 10 && n[0] != 0 && isDayOfMonth(n[4:])
		},
	},
	// The Austrian tax number: Luhn's sum over nine digits.
	"at-tax": {
		fits: func(_, radix []byte) (keep, check []int, ok bool) { return nil, []int{8}, plain(radix, 9) },
		complete: func(n, _ []byte) bool {
			n[8] = luhn(n[:8])
			return true
		},
	},
	// The Swiss number of social insurance (AHV): an EAN-13 that begins with the country.
	"ch-social": {
		fits: func(n, radix []byte) (keep, check []int, ok bool) {
			return []int{0, 1, 2}, []int{12}, plain(radix, 13) && n[0] == 7 && n[1] == 5 && n[2] == 6
		},
		complete: func(n, _ []byte) bool {
			n[12] = byte((10 - weighted(n, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3)%10) % 10)
			return true
		},
	},
	// The Swiss number of businesses (UID), CHE-123.456.788, also with MWST or the like behind it.
	"ch-uid": {
		letters: true,
		fits: func(n, radix []byte) (keep, check []int, ok bool) {
			if len(n) < 12 || string(n[:3]) != string([]byte{'C' - 'A', 'H' - 'A', 'E' - 'A'}) || radix[0] != 26 || !plain(radix[3:12], 9) {
				return nil, nil, false
			}
			keep = []int{0, 1, 2}
			for i := 12; i < len(n); i++ {
				if radix[i] != 26 {
					return nil, nil, false
				}
				keep = append(keep, i)
			}
			return keep, []int{11}, true
		},
		complete: func(n, _ []byte) bool {
			rest := (11 - weighted(n[3:], 5, 4, 3, 2, 7, 6, 5, 4)%11) % 11
			n[11] = byte(rest % 10)
			return rest < 10
		},
	},
	// The French number of social insurance (NIR): sex, year, month, department, commune, serial number, key. Corsica has letters.
	"fr-social": {
		letters: true,
		fits: func(n, radix []byte) (keep, check []int, ok bool) {
			keep = []int{0}
			if len(radix) == 15 && radix[6] == 26 && n[5] == 2 && n[6] < 2 {
				keep = []int{0, 5, 6}
			} else if !plain(radix, 15) {
				return nil, nil, false
			}
			return keep, []int{13, 14}, n[0] == 1 || n[0] == 2
		},
		complete: func(n, radix []byte) bool {
			number := append([]byte{}, n[:13]...)
			if radix[6] == 26 {
				number[5], number[6] = 1, 9-n[6]
			}
			key := 97 - remainder(number, 97)
			n[13], n[14] = byte(key/10), byte(key%10)
			month := n[3]*10 + n[4]
			return month >= 1 && month <= 12 || month >= 20
		},
	},
	// The French tax number (SPI).
	"fr-tax": {
		fits: func(_, radix []byte) (keep, check []int, ok bool) {
			return nil, []int{10, 11, 12}, plain(radix, 13)
		},
		complete: func(n, _ []byte) bool {
			rest := remainder(n[:10], 511)
			n[10], n[11], n[12] = byte(rest/100), byte(rest/10%10), byte(rest%10)
			return n[0] <= 3
		},
	},
}

// ibanLengths has the lengths of IBANs of the countries whose numbers are known here in full.
var ibanLengths = map[string]int{"DE": 22, "AT": 20, "CH": 21, "LI": 21, "FR": 27}

func ibanCountry(n []byte) string { return string([]byte{'A' + n[0], 'A' + n[1]}) }

// fitsIBAN knows the shape of an IBAN (ISO 13616): the country stays.
func fitsIBAN(n, radix []byte) (keep, check []int, ok bool) {
	if len(n) < 15 || len(n) > 34 || radix[0] != 26 || radix[1] != 26 || !plain(radix[2:4], 2) {
		return nil, nil, false
	}
	country := ibanCountry(n)
	if length, known := ibanLengths[country]; known && length != len(n) {
		return nil, nil, false
	}
	check = []int{2, 3}
	if country == "FR" { // its account numbers have a key of their own
		if !plain(radix[25:], 2) {
			return nil, nil, false
		}
		check = append(check, 25, 26)
	}
	return []int{0, 1}, check, true
}

func completeIBAN(n, radix []byte) bool {
	if ibanCountry(n) == "FR" {
		completeRIB(n[4:], radix[4:])
	}
	rest := 0
	add := func(n, radix []byte) {
		for i, number := range n {
			if radix[i] == 26 {
				rest = (rest*100 + int(number) + 10) % 97
			} else {
				rest = (rest*10 + int(number)) % 97
			}
		}
	}
	add(n[4:], radix[4:])
	add(n[:2], radix[:2])
	rest = 98 - rest*100%97
	n[2], n[3] = byte(rest/10), byte(rest%10)
	return true
}

// completeRIB writes the key of a French account number: five digits of a bank, five of a branch, eleven characters of an account, whose
// letters count as digits: A and J are 1, S is 2.
func completeRIB(n, radix []byte) {
	number := make([]byte, 21)
	for i := range number {
		switch {
		case radix[i] == 10:
			number[i] = n[i]
		case n[i] < 'S'-'A':
			number[i] = n[i]%9 + 1
		default:
			number[i] = (n[i]-('S'-'A'))%9 + 2
		}
	}
	key := 97 - (89*remainder(number[:5], 97)+15*remainder(number[5:10], 97)+3*remainder(number[10:], 97))%97
	n[21], n[22] = byte(key/10), byte(key%10)
}
