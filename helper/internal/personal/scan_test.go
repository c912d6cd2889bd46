package personal

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// planted are columns with personal values, by kind, and their values with | between them. Names that begin with x say nothing.
var planted = []struct {
	kind   Kind
	name   string
	values string
}{
	{Mail, "users.mail", "anna@firma.example|b.o@mail.example|c@d.example"},
	{Mail, "commande.courriel", "paul@exemple.example|x@y.example"},
	{Mail, "x1.x", "anna@firma.example||no answer|b.o@mail.example"},
	{Mail, "x2.x", "Please write to anna@firma.example|Nothing new|It is all done|See you"},
	{Mail, "x3.x", `{"form":{"answer":"anna@firma.example"}}|{"form":{"answer":"b@c.example"}}`},
	{Mail, "x4.x", `a:1:{s:1:"k";s:18:"anna@firma.example";}|a:1:{s:1:"k";s:11:"b@c.example";}`},
	{Mail, "x5.x", `<p>Write to <a href="#">anna@firma.example</a></p>|<p>b@c.example</p>`},
	{Phone, "customer.phone", "+43 660 1234567|0664/1234567|+49 30 123456"},
	{Phone, "kunde.telefon", "030 1234567|089-123456|0711 12345-67"},
	{Phone, "x6.x", "+33 1 23 45 67 89|+33 6 12 34 56 78|+41 44 123 45 67"},
	{Phone, "x7.x", "01 23 45 67 89|06 12 34 56 78|04 11 22 33 44"},
	{Phone, "contact.mobile", "6601234567|1701234567|664987654"},
	{FirstName, "bewerber.vorname", "Anna|Jürgen|Zbigniew"},
	{FirstName, "customer_entity.firstname", "Anna|Paul|Kim"},
	{FirstName, "candidat.prenom", "Élodie|Jean-Luc|Chloé"},
	{LastName, "bewerber.nachname", "Berg|Müller|Oğuz"},
	{LastName, "wp_x.last_name", "O'Hara|Smith|Lee"},
	{LastName, "candidat.nom_de_famille", "Dupont|Lefèvre|Martin"},
	{FirstName, "x8.x", "Anna|Thomas|Julia|Markus|Petra"},
	{Name, "users.name", "anna.berg|paul|z_w"},
	{Name, "x9.x", "Anna Berg|Paul Smith|Julia Meier"},
	{Name, "x10.x", "Berg, Anna|Meier, Julia|Smith, Paul"},
	{Name, "order.contact_person", "A. Berg|Herr Oğuz|Frau Lee"},
	{Name, "x11.x", "Sehr geehrte Frau Berg, wir danken für Ihre Bewerbung|Sehr geehrter Herr Oğuz, leider nicht"},
	{Address, "order.street", "Hauptstraße 7|Am Graben 12|Rue de la Paix 3"},
	{Address, "kunde.plz", "1010|10115|8001"},
	{Address, "adresse.ville", "Paris|Lyon|Lille"},
	{IP, "comment.hostname", "192.0.2.1|198.51.100.7|2001:db8::7"},
	{IP, "x12.x", "192.0.2.1|198.51.100.7|203.0.113.9"},
	{BankAccount, "kunde.iban", "DE89370400440532013000|AT611904300234573201"},
	{BankAccount, "x13.x", "DE89 3704 0044 0532 0130 00|FR14 2004 1010 0505 0001 3M02 606"},
	{Card, "payment.card_number", "4111111111111111|5500005555555559"},
	{Card, "x14.x", "4111 1111 1111 1111|5500 0055 5555 5559|4012888888881881"},
	{NationalNumber, "employee.steuer_id", "86095742719|47036892816"},
	{NationalNumber, "x15.x", "756.1234.5678.97|756.9217.0769.85"},
	{NationalNumber, "x16.x", "255081416802538|2 55 08 14 168 025 38"},
	{NationalNumber, "x17.x", "15070649C103|15 070649 C 103"},
	{NationalNumber, "x18.x", "1237010180|1237 010180"},
	{NationalNumber, "mitarbeiter.svnr", "1237010180|9999 010190"},
	{BirthDate, "user__birthday.field_birthday_value", "1985-06-07|1990-01-02|2001-03-04"},
	{BirthDate, "bewerber.geburtsdatum", "07.06.1985|02.01.1990"},
	{BirthDate, "x19.x", "1985-06-07|1961-01-02|1973-03-04|1991-12-01"},
	{Credential, "users.pass", "$2y$10$abcdefghijklmnopqrstuv|$2y$10$zyxwvutsrqponmlkjihgfe"},
	{Credential, "api_user.api_key", "a8s7d6f5a8s7d6f5|b9b9b9b9c8c8c8c8"},
	{Special, "patient.religion", "rk|ev|o.B."},
	{Special, "user.geschlecht", "m|w|d"},
	{FreeText, "application.cover_letter", "I have always wanted to work in a bakery|My last work was in a bank"},
	{FreeText, "bewerbung.bemerkung", "kommt erst im Mai zurück|hat schon einmal angerufen"},
}

