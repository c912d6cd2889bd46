package rewrite

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// ReplaceDefiner makes CURRENT_USER the definer of a view, trigger, routine or event if unwanted rejects the present
// one. It also looks into executable comments, /*!50017 DEFINER=…*/. It reads only the statement's head, because a
// body may contain DEFINER too.
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

// isKindWord says whether a token names the kind of object that a CREATE statement creates.
func isKindWord(text []byte, token sqltext.Token) bool {
	return token.Kind == sqltext.Word && slices.Contains(
		[]string{"VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE", "TABLE", "DATABASE"},
		strings.ToUpper(token.Name(text)))
}

// unquoted returns the value of a quoted name or text.
func unquoted(text []byte, token sqltext.Token) string {
	if token.Kind != sqltext.Text {
		return token.Name(text)
	}
	raw := string(text[token.Start:token.End])
	quote := raw[:1]
	return strings.ReplaceAll(strings.TrimSuffix(raw[1:], quote), quote+quote, quote)
}
