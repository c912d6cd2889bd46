package pull

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// dumpedFrom is the line in which pg_dump names the server.
var dumpedFrom = regexp.MustCompile(`(?m)^-- Dumped from database version (\d[\w.]*)`)

// noteOlder tells the user, before anything is fetched, that the local server is of an older major version than the dump's. What
// that means for which object, the load tells. MySQL and MariaDB differ in too much for a note about versions to say anything.
func (p *Plan) noteOlder(dumped string) {
	local := p.database.Info().Version
	from, known := version.Parse(dumped)
	to, same := version.Parse(local)
	if p.dialect != sqltext.Postgres || !known || !same || from.Major <= to.Major {
		return
	}
	dumped, _, _ = strings.Cut(dumped, " ")
	p.Progress.Note(fmt.Sprintf("the dump is from PostgreSQL %s, the local server is %s: what the older one does not know is adapted or left out, and named", dumped, local))
}
