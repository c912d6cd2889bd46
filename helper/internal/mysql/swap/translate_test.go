package swap

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// A table of MySQL in MariaDB: what is invisible stays so, keys by which nobody searches stay so, geometries keep their
// systems of reference, and a timestamp has no more defaults than it had.
func TestMySQLTablesInMariaDB(t *testing.T) {
	from, err := targettest.Mysqld()
	targettest.Must(t, err)
	to := targettest.MariadbServer(t)
	targettest.Fresh(t, from, "translated", "SET SESSION sql_generate_invisible_primary_key = 1",
		"CREATE TABLE t (id int PRIMARY KEY, g geometry SRID 4326, v varchar(20) INVISIBLE, w int NOT NULL DEFAULT (1 + 1) INVISIBLE, c int, ts timestamp, ts2 timestamp NOT NULL DEFAULT '2020-01-01 00:00:00',"+
			" KEY kv (v) INVISIBLE, KEY kc (c DESC), CONSTRAINT cc CHECK (c < 5) NOT ENFORCED)",
		"CREATE TABLE no_key (a int)")
	var dump string
	for _, table := range []string{"t", "no_key"} {
		rows, err := from.Query("SHOW CREATE TABLE translated." + table)
		targettest.Must(t, err)
		dump += rows[0][1] + ";\n"
	}
	dump += "INSERT INTO `t` (`id`,`g`,`v`,`w`,`c`) VALUES (1,_binary '\xe6\x10\\0\\0\x01\x01\\0\\0\\0\\0\\0\\0\\0\\0\\0\xf0?\\0\\0\\0\\0\\0\\0\\0@','x',3,9);\nINSERT INTO `no_key` (`my_row_id`,`a`) VALUES (1,5);\n"
	for _, options := range []string{"SET GLOBAL explicit_defaults_for_timestamp = 1", "SET GLOBAL explicit_defaults_for_timestamp = 0"} {
		_ = to.Exec(options) // only newer servers
		targettest.Fresh(t, to, "translated")
		db, said := targettest.Open(t, to.URL("translated"))
		targettest.Must(t, targettest.Pull(t, db, dump))
		var notes []string
		for _, line := range said.Lines {
			if !strings.Contains(line, "collation") {
				notes = append(notes, line)
			}
		}
		if diff := cmp.Diff([]string{"table t, constraint cc: it is NOT ENFORCED, which this server does not know, and is left out"}, notes); diff != "" {
			t.Errorf("notes (-want +got):\n%s", diff)
		}
		for query, want := range map[string][][]string{
			"SELECT * FROM translated.no_key": {{"5"}},
			"SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'translated' AND EXTRA LIKE '%INVISIBLE%' ORDER BY 1": {{"no_key.my_row_id"}, {"t.v"}, {"t.w"}},
			"SELECT SRID, ST_SRID(g) FROM information_schema.GEOMETRY_COLUMNS, translated.t WHERE G_TABLE_SCHEMA = 'translated'":                                    {{"4326", "4326"}},
			"SELECT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = 'translated' AND IGNORED = 'YES'":                                            {{"kv"}},
			"SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'translated' AND EXTRA LIKE '%update%'":                                        nil,
			"SELECT ts FROM translated.t": {{"NULL"}},
		} {
			got, err := to.Query(query)
			targettest.Must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
	}
}

// A server whose own settings would add to a table: a key to one that has none, defaults to timestamps.
func TestMySQLTablesGainNothing(t *testing.T) {
	const dump = "CREATE TABLE `t` (`a` int DEFAULT NULL, `ts` timestamp NOT NULL, `tn` timestamp NULL DEFAULT NULL);\nINSERT INTO `t` VALUES (1,'2020-01-01 00:00:00',NULL);\n"
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		settings, back := "SET GLOBAL sql_generate_invisible_primary_key = 1, explicit_defaults_for_timestamp = 0", "SET GLOBAL sql_generate_invisible_primary_key = 0, explicit_defaults_for_timestamp = 1"
		if !targettest.IsOracle(t, server) {
			var err error
			server, err = testserver.MariaDB(t.TempDir(), "--explicit-defaults-for-timestamp=0")
			targettest.Must(t, err)
			defer server.Stop()
			settings, back = "SET @a = 1", "SET @a = 1"
		}
		targettest.Must(t, server.Exec(settings))
		defer func() { targettest.Must(t, server.Exec(back)) }()
		targettest.Fresh(t, server, "gains")
		db, said := targettest.Open(t, server.URL("gains"))
		targettest.Must(t, targettest.Pull(t, db, dump))
		rows, err := server.Query("SELECT COLUMN_NAME, IS_NULLABLE, COALESCE(NULLIF(COLUMN_DEFAULT, 'NULL'), '-'), EXTRA FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'gains' ORDER BY ORDINAL_POSITION")
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{{"a", "YES", "-", ""}, {"ts", "NO", "-", ""}, {"tn", "YES", "-", ""}}, rows); diff != "" || len(said.Lines) > 0 {
			t.Errorf("notes %q, columns (-want +got):\n%s", said.Lines, diff)
		}
	})
}

