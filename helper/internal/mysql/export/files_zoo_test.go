package export

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// travelling are tables that come as files; each has a column v, by which a row can be found. docs/bake.md lists them.
var travelling = map[string]string{
	"no_primary_key":          "v varchar(100), KEY (v)",
	"spatial":                 "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), p point NOT NULL DEFAULT ST_GeomFromText('POINT(1 1)'), SPATIAL KEY (p), KEY (v)",
	"virtual_column":          "id int AUTO_INCREMENT PRIMARY KEY, g int AS (LENGTH(v)) VIRTUAL, v varchar(100), KEY (v)",
	"virtual_key":             "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), g varchar(100) AS (UPPER(v)) VIRTUAL, KEY (g), KEY (v)",
	"stored_column":           "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), g int AS (LENGTH(v)) STORED, KEY (g), KEY (v)",
	"versioned":               "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY (v)) WITH SYSTEM VERSIONING",
	"period":                  "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), a date DEFAULT '2020-01-01', b date DEFAULT '2021-01-01', PERIOD FOR p (a, b), KEY (v)",
	"compressed":              "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY (v)) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8",
	"redundant":               "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY (v)) ROW_FORMAT=REDUNDANT",
	"compact":                 "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY (v)) ROW_FORMAT=COMPACT",
	"page_compressed":         "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY (v)) PAGE_COMPRESSED=1",
	"compressed_column":       "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), c text COMPRESSED DEFAULT REPEAT('c', 1000), KEY (v)",
	"checked":                 "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100) CHECK (LENGTH(v) < 90), j json DEFAULT '{}', KEY (v)",
	"invisible":               "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), h int INVISIBLE DEFAULT 3, KEY (v)",
	"descending":              "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY (v DESC)",
	"types":                   "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100) COLLATE utf8mb4_unicode_ci, u uuid DEFAULT 'f0f0f0f0-0000-0000-0000-000000000001', i inet6 DEFAULT '::1', b longblob DEFAULT REPEAT('b', 20000), KEY (u), KEY (v(10))",
	"long_unique":             "id int AUTO_INCREMENT PRIMARY KEY, v text, UNIQUE (v)",
	"counter_is_no_primary":   "v varchar(100), n int AUTO_INCREMENT, UNIQUE (n), KEY (v)",
	"refers":                  "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), f int REFERENCES `compact` (id) ON DELETE CASCADE, KEY (v)",
	"it's a 'näme' #1 / 50%.": "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY (v)",
}

// travellingMySQL are those that differ in MySQL; what has no definition does not exist there.
var travellingMySQL = map[string]string{
	"spatial":           "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), p point NOT NULL SRID 4326 DEFAULT (ST_GeomFromText('POINT(1 1)', 4326)), SPATIAL KEY (p), KEY (v)",
	"versioned":         "",
	"period":            "",
	"compressed":        "", // it is left at home
	"page_compressed":   "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY (v)) COMPRESSION='zlib'",
	"compressed_column": "",
	"checked":           "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100) CHECK (LENGTH(v) < 90), j json DEFAULT ('{}'), KEY (v)",
	"types":             "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100) COLLATE utf8mb4_unicode_ci, b longblob DEFAULT (REPEAT('b', 20000)), KEY (v(10))",
	"long_unique":       "",
	"functional_key":    "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY ((UPPER(v))), KEY (v)",
	"key_of_an_array":   "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), j json DEFAULT ('[1, 2]'), KEY ((CAST(j AS UNSIGNED ARRAY))), KEY (v)",
	"partitioned":       "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY (v)) PARTITION BY HASH (id) PARTITIONS 3",
	"subpartitioned":    "id int AUTO_INCREMENT PRIMARY KEY, v varchar(100), KEY (v)) PARTITION BY RANGE (id) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES LESS THAN MAXVALUE)",
}

