package read

import (
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// withoutRemote makes a definition of an engine that reaches other servers one of an empty table of InnoDB. Such an engine's options have
// addresses, accounts and passwords, which nobody may publish, and a copy must not reach for the servers of its original. Of the options, only
// those for texts stay.
func withoutRemote(create string) string {
	text := []byte(create)
	all := sqltext.Tokens(text, sqltext.MySQL)
	depth, end := 0, -1
	for i, token := range all {
		switch {
		case token.IsSymbol(text, '('):
			depth++
		case token.IsSymbol(text, ')'):
			if depth--; depth == 0 && end < 0 {
				end = i
			}
		}
	}
	if end < 0 {
		return create
	}
	engine, kept := "", ""
	for i := end + 1; i < len(all); i++ {
		name := all[i]
		value := i + 1
		if value < len(all) && all[value].IsSymbol(text, '=') {
			value++
		}
		if value >= len(all) {
			break
		}
		said := string(text[all[value].Start:all[value].End])
		switch {
		case name.Is(text, "ENGINE"):
			engine = all[value].Name(text)
		case name.Is(text, "CHARSET"):
			kept += " DEFAULT CHARSET=" + said
		case name.Is(text, "COLLATE"):
			kept += " COLLATE=" + said
		case name.Is(text, "PARTITION"): // of SPIDER: each part has its server
			i = len(all)
			continue
		default:
			continue
		}
		i = value
	}
	if !mysql.ReachesServers(engine) {
		return create
	}
	return strings.TrimSpace(string(text[:all[end].End])) + " ENGINE=InnoDB" + kept
}
