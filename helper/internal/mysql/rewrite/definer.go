package rewrite

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// ReplaceDefiner makes CURRENT_USER the definer of a view, trigger, routine or event where unwanted says
// so of its present one; an executable comment, /*!50017 DEFINER=…*/, counts. Nothing behind the
// statement's head is looked at: a body may say DEFINER too.
func ReplaceDefiner(statement string, unwanted func(user, host string) bool) (string, bool) {
	text := []byte(statement)
	for at := 0; ; {
		token := sqltext.NextToken(text, at, sqltext.MySQL)
		at = token.End
		if token.Kind == sqltext.End || isKindWord(text, token) {
			return statement, false
		}
		if !token.Is(text, "DEFINER") {
			continue
		}
		equals := sqltext.NextToken(text, at, sqltext.MySQL)
		user := sqltext.NextToken(text, equals.End, sqltext.MySQL)
		if !equals.IsSymbol(text, '=') || user.Is(text, "CURRENT_USER") || user.Is(text, "CURRENT_ROLE") {
			return statement, false
		}
		end, host := user.End, ""
		if sign := sqltext.NextToken(text, end, sqltext.MySQL); sign.IsSymbol(text, '@') {
			token := sqltext.NextToken(text, sign.End, sqltext.MySQL)
			end, host = token.End, unquoted(text, token)
		}
		if !unwanted(unquoted(text, user), host) {
			return statement, false
		}
		return statement[:user.Start] + "CURRENT_USER" + statement[end:], true
	}
}

// isKindWord says whether a token names what a CREATE statement makes.
func isKindWord(text []byte, token sqltext.Token) bool {
	return token.Kind == sqltext.Word && slices.Contains(
		[]string{"VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE", "TABLE", "DATABASE"},
		strings.ToUpper(token.Name(text)))
}

// unquoted gives what a name or a text stands for.
func unquoted(text []byte, token sqltext.Token) string {
	if token.Kind != sqltext.Text {
		return token.Name(text)
	}
	raw := string(text[token.Start:token.End])
	quote := raw[:1]
	return strings.ReplaceAll(strings.TrimSuffix(raw[1:], quote), quote+quote, quote)
}
