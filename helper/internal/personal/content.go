package personal

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
)

var (
	mailAddress = regexp.MustCompile(`[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,24}`)
	phoneNumber = regexp.MustCompile(`^(\+|00)[1-9][0-9 ()/.-]{6,20}[0-9]$|^\(?0[1-9][0-9]{0,5}\)?[ /-][0-9 /-]{4,14}[0-9]$|^0[1-9]([ .]?[0-9]{2}){4}$|^0[1-9][0-9]{8,11}$|^\(?[2-9][0-9]{2}\)?[ -][0-9]{3}-[0-9]{4}$`)
	phoneInText = regexp.MustCompile(`(^|[^\w.+])\+[1-9][0-9]{0,2}[ (/-][0-9 ()/-]{5,16}[0-9]\b`)
	account     = regexp.MustCompile(`\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b`)
	cardNumber  = regexp.MustCompile(`^(?:[3-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,7}|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5})$`)
	swissNumber = regexp.MustCompile(`\b756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}\b`)
	frenchOne   = regexp.MustCompile(`^[12] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}$`)
	pensionOne  = regexp.MustCompile(`^[0-9]{2} ?[0-9]{6} ?[A-Z] ?[0-9]{3}$`) // Germany's
	salutation  = regexp.MustCompile(`\b(Herrn?|Frau|Mr|Mrs|Ms|Monsieur|Madame|M\.|Mme|Dr\.) \p{Lu}\p{Ll}+`)
	day         = regexp.MustCompile(`^(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]`)
	dayInText   = regexp.MustCompile(`^([0-3]?[0-9])[./-]([01]?[0-9])[./-](19|20)[0-9]{2}$`)
)

// firstNames are frequent first names, in lower case.
var firstNames = func() map[string]bool {
	all := map[string]bool{}
	for _, name := range mask.FirstNames() {
		all[strings.ToLower(name)] = true
	}
	return all
}()

// found is a kind that a text shows, and where in it.
type found struct {
	kind Kind
	text string
}

// look returns the kinds that a text shows.
func look(text string) (all []found) {
	add := func(kind Kind, part string) { all = append(all, found{kind, part}) }
	text = strings.TrimSpace(text)
	if part := mailAddress.FindString(text); part != "" {
		add(Mail, part)
	}
	for _, part := range account.FindAllString(text, 3) {
		if mask.Valid("iban", part) {
			add(BankAccount, part)
			break
		}
	}
	switch {
	case cardNumber.MatchString(text) && mask.Valid("card", text) && strings.Trim(digitsOf(text), text[:1]) != "":
		add(Card, text)
	case isNationalNumber(text):
		add(NationalNumber, text)
	case phoneNumber.MatchString(text) && !dayInText.MatchString(text) && isPhone(text):
		add(Phone, text)
	case len(text) > 20:
		if part := phoneInText.FindString(text); part != "" {
			add(Phone, part)
		}
	}
	plain, _, _ := strings.Cut(text, "/") // PostgreSQL writes the length of the network behind it
	if address, err := netip.ParseAddr(plain); err == nil && strings.ContainsAny(text, ".:") && !address.IsLoopback() && !address.IsUnspecified() {
		add(IP, text)
	}
	if isFullName(text) {
		add(Name, text)
	} else if part := salutation.FindString(text); part != "" && len(text) > 20 {
		add(Name, part)
	}
	if isBirthDate(text) {
		add(BirthDate, text)
	}
	return all
}

// digitsOf returns the digits of a text.
func digitsOf(text string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, text)
}

// isPhone says whether a text has as many digits as a phone number.
func isPhone(text string) bool {
	n := len(digitsOf(text))
	return n >= 7 && n <= 15
}

// isNationalNumber knows the numbers that can be told from others by their form and their check digits: Switzerland's AHV, France's NIR,
// Germany's pension insurance and tax identification, and Austria's social insurance.
func isNationalNumber(text string) bool {
	digits := digitsOf(text)
	switch {
	case swissNumber.MatchString(text) && len(digits) == 13:
		return mask.Valid("ch-social", digits)
	case frenchOne.MatchString(text):
		return mask.Valid("fr-social", text)
	case pensionOne.MatchString(text):
		return mask.Valid("de-social", text)
	case len(digits) == 11 && onlyDigits(text):
		return mask.Valid("de-tax", digits)
	case len(digits) == 10 && onlyDigits(text):
		return mask.Valid("at-social", digits)
	}
	return false
}

func onlyDigits(text string) bool { return strings.Trim(text, "0123456789 /.-") == "" }

// isFullName says whether a text is a frequent first name with one to three other names.
func isFullName(text string) bool {
	if len(text) > 60 {
		return false
	}
	text = strings.ReplaceAll(text, ",", " ")
	words := strings.Fields(text)
	if len(words) < 2 || len(words) > 4 {
		return false
	}
	known := false
	for _, word := range words {
		for i, c := range word {
			if i == 0 && !unicode.IsUpper(c) && word != "von" && word != "van" && word != "de" && word != "der" && word != "zu" ||
				!unicode.IsLetter(c) && c != '-' && c != '\'' && c != '.' && c != '’' {
				return false
			}
		}
	}
	for _, word := range []string{words[0], words[len(words)-1]} { // "Anna Berg", "Berg, Anna"
		known = known || firstNames[strings.ToLower(word)]
	}
	return known
}

// isFirstName says whether a text is a frequent first name and nothing else.
func isFirstName(text string) bool { return firstNames[strings.ToLower(strings.TrimSpace(text))] }

// isBirthDate says whether a text is a day on which somebody who is alive may be born.
func isBirthDate(text string) bool {
	year := ""
	switch {
	case day.MatchString(text) && len(text) <= len("2006-01-02 00:00:00") && (len(text) == len("2006-01-02") || strings.HasSuffix(text, "00:00:00")):
		year = text[:4]
	case dayInText.MatchString(text):
		year = text[len(text)-4:]
	}
	return year >= "1920" && year <= "2012"
}
