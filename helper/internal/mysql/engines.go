package mysql

import (
	"slices"
	"strings"
)

// elsewhereEngines are the storage engines whose rows lie in other tables or on other servers.
var elsewhereEngines = []string{"MRG_MYISAM", "MRG_ISAM", "FEDERATED", "CONNECT", "OQGRAPH", "SPIDER", "VP"}

// RowsElsewhere says whether the tables of a storage engine keep their rows in other tables or on other servers. A dump with
// such rows would add them there a second time, so the dump clients leave them out, too.
func RowsElsewhere(engine string) bool {
	return slices.Contains(elsewhereEngines, strings.ToUpper(engine))
}
