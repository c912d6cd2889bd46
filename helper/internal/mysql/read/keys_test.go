package read

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// Keys by which a table is read in pages, and those by which it cannot be: what comes is the same, by the server's own
// checksum.
func TestMySQLKeys(t *testing.T) {
	type keyTest struct {
		columns, values string
		index           string // by which it is cut
		pages           bool
	}
	both := map[string]keyTest{
		"uniq":      {"n INT, a INT NOT NULL, UNIQUE u (a)", "i % 7, i - 300", "u", true},
		"quoted":    {"n INT, a INT NOT NULL, UNIQUE `a ``key` (a)", "i % 7, i", "a `key", true},
		"pair":      {"a VARCHAR(20) NOT NULL, b INT NOT NULL, UNIQUE u (b, a)", "CONCAT('k', i), i DIV 90", "u", true},
		"clustered": {"a INT NOT NULL, b INT NOT NULL, UNIQUE z (b), UNIQUE k (a)", "i, 1000 - i", "z", true},
		"nulls":     {"a INT, b INT NOT NULL, UNIQUE x (a), UNIQUE z (b)", "NULLIF(i, 5), i", "z", true},
		"anynull":   {"a INT, UNIQUE (a)", "NULLIF(i, 5)", "", false},
		"pairnull":  {"a INT NOT NULL, b INT, UNIQUE (a, b)", "i DIV 9, NULLIF(i % 9, 5)", "", false},
		"prefix":    {"a VARCHAR(100) NOT NULL, UNIQUE (a(20))", "CONCAT('k', i)", "", false},
		"inexact":   {"a FLOAT NOT NULL, UNIQUE (a)", "i / 3", "", false},
		"member":    {"a ENUM('x','y') NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)", "1 + i % 2, i", "PRIMARY", false},
		"instead":   {"a ENUM('x','y') NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b), UNIQUE u (b)", "1 + i % 2, i", "u", true},
		"plain":     {"a INT NOT NULL, KEY (a)", "i DIV 2", "", false},
		"falling":   {"a INT, b INT, PRIMARY KEY (a DESC, b)", "i DIV 100, i", "PRIMARY", true},
		"fallen":    {"a INT NOT NULL, b VARCHAR(9) NOT NULL, UNIQUE u (a, b DESC)", "i DIV 100, CONCAT('k', i)", "u", true},
		"years":     {"a YEAR NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)", "IF(i % 50 = 0, 0, 1901 + i % 9), i", "PRIMARY", true},
		"times":     {"a TIME(3) NOT NULL, PRIMARY KEY (a)", "SEC_TO_TIME(i * 100.125 - 30000)", "PRIMARY", true},
		"bits":      {"a BIT(64) NOT NULL, PRIMARY KEY (a)", "18446744073709551615 - i", "PRIMARY", true},
		"flag":      {"a BIT(1) NOT NULL, b BIT(13) NOT NULL, UNIQUE u (a, b)", "i % 2, i", "u", true},
		"fixed":     {"a BINARY(8) NOT NULL, UNIQUE u (a)", "UNHEX(LPAD(HEX(i), 4, '0'))", "u", true},
		"charspace": {"a CHAR(20) CHARACTER SET latin1 NOT NULL, UNIQUE u (a)", "CONCAT(IF(i % 2, 'a', 'A '), CHAR(9), i)", "u", true},
		"letters":   {"a VARCHAR(30) CHARACTER SET utf8mb4 NOT NULL, b INT NOT NULL, UNIQUE u (a, b)", "ELT(1 + i % 4, 'straße', 'STRASSE', 'Zoë', 'zoe'), i", "u", true},
	}
	only := map[string]map[string]keyTest{
		"mariadb": {
			"nopad":     {"a VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_nopad_ci NOT NULL, UNIQUE u (a)", "CONCAT('a', i DIV 5, REPEAT(' ', i % 5))", "u", true},
			"nopadchar": {"a CHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, UNIQUE u (a)", "CONCAT('a', i DIV 5, CHAR(9 + i % 5))", "u", true},
			"ids":       {"a UUID NOT NULL, UNIQUE u (a)", "CONCAT(LPAD(HEX(i * 99991), 8, '0'), '-1234-1', LPAD(HEX(i), 3, '0'), '-8000-000000000001')", "u", true},
			"addresses": {"a INET6 NOT NULL, PRIMARY KEY (a)", "CONCAT('2001:db8::', HEX(i))", "PRIMARY", true},
			"hashed":    {"a TEXT NOT NULL, UNIQUE (a)", "CONCAT('k', i)", "", false},
			"ignored":   {"a INT NOT NULL, b FLOAT NOT NULL, UNIQUE b (b), UNIQUE a (a) IGNORED", "i, i", "", false},
			"versioned": {"a INT NOT NULL, UNIQUE u (a)", "i", "u", true},
		},
		"mysql": {
			"nopad":      {"a VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NOT NULL, UNIQUE u (a)", "CONCAT('a', i DIV 5, REPEAT(' ', i % 5))", "u", true},
			"nopadchar":  {"a CHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, UNIQUE u (a)", "CONCAT('a', i DIV 5, CHAR(9 + i % 5))", "u", true},
			"functional": {"a INT NOT NULL, UNIQUE f ((a + 1))", "i", "", false},
			"invisible":  {"a INT NOT NULL, b FLOAT NOT NULL, UNIQUE b (b), UNIQUE a (a) INVISIBLE", "i, i", "", false},
			"computed":   {"a INT NOT NULL", "i", "", false},
		},
	}
	sites(t, func(t *testing.T, server *testserver.MySQL) {
		_, family, _ := strings.Cut(t.Name(), "/")
		tests := maps.Clone(both)
		maps.Copy(tests, only[family])
		statements := []string{"SET NAMES utf8mb4", "SET SESSION sql_mode = ''"}
		for name, test := range tests {
			statements = append(statements, fill(name, test.columns, test.values, 700)...)
		}
		if family == "mysql" {
			statements = append(statements, "ALTER TABLE computed ADD g INT AS (a + 1) STORED NOT NULL, ADD UNIQUE (g)")
		}
		if family == "mariadb" {
			statements = append(statements, "ALTER TABLE versioned ADD SYSTEM VERSIONING", "UPDATE versioned SET body = CONCAT(body, 'y') WHERE a > 100")
		}
		makeSite(t, server, "keyed", statements...)
		source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("keyed")), Threads: 2})
		chunks, _ := sourcetest.ChunksOf(t, source)
		restoreTo(t, server, "keyed_copy", sourcetest.Joined(chunks))
		want, err := server.Checksums("keyed")
		if err != nil {
			t.Fatal(err)
		}
		got, err := server.Checksums("keyed_copy")
		if err != nil {
			t.Fatal(err)
		}
		tables, err := readTables(t.Context(), siteSession(t, server, "keyed"), slices.Collect(maps.Keys(tests)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if family == "mariadb" {
			for database, sums := range map[string]map[string]string{"keyed": want, "keyed_copy": got} {
				rows, err := server.Query("SELECT COUNT(*), BIT_XOR(CRC32(CONCAT_WS(',', a, body, row_start, row_end))) FROM " + database + ".versioned FOR SYSTEM_TIME ALL")
				if err != nil {
					t.Fatal(err)
				}
				sums["versioned"] = strings.Join(rows[0], " ")
			}
		}
		for _, table := range tables {
			test := tests[table.name]
			if table.index != test.index || len(table.order) > 0 != test.pages {
				t.Errorf("%s: by %q, in pages %v; want %q, %v", table.name, table.index, len(table.order) > 0, test.index, test.pages)
			}
			if got[table.name] == "" || got[table.name] != want[table.name] {
				t.Errorf("%s: checksum %s, want %s", table.name, got[table.name], want[table.name])
			}
		}
	})
}