// harmless are columns without personal values.
var harmless = []struct{ name, values string }{
	{"node.title", "Welcome to our site|New jobs in Vienna|About us"}, {"node.type", "page|article"}, {"node.uuid", "6f1c1b7e-9b1f-4b7c-8f0e-1a2b3c4d5e6f"},
	{"node.langcode", "de|en|fr"}, {"node.created", "1609459200|1612137600"}, {"node_body.value", "<p>We are looking for a <b>baker</b> in Graz.</p>|<p>Full time</p>"},
	{"term.name", "Berlin|Paris|Wien|Graz"}, {"term.description", "Cities of Austria|Sports and games"}, {"menu.link_title", "Main menu|Contact|Imprint"},
	{"config.name", "system.site|views.view.frontpage"}, {"config.data", `a:2:{s:4:"name";s:4:"Site";s:4:"slog";s:5:"Hello";}|a:0:{}`},
	{"product.sku", "AB-1234-XL|CD-9999"}, {"product.ean", "4006381333931|5901234123457|9780306406157"}, {"product.price", "12.90|7.00"}, {"product.name", "Blue shirt|Red hat|Max Size Bag"},
	{"file.filename", "image-1.jpg|report_2021.pdf"}, {"file.uri", "public://2021-03/image.jpg"}, {"file.filemime", "image/jpeg|application/pdf"}, {"file.hash", "d41d8cd98f00b204e9800998ecf8427e"},
	{"version.number", "10.3.2|11.0.1|8.9.20"}, {"cron.time", "12:30|06:00"}, {"event.day", "2021-03-04|2022-12-24"}, {"event.from", "2021-03-04 12:00:00"}, {"colour.hex", "#ff0000|#00ff00"},
	{"country.code", "AT|DE|FR"}, {"country.name", "Austria|Germany|France"}, {"month.name", "January|April|August"}, {"plugin.settings", `{"enabled":true,"limit":10,"label":"Teaser"}`},
	{"url.path", "/node/17|/about-us"}, {"url.alias", "/jobs/baker-graz|/contact"}, {"log.message", "Page not found: /x|Cron run completed"}, {"log.severity", "notice|error"},
	{"queue.name", "mail_queue|cron"}, {"status.value", "published|draft"}, {"mail_template.subject", "Your order|Your password"}, {"mail.template", "order_new|user_welcome"},
	{"user.email_verified", "1|0"}, {"user.phone_type", "home|work"}, {"user.theme", "olivero|claro"}, {"user.timezone", "Europe/Vienna|Europe/Berlin"}, {"users.preferred_langcode", "de|en"},
	{"order.number", "100000012|100000013|100000014"}, {"order.status", "complete|pending"}, {"order.currency", "EUR|CHF"}, {"order.total", "129.00|7.50"}, {"order.tracking", "00340434161094042557|00340434161094038253"},
	{"stat.counter", "17|23"}, {"cache.cid", "block_view:17|config:system.site"}, {"session.data", "x"}, {"style.css", ".a{color:red}|.b{margin:0}"}, {"job.company", "Bäckerei Huber GmbH|Acme Inc."},
	{"job.title", "Baker (m/f)|Senior PHP Developer"}, {"job.salary_currency", "EUR|CHF"}, {"isbn.value", "978-3-16-148410-0|978-0-306-40615-7"}, {"timestamp.value", "1609459200123|1612137600456"},
	{"field.machine_name", "field_first_name|field_mail"}, {"role.name", "administrator|editor"}, {"permission.name", "access content|edit own comments"}, {"view.display_title", "Frontpage|Archive"},
	{"geo.lat", "48.2082|52.52"}, {"release.day", "2005-01-02|2011-05-06"}, {"media.alt", "A house at a lake|Logo of the company"}, {"faq.answer", "You can pay by card.|It takes two days."},
}

func scanOf(t *testing.T, name, values string) (Finding, bool) {
	t.Helper()
	table, column, _ := strings.Cut(name, ".")
	s := &Scan{Rules: rules.Rules{Key: mask.NewKey(secret.New("a key for tests only"))}}
	s.Table(rules.Table{Name: table, Names: []string{table}, Columns: []rules.Column{{Name: column, Column: mask.Column{Kind: mask.Text, Nullable: true}}}})
	for range 10 {
		for _, value := range strings.Split(values, "|") {
			s.Row([][]byte{[]byte(value)})
		}
	}
	s.Done()
	for _, f := range s.Findings() {
		if f.Confidence != Low {
			return f, true
		}
	}
	return Finding{}, false
}

