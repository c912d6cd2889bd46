package leak

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// places returns where the check has found something.
func places(c *Check) []string {
	var found *FoundError
	if !errors.As(c.Err(), &found) {
		return nil
	}
	return strings.Split(found.Error(), "\n")
}

// checkFor returns a check for values of one column.
func checkFor(accepted []rules.Accepted, values ...string) *Check {
	c := New(nil, accepted)
	for _, value := range values {
		c.add("users.mail", value)
	}
	return c
}

func TestPlaces(t *testing.T) {
	const mysql = "INSERT INTO `notes` (`id`,`title`,`body, too`) VALUES (1,'it\\'s, (all)',NULL),(2,_binary 'x''y','from anna.berger@mail.example');\n" +
		"INSERT INTO `notes` (`id`,`title`,`body, too`) VALUES (3,'anna.berger@mail.example','');\n"
	const postgres = "COPY public.notes (id, \"Title\", body) FROM stdin;\n1\tnothing\t\\N\n2\tanna.berger@mail.example\t\n\\.\n"
	for _, test := range []struct {
		sql, table string
		accepted   []rules.Accepted
		want       []string
	}{
		{mysql, "notes", nil, []string{"a value of users.mail, which is masked, is in notes.body", "a value of users.mail, which is masked, is in notes.title"}},
		{postgres, "public.notes", nil, []string{"a value of users.mail, which is masked, is in public.notes.Title"}},
		{postgres, "public.notes", []rules.Accepted{{Column: "notes.Title", Reason: "r"}}, nil},
		{postgres, "public.notes", []rules.Accepted{{Column: "public.n*.T*", Reason: "r"}}, nil},
		{"CREATE TABLE t (a int COMMENT 'anna.berger@mail.example');\n", "", nil,
			[]string{"a value of users.mail, which is masked, is in the definitions of the dump"}},
		{"INSERT INTO `t` (`a`) VALUES ('Johanna.berger@mail.example');\n", "t", nil, nil}, // another one's
		{"INSERT INTO `t` (`a`) VALUES ('anna.berger@mail.examples');\n", "t", nil, nil},
	} {
		c := checkFor(test.accepted, "anna.berger@mail.example")
		c.Rows([]byte(test.sql), test.table)
		if diff := cmp.Diff(test.want, places(c)); diff != "" {
			t.Errorf("%s: %s", test.sql, diff)
		}
	}
}

// Each spelling is found wherever it begins.
func TestSpellings(t *testing.T) {
	const value = "It's \"Jürgen\"\\Bär & <Söhne>\nWeg 5"
	for name, sql := range map[string]string{
		"as it is":      value,
		"MySQL":         "'It\\'s \"Jürgen\"\\\\Bär & <Söhne>\\nWeg 5'",
		"PostgreSQL":    "'It''s \"Jürgen\"\\Bär & <Söhne>\nWeg 5'",
		"COPY":          "1\tIt's \"Jürgen\"\\\\Bär & <Söhne>\\nWeg 5\t2",
		"JSON":          `{"a": "It's \"Jürgen\"\\Bär & <Söhne>\nWeg 5"}`,
		"JSON of PHP":   `{"a": "It's \"J\u00fcrgen\"\\B\u00e4r & <S\u00f6hne>\nWeg 5"}`,
		"Drupal's JSON": `{"a": "It\u0027s \u0022J\u00fcrgen\u0022\\B\u00e4r \u0026 \u003CS\u00f6hne\u003E\nWeg 5"}`,
		"JSON, COPY":    `{"a": "It's \\"J\\u00fcrgen\\"\\\\B\\u00e4r & <S\\u00f6hne>\\nWeg 5"}`,
		"HTML":          "<p>It&#39;s &#34;Jürgen&#34;\\Bär &amp; &lt;Söhne&gt;\nWeg 5</p>",
		"Latin-1":       "It's \"J\xfcrgen\"\\B\xe4r & <S\xf6hne>\nWeg 5",
		"hexadecimal":   fmt.Sprintf("x'%X'", value),
		"bytea":         fmt.Sprintf("\\\\x%x", value),
	} {
		for before := range 9 {
			c := checkFor(nil, value)
			c.Rows([]byte(strings.Repeat(" ", before)+sql), "")
			if places(c) == nil {
				t.Errorf("%s, after %d bytes: not found", name, before)
			}
		}
	}
}

// A value that lies across the parts of a text is found, however it is cut.
func TestText(t *testing.T) {
	const sql = "0123456789 planted-value-7 and more of the same row"
	for size := 1; size < len(sql); size++ {
		c := New([]string{"planted-value-7"}, nil)
		text := c.Text("notes")
		for rest := sql; rest != ""; {
			part := rest[:min(size, len(rest))]
			rest = rest[len(part):]
			if _, err := text.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{"a value of DUMP_CANARY is in table notes"}, places(c)); diff != "" {
			t.Errorf("parts of %d bytes: %s", size, diff)
		}
	}
}

// Of many texts each one is found, and nothing else.
func TestManyTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, Least+random.IntN(30))
		for i := range b {
			b[i] = "abcdefgh@"[random.IntN(9)]
		}
		return string(b)
	}
	var values []value
	for range 5000 {
		values = append(values, value{of: word(), text: word()})
	}
	x := newIndex(values)
	for _, v := range values {
		found := map[string]bool{}
		x.search([]byte(strings.Repeat(".", random.IntN(9))+v.text), func(value value, _ int) { found[value.of] = true })
		if !found[v.of] {
			t.Errorf("%s was not found", v.text)
		}
	}
	x.search([]byte(strings.Repeat("abcdefgh", 10000)), func(v value, _ int) { t.Errorf("%s was found", v.text) })
}

