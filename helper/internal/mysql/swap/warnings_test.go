package swap

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/load"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// loadWays are the ways by which rows come: a foreign dump's text, and chunks of a dump of ours as text and in bulk.
var loadWays = []string{"foreign", "text", "bulk"}

// loadRows pulls a table with rows, each of which is the text between an INSERT's brackets, in one of the ways, and gives what
// was noted.
func loadRows(t *testing.T, server *testserver.MySQL, way, database, settings, table, columns string, rows ...string) []string {
	t.Helper()
	targettest.Fresh(t, server, database)
	db, said := targettest.Open(t, server.URL(database))
	named := "(`" + strings.ReplaceAll(columns, ",", "`,`") + "`) "
	insert := "INSERT INTO `t` " + named + "VALUES (" + strings.Join(rows, "),(") + ");\n"
	if way == "foreign" {
		targettest.Must(t, targettest.Pull(t, db, settings+"CREATE TABLE `t` ("+table+");\n"+insert))
		return said.Lines
	}
	l, err := db.Begin(t.Context())
	targettest.Must(t, err)
	defer l.Discard()
	l.(*pull).Load.BulkAbove = map[string]int{"text": load.BulkBytes, "bulk": 0}[way]
	chunks := &targettest.Texts{}
	chunks.Add(dump.Head, "", 0, settings+"CREATE TABLE `t` ("+table+");\n")
	chunks.Add(dump.Rows, "t", int64(len(rows)), insert)
	chunks.Add(dump.Tail, "", 0, "-- Dump completed\n")
	targettest.Must(t, targettest.LoadChunks(t.Context(), l, chunks, target.Dump{}))
	return said.Lines
}

// Whatever may lie in a table goes in as it is, in whichever mode the dump is, and without a word.
func TestMySQLRowsStayAsTheyAre(t *testing.T) {
	const table = "id INT PRIMARY KEY AUTO_INCREMENT, d DATE DEFAULT '2004-02-30', dt DATETIME(3), e ENUM('a','b'), e2 ENUM('','a'), s SET('x','y'), y YEAR, f FLOAT, g DOUBLE, b BIT(3), c CHAR(3), v VARCHAR(4)"
	columns := "id,d,dt,e,e2,s,y,f,g,b,c,v"
	rows := []string{
		"0,'2004-02-30','2004-11-31 01:02:03.500','',0,'',0,3.4028234663852886e+38,1.7976931348623157e+308,x'07','','a   '",
		"1,'2004-00-00','0000-00-00 00:00:00',NULL,1,0,1901,-3.4028234663852886e+38,5e-324,x'00','ä',''",
		"2,'2023-02-29','9999-04-31 23:59:59.999','',2,'x,y',2155,1e-45,-0e0,x'05','😀',' '",
		"-5,'0000-00-00','2004-00-31 00:00:00','a',0,3,2000,0,0,NULL,NULL,NULL",
	}
	want := [][]string{
		{"-5", "0000-00-00", "2004-00-31 00:00:00.000", "1", "0", "3", "2000"},
		{"0", "2004-02-30", "2004-11-31 01:02:03.500", "0", "0", "0", "0"},
		{"1", "2004-00-00", "0000-00-00 00:00:00.000", "NULL", "1", "0", "1901"},
		{"2", "2023-02-29", "9999-04-31 23:59:59.999", "0", "2", "3", "2155"},
	}
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		for _, way := range loadWays {
			for _, settings := range []string{"", "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';\n", "SET SESSION sql_mode = 'NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION', sql_notes = 0;\n"} {
				lines := loadRows(t, server, way, "as_they_are", settings, table, columns, rows...)
				if len(lines) > 0 {
					t.Errorf("%s, %s: notes %q", way, settings, lines)
				}
				got, err := server.Query("SELECT id, CAST(d AS CHAR), CAST(dt AS CHAR), e+0, e2+0, s+0, y+0 FROM as_they_are.t ORDER BY id")
				targettest.Must(t, err)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s: rows (-want +got):\n%s", way, settings, diff)
				}
			}
		}
	})
}

