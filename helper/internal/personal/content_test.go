package personal

import "testing"

// The numbers are the published examples of those who issue them.
func TestLook(t *testing.T) {
	for text, want := range map[string]Kind{
		"anna.berg@mail.example.org":           Mail,
		"Write to <j.o@firma.de>, please.":     Mail,
		"DE89 3704 0044 0532 0130 00":          BankAccount,
		"FR1420041010050500013M02606":          BankAccount,
		"DE88370400440532013000":               "",
		"4111 1111 1111 1111":                  Card,
		"4111111111111112":                     "",
		"0000000000000000":                     "",
		"756.1234.5678.97":                     NationalNumber,
		"7561234567897":                        NationalNumber,
		"756.1234.5678.98":                     "",
		"2 55 08 14 168 025 38":                NationalNumber,
		"255081416802539":                      "",
		"15070649C103":                         NationalNumber,
		"15070649C104":                         "",
		"86095742719":                          NationalNumber,
		"86095742718":                          "",
		"1237 010180":                          NationalNumber,
		"1238 010180":                          "",
		"+43 660 123 45 67":                    Phone,
		"(030) 123-4567":                       Phone,
		"0664 1234567":                         Phone,
		"01 23 45 67 89":                       Phone,
		"(212) 555-0123":                       Phone,
		"Call me at +49 170 1234567 tomorrow.": Phone,
		"1609459200":                           "",
		"2021-03-04":                           "",
		"04.05.2021":                           "",
		"10.3.2":                               "",
		"192.0.2.17":                           IP,
		"2001:db8::1":                          IP,
		"127.0.0.1":                            "",
		"12:30":                                "",
		"1985-06-07":                           BirthDate,
		"07.06.1985":                           BirthDate,
		"1985-06-07 12:13:14":                  "",
		"Anna Berg":                            Name,
		"Berg, Anna":                           Name,
		"Ludwig von Mises":                     "",
		"Main Menu":                            "",
		"Dear Frau Müller, we have got it":     Name,
		"Hello world":                          "",
		"node/17":                              "",
		"":                                     "",
	} {
		found := look(text)
		got := Kind("")
		if len(found) > 0 {
			got = found[0].kind
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]Kind{
		"mail": Mail, "eMail": Mail, "field_email_value": Mail, "courriel": Mail, "billing_email": Mail, "mail_template": "", "email_verified": "",
		"phone": Phone, "phoneNumber": Phone, "field_telefon_value": Phone, "phone_type": "", "Telefax": "", "fax": Phone, "mobile2": Phone,
		"vorname": FirstName, "prénom": FirstName, "first_name": FirstName, "GivenName": FirstName, "nachname": LastName, "sn": "", "surname": LastName,
		"user_login": Name, "name": "", "machine_name": "", "display_name": Name, "plz": Address, "Straße": Address, "city": Address, "address_id": "",
		"pass": Credential, "password_hash": Credential, "api_key": Credential, "geburtsdatum": BirthDate, "dob": BirthDate, "date_naissance": BirthDate,
		"ip_address": IP, "ip": IP, "iban": BankAccount, "kontonummer": BankAccount, "steuer_id": NationalNumber, "ahv_nummer": NationalNumber,
		"gender": Special, "comment_status": "", "comment": FreeText, "cover_letter": FreeText, "title": "", "body": "", "zip": Address, "description": "",
	} {
		if got := kindOf(name); got != want {
			t.Errorf("%s (%s): %q, want %q", name, wordsOf(name), got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	if got := redact("Änne.Berg-7@x.de\n" + string(make([]rune, 60))); got != "Xxxx.Xxxx-9@x.xx                        …" {
		t.Errorf("%q", got)
	}
}
