package leak

import (
	"encoding/hex"
	"html"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// How SQL has special characters of a text: as MySQL's literals, as PostgreSQL's, and as rows of COPY.
var escapes = []*strings.Replacer{
	strings.NewReplacer("\x00", `\0`, "\n", `\n`, "\r", `\r`, "\x1a", `\Z`, `'`, `\'`, `\`, `\\`),
	strings.NewReplacer("\x00", `\0`, "\n", `\n`, "\r", `\r`, "\x1a", `\Z`, `'`, `\'`, `"`, `\"`, `\`, `\\`), // mysqldump
	strings.NewReplacer(`'`, `''`),
	strings.NewReplacer("\b", `\b`, "\f", `\f`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\v`, `\`, `\\`),
}

// spellings returns all ways in which SQL may have a text: as it is; as a text in JSON or in HTML; in Latin-1, if it can be; each of these as
// the engines escape it; and as hexadecimal digits.
func spellings(text string) (all []spelling) {
	seen := map[string]bool{}
	add := func(text string, digits bool) {
		if !seen[text] {
			seen[text] = true
			all = append(all, spelling{text: text, digits: digits})
		}
	}
	for _, form := range []string{text, inJSON(text, false), inJSON(text, true), drupal.Replace(inJSON(text, true)), html.EscapeString(text), inLatin1(text)} {
		add(form, false)
		for _, escape := range escapes {
			add(escape.Replace(form), false)
		}
	}
	digits := hex.EncodeToString([]byte(text))
	add(digits, true)
	add(strings.ToUpper(digits), true)
	return all
}

// drupal replaces what Drupal also escapes in JSON, so that it can stand in HTML.
var drupal = strings.NewReplacer(`\"`, `\u0022`, `'`, `\u0027`, `&`, `\u0026`, `<`, `\u003C`, `>`, `\u003E`)

// inJSON returns a text as it is in JSON, with or without characters beyond ASCII.
func inJSON(text string, ascii bool) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			_, _ = b.WriteString(`\` + string(r))
		case r == '/' && ascii: // as PHP does
			_, _ = b.WriteString(`\/`)
		case r == '\n':
			_, _ = b.WriteString(`\n`)
		case r == '\r':
			_, _ = b.WriteString(`\r`)
		case r == '\t':
			_, _ = b.WriteString(`\t`)
		case r < ' ' || ascii && r >= utf8.RuneSelf:
			for _, unit := range utf16.Encode([]rune{r}) {
				_, _ = b.WriteString(`\u` + hex.EncodeToString([]byte{byte(unit >> 8), byte(unit)}))
			}
		default:
			_, _ = b.WriteRune(r)
		}
	}
	return b.String()
}

// inLatin1 returns a text in Latin-1; as it is, if it has other characters.
func inLatin1(text string) string {
	latin := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xFF {
			return text
		}
		latin = append(latin, byte(r))
	}
	return string(latin)
}
