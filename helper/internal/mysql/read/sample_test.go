package read

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/leak"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
)

// The search of a dump knows how this package writes texts.
func TestSearchKnowsLiterals(t *testing.T) {
	for _, value := range []string{"It's \"Jürgen\"", `a\b\\c\'d'`, "two\nlines\r\x00and\x1a more", "tab\tand\bback", "plain text here"} {
		check := leak.New([]string{value}, nil)
		text, _ := literal.AppendQuoted([]byte("INSERT INTO `t` (`a`) VALUES (1,"), []byte(value))
		check.Rows(append(text, ");\n"...), "t")
		if check.Err() == nil {
			t.Errorf("%q was not found in %q", value, text)
		}
	}
}
