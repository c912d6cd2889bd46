package swap

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

var updateTravel = flag.Bool("update", false, "write the files of TestMySQLTravel")

// Tables of MariaDB, without "CREATE TABLE t (".
var tablesOfMariaDB = []string{
	"t TEXT DEFAULT 'a''b')",
	"t BLOB DEFAULT x'00ff')",
	"t LONGTEXT NOT NULL DEFAULT '')",
	"j JSON DEFAULT '{}')",
	"j JSON DEFAULT (JSON_OBJECT('a', 1)))",
	"u CHAR(36) DEFAULT UUID())",
	"d DATE DEFAULT CURDATE())",
	"d DATETIME DEFAULT (NOW() + INTERVAL 1 DAY))",
	"i INT DEFAULT (1 + 2))",
	"d DATE DEFAULT (CURRENT_DATE))",
	"i INT CHECK (i > 0))",
	"i INT, CHECK (i > 0))",
	"i INT, CONSTRAINT `named` CHECK (i > 0 AND i <> 7))",
	"i INT PRIMARY KEY) ENGINE=Aria PAGE_CHECKSUM=1 TRANSACTIONAL=1 ROW_FORMAT=PAGE COMMENT='x'",
	"i INT PRIMARY KEY) ENGINE=InnoDB PAGE_COMPRESSED=1 PAGE_COMPRESSION_LEVEL=9 ENCRYPTED=NO",
	"t VARCHAR(20) COLLATE utf8mb4_uca1400_ai_ci)",
	"t VARCHAR(20) COLLATE utf8mb4_uca1400_nopad_as_cs)",
	"t VARCHAR(20) COLLATE utf8mb4_unicode_nopad_ci)",
	"t VARCHAR(20) COLLATE utf8mb4_uca1400_swedish_ai_ci)",
	"u UUID PRIMARY KEY DEFAULT UUID())",
	"a INET6, KEY (a))",
	"a INET4 DEFAULT '1.2.3.4')",
	"i INT PRIMARY KEY) WITH SYSTEM VERSIONING",
	"i INT PRIMARY KEY) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION p0 HISTORY, PARTITION p1 CURRENT)",
	"i INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
	"i INT, s DATE, e DATE, PERIOD FOR p (s, e), UNIQUE (i, p WITHOUT OVERLAPS))",
	"i INT DEFAULT 3 INVISIBLE, k INT)",
	"t TEXT COMPRESSED)",
	"i INT, KEY k (i) IGNORED)",
	"g GEOMETRY REF_SYSTEM_ID=4326 NOT NULL, SPATIAL KEY (g))",
	"a INT, b INT AS (a + 1) PERSISTENT, c INT AS (a * 2) VIRTUAL)",
	"ts TIMESTAMP NULL, t2 TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00')",
	"t TEXT, KEY (t) USING HASH)",
	"t TEXT, UNIQUE (t))",
	"id INT PRIMARY KEY, e ENUM('a') DEFAULT 'a', FULLTEXT KEY f (t), t TEXT)",
	"i INT NOT NULL DEFAULT nextval(s))",
	"b BIT(3) DEFAULT b'101', y YEAR(2), z INT ZEROFILL)",
	"f FLOAT(7,4) UNSIGNED, d DOUBLE(10,2))",
	"v VARCHAR(20) CHARACTER SET utf8mb3, x VARCHAR(5) CHARACTER SET cp1251 DEFAULT 'я')",
	"v VARCHAR(20000) CHARACTER SET latin1, w VARCHAR(20000) CHARACTER SET latin1, x VARCHAR(20000) CHARACTER SET latin1)",
	"t VARCHAR(30) DEFAULT CONCAT('a', 'b'))",
	"u VARCHAR(100) DEFAULT CURRENT_USER())",
	"d DATETIME(3) DEFAULT NOW(3) ON UPDATE NOW(3))",
	"i INT DEFAULT (RAND() * 10))",
	"a INT, UNIQUE KEY k (a DESC))",
	"i INT PRIMARY KEY) ENGINE=MEMORY",
	"i INT, PRIMARY KEY (i)) PARTITION BY HASH (i) PARTITIONS 2",
}