// A server that makes another table of a definition says so in a warning alone.
func TestMySQLTablesThatChange(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "changed_tables")
	db, said := targettest.Open(t, server.URL("changed_tables"))
	targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE `t` (`a` int) ENGINE=ROCKSDB;\nCREATE TABLE `k` (`v` varchar(1000) CHARACTER SET utf8mb4, KEY `v` (`v`)) ENGINE=InnoDB;\n"+
		"CREATE TABLE `fine` (`v` varchar(10), KEY `v` (`v`), KEY `w` (`v`));\n"))
	want := []string{
		"table t: the server warned as it was made: Using storage engine InnoDB for table 't'",
		"table k: the server warned as it was made: Specified key was too long; max key length is 3072 bytes",
	}
	if diff := cmp.Diff(want, said.Lines); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// What is in no comment, or in one that the other family reads, too.
func TestMySQLAdapt(t *testing.T) {
	maria := mysql.Release{Flavour: mysql.MariaDB, Version: version.Version{Major: 10, Minor: 11, Patch: 19}}
	oracle := mysql.Release{Flavour: mysql.MySQL, Version: version.Version{Major: 9, Minor: 7, Patch: 4}}
	// A key on an expression is put off until the server can be asked for its type; see TestAlterationsTravel.
	for _, test := range []struct {
		server     mysql.Release
		text, want string
		notes      []string
	}{
		{
			maria, "CREATE TABLE `t` (\n  `n` varchar(20) DEFAULT NULL,\n  `key` int,\n  PRIMARY KEY (`key`),\n  UNIQUE KEY `fu` ((lower(`n`))),\n  KEY `fx` (`key`,(`key` + 1)) /*!80000 INVISIBLE */,\n  KEY `pre` (`n`(5),`key`),\n" +
				"  KEY `mv` ((cast(json_extract(`n`,_utf8mb4'$[*]') as unsigned array)))\n) ENGINE=InnoDB COMPRESSION='zlib'",
			"CREATE TABLE `t` (\n  `n` varchar(20) DEFAULT NULL,\n  `key` int,\n  PRIMARY KEY (`key`),\n  KEY `pre` (`n`(5),`key`)) ENGINE=InnoDB ",
			[]string{"table t: this server does not know COMPRESSION, which is left out"},
		},
		{
			maria, "CREATE TABLE `t` (`g` geomcollection DEFAULT NULL, `geomcollection` int /*!50606 STORAGE MEMORY */ /*!50606 COLUMN_FORMAT DYNAMIC */ NOT NULL, FULLTEXT KEY `f` (`v`) /*!50100 WITH PARSER `ngram` */ )",
			"CREATE TABLE `t` (`g` GEOMETRYCOLLECTION DEFAULT NULL, `geomcollection` int   NOT NULL, FULLTEXT KEY `f` (`v`)  )",
			[]string{
				"table t, column geomcollection: this server does not know STORAGE MEMORY, which is left out", "table t, column geomcollection: this server does not know COLUMN_FORMAT DYNAMIC, which is left out",
				"table t, key f: this server does not know WITH PARSER `ngram`, which is left out",
			},
		},
		{maria, "ALTER TABLE `t` ADD PRIMARY KEY (`id`), ADD UNIQUE KEY `fx` ((lower(`n`))), ADD KEY `k` (`n`)", "ALTER TABLE `t` ADD PRIMARY KEY (`id`), ADD KEY `k` (`n`)", nil},
		{maria, "ALTER TABLE `d`.`t` ADD KEY `fx` ((lower(`n`))), ADD KEY `k` (`n`)", "ALTER TABLE `d`.`t`  ADD KEY `k` (`n`)", nil},
		{maria, "ALTER TABLE `t` ADD KEY `fx` ((lower(`n`)))", "", nil},
		{maria, "CREATE UNIQUE INDEX `fx` ON `d`.`t` ((lower(`n`)))", "", nil},
		{maria, "CREATE INDEX `k` ON `t` (`n`(5))", "CREATE INDEX `k` ON `t` (`n`(5))", nil},
		{maria, "CREATE TABLE `t` (`a` int GENERATED ALWAYS AS ((`b` + 1)) STORED, CHECK ((`a` > 1)), KEY `k` (`a`) IGNORED)", "CREATE TABLE `t` (`a` int GENERATED ALWAYS AS ((`b` + 1)) STORED, CHECK ((`a` > 1)), KEY `k` (`a`) IGNORED)", nil},
		{oracle, "CREATE TABLE `t` (`ignored` int, KEY `k` (`ignored`) IGNORED, KEY `fx` ((`ignored` + 1)))", "CREATE TABLE `t` (`ignored` int, KEY `k` (`ignored`) INVISIBLE, KEY `fx` ((`ignored` + 1)))", nil},
		{oracle, "ALTER TABLE `t` ADD KEY `k` (`v`) IGNORED", "ALTER TABLE `t` ADD KEY `k` (`v`) INVISIBLE", nil},
	} {
		said := &targettest.Notes{}
		w := &rewrite.Rewriter{Server: test.server, Once: target.NewOnce(said.Add)}
		if diff := cmp.Diff(test.want, string(w.Adapt(w.Translate(rewrite.Parse([]byte(test.text)))).Text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
		if diff := cmp.Diff(test.notes, said.Lines); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", test.text, diff)
		}
	}
}
