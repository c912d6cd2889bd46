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

// remoteEngines are the storage engines whose tables say in their definitions how to reach other servers, with accounts and passwords.
var remoteEngines = []string{"FEDERATED", "CONNECT", "SPIDER"}

// ReachesServers says whether the definitions of a storage engine's tables may have accounts of other servers.
func ReachesServers(engine string) bool {
	return slices.Contains(remoteEngines, strings.ToUpper(engine))
}
