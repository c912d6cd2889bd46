package rewrite

import "github.com/jobiqo/dump-refresh/helper/internal/sqltext"

// The states of an event.
const (
	eventEnabled  = "ENABLE"
	EventDisabled = "DISABLE"
)

// SetEventStatus returns a CREATE EVENT statement with the given status, and its former status as it was written. The
// status stands between the schedule and COMMENT or DO, and may be missing.
func SetEventStatus(statement, status string) (changed, was string) {
	text := []byte(statement)
	next := func(t sqltext.Token) sqltext.Token { return sqltext.NextToken(text, t.End, sqltext.MySQL) }
	depth := 0
	for token := sqltext.NextToken(text, 0, sqltext.MySQL); token.Kind != sqltext.End; token = next(token) {
		switch {
		case token.IsSymbol(text, '('):
			depth++
		case token.IsSymbol(text, ')'):
			depth--
		case depth > 0:
		case token.Is(text, eventEnabled):
			return statement[:token.Start] + status + statement[token.End:], eventEnabled
		case token.Is(text, EventDisabled):
			end := token.End
			if on := next(token); on.Is(text, "ON") { // DISABLE ON SLAVE, ON REPLICA
				end = next(on).End
			}
			return statement[:token.Start] + status + statement[end:], statement[token.Start:end]
		case token.Is(text, "COMMENT"), token.Is(text, "DO"):
			return statement[:token.Start] + status + " " + statement[token.Start:], eventEnabled
		}
	}
	return statement, eventEnabled
}
