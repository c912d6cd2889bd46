package mask

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

var testKey = NewKey(secret.New("a key for tests"))

func masker(t testing.TB, spec Spec, column Column) Masker {
	t.Helper()
	m, err := New(testKey, spec, column)
	if err != nil {
		t.Fatalf("%+v: %v", spec, err)
	}
	return m
}

func masked(m Masker, value string) string {
	out, null := m.Mask(nil, []byte(value))
	if null {
		return "NULL"
	}
	return string(out)
}

// everyMasker has each masker on each kind of column that it takes, with the tightest limits.
func everyMasker(t testing.TB) map[string]struct {
	Masker
	Column
} {
	t.Helper()
	all := map[string]struct {
		Masker
		Column
	}{}
	columns := []Column{
		{Kind: Text, Nullable: true}, {Kind: Text, Characters: 255, Bytes: 1020}, {Kind: Text, Characters: 28}, {Kind: Text, Bytes: 255, Folded: true},
		{Kind: Text, Characters: 60, ASCII: true}, {Kind: Binary, Bytes: 16}, {Kind: Binary, Bytes: 65535}, {Kind: Integer, Least: "-2147483648", Most: "2147483647"},
		{Kind: Integer, Least: "0", Most: "255"}, {Kind: Integer, Least: "-128", Most: "127"}, {Kind: Decimal}, {Kind: Float}, {Kind: Date}, {Kind: DateTime}, {Kind: JSON},
		{Kind: UUID}, {Kind: Inet}, {Kind: Network}, {Kind: Labels, Nullable: true}, {Kind: Other, Nullable: true},
	}
	for _, name := range Names() {
		specs := []Spec{{Name: name}}
		switch name {
		case "fixed":
			specs = []Spec{{Name: name, Value: "1"}, {Name: name, Value: "2006-01-02"}}
		case "digits":
			for _, format := range Formats() {
				specs = append(specs, Spec{Name: name, Format: format})
			}
		case "password":
			specs = []Spec{{Name: name, Format: "magento2"}}
		case "name":
			specs = append(specs, Spec{Name: name, Locale: "de", Part: "first"}, Spec{Name: name, Locale: "fr", Part: "last"})
		case "json", "serialized":
			specs = append(specs, Spec{Name: name, Paths: []Path{{"*.mail", Spec{Name: "email"}}, {"n", Spec{Name: "digits"}}, {"gone", Spec{Name: "null"}}}})
		}
		for _, spec := range specs {
			for i, column := range columns {
				m, err := New(testKey, spec, column)
				if err == nil {
					all[fmt.Sprintf("%s %s %s%s on column %d", name, spec.Format, spec.Locale, spec.Value, i)] = struct {
						Masker
						Column
					}{m, column}
				}
			}
		}
	}
	return all
}

// corpus has values of all sorts.
var corpus = []string{
	"", " ", "a", "Anna Berg", "anna.berg@jobs.example.org", "Müller-Lüdenscheidt", "ÉLODIE", "张伟", "🙂 smile", "naïve\u0301", "\xff\xfe broken \xc3",
	"+43 664 1234567", "0664/123 45 67", "12", "DE89 3704 0044 0532 0130 00", "4111111111111111", "756.9217.0769.85", "2024-02-29", "0000-00-00",
	"2024-02-29 12:34:56.123456", "1990-00-00", "9999-12-31 23:59:59", "0001-01-01", "192.168.1.7", "2001:db8::7/64", "::1", "1.2.3.4, 5.6.7.8", "-12",
	"0", "127", "255", "-128", "2147483647", "-2147483648", "1.50", "-0.05", "1e+20", "public://cv/anna-berg.pdf", "a.b/c.d.e", `{"mail":"a@b.c","n":5}`,
	`a:1:{s:4:"mail";s:5:"a@b.c";}`, `<p title="x">Anna &amp; M&uuml;ller</p>`, "\x00\x01\x02\x03", strings.Repeat("Lorem ipsum dolor ", 400),
	`[{"mail":"a@b.c"},{"mail":null,"gone":"x"}]`, `{"n":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}`, `a:1:{i:0;a:1:{s:4:"mail";i:5;}}`,
	"00000000-0000-0000-0000-000000000001", "infinity", "O:8:\"stdClass\":0:{}", "<!-- wp:x --><a href='mailto:x@y.z'>x", "<", "<a", "&", "&;", "&#120;",
}