// travellers are the tables that come as files to a server.
func travellers(oracle bool) map[string]string {
	all := maps.Clone(travelling)
	if oracle {
		maps.Copy(all, travellingMySQL)
		maps.DeleteFunc(all, func(_, definition string) bool { return definition == "" })
	}
	return all
}

// staying are tables that do not, and why; of MariaDB, since MySQL takes partitions as files.
var staying = map[string]struct{ definition, reason string }{
	"partitioned": {"id int PRIMARY KEY, v varchar(100)) PARTITION BY HASH (id) PARTITIONS 3",
		"table partitioned: the server refuses its files: Storage engine InnoDB of the table `site71__dump_incoming`.`partitioned` doesn't have this option"},
	"subpartitioned": {"id int PRIMARY KEY, v varchar(100)) PARTITION BY RANGE (id) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN MAXVALUE)",
		"table subpartitioned: the server refuses its files: Storage engine InnoDB of the table `site71__dump_incoming`.`subpartitioned` doesn't have this option"},
}

// leftAtHome are tables that nobody tries, and why.
var leftAtHome = map[string]struct{ definition, reason string }{
	"fulltext": {"id int PRIMARY KEY, v varchar(100), FULLTEXT KEY (v)", "it has a FULLTEXT index, which lies in other files"},
	"myisam":   {"id int PRIMARY KEY, v varchar(100)) ENGINE=MyISAM", "its engine is MyISAM"},
	"aria":     {"id int PRIMARY KEY, v varchar(100)) ENGINE=Aria", "its engine is Aria"},
}

// leftAtHomeMySQL are those of MySQL.
var leftAtHomeMySQL = map[string]struct{ definition, reason string }{
	"fulltext":   leftAtHome["fulltext"],
	"myisam":     leftAtHome["myisam"],
	"compressed": {"id int PRIMARY KEY, v varchar(100)) ROW_FORMAT=COMPRESSED", "its pages are compressed (ROW_FORMAT=COMPRESSED)"},
	"shared":     {"id int PRIMARY KEY, v varchar(100)) TABLESPACE innodb_system", "its rows lie elsewhere than in the folder of its database"},
}

// TestMySQLTravelling holds the list of docs/bake.md to what the server does: rows, and what happens to them afterwards.
func TestMySQLTravelling(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		travelling := travellers(targettest.IsOracle(t, server))
		statements := []string{"SET foreign_key_checks = 0"}
		for name, definition := range travelling {
			statements = append(statements, targettest.TableStatement(name, definition), "INSERT INTO "+mysql.QuoteName(name)+" (v) SELECT CONCAT('word ', seq) FROM "+targettest.Seq(1, 300),
				"DELETE FROM "+mysql.QuoteName(name)+" WHERE v LIKE 'word 9%'")
		}
		targettest.Fresh(t, server, "staging70", statements...)
		chunks := bake(t, server, "staging70", 4<<20)
		if len(chunks.Files) != len(travelling) {
			t.Errorf("as files come %d of %d tables", len(chunks.Files), len(travelling))
		}
		e, err := OpenExport(t.Context(), targettest.ParseURL(t, server.URL("staging70")), slices.Collect(maps.Keys(travelling)))
		targettest.Must(t, err)
		targettest.Must(t, e.Try(t.Context(), func(int64) {}))
		if len(e.Left) > 0 {
			t.Errorf("when they are tried these are left: %v", e.Left)
		}
		targettest.Must(t, e.Close())
		targettest.Must(t, server.Exec("DROP DATABASE staging70__dump_incoming"))
		targettest.Fresh(t, server, "site70", "CREATE TABLE t (id int)")
		db, _ := targettest.Open(t, server.URL("site70"))
		targettest.Must(t, pullBaked(t, db, chunks))
		targettest.WantMySQL(t, server, "site70", targettest.Content(t, server, "staging70"))
		noStrays(t, server, "site70")
		for name := range travelling {
			t.Run(name, func(t *testing.T) {
				query := func(database, query string) [][]string {
					rows, err := server.Query(strings.ReplaceAll(query, "TABLE", mysql.QuoteName(database)+"."+mysql.QuoteName(name)))
					targettest.Must(t, err)
					return rows
				}
				all := "SELECT * FROM TABLE ORDER BY v"
				if diff := cmp.Diff(query("staging70", all), query("site70", all)); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
				targettest.Must(t, server.Exec("USE site70", "INSERT INTO "+mysql.QuoteName(name)+" (v) VALUES ('one more')", "UPDATE "+mysql.QuoteName(name)+" SET v = 'word 1000' WHERE v = 'word 100'"))
				for value, want := range map[string]string{"one more": "1", "word 1000": "1", "word 100": "0", "word 30": "1", "word 95": "0"} {
					if rows := query("site70", "SELECT COUNT(*) FROM TABLE WHERE v = '"+value+"'"); rows[0][0] != want {
						t.Errorf("%s is there %s times", value, rows[0][0])
					}
				}
				check, err := server.Query("CHECK TABLE site70." + mysql.QuoteName(name))
				targettest.Must(t, err)
				if check[0][3] != "OK" {
					t.Errorf("damaged: %v", check)
				}
			})
		}
	})
}

