package mask

import (
	"fmt"
	"strings"
	"testing"
)

// Numbers that their issuers publish as examples.
var examples = map[string][]string{
	"card":      {"4111111111111111", "5500 0000 0000 0004", "3400-000000-00009"},
	"iban":      {"DE89 3704 0044 0532 0130 00", "AT611904300234573201", "CH93 0076 2011 6238 5295 7", "FR1420041010050500013M02606", "GB29NWBK60161331926819"},
	"de-tax":    {"36574261809", "86095742719", "47036892816", "65929970489", "57549285017", "25768131411"},
	"de-social": {"65170839J003", "65 170839 J 003"},
	"at-social": {"1237 010180", "1237010180"},
	"at-tax":    {"59-119/9013", "591199013"},
	"ch-social": {"756.9217.0769.85", "7569217076985"},
	"ch-uid":    {"CHE-100.155.212", "CHE-107.787.577 IVA", "CHE107787577"},
	"fr-social": {"2 55 08 14 168 025 38", "253072B07300470", "253072A07300443"},
	"fr-tax":    {"30 23 217 600 053", "0701987765493"},
}

func TestCheckDigits(t *testing.T) {
	if len(examples) != len(checkedNumbers) {
		t.Errorf("%d formats have examples, of %d", len(examples), len(checkedNumbers))
	}
	for format, numbers := range examples {
		m := masker(t, Spec{Name: "digits", Format: format}, Column{Kind: Text}).(*digits)
		valid := checkedNumbers[format]
		for _, number := range numbers {
			if !valid.valid(m, []byte(number)) {
				t.Errorf("%s: %s is not valid", format, number)
				continue
			}
			made := masked(m, number)
			if !valid.valid(m, []byte(made)) || made == number {
				t.Errorf("%s: %s became %s", format, number, made)
			}
			if shape(made) != shape(number) {
				t.Errorf("%s: %s became %s, of another shape", format, number, made)
			}
			for i := range number { // one wrong digit is always found
				if number[i] < '0' || number[i] > '9' {
					continue
				}
				wrong := number[:i] + string('0'+(number[i]-'0'+1)%10) + number[i+1:]
				if valid.valid(m, []byte(wrong)) {
					t.Errorf("%s: %s is valid, too", format, wrong)
				}
				if made := masked(m, wrong); valid.valid(m, []byte(made)) || shape(made) != shape(wrong) {
					t.Errorf("%s: %s, which is not valid, became %s", format, wrong, made)
				}
			}
		}
	}
	for format, number := range map[string]string{"iban": "DE89", "card": "4111 1111 1111 111x", "ch-social": "757.9217.0769.85", "fr-social": "355081416802538"} {
		if m := masker(t, Spec{Name: "digits", Format: format}, Column{Kind: Text}); !strings.Contains(fmt.Sprint(shape(number)), shape(masked(m, number))) {
			t.Errorf("%s: %s became %s", format, number, masked(m, number))
		}
	}
}

// shape has a character for each class.
func shape(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch asciiClass[c] {
		case digit:
			b.WriteByte('0')
		case lower:
			b.WriteByte('a')
		case upper:
			b.WriteByte('A')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