// fits says what is wrong with a value as one of a column.
func fits(column Column, before, after string) string {
	switch {
	case column.Characters > 0 && utf8.RuneCountInString(after) > max(column.Characters, utf8.RuneCountInString(before)):
		return "too many characters"
	case column.Bytes > 0 && len(after) > max(column.Bytes, len(before)):
		return "too many bytes"
	case column.Kind == Text && utf8.ValidString(before) && !utf8.ValidString(after):
		return "not UTF-8"
	case column.Kind == Integer && isInteger(before) && !column.exceeds([]byte(before)) && (!isInteger(after) || column.exceeds([]byte(after))):
		return "not such an integer"
	case column.Kind == JSON && !validJSON([]byte(after)):
		return "not JSON"
	case column.ASCII && isASCII(before) && !isASCII(after):
		return "not ASCII"
	}
	if _, isDate := parseDate([]byte(before)); (column.Kind == Date || column.Kind == DateTime) && isDate {
		if _, isDate := parseDate([]byte(after)); !isDate {
			return "not a date"
		}
	}
	return ""
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// check holds what is true of every masker and value.
func check(t *testing.T, name string, m Masker, column Column, value string) {
	t.Helper()
	input := []byte(value)
	defer time.AfterFunc(time.Minute, func() { panic(fmt.Sprintf("%s of %q takes too long", name, value)) }).Stop()
	first, null := m.Mask([]byte("before"), input)
	if string(input) != value {
		t.Fatalf("%s changed its input %q", name, value)
	}
	if !bytes.HasPrefix(first, []byte("before")) {
		t.Fatalf("%s of %q: dst was overwritten: %q", name, value, first)
	}
	if null {
		if !column.Nullable || len(first) != len("before") {
			t.Fatalf("%s of %q: NULL", name, value)
		}
		return
	}
	first = first[len("before"):]
	if problem := fits(column, value, string(first)); problem != "" {
		t.Fatalf("%s of %q: %s: %q", name, value, problem, first)
	}
	if again, _ := m.Mask(nil, input); !bytes.Equal(again, first) {
		t.Fatalf("%s of %q: %q, then %q", name, value, first, again)
	}
}

func TestEveryMaskerKeepsWhatColumnsDemand(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	values := append([]string{}, corpus...)
	for range 300 {
		a, b := corpus[random.IntN(len(corpus))], corpus[random.IntN(len(corpus))]
		values = append(values, a[:random.IntN(len(a)+1)]+b)
	}
	all := everyMasker(t)
	if len(all) < 60 {
		t.Errorf("only %d combinations", len(all))
	}
	for name, m := range all {
		for _, value := range values {
			check(t, name, m.Masker, m.Column, value)
		}
	}
}

func FuzzEveryMasker(f *testing.F) {
	for _, value := range corpus {
		f.Add(value)
	}
	all := everyMasker(f)
	f.Fuzz(func(t *testing.T, value string) {
		for name, m := range all {
			check(t, name, m.Masker, m.Column, value)
		}
	})
}

// Two processes with the same key must mask alike, and one with another key must not.
func TestTheKeyDecides(t *testing.T) {
	other := NewKey(secret.New("another key"))
	if testKey.ID() == other.ID() || testKey.ID() != NewKey(secret.New("a key for tests")).ID() {
		t.Error("the IDs do not tell keys apart")
	}
	for value, spec := range map[string]Spec{
		"Anna": {Name: "hash"}, "anna@b.c": {Name: "email"}, "Anna Berg": {Name: "name"}, "+43 664 1234567": {Name: "phone"}, "Some text": {Name: "text"},
		"123456789": {Name: "digits"}, "2024-02-29": {Name: "date"}, "1.2.3.4": {Name: "ip"}, "a.pdf": {Name: "filename"}, `{"a":"some words"}`: {Name: "json"},
		`s:5:"hallo";`: {Name: "serialized"}, "<p>Hallo ihr da draußen</p>": {Name: "html"}, "x": {Name: "password", Format: "magento2"},
	} {
		one, two := masked(masker(t, spec, Column{Kind: Text}), value), masked(masker(t, spec, Column{Kind: Text}), value)
		if one != two || one == value {
			t.Errorf("%s of %q: %q, and %q", spec.Name, value, one, two)
		}
		m, err := New(other, spec, Column{Kind: Text})
		if err != nil {
			t.Fatal(err)
		}
		if masked(m, value) == one {
			t.Errorf("%s of %q does not depend on the key: %q", spec.Name, value, one)
		}
	}
	for _, text := range []string{fmt.Sprint(testKey), fmt.Sprintf("%v %+v %s", testKey, testKey, testKey), fmt.Sprintf("%#v", testKey)} {
		if strings.Trim(text, "* ") != "" {
			t.Errorf("the key prints as %s", text)
		}
	}
}

func TestUniqueColumnsStayUnique(t *testing.T) {
	for name, test := range map[string]struct {
		spec   Spec
		column Column
		value  func(i int) string
	}{
		"hash":           {Spec{Name: "hash"}, Column{Kind: Text, Characters: 16, Unique: true}, func(i int) string { return fmt.Sprint("user", i) }},
		"binary hash":    {Spec{Name: "hash"}, Column{Kind: Binary, Bytes: 10, Unique: true}, func(i int) string { return fmt.Sprint("user", i) }},
		"uuid":           {Spec{Name: "hash"}, Column{Kind: UUID, Unique: true}, func(i int) string { return fmt.Sprint("user", i) }},
		"email":          {Spec{Name: "email"}, Column{Kind: Text, Characters: 28, Unique: true}, func(i int) string { return fmt.Sprintf("a%d@b.c", i) }},
		"email exact":    {Spec{Name: "email"}, Column{Kind: Text, Characters: 28, Unique: true}, cases},
		"email prefix":   {Spec{Name: "email"}, Column{Kind: Text, Unique: true, UniquePrefix: 16}, func(i int) string { return fmt.Sprintf("a%d@b.c", i) }},
		"name":           {Spec{Name: "name"}, Column{Kind: Text, Characters: 20, Unique: true}, func(i int) string { return fmt.Sprint("Anna ", i) }},
		"filename":       {Spec{Name: "filename"}, Column{Kind: Text, Characters: 40, Unique: true}, func(i int) string { return fmt.Sprintf("public://%d/a.pdf", i%1000+i) }},
		"digits":         {Spec{Name: "digits"}, Column{Kind: Text, Unique: true}, func(i int) string { return fmt.Sprintf("%05d", i) }},
		"short digits":   {Spec{Name: "digits"}, Column{Kind: Text, Unique: true}, func(i int) string { return fmt.Sprint(i) }},
		"grouped digits": {Spec{Name: "digits"}, Column{Kind: Text, Unique: true}, func(i int) string { return fmt.Sprintf("%d-%d", i%100, i/100) }},
		"integers":       {Spec{Name: "digits"}, Column{Kind: Integer, Least: "-32768", Most: "32767", Unique: true}, func(i int) string { return fmt.Sprint(i - 10000) }},
		"small integers": {Spec{Name: "digits"}, Column{Kind: Integer, Least: "0", Most: "20000", Unique: true}, func(i int) string { return fmt.Sprint(i) }},
		"decimals":       {Spec{Name: "digits"}, Column{Kind: Decimal, Unique: true}, func(i int) string { return fmt.Sprintf("%d.%02d", i/100, i%100) }},
		"valid and not":  {Spec{Name: "digits", Format: "at-tax"}, Column{Kind: Text, Unique: true}, func(i int) string { return fmt.Sprintf("%09d", i) }},
		"cards":          {Spec{Name: "digits", Format: "card"}, Column{Kind: Integer, Unique: true}, func(i int) string { return fmt.Sprint(4111111111100000 + i) }},
		"tax numbers":    {Spec{Name: "digits", Format: "de-tax"}, Column{Kind: Text, Unique: true}, func(i int) string { return fmt.Sprint(12345678000 + i) }},
	} {
		t.Run(name, func(t *testing.T) {
			m := masker(t, test.spec, test.column)
			folded := masker(t, test.spec, Column{Kind: test.column.Kind, Characters: test.column.Characters, Bytes: test.column.Bytes, Least: test.column.Least, Most: test.column.Most, Unique: true, Folded: true, UniquePrefix: test.column.UniquePrefix})
			seen, from, small := map[string]string{}, map[string]bool{}, map[string]string{}
			for i := range 4000 {
				value := test.value(i)
				if from[value] {
					continue
				}
				from[value] = true
				made := masked(m, value)
				key := made
				if prefix := test.column.UniquePrefix; prefix > 0 {
					key = made[:prefix]
				}
				if seen[key] != "" {
					t.Fatalf("%q and %q become %q", seen[key], value, made)
				}
				seen[key] = value
				if strings.ToLower(value) != value {
					continue
				}
				if made = masked(folded, value); test.column.Kind != Binary {
					made = strings.ToLower(made)
				}
				if small[made] != "" {
					t.Fatalf("without case, %q and %q become %q", small[made], value, made)
				}
				small[made] = value
			}
		})
	}
}

// cases returns addresses that differ in case alone.
func cases(i int) string {
	address := []byte("abcdefghijklmno@b.c")
	for bit := range 15 {
		if i>>bit&1 != 0 {
			address[bit] -= 0x20
		}
	}
	return string(address)
}

// A permutation of all numbers of a length must reach all of them.
func TestDigitsAreAPermutation(t *testing.T) {
	for length := 1; length <= 4; length++ {
		m, seen := masker(t, Spec{Name: "digits"}, Column{Kind: Text}), map[string]bool{}
		total := 1
		for range length {
			total *= 10
		}
		for i := range total {
			seen[masked(m, fmt.Sprintf("%0*d", length, i))] = true
		}
		if len(seen) != total {
			t.Errorf("%d digits: %d of %d numbers", length, len(seen), total)
		}
	}
}

func TestWhereMaskersRefuseToWork(t *testing.T) {
	for _, test := range []struct {
		spec   Spec
		column Column
		want   string
	}{
		{Spec{Name: "null"}, Column{Kind: Text}, "null cannot mask a column that is NOT NULL"},
		{Spec{Name: "empty"}, Column{Kind: Text, Unique: true}, "empty makes the same of different values, and a unique key has the column: use hash"},
		{Spec{Name: "empty"}, Column{Kind: Labels}, "no value of this type is an empty one"},
		{Spec{Name: "fixed", Value: "abc"}, Column{Kind: Text, Characters: 2}, "fixed: the value is longer than the column"},
		{Spec{Name: "fixed", Value: "300"}, Column{Kind: Integer, Least: "0", Most: "255"}, `fixed: the column cannot have the number "300"`},
		{Spec{Name: "fixed", Value: "-1"}, Column{Kind: Integer, Least: "0", Most: "255"}, `fixed: the column cannot have the number "-1"`},
		{Spec{Name: "fixed", Value: "ü"}, Column{Kind: Text, ASCII: true}, "fixed: the value is not ASCII, and the column is not UTF-8"},
		{Spec{Name: "fixed", Value: "soon"}, Column{Kind: Date}, `fixed: "soon" is not a date like 2006-01-02 15:04:05`},
		{Spec{Name: "hash"}, Column{Kind: Text, Characters: 15, Unique: true}, "hash needs 16 characters, and the column has 15"},
		{Spec{Name: "hash"}, Column{Kind: Text, Unique: true, UniquePrefix: 10}, "hash needs 16 characters for distinct values, and a unique key has only 10 of the column"},
		{Spec{Name: "hash"}, Column{Kind: Integer}, "hash cannot mask a number: use digits"},
		{Spec{Name: "email"}, Column{Kind: Text, Characters: 12}, "email needs 16 characters, and the column has 12"},
		{Spec{Name: "email", Domain: "a b"}, Column{Kind: Text}, `email: "a b" is not a domain`},
		{Spec{Name: "name", Locale: "it"}, Column{Kind: Text}, `name: unknown locale "it": there are de, en, fr`},
		{Spec{Name: "name"}, Column{Kind: Integer}, "name cannot mask a column of this type"},
		{Spec{Name: "text"}, Column{Kind: Text, Unique: true}, "text makes the same of different values, and a unique key has the column: use hash"},
		{Spec{Name: "phone"}, Column{Kind: Text, Unique: true}, "phone makes the same of different values, and a unique key has the column: use digits"},
		{Spec{Name: "ip"}, Column{Kind: Text, Characters: 7}, "ip needs 15 characters, and the column has 7"},
		{Spec{Name: "ip"}, Column{Kind: Integer, Most: "32767"}, "ip needs a column of at least 32 bits"},
		{Spec{Name: "date", Days: -1}, Column{Kind: Date}, "date: days must be from 1 to 3650"},
		{Spec{Name: "password", Format: "md5"}, Column{Kind: Text}, `password: unknown format "md5": there are bcrypt, drupal, drupal7, magento2, typo3, wordpress, wordpress6.8`},
		{Spec{Name: "password", Format: "drupal7"}, Column{Kind: Text, Characters: 32}, "password: a hash of format drupal7 has 55 characters, and the column has 32"},
		{Spec{Name: "digits", Format: "isbn"}, Column{Kind: Text}, `digits: unknown format "isbn": there are at-social, at-tax, card, ch-social, ch-uid, de-social, de-tax, fr-social, fr-tax, iban`},
		{Spec{Name: "digits", Format: "iban"}, Column{Kind: Integer}, "digits: numbers of format iban have letters, and the column has none"},
		{Spec{Name: "serialized"}, Column{Kind: JSON}, "serialized cannot mask a column of JSON: use json"},
		{Spec{Name: "json", Paths: []Path{{"a.b", Spec{Name: "blur"}}}}, Column{Kind: JSON}, "json: a.b: blur: no such masker"},
		{Spec{Name: "text"}, Column{}, "text cannot mask a column of this type, only null can"},
		{Spec{Name: "blur"}, Column{Kind: Text}, "blur: no such masker"},
	} {
		if _, err := New(testKey, test.spec, test.column); err == nil || err.Error() != test.want {
			t.Errorf("%+v on %+v:\ngot  %v\nwant %s", test.spec, test.column, err, test.want)
		}
	}
}
