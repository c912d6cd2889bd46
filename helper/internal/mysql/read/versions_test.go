package read

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
)

// Rows that are read in many pages come once each, where a key is a date of no calendar and where a row has several
// versions.
func TestMySQLPagesOfOddRows(t *testing.T) {
	server := sourcetest.MariaDB(t)
	if err := server.Exec("DROP DATABASE IF EXISTS odd_pages", "CREATE DATABASE odd_pages", "USE odd_pages", "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'",
		"CREATE TABLE dates (d DATE, n INT, t LONGTEXT, PRIMARY KEY (d, n))",
		"INSERT INTO dates SELECT CONCAT('2004-02-', LPAD(25 + seq % 7, 2, '0')), seq, REPEAT(CHAR(65 + seq), 150000) FROM seq_1_to_40",
		"INSERT INTO dates SELECT CONCAT('2004-00-0', seq % 3), seq, REPEAT('x', 150000) FROM seq_1_to_20",
		"CREATE TABLE versioned (id INT PRIMARY KEY, t LONGTEXT) WITH SYSTEM VERSIONING",
		"INSERT INTO versioned SELECT seq, REPEAT('a', 150000) FROM seq_1_to_5",
		"UPDATE versioned SET t = REPEAT('b', 150000)", "UPDATE versioned SET t = REPEAT('c', 150000)", "UPDATE versioned SET t = REPEAT('d', 150000) WHERE id > 1",
		"UPDATE versioned SET t = REPEAT('e', 150000)", "UPDATE versioned SET t = REPEAT('f', 150000) WHERE id < 3", "UPDATE versioned SET t = REPEAT('g', 150000)", "DELETE FROM versioned WHERE id = 3",
		"ANALYZE TABLE dates, versioned",
	); err != nil {
		t.Fatal(err)
	}
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("odd_pages")), Threads: 2})
	restoreWithComments(t, server, "odd_pages_copy", chunkedText(t, source))
	want, got := rowsByKey(t, "odd_pages"), rowsByKey(t, "odd_pages_copy")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", sourcetest.Abbreviate(diff))
	}
}

// rowsByKey are the rows of both tables as mariadb shows them.
func rowsByKey(t *testing.T, database string) []string {
	t.Helper()
	rows, err := sourcetest.MariaDB(t).Query("SELECT CONCAT_WS(' ', d, n, MD5(t)) AS r FROM " + database + ".dates" +
		" UNION ALL SELECT CONCAT_WS(' ', id, row_start, row_end, MD5(t)) FROM " + database + ".versioned FOR SYSTEM_TIME ALL ORDER BY r")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, row := range rows {
		all = append(all, strings.Join(row, " "))
	}
	return all
}