// A scan finds nearly all that is personal, and of ten columns that it names at most one is harmless.
func TestFound(t *testing.T) {
	missed, wrong := 0, 0
	for _, p := range planted {
		f, is := scanOf(t, p.name, p.values)
		switch {
		case !is:
			missed++
			t.Logf("missed: %s, %s", p.name, p.kind)
		case f.Kind != p.kind:
			t.Logf("%s: %s, and it is %s", p.name, f.Kind, p.kind)
		case f.Masker == "":
			t.Errorf("%s: no masker", p.name)
		}
	}
	for _, h := range harmless {
		if f, is := scanOf(t, h.name, h.values); is {
			wrong++
			t.Logf("harmless: %s, said to be a %s", h.name, f.Kind)
		}
	}
	t.Logf("%d of %d found, %d of %d harmless ones named", len(planted)-missed, len(planted), wrong, len(harmless))
	if missed*20 > len(planted) || wrong*10 > len(planted)-missed+wrong {
		t.Errorf("%d of %d missed, %d of %d harmless ones named", missed, len(planted), wrong, len(harmless))
	}
}

// Columns with a rule or a reason are not looked at, and no example shows a value.
func TestScanLeavesOut(t *testing.T) {
	s := &Scan{Rules: rules.Rules{
		Key:     mask.NewKey(secret.New("a key for tests only")),
		Columns: []rules.Rule{{Column: "users.mail", Spec: mask.Spec{Name: "email"}}}, Accepted: []rules.Accepted{{Column: "*.name", Reason: "public"}},
	}}
	columns := s.Table(rules.Table{Name: "public.users", Names: []string{"users", "public.users"}, Columns: []rules.Column{
		{Name: "mail", Column: mask.Column{Kind: mask.Text}}, {Name: "name", Column: mask.Column{Kind: mask.Text}}, {Name: "phone", Column: mask.Column{Kind: mask.Integer, Least: "0", Most: "99999999999"}},
		{Name: "id", Column: mask.Column{Kind: mask.Integer}}, {Name: "sum", Generated: true, Column: mask.Column{Kind: mask.Text}}, {Name: "about", Column: mask.Column{Kind: mask.Text}},
	}})
	if !slices.Equal(columns, []string{"phone", "about"}) {
		t.Fatalf("wanted: %v", columns)
	}
	for range 50 {
		s.Row([][]byte{[]byte("436601234567"), []byte("Hello")})
	}
	s.Row([][]byte{nil, []byte("Ask Anna.Berg-7@firma.example")})
	s.Done()
	want := `[{public.users phone <nil> phone number high 50 50 true 999999999999 digits} {public.users about <nil> mail address low 1 51 false Xxxx.Xxxx-9@xxxxx.xxxxxxx text}]`
	if got := fmt.Sprint(s.Findings()); got != want {
		t.Errorf("found\n%s, want\n%s", got, want)
	}
	const fragment = `columns:
  "public.users.phone": digits   # phone number, 50 of 50
  # "public.users.about": text   # mail address, 1 of 51
`
	if got := Fragment(s.Findings()); got != fragment {
		t.Errorf("the fragment is\n%s", got)
	}
	if s.Tables != 1 || s.Columns != 2 || s.Classified != 2 {
		t.Errorf("%d tables, %d columns, %d classified", s.Tables, s.Columns, s.Classified)
	}
}

// Where values have names in another column, each name is looked at for itself.
func TestScanKeyed(t *testing.T) {
	s := &Scan{Rules: rules.Rules{
		Key:     mask.NewKey(secret.New("a key for tests only")),
		Columns: []rules.Rule{{Column: "wp_usermeta.meta_value", Spec: mask.Spec{Name: "phone"}, When: &rules.When{Column: "meta_key", Values: []string{"*_phone"}}}},
	}}
	columns := s.Table(rules.Table{Name: "wp_usermeta", Names: []string{"wp_usermeta"}, Columns: []rules.Column{
		{Name: "umeta_id", Column: mask.Column{Kind: mask.Integer}}, {Name: "meta_value", Column: mask.Column{Kind: mask.Text}}, {Name: "meta_key", Column: mask.Column{Kind: mask.Text}},
	}})
	if !slices.Equal(columns, []string{"meta_value", "meta_key"}) {
		t.Fatalf("wanted: %v", columns)
	}
	for range 10 {
		for _, row := range [][2]string{
			{"Anna", "first_name"}, {"+43 660 1234567", "billing_phone"}, {"light", "admin_color"}, {"anna@firma.example", "x_contact"}, {"a:1:{s:5:\"theme\";s:4:\"dark\";}", "feedback"},
		} {
			s.Row([][]byte{[]byte(row[0]), []byte(row[1])})
		}
	}
	s.Row([][]byte{nil, []byte("first_name")})
	s.Row([][]byte{[]byte("x"), nil})
	s.Done()
	const fragment = `columns:
  "wp_usermeta.meta_value":
  - {mask: name, part: first, when: {meta_key: "first_name"}}   # first name, 10 of 10
  - {mask: email, when: {meta_key: "x_contact"}}   # mail address, 10 of 10
`
	if got := Fragment(s.Findings()); got != fragment {
		t.Errorf("the fragment is\n%s", got)
	}
	if got := s.Findings()[0].Place(); got != "wp_usermeta.meta_value (meta_key first_name)" {
		t.Errorf("it is at %s", got)
	}
}