// What the server makes something else of is said: how many rows of which column.
func TestMySQLRowsThatChange(t *testing.T) {
	for _, test := range []struct {
		name, table, columns string
		rows                 []string
		want                 string // without the server's words, which differ
	}{
		{"no date", "id INT, d DATE, dt DATETIME", "id,d,dt", []string{"1,'2004-02-32','2004-01-01 25:00:00'", "2,'2004-02-28','2004-13-01 00:00:00'"}, "d: 1 row; dt: 2 rows"},
		{"no time", "a TIME", "a", []string{"'999:00:00'", "'12:00:00'"}, "a: 1 row"},
		{"no timestamp", "a TIMESTAMP NULL", "a", []string{"'1960-01-01 00:00:00'", "'2004-02-30 00:00:00'", "'2020-01-01 00:00:00'"}, "a: 2 rows"},
		{"no year", "a YEAR", "a", []string{"1800", "2000"}, "a: 1 row"},
		{"no member", "e ENUM('a','b'), s SET('x')", "e,s", []string{"'c','x'", "'','y'", "'a','z'", "'d',''"}, "e: 2 rows; s: 2 rows"},
		{"numbers beyond the members", "e ENUM('a','b'), s SET('x')", "e,s", []string{"3,2", "0,1"}, "e: 1 row; s: 1 row"},
		{"long text", "a VARCHAR(3), b VARBINARY(2), c TINYTEXT", "a,b,c", []string{"'abcd',_binary 'abc','x'", "'äöüß',NULL,'" + strings.Repeat("ä", 200) + "'"}, "a: 2 rows; b: 1 row; c: 1 row"},
		{"another character set", "a VARCHAR(9) CHARACTER SET latin1, b TEXT CHARACTER SET utf8mb3", "a,b", []string{"'日本','😀'", "'ä','ä'"}, "a: 1 row; b: 1 row"},
		{"no text", "a VARCHAR(9) CHARACTER SET utf8mb4", "a", []string{"_binary '\xe4'", "_binary '\xc3\xa4'"}, "a: 1 row"},
		{"large numbers", "a TINYINT, b INT UNSIGNED, c DECIMAL(3,1), d FLOAT", "a,b,c,d", []string{"300,1,1.5,1e+39", "1,-1,100.5,1"}, "a: 1 row; b: 1 row; c: 1 row; d: 1 row"},
		{"many digits", "c DECIMAL(3,1)", "c", []string{"1.25", "1.5"}, "c: 1 row"},
		{"bits", "a BIT(3)", "a", []string{"x'0F'", "x'07'"}, "a: 1 row"},
	} {
		t.Run(test.name, func(t *testing.T) {
			targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
				for _, way := range loadWays {
					lines := loadRows(t, server, way, "that_change", "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', sql_notes = 0;\n", test.table, test.columns, test.rows...)
					var got []string
					for _, line := range lines {
						var column string
						if rest, is := strings.CutPrefix(line, "table t, column "); is {
							column, rest, _ = strings.Cut(rest, ": ")
							rest, _, _ = strings.Cut(rest, " changed as they were loaded: ")
							got = append(got, column+": "+rest)
						} else {
							t.Errorf("%s: note %q", way, line)
						}
					}
					if got := strings.Join(got, "; "); got != test.want {
						t.Errorf("%s: %s, want %s: %q", way, got, test.want, lines)
					}
				}
			})
		})
	}
}

// The notes in full; they hold nothing of a row.
func TestMySQLWarningsInWords(t *testing.T) {
	server := targettest.MariadbServer(t)
	const table = "a TINYINT, g TINYINT AS (a + 1) STORED, i INT AS (v + 0) STORED, v VARCHAR(9), `c'd` INT, KEY (g)"
	got := loadRows(t, server, "foreign", "in_words", "", table, "a,v,c'd", "300,'secret',1", "127,'2',1", "1,'2',5000000000")
	want := []string{
		"table t: the server warned of 1 row as they were loaded: Truncated incorrect DOUBLE value",
		"table t, column a: 1 row changed as they were loaded: Out of range value for column",
		"table t, column c'd: 1 row changed as they were loaded: Out of range value for column",
		"table t: the server warned of 2 rows in column g as they were loaded: Out of range value for column",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	got = loadRows(t, server, "bulk", "in_words", "", "a TINYINT", "a", slices.Repeat([]string{"300"}, 70000)...)
	want = []string{"table t, column a: at least 65535 rows changed as they were loaded: Out of range value for column"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// Rows that are older than a constraint, and what INSERT IGNORE leaves out.
func TestMySQLRowsAgainstConstraints(t *testing.T) {
	server := targettest.MariadbServer(t)
	for _, way := range loadWays {
		lines := loadRows(t, server, way, "against", "", "a INT, j JSON, CONSTRAINT small CHECK (a < 10)", "a,j", "50,'no JSON'", "1,'{}'")
		if len(lines) > 0 {
			t.Errorf("%s: notes %q", way, lines)
		}
	}
	targettest.Fresh(t, server, "against")
	db, said := targettest.Open(t, server.URL("against"))
	targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE t (a INT PRIMARY KEY);\nINSERT IGNORE INTO t VALUES (1),(1),(2),(2),(2);\n"))
	if diff := cmp.Diff([]string{"table t: the server warned of 3 rows as they were loaded: Duplicate entry"}, said.Lines); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}