func TestSample(t *testing.T) {
	key := mask.NewKey(secret.New("k"))
	column := func(name string) rules.Column {
		return rules.Column{Name: name, Column: mask.Column{Kind: mask.Text, Nullable: true}}
	}
	rule := func(column string, spec mask.Spec) rules.Rule { return rules.Rule{Column: column, Spec: spec} }
	some := rule("users.value", mask.Spec{Name: "email"})
	some.When = &rules.When{Column: "kind", Values: []string{"mail"}}
	all := rules.Rules{Key: key, Columns: []rules.Rule{
		rule("users.name", mask.Spec{Name: "name", Locale: "de"}), some, rule("users.data", mask.Spec{Name: "serialized"}),
		rule("users.file", mask.Spec{Name: "filename"}), rule("users.born", mask.Spec{Name: "date"}), rule("users.phone", mask.Spec{Name: "phone"}),
	}}
	columns := []string{"born", "data", "file", "kind", "name", "phone", "value"}
	table := rules.Table{Name: "users", Names: []string{"users"}}
	for _, name := range columns {
		table.Columns = append(table.Columns, column(name))
	}
	plan, err := all.Compile([]rules.Table{table})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(columns, plan.Needed("users")); diff != "" {
		t.Fatal(diff)
	}
	rows := [][]string{
		{"1990-02-28 10:11:12", `a:3:{s:13:"settings_page";s:12:"Thank you !!";s:1:"m";s:17:"xavery@mail.other";s:1:"b";i:1234567890123;}`, "public://private-files/lebenslauf_anna.pdf", "mail", "Anna Xavery", "+43 664 7654321", "anna@mail.example"},
		{"1990-02-28 10:11:13", "", "public://private-files/lebenslauf.pdf", "note", "Thomas Müller", "+43 000 7654321", "anna@other.example"},
		{"1990-02-28 10:11:14", "", "", "note", "Somebody Twice", "12", ""},
		{"1990-02-28 10:11:15", "", "", "note", "Somebody Twice", "13", ""},
	}
	c := New([]string{"planted-value"}, nil)
	err = c.Sample(plan, "users", columns, func(row func([][]byte)) error {
		for _, texts := range rows {
			values := make([][]byte, len(texts))
			for i, text := range texts {
				if text != "" {
					values[i] = []byte(text)
				}
			}
			row(values)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, value := range c.values {
		got = append(got, value.of+": "+value.text)
	}
	want := []string{": planted-value", "users.data: xavery@mail.other", "users.file: lebenslauf_anna.pdf", "users.name: Anna Xavery", "users.phone: +43 664 7654321",
		"users.value: anna@mail.example"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if originals, canaries := c.Counts(); originals != 5 || canaries != 1 {
		t.Errorf("%d originals, %d canaries", originals, canaries)
	}
	if c.Reset(); len(c.values) != 1 {
		t.Errorf("%d values are left", len(c.values))
	}
}

// What many people have is not searched for.
func TestTells(t *testing.T) {
	for text, maskers := range map[string]string{
		"anna.xavery@mail.example":                  "email text html json hash null phone",
		"Anna Xavery":                               "name",
		"Thank you very much":                       "name hash",
		"Hauptstraße 5":                             "name hash",
		"my passport has the number C01X00T47 here": "name text html json hash",
		"+43 664 7654321":                           "phone",
		"+43 000 7654321":                           "",
		"4111111111111111":                          "phone digits text html json",
		"2026-11-30 12:13:14.123456":                "",
		"lebenslauf_anna-xavery.pdf":                "filename",
		"Thomas Müller":                             "",
		"lorem dolor sit amet elit":                 "",
	} {
		for _, masker := range strings.Fields(maskers) {
			if !tells(masker, []byte(text)) {
				t.Errorf("%s: %s is not searched for", masker, text)
			}
		}
		for _, masker := range []string{"text", "html", "json", "phone"} {
			if tells(masker, []byte(text)) && !slices.Contains(strings.Fields(maskers), masker) {
				t.Errorf("%s: %s is searched for", masker, text)
			}
		}
	}
}

// No search is one that finds nothing.
func TestNone(t *testing.T) {
	var c *Check
	c.Reset()
	c.Rows([]byte("text"), "t")
	if _, err := c.Text("").Write([]byte("text")); err != nil || c.Err() != nil {
		t.Error(err, c.Err())
	}
	c = New(nil, nil)
	c.Rows([]byte("some text that is long enough"), "t")
	if _, err := c.Text("").Write([]byte("text")); err != nil || c.Err() != nil {
		t.Error(err, c.Err())
	}
}

func BenchmarkSearch(b *testing.B) {
	c := New(nil, nil)
	for column := range 50 {
		for i := range perColumn {
			c.add(fmt.Sprint(column), fmt.Sprintf("person%d.%d@mail%d.example", i*7919, column, i%7))
		}
	}
	text := []byte("INSERT INTO `t` (`a`) VALUES " + strings.Repeat("(1,'Lorem ipsum dolor sit amet, consectetur@mail5.example'),", 30000))
	c.Rows(text, "t")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		c.Rows(text, "t")
	}
}