// TestMySQLStaying holds the list of docs/bake.md to what the server does with tables that do not travel.
func TestMySQLStaying(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		oracle := targettest.IsOracle(t, server)
		staying, leftAtHome := staying, maps.Clone(leftAtHome)
		if oracle {
			staying, leftAtHome = nil, maps.Clone(leftAtHomeMySQL)
		}
		targettest.Fresh(t, server, "site71", targettest.Site("old")...)
		old := targettest.Content(t, server, "site71")
		db, _ := targettest.Open(t, server.URL("site71"))
		for name, test := range staying {
			targettest.Fresh(t, server, "staging71", targettest.TableStatement(name, test.definition), "INSERT INTO "+mysql.QuoteName(name)+" VALUES (1, 'a')")
			err := pullBaked(t, db, bake(t, server, "staging71", 4<<20))
			var refused *target.FilesError
			if !errors.As(err, &refused) || err.Error() != test.reason {
				t.Errorf("%s: got %v", name, err)
			}
		}
		// A table of which somebody says nevertheless that it comes as files.
		targettest.Fresh(t, server, "staging71", "CREATE TABLE t (id int PRIMARY KEY, v varchar(100), KEY (v))")
		forged := bake(t, server, "staging71", 4<<20)
		forged.Texts[0] = []byte(strings.Replace(string(forged.Texts[0]), "  KEY ", "  FULLTEXT KEY ", 1))
		if err := pullBaked(t, db, forged); err == nil || err.Error() != "table t: it has a FULLTEXT index" {
			t.Errorf("FULLTEXT: got %v", err)
		}
		targettest.WantMySQL(t, server, "site71", old)
		noStrays(t, server, "site71")

		if !oracle {
			leftAtHome["elsewhere"] = struct{ definition, reason string }{
				"id int PRIMARY KEY, v varchar(100)) DATA DIRECTORY=" + mysql.QuoteText(t.TempDir()), "its rows lie elsewhere than in the folder of its database",
			}
		}
		var statements, names []string
		for name, test := range leftAtHome {
			names = append(names, name)
			statements = append(statements, targettest.TableStatement(name, test.definition))
		}
		want := map[string]string{}
		if !oracle {
			statements = append(statements, "CREATE SEQUENCE counter")
			want["counter"] = "it is a sequence"
		}
		targettest.Fresh(t, server, "staging71", statements...)
		e, err := OpenExport(t.Context(), targettest.ParseURL(t, server.URL("staging71")), append(names, "counter"))
		targettest.Must(t, err)
		targettest.Must(t, e.Close())
		targettest.Fresh(t, server, "staging71")
		got := map[string]string{}
		for _, table := range e.Left {
			got[table.Name] = table.Reason
		}
		for name, test := range leftAtHome {
			want[name] = test.reason
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what is left (-want +got):\n%s", diff)
		}
	})
}
