package export

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// exportZoo has a table of each kind that might not travel as files, and some with names that files do not have.
var exportZoo = map[string]string{
	"plain":        "(id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(200), b LONGTEXT, KEY (a)) ENGINE=InnoDB",
	"no_key":       "(a INT, b VARCHAR(200)) ENGINE=InnoDB",
	"parent":       "(id INT PRIMARY KEY, a INT) ENGINE=InnoDB",
	"child":        "(id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES parent (id)) ENGINE=InnoDB",
	"a-b #1 ä":     "(id INT PRIMARY KEY, a INT) ENGINE=InnoDB",
	"a":            "(id INT PRIMARY KEY, a INT) ENGINE=InnoDB",
	"compact":      "(id INT PRIMARY KEY, a INT) ENGINE=InnoDB ROW_FORMAT=COMPACT",
	"redundant":    "(id INT PRIMARY KEY, a INT) ENGINE=InnoDB ROW_FORMAT=REDUNDANT",
	"squeezed":     "(id INT PRIMARY KEY, a INT) ENGINE=InnoDB ROW_FORMAT=COMPRESSED",
	"pages":        "(id INT PRIMARY KEY, a INT) ENGINE=InnoDB PAGE_COMPRESSED=1",
	"stored":       "(id INT PRIMARY KEY, a INT, c INT AS (a + 1) STORED, KEY (c)) ENGINE=InnoDB",
	"computed":     "(id INT PRIMARY KEY, a INT, c INT AS (a + 1) VIRTUAL, KEY (c)) ENGINE=InnoDB",
	"place":        "(id INT PRIMARY KEY, a INT, p POINT NOT NULL DEFAULT (POINT(1, 2)), SPATIAL KEY (p)) ENGINE=InnoDB",
	"versioned":    "(id INT PRIMARY KEY, a INT) ENGINE=InnoDB WITH SYSTEM VERSIONING",
	"words":        "(id INT PRIMARY KEY, a INT, t TEXT, FULLTEXT KEY (t)) ENGINE=InnoDB",
	"parts":        "(id INT PRIMARY KEY, a INT) ENGINE=InnoDB PARTITION BY HASH (id) PARTITIONS 3",
	"my":           "(id INT PRIMARY KEY, a INT) ENGINE=MyISAM",
	"log":          "(id INT PRIMARY KEY, a INT) ENGINE=Aria",
	"remembered":   "(id INT PRIMARY KEY, a INT) ENGINE=MEMORY",
	"not_exported": "(id INT PRIMARY KEY, a INT) ENGINE=InnoDB",
}

