package sqltext

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A dump of mysqldump --compatible=ansi reads like one with backticks.
func TestANSIDump(t *testing.T) {
	const dump = `/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ANSI' */;
CREATE TABLE "a""b` + "`" + `c" ("x" text DEFAULT 'say "no"');
INSERT INTO "a""b` + "`" + `c" ("x") VALUES ('"q"'),('it''s "r"');
/*!50003 SET sql_mode = 'ANSI_QUOTES' */;
CREATE FUNCTION "f"() RETURNS int RETURN (SELECT 1 AS "y");
/*!40101 SET sql_mode = @saved_sql_mode */;
DROP TABLE "d";
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
SELECT "text";
`
	splitter := NewSplitter(strings.NewReader(dump), MySQL)
	var got []string
	for {
		piece, err := splitter.Next()
		if err != nil {
			break
		}
		if len(piece.Text) > 0 {
			got = append(got, string(piece.Text))
		}
	}
	want := []string{
		"/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO,REAL_AS_FLOAT,PIPES_AS_CONCAT,IGNORE_SPACE' */",
		"CREATE TABLE `a\"b``c` (`x` text DEFAULT 'say \"no\"')",
		"INSERT INTO `a\"b``c` (`x`) VALUES ('\"q\"'),('it''s \"r\"')",
		"/*!50003 SET sql_mode = 'ANSI_QUOTES' */",
		`CREATE FUNCTION "f"() RETURNS int RETURN (SELECT 1 AS "y")`,
		"/*!40101 SET sql_mode = @saved_sql_mode */",
		"DROP TABLE `d`",
		"/*!40101 SET SQL_MODE=@OLD_SQL_MODE */",
		`SELECT "text"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	if tables := splitter.Stats().Tables; tables["a\"b`c"] != 2 {
		t.Errorf("tables %v", tables)
	}
}
