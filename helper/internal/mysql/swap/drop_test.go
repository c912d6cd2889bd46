package swap

import (
	"fmt"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// What a dump makes twice it drops in between, as dumps of views do.
func TestMySQLDropsAndMakesAnew(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "made_twice")
	db, _ := targettest.Open(t, server.URL("made_twice"))
	targettest.Must(t, targettest.Pull(t, db, "DROP TABLE IF EXISTS `v`;\nCREATE TABLE `v` (`a` int);\nINSERT INTO `v` VALUES (1);\n"+
		"DROP TABLE IF EXISTS `t`;\nCREATE TABLE `t` (`id` int);\nINSERT INTO `t` VALUES (7);\n"+
		"DROP TABLE IF EXISTS `V`;\n/*!50001 DROP TABLE IF EXISTS `v`*/;\n/*!50001 CREATE VIEW `v` AS SELECT `id` FROM `t`*/;\n"))
	rows, err := server.Query("SELECT * FROM made_twice.v")
	targettest.Must(t, err)
	if got := fmt.Sprint(rows); got != "[[7]]" {
		t.Errorf("the view gives %s", got)
	}
}
