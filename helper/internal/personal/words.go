package personal

import (
	"regexp"
	"strings"
	"unicode"
)

// named are the words in names of columns that stand for personal values, in English, German and French: whole words, in this order, with
// blanks between them where a name has several. The first kind that matches counts.
var named = []struct {
	kind  Kind
	words string
}{
	{Mail, "mail|email|e mail|mailadresse|emailadresse|courriel"},
	{Credential, "password|passwd|passwort|kennwort|pwd|pass|mot de passe|password hash|secret|api key|apikey|token|access token|refresh token|private key|otp"},
	{IP, "ip|ip address|ipaddress|remote addr|remote address|client ip|ip adresse|hostname"},
	{BankAccount, "iban|bank account|account number|kontonummer|numero de compte"},
	{Card, "card number|credit card|cardnumber|kreditkarte|kreditkartennummer|carte bancaire|numero de carte"},
	{NationalNumber, "ssn|svnr|sv nummer|sozialversicherungsnummer|social security|social security number|ahv|ahv nummer|steuer id|steuernummer|tax id|nir|insee|numero de securite sociale|passport|passport number|ausweis|ausweisnummer|national id"},
	{BirthDate, "birth|birthday|birthdate|birth date|date of birth|dob|geburtsdatum|geburtstag|geboren|naissance|date naissance|date de naissance"},
	{Phone, "phone|telephone|tel|telefon|telefonnummer|mobile|mobil|handy|cell|cellphone|fax|portable|phone number|mobilnummer"},
	{FirstName, "first name|firstname|given name|givenname|forename|vorname|prenom|middle name|middlename|additional name"},
	{LastName, "last name|lastname|surname|family name|familyname|nachname|familienname|nom de famille|maiden name|geburtsname"},
	{Name, "full name|fullname|real name|display name|contact name|contact person|customer name|author name|ansprechpartner|username|user name|user login|login|nickname|nicename|benutzername|nom|sender name|recipient"},
	{Address, "street|street address|address|addr|address line|strasse|straße|hausnummer|adresse|anschrift|rue|zip|zip code|zipcode|plz|postcode|postal code|code postal|city|ort|wohnort|ville|town|locality"},
	{Special, "gender|sex|geschlecht|sexe|religion|konfession|nationality|nationalitaet|staatsangehoerigkeit|marital status|familienstand|disability|behinderung|salary|gehalt|salaire|lohn"},
	{FreeText, "comment|comments|kommentar|commentaire|message|nachricht|note|notes|notiz|bemerkung|remarque|remarks|bio|biography|biographie|lebenslauf|cv|resume|motivation|cover letter|anschreiben|lettre de motivation|feedback|signature"},
}

// namedPatterns match a name that wordsOf has taken apart.
var namedPatterns = func() []*regexp.Regexp {
	patterns := make([]*regexp.Regexp, len(named))
	for i, row := range named {
		patterns[i] = regexp.MustCompile(`(^| )(` + row.words + `)[0-9]*( |$)`)
	}
	return patterns
}()

// notPersonal are words that make something else of a name: the type of a phone number, the template of a mail.
var notPersonal = regexp.MustCompile(`(^| )(template|subject|status|type|count|counts|sent|enabled|verified|confirmed|format|langcode|delta|bundle|weight|expires?|expiry|algorithm|charset|mode|required|visible|public|length|label|currency|unit|id|uid|nid)$`)

// people are the words in names of tables whose rows are people.
var people = regexp.MustCompile(`(^| )(users?|accounts?|customers?|contacts?|authors?|persons?|people|employees?|staff|members?|subscribers?|candidates?|applicants?|patients?|guests?|benutzer|kunden?|kontakte?|personen|mitarbeiter|mitglieder|bewerber|patienten|clients?|utilisateurs?|personnes?|employes?|membres?|bewerbungen)$`)

// kindIn is the kind of value that the name of a column stands for in a table.
func kindIn(table, column string) Kind {
	kind := kindOf(column)
	if kind == "" && wordsOf(column) == "name" && people.MatchString(strings.TrimSuffix(wordsOf(table), " field data")) {
		return Name
	}
	return kind
}

// kindOf is the kind of value that a name stands for; "" if it says nothing.
func kindOf(name string) Kind {
	words := wordsOf(name)
	if notPersonal.MatchString(words) && words != "steuer id" && words != "tax id" && words != "national id" {
		return ""
	}
	for i, pattern := range namedPatterns {
		if pattern.MatchString(words) {
			return named[i].kind
		}
	}
	return ""
}

// plainWords takes a name such as field_firstName_value apart: "field first name value".
func plainWords(name string) string {
	var words strings.Builder
	var last rune
	for _, c := range name {
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			c = ' '
		case unicode.IsUpper(c) && unicode.IsLower(last):
			words.WriteByte(' ')
		}
		last = c
		words.WriteRune(unicode.ToLower(c))
	}
	return strings.Join(strings.Fields(words.String()), " ")
}

// wordsOf takes a name apart, without what systems add to the name of a field: "first name" for field_firstName_value.
func wordsOf(name string) string {
	text := plainWords(name)
	// What systems add to the name of a field is no part of it.
	text = strings.TrimPrefix(text, "field ")
	for _, suffix := range []string{" value", " text", " number"} {
		if rest := strings.TrimSuffix(text, suffix); kindNamed(rest) {
			text = rest
		}
	}
	return strings.NewReplacer("é", "e", "è", "e", "ä", "ae", "ö", "oe", "ü", "ue").Replace(text)
}

func kindNamed(text string) bool {
	for _, pattern := range namedPatterns {
		if pattern.MatchString(text) {
			return true
		}
	}
	return false
}
