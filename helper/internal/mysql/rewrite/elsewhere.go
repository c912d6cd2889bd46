package rewrite

import (
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
)

// elsewherePrefix begins the names that stand for tables of other databases while a dump is being loaded.
const elsewherePrefix = session.JournalPrefix + "elsewhere_"

// elsewhere has the tables of other databases to which foreign keys of a dump refer. Until the swap, the keys refer to tables of names that
// stand for them, which are nowhere: no key may lead from the scratch database to a database that is at work.
type elsewhere struct{ places []QualifiedName }

// standIn gives the name that stands for a table.
func (e *elsewhere) standIn(p QualifiedName) string {
	for i, known := range e.places {
		if known == p {
			return fmt.Sprintf("%s%d", elsewherePrefix, i+1)
		}
	}
	e.places = append(e.places, p)
	return fmt.Sprintf("%s%d", elsewherePrefix, len(e.places))
}

// Resolve returns the table that a stand-in name stands for.
func (e *elsewhere) Resolve(name string) (p QualifiedName, is bool) {
	for i, known := range e.places {
		if name == fmt.Sprintf("%s%d", elsewherePrefix, i+1) {
			return known, true
		}
	}
	return QualifiedName{}, false
}

// QualifiedName is a table of a database.
type QualifiedName struct{ Database, Table string }

func (p QualifiedName) String() string {
	return mysql.QuoteName(p.Database) + "." + mysql.QuoteName(p.Table)
}
