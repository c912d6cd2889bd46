package rewrite

import (
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
)

// elsewherePrefix begins the stand-in names of other databases' tables during a load.
const elsewherePrefix = session.JournalPrefix + "elsewhere_"

// elsewhere collects the tables of other databases that foreign keys of a dump refer to. Until the swap, these keys
// refer to stand-in names of tables that do not exist: no key may lead from the scratch database to a database in
// use.
type elsewhere struct{ places []QualifiedName }

// standIn returns the stand-in name of a table.
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
