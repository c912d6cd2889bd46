package read

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// FuzzCopyText checks that values survive COPY's text, and that nothing in them can end a field or a row.
func FuzzCopyText(f *testing.F) {
	for _, value := range []string{"", `\`, `\N`, "a\tb\nc\r\b\f\v", `\\.`, "\x00\xff", "ü"} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		escaped := appendEscaped(nil, value)
		if bytes.ContainsAny(escaped, "\t\n\r") || isNull(escaped) {
			t.Fatalf("%q is written as %q", value, escaped)
		}
		if back := appendUnescaped(nil, escaped); !bytes.Equal(back, value) {
			t.Fatalf("%q is written as %q, read as %q", value, escaped, back)
		}
	})
}

// Rows come in parts of any length.
func TestRowsInPartsAreMasked(t *testing.T) {
	masks := rules.Rules{Key: mask.NewKey(secret.New("k")), Columns: []rules.Rule{{Column: "t.b", Spec: mask.Spec{Name: "text"}}}}
	text := mask.Column{Kind: mask.Text}
	plan, err := masks.Compile([]rules.Table{{Name: "public.t", Names: []string{"t"}, Columns: []rules.Column{{Name: "a", Column: text}, {Name: "b", Column: text}}}})
	if err != nil {
		t.Fatal(err)
	}
	table := relationName{"public", "t"}
	m, err := masking{plan, map[relationName][]string{table: {"a", "b"}}}.newRowMasker(table)
	if err != nil {
		t.Fatal(err)
	}
	rows := []string{"1\tAnna\\tBerg\n", "2\t\\N\n", "3\t\n"}
	var whole, parts strings.Builder
	for _, row := range rows {
		_, masked, err := m.add([]byte(row))
		if err != nil {
			t.Fatal(err)
		}
		whole.Write(masked)
		for i := range len(row) {
			original, masked, err := m.add([]byte(row[i : i+1]))
			if err != nil || original != nil && string(original) != row {
				t.Fatalf("%q, %v", original, err)
			}
			parts.Write(masked)
		}
	}
	if whole.String() != parts.String() || strings.Contains(whole.String(), "Anna") || !strings.HasSuffix(whole.String(), "\n2\t\\N\n3\t\n") {
		t.Errorf("%q\n%q", whole.String(), parts.String())
	}
	if _, _, err := m.add([]byte("1\t2\t3\n")); err == nil || err.Error() != "a row has 3 fields, its table 2 columns" {
		t.Error(err)
	}
}