// Tables of MySQL, without "CREATE TABLE t (".
var tablesOfMySQL = []string{
	"t TEXT DEFAULT ('a''b'))",
	"t BLOB DEFAULT (x'00ff'))",
	"j JSON DEFAULT (JSON_OBJECT('a', 1)))",
	"j JSON DEFAULT (_utf8mb4'{}'))",
	"u CHAR(36) DEFAULT (UUID()))",
	"d DATE DEFAULT (CURDATE()))",
	"d DATETIME DEFAULT (NOW() + INTERVAL 1 DAY))",
	"b BINARY(16) DEFAULT (UUID_TO_BIN(UUID())))",
	"t VARCHAR(20), KEY k ((LOWER(t))))",
	"t VARCHAR(20), UNIQUE KEY k ((LOWER(t)), t))",
	"j JSON, KEY k ((CAST(j->'$.x' AS UNSIGNED))))",
	"j JSON, KEY k ((CAST(j->'$.x' AS CHAR(10) ARRAY))))",
	"t VARCHAR(20) COLLATE utf8mb4_0900_ai_ci)",
	"t VARCHAR(20) COLLATE utf8mb4_0900_as_cs, u VARCHAR(20) COLLATE utf8mb4_0900_bin)",
	"t VARCHAR(20) COLLATE utf8mb4_de_pb_0900_ai_ci)",
	"t VARCHAR(20) COLLATE utf8mb4_ja_0900_as_cs_ks)",
	"i INT CHECK (i > 0))",
	"t VARCHAR(20) CHECK (REGEXP_LIKE(t, '^a')))",
	"v VECTOR(3))",
	"e VARCHAR(10) DEFAULT (CONCAT('a', 'b')))",
	"i INT PRIMARY KEY) ENCRYPTION='N'",
	"i INT PRIMARY KEY) AUTOEXTEND_SIZE=4M",
	"i INT PRIMARY KEY) SECONDARY_ENGINE=NULL",
	"i INT PRIMARY KEY) STATS_PERSISTENT=1 STATS_AUTO_RECALC=0 CHECKSUM=1 DELAY_KEY_WRITE=1",
	"f FLOAT, d DECIMAL(10,2) UNSIGNED ZEROFILL, b BIT(64))",
	"t TINYTEXT CHARACTER SET gb18030)",
	"i INT, j JSON, KEY m (i, (CAST(j AS UNSIGNED ARRAY))))",
	"t TEXT, FULLTEXT KEY f (t) WITH PARSER ngram)",
	"t VARCHAR(20) DEFAULT (_latin1'a' COLLATE latin1_bin))",
	"d DATETIME(6) DEFAULT (NOW(6)))",
	"b BIGINT DEFAULT (UUID_SHORT()))",
	"g POINT SRID 4326 NOT NULL, SPATIAL KEY (g))",
}

// What becomes of tables on servers of the other family, or older ones. The files in testdata/travel hold what the servers show, and
// the notes.
func TestMySQLTravel(t *testing.T) {
	oracle, err := targettest.Mysqld()
	targettest.Must(t, err)
	maria := targettest.MariadbServer(t)
	old, err := targettest.Mariadb102()
	targettest.Must(t, err)
	for _, way := range []struct {
		name     string
		from, to *testserver.MySQL
		tables   []string
	}{
		{"mariadb-to-mysql", maria, oracle, tablesOfMariaDB}, {"mariadb-to-10.2", maria, old, tablesOfMariaDB},
		{"mysql-to-mariadb", oracle, maria, tablesOfMySQL}, {"mysql-to-10.2", oracle, old, tablesOfMySQL},
	} {
		t.Run(way.name, func(t *testing.T) {
			got := travel(t, way.from, way.to, way.tables)
			file := filepath.Join("testdata", "travel", way.name+".txt")
			if *updateTravel {
				targettest.Must(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			targettest.Must(t, err)
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// travel pulls a dump of tables of one server into another, and describes what became of each.
func travel(t *testing.T, from, to *testserver.MySQL, tables []string) string {
	t.Helper()
	setup := []string{"SET sql_mode = ''"}
	if !targettest.IsOracle(t, from) {
		setup = append(setup, "CREATE SEQUENCE s")
	}
	name := func(i int) string { return fmt.Sprintf("t%02d", i+1) }
	for i, table := range tables {
		setup = append(setup, "CREATE TABLE "+name(i)+" ("+table)
	}
	targettest.Fresh(t, from, "travel", setup...)
	var dump strings.Builder
	shown := map[string]string{}
	for i := range tables {
		rows, err := from.Query("SHOW CREATE TABLE travel." + name(i))
		targettest.Must(t, err)
		shown[name(i)] = rows[0][1]
		dump.WriteString(rows[0][1] + ";\n")
	}
	targettest.Fresh(t, to, "travel")
	db, said := targettest.Open(t, to.URL("travel"))
	targettest.Must(t, targettest.Pull(t, db, dump.String()))
	var text strings.Builder
	for i := range tables {
		rows, err := to.Query("SHOW CREATE TABLE travel." + name(i))
		targettest.Must(t, err)
		fmt.Fprintf(&text, "%s\n%s\n", shown[name(i)], rows[0][1])
		for _, line := range said.Lines {
			if strings.HasPrefix(line, "table "+name(i)) {
				text.WriteString(line + "\n")
			}
		}
		text.WriteString("\n")
	}
	for _, line := range said.Lines {
		if !strings.HasPrefix(line, "table t") {
			text.WriteString(line + "\n")
		}
	}
	return text.String()
}
