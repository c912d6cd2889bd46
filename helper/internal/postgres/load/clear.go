package load

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// A dump of pg_dump --clean begins by taking away what it creates. An empty database has nothing of it.

// clears reports whether an error means nothing but that what a statement takes away is not there, or is the server's own.
func clears(text []byte, err error) bool {
	first := sqltext.NextToken(text, 0, sqltext.Postgres)
	switch {
	case first.Is(text, "DROP"):
		return postgres.IsUnknown(err) || postgres.SQLState(err) == postgres.InsufficientPrivilege
	case !postgres.IsUnknown(err):
		return false
	case first.Is(text, "SELECT"):
		names, _, is := Match(text, "SELECT *")
		return is && strings.EqualFold(strings.TrimPrefix(names[0], "pg_catalog."), "lo_unlink")
	case first.Is(text, "CREATE"): // pg_dump drops only such views whose query needs nothing
		_, _, is := Match(text, "CREATE OR REPLACE VIEW * AS SELECT NULL")
		return is
	}
	return slices.ContainsFunc(clearing, func(form string) bool {
		_, _, is := Match(text, form)
		return is
	})
}

// clearing are the forms in which an ALTER takes something away.
var clearing = []string{
	"ALTER TABLE ONLY * DROP", "ALTER TABLE * DROP", "ALTER TABLE ONLY * ALTER COLUMN * DROP", "ALTER TABLE * ALTER COLUMN * DROP",
	"ALTER TABLE ONLY * DETACH PARTITION", "ALTER TABLE * DETACH PARTITION", "ALTER TABLE * DISABLE ROW LEVEL SECURITY",
	"ALTER DOMAIN * DROP", "ALTER FOREIGN TABLE * DROP", "ALTER FOREIGN TABLE * ALTER COLUMN * DROP",
}
