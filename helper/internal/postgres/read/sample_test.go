package read

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/leak"
)

// The search of a dump knows how COPY writes texts.
func TestSearchKnowsCopy(t *testing.T) {
	for _, value := range []string{"It's \"Jürgen\"", `a\b\\c\'d'`, "two\nlines\r\vand more", "tab\tand\bback\f", "plain text here"} {
		check := leak.New([]string{value}, nil)
		text := appendEscaped([]byte("COPY t (a, b) FROM stdin;\n1\t"), []byte(value))
		check.Rows(append(text, "\n\\.\n"...), "t")
		if check.Err() == nil {
			t.Errorf("%q was not found in %q", value, text)
		}
	}
}
