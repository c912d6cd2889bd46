package rules

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

var key = mask.NewKey(secret.New("k"))

func table(name string, columns ...Column) Table {
	return Table{Name: name, Names: []string{name}, Columns: columns}
}

func text(name string) Column {
	return Column{Name: name, Column: mask.Column{Kind: mask.Text, Nullable: true}}
}

func rule(column, masker string) Rule {
	return Rule{Column: column, Spec: mask.Spec{Name: masker}, Origin: "rules.yaml:" + column}
}

func TestTheLastRuleCounts(t *testing.T) {
	named := rule("meta.value", "name")
	named.When = &When{"key", []string{"*_name", "nick"}}
	rules := Rules{Key: key, Columns: []Rule{rule("*.value", "text"), rule("users.*", "hash"), named, rule("users.mail", "email"), rule("gone.*", "null")}}
	plan, err := rules.Compile([]Table{table("users", text("name"), text("mail")), table("meta", text("key"), text("value")), table("nodes", text("title"))})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"meta.value: name, text", "users.mail: email", "users.name: hash"}, plan.Columns()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"rules.yaml:gone.*: gone.* matches no column"}, plan.Warnings()); diff != "" {
		t.Error(diff)
	}
	row, err := plan.Row("meta", []string{"key", "value"})
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{"first_name": "name", "nick": "name", "note": "text"} {
		m := row.Masker(1, func(int) ([]byte, bool) { return []byte(value), true })
		made, _ := m.Mask(nil, []byte("Anna Bergmann"))
		other, _ := mask.New(key, mask.Spec{Name: want}, mask.Column{Kind: mask.Text, Nullable: true})
		if expected, _ := other.Mask(nil, []byte("Anna Bergmann")); string(made) != string(expected) {
			t.Errorf("%s: %s, not %s", value, made, expected)
		}
	}
	if row, err := plan.Row("nodes", []string{"title"}); row != nil || err != nil {
		t.Errorf("%v, %v", row, err)
	}
	if row.Masks(0) || !row.Masks(1) {
		t.Error("the wrong column is masked")
	}
}

func TestRulesThatCannotWork(t *testing.T) {
	when := rule("t.a", "text")
	when.When = &When{Column: "gone"}
	for name, test := range map[string]struct {
		rules  []Rule
		tables []Table
		want   string
	}{
		"generated": {[]Rule{rule("t.a", "text")}, []Table{table("t", Column{Name: "a", Generated: true})},
			"rules.yaml:t.a: t.a: column t.a: the server computes it from other columns: mask those"},
		"check": {[]Rule{rule("t.a", "text")}, []Table{table("t", Column{Name: "a", Checked: true})},
			"rules.yaml:t.a: t.a: column t.a: a CHECK constraint or a partition depends on it, and text may break it: only null cannot"},
		"condition": {[]Rule{when}, []Table{table("t", text("a"))},
			"rules.yaml:t.a: t.a: column t.a: the table has no column gone, on which the rule depends"},
		"NOT NULL": {[]Rule{rule("t.?", "null")}, []Table{table("t", Column{Name: "a", Column: mask.Column{Kind: mask.Text}})},
			"rules.yaml:t.?: t.?: column t.a: null cannot mask a column that is NOT NULL"},
		"parent alone": {[]Rule{rule("p.a", "hash")}, []Table{table("p", text("a")), table("t", reference("p.a"))},
			"rules.yaml:p.a: p.a: column p.a: a foreign key of t.a refers to it: give that column the same masker"},
		"child alone": {[]Rule{rule("t.a", "hash")}, []Table{table("p", text("a")), table("t", reference("p.a"))},
			"rules.yaml:t.a: t.a: column t.a: it is a foreign key to p.a: give that column the same masker"},
		"different": {[]Rule{rule("t.a", "hash"), rule("p.a", "email")}, []Table{table("p", text("a")), table("t", reference("p.a"))},
			"rules.yaml:t.a: t.a: column t.a: it is a foreign key to p.a, which has another masker, type or length"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Rules{Columns: test.rules, Key: key}.Compile(test.tables)
			if err == nil || err.Error() != test.want || !errors.Is(err, ErrCannotWork) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
	for _, good := range [][]Rule{{rule("?.a", "hash")}, {rule("t.a", "null")}} {
		if _, err := (Rules{Columns: good, Key: key}).Compile([]Table{table("p", text("a")), table("t", reference("p.a"))}); err != nil {
			t.Error(err)
		}
	}
}

func reference(to string) Column {
	column := text("a")
	column.References = []string{to}
	return column
}

func TestDigest(t *testing.T) {
	one := Rules{Columns: []Rule{rule("t.a", "hash")}, Key: key}
	moved := rule("t.a", "hash")
	moved.Origin = "rules.yaml:9"
	if one.Digest() == "" || one.Digest() != (Rules{Columns: []Rule{moved}, Key: key}).Digest() {
		t.Error("a rule's line must not count")
	}
	for _, other := range []Rules{{Columns: []Rule{rule("t.a", "text")}, Key: key}, {Columns: one.Columns, Key: mask.NewKey(secret.New("other"))}, {Key: key}} {
		if other.Digest() == one.Digest() {
			t.Errorf("%+v has the same digest", other)
		}
	}
	if strings.Contains(one.Digest(), key.ID()) {
		t.Error("the digest shows the key's ID")
	}
}

// A preset's rule may match nothing, takes another masker where its own cannot work, and leaves what no masker can change if it is for columns of many
// names. For a column that it names, that is an error.
func TestPreset(t *testing.T) {
	preset := func(column, masker string) Rule {
		r := rule(column, masker)
		r.Preset = true
		return r
	}
	unique, number, date, other := text("u_value"), text("n_value"), text("d_value"), text("o_value")
	unique.Unique = true
	number.Kind, date.Kind, other.Kind = mask.Integer, mask.Date, mask.Other
	tables := []Table{table("user__field", text("t_value"), unique, number, date, other)}
	plan, err := Rules{Key: key, Columns: []Rule{preset("user__*.*_value", "text"), preset("gone.*", "text")}}.Compile(tables)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"user__field.d_value: date", "user__field.o_value: null", "user__field.t_value: text", "user__field.u_value: hash"}
	if diff := cmp.Diff(want, plan.Columns()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"the preset masks only texts and dates, so these columns are as they are: user__field.n_value"}, plan.Warnings()); diff != "" {
		t.Error(diff)
	}
	_, err = Rules{Key: key, Columns: []Rule{preset("user__field.n_value", "text")}}.Compile(tables)
	if want := "rules.yaml:user__field.n_value: user__field.n_value: column user__field.n_value: text cannot mask a column of this type"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	own := []Rule{preset("user__field.n_value", "text"), rule("user__field.n_value", "digits")}
	if _, err = (Rules{Key: key, Columns: own}).Compile(tables); err != nil {
		t.Errorf("a rule of the project's own: %v", err)
	}
}