// Which tables travel as files is found out by trying; what does not is left, with the reason.
func TestExport(t *testing.T) {
	server := targettest.MariadbServer(t)
	const name = "export_zoo"
	statements := []string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name, "USE " + name, "SET foreign_key_checks = 0"}
	var wanted []string
	for _, table := range slices.Sorted(maps.Keys(exportZoo)) {
		statements = append(statements, "CREATE TABLE "+mysql.QuoteName(table)+exportZoo[table])
		column := "id"
		if table == "no_key" {
			column = "a"
		}
		statements = append(statements, "INSERT INTO "+mysql.QuoteName(table)+" ("+column+") SELECT seq FROM seq_1_to_500")
		if table != "not_exported" {
			wanted = append(wanted, table)
		}
	}
	statements = append(statements, "INSERT INTO plain (a, b) SELECT seq, REPEAT('x', 1000) FROM seq_1_to_5000", "CREATE SEQUENCE numbers",
		"CREATE VIEW looks AS SELECT * FROM plain")
	targettest.Must(t, server.Exec(statements...))
	t.Cleanup(func() {
		targettest.Must(t, server.Exec("DROP DATABASE "+name, "DROP DATABASE IF EXISTS "+name+"__dump_incoming"))
	})
	wanted = append(wanted, "numbers", "looks", "missing")

	export, err := OpenExport(t.Context(), targettest.ParseURL(t, server.URL(name)), wanted)
	targettest.Must(t, err)
	defer export.Close()
	all, done := export.Bytes(), int64(0)
	tried := make(chan int64, 100)
	targettest.Must(t, export.Try(t.Context(), func(bytes int64) { tried <- bytes }))
	close(tried)
	for bytes := range tried {
		done += bytes
	}
	if done != all {
		t.Errorf("%d of %d bytes were tried", done, all)
	}
	if s := export.Server; s.Engine != "mariadb" || s.PageSize != 16384 || !strings.HasPrefix(s.Version, "10.11.") {
		t.Errorf("server %+v", s)
	}
	if first := export.Tables[0]; first.Name != "plain" || first.RowFormat != "dynamic" || first.Definition == [32]byte{} {
		t.Errorf("the largest table is not the first: %+v", first)
	}
	var got []string
	for _, table := range export.Tables {
		got = append(got, table.Name)
		var names []string
		for _, file := range table.Files {
			names = append(names, file.Name)
			from, err := export.Open(table, file)
			targettest.Must(t, err)
			if n, err := io.Copy(io.Discard, from); err != nil || n != file.Size {
				t.Errorf("%s%s: %d of %d bytes, %v", table.Name, file.Name, n, file.Size, err)
			}
			targettest.Must(t, from.Close())
		}
		if !slices.Equal(names, []string{".cfg", ".ibd"}) {
			t.Errorf("table %s has files %q", table.Name, names)
		}
	}
	slices.Sort(got)
	if want := []string{"a", "a-b #1 ä", "child", "compact", "computed", "no_key", "pages", "parent", "place", "plain", "redundant", "squeezed", "stored", "versioned"}; !slices.Equal(got, want) {
		t.Errorf("as files come %q, want %q", got, want)
	}
	var left []string
	for _, table := range export.Left {
		left = append(left, table.Name+": "+table.Reason)
	}
	want := []string{
		"log: its engine is Aria", "looks: it is no table", "my: its engine is MyISAM", "numbers: it is a sequence",
		"parts: Storage engine InnoDB of the table `parts` doesn't have this option", "remembered: its engine is MEMORY", "words: it has a FULLTEXT index, which lies in other files",
	}
	if !slices.Equal(left, want) {
		t.Errorf("left are\n%s\nwant\n%s", strings.Join(left, "\n"), strings.Join(want, "\n"))
	}
	// Nothing of the trial is left in its folder that would keep the database from being dropped.
	targettest.Must(t, export.Close())
	targettest.Must(t, server.Exec("DROP DATABASE "+name+"__dump_incoming"))
	if cfg, _ := filepath.Glob(filepath.Join(export.data, name, "*.cfg")); len(cfg) > 0 {
		t.Errorf("left in the folder: %q", cfg)
	}
	if _, err := os.Stat(filepath.Join(export.data, name+"__dump_incoming")); !os.IsNotExist(err) {
		t.Error("the folder of the trial is left", err)
	}
}

// Other rows than those that were exported are found, and the same ones even where the server's checksums differ.
func TestExportCompares(t *testing.T) {
	server := targettest.MariadbServer(t)
	const name, other = "export_compare", "export_compare__dump_incoming"
	targettest.Must(t, server.Exec("DROP DATABASE IF EXISTS "+name, "DROP DATABASE IF EXISTS "+other, "CREATE DATABASE "+name, "CREATE DATABASE "+other))
	t.Cleanup(func() { targettest.Must(t, server.Exec("DROP DATABASE "+name, "DROP DATABASE "+other)) })
	const table = ".t (id INT PRIMARY KEY, a INT, b BLOB, c INT AS (a + 1) STORED) ENGINE=InnoDB"
	for _, database := range []string{name, other} {
		targettest.Must(t, server.Exec("CREATE TABLE "+database+table, "INSERT INTO "+database+".t (id, a, b) VALUES (1, NULL, NULL), (2, 7, UNHEX('00ff'))"))
	}
	export, err := OpenExport(t.Context(), targettest.ParseURL(t, server.URL(name)), []string{"t"})
	targettest.Must(t, err)
	defer export.Close()
	for change, want := range map[string]string{
		"UPDATE t SET a = a WHERE id = 1":    "",
		"UPDATE t SET b = '' WHERE id = 1":   "its rows are others after an import",
		"DELETE FROM t WHERE id = 1":         "its rows are others after an import",
		"UPDATE t SET a = NULL WHERE id = 2": "its rows are others after an import",
	} {
		targettest.Must(t, export.holderless(t.Context(), func(s *session.Session) error {
			targettest.Must(t, s.Exec(t.Context(), "USE "+other))
			targettest.Must(t, s.Exec(t.Context(), "BEGIN"))
			targettest.Must(t, s.Exec(t.Context(), change))
			got, err := export.compare(t.Context(), s, export.Tables[0])
			if got != want {
				t.Errorf("%s: %q, want %q", change, got, want)
			}
			targettest.Must(t, s.Exec(t.Context(), "ROLLBACK"))
			return err
		}))
	}
}
