package swap

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/load"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// spellings are definitions as people write them, which servers show otherwise.
var spellings = []string{
	"CREATE TABLE numbers (b bool DEFAULT true, i integer(5), u int8 unsigned default 7, f float(7) DEFAULT .1, f4 float(30), d double precision DEFAULT 1e10, r real, n numeric(5) DEFAULT 2, m dec(7,3) DEFAULT '1.5'," +
		" neg int DEFAULT -5, pos int DEFAULT +5, ex int DEFAULT (-5), zf int(5) zerofill, bi bit DEFAULT 1, b3 bit(3) DEFAULT 5, hx int DEFAULT 0x10, y year DEFAULT 2020, i1 tinyint(1) NOT NULL DEFAULT '0', sg int signed)",
	"CREATE TABLE times (d date DEFAULT '2020-1-2', dt datetime(6) DEFAULT '2020-01-01', d0 datetime(0) DEFAULT '2020-01-01 01:00', t time DEFAULT '-1:00:00', ts timestamp DEFAULT '2020-01-01 00:00:00'," +
		" n timestamp(3) DEFAULT now(3) ON UPDATE now(3), l datetime DEFAULT LOCALTIMESTAMP ON UPDATE CURRENT_TIMESTAMP(), x timestamp NULL DEFAULT (now()), z datetime DEFAULT '0000-00-00 00:00:00')",
	"CREATE TABLE texts (c char DEFAULT 'x  ', v char varying(20) character set latin1, e enum('a ','b''c','d\\\\e','ü') DEFAULT 'a', s set('x','y') COLLATE 'utf8mb4_unicode_ci', tt text(100)," +
		" b binary(4) DEFAULT 'ab', vb varbinary(4) DEFAULT 0x4142, bb blob(10), l longtext character set utf8mb3, cb varchar(10) character set binary, cm varchar(10) CHARSET utf8mb4 COMMENT 'it''s \\\\ \\n \"x\"')",
	"CREATE TABLE made (id int AUTO_INCREMENT PRIMARY KEY, a int UNIQUE, v1 int AS (a+1), v2 varchar(20) GENERATED ALWAYS AS (concat(tx,'its','b')) STORED, tx varchar(9) CHECK (tx != 'x' && length(tx) < 5), CHECK (a > 3), j json) AUTO_INCREMENT=7",
	"CREATE TABLE `keys` (id int, a varchar(10), b varchar(300) NOT NULL, c text, g point NOT NULL, p int, PRIMARY KEY USING BTREE (id ASC), UNIQUE u (a(10)), INDEX k (b(20) DESC, a) USING BTREE COMMENT 'k', KEY (a), FULLTEXT f (c), SPATIAL INDEX (g)," +
		" CONSTRAINT named CHECK (id > 3 AND b LIKE 'q%'), CONSTRAINT uu UNIQUE KEY (p, a)) COMMENT='tab''le' ROW_FORMAT=DEFAULT",
	"CREATE TABLE refers (id int PRIMARY KEY, r int, x int, KEY xx (r, x), CONSTRAINT fk FOREIGN KEY (r) REFERENCES made (id) ON DELETE NO ACTION ON UPDATE CASCADE, FOREIGN KEY (id) REFERENCES `made` (id) ON DELETE RESTRICT, FOREIGN KEY n (x) REFERENCES made (id) ON DELETE SET NULL)",
	"CREATE TABLE parts (id int, d date, PRIMARY KEY (id,d)) PARTITION BY RANGE (YEAR(d)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION a VALUES LESS THAN (2000) COMMENT='x', PARTITION b VALUES LESS THAN (MAXVALUE))",
	"CREATE TABLE parts_days (id int, d date, KEY (id)) PARTITION BY RANGE (to_days(d)) (PARTITION a VALUES LESS THAN (TO_DAYS('2020-01-01')))",
	"CREATE TABLE parts_key (id int PRIMARY KEY) PARTITION BY KEY () PARTITIONS 2",
	"CREATE TABLE parts_list (id int, s varchar(10)) PARTITION BY LIST COLUMNS(s) (PARTITION a VALUES IN ('x','y'), PARTITION b VALUES IN (NULL))",
	"CREATE TABLE parts_hash (id int PRIMARY KEY) PARTITION BY LINEAR HASH (id % 7) (PARTITION p0, PARTITION p1)",
	"CREATE TABLE my (id int PRIMARY KEY, KEY (id)) ENGINE=MyISAM ROW_FORMAT=FIXED DEFAULT CHARACTER SET = latin1, MAX_ROWS=5",
	"CREATE TABLE heap (id int, KEY USING HASH (id)) ENGINE=HEAP",
	"CREATE TABLE squeezed (id int) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8",
	"CREATE TABLE later (id int, a int) ENGINE=InnoDB", "ALTER TABLE later ADD PRIMARY KEY (id), ADD UNIQUE KEY a (a), ADD COLUMN b int NOT NULL",
	"ALTER TABLE later MODIFY id int NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=9", "ALTER TABLE later ADD CONSTRAINT fkl FOREIGN KEY (a) REFERENCES made (id)",
	"CREATE INDEX ib USING BTREE ON later (b DESC)", "CREATE UNIQUE INDEX iu ON later (b, a)",
	"CREATE TABLE copied LIKE later", "CREATE TABLE selected (a int) AS SELECT 1 AS b LIMIT 0", "CREATE TABLE dropped (a int)", "DROP TABLE IF EXISTS dropped",
}

// ownSpellings are those of one family.
var ownSpellings = map[bool][]string{
	true: {
		"CREATE TABLE quotes (a varchar(20), t text DEFAULT ('x'), q varchar(20) AS (concat(a,'it''s','\\\\')), vb varbinary(4) DEFAULT 0x00ff, u varchar(40) DEFAULT (uuid()), n int DEFAULT (-(5)))",
		"CREATE TABLE own (id int PRIMARY KEY, g point NOT NULL SRID 4326, s0 point SRID 0, h int DEFAULT 3 INVISIBLE, KEY ki (h) INVISIBLE, KEY ((id+1)), SPATIAL KEY (g), CHECK (id>1) NOT ENFORCED) ENCRYPTION='N' COMPRESSION='zlib'",
		"CREATE TABLE arrays (id int PRIMARY KEY, j json DEFAULT (json_array(1,2)), KEY ((CAST(j AS UNSIGNED ARRAY))), vn int AS (id) STORED NOT NULL)",
	},
	false: {
		"CREATE TABLE quotes (a varchar(20), t text DEFAULT ('x'), q varchar(20) AS (concat(a,'it''s','\\\\')), u varchar(40) DEFAULT (uuid()), n int DEFAULT (-(5)))",
		"CREATE TABLE own (id int PRIMARY KEY, g point REF_SYSTEM_ID=4326 NOT NULL, h int DEFAULT 3 INVISIBLE, cc text COMPRESSED, chk int CHECK (chk>1), KEY ki (h) IGNORED, SPATIAL KEY (g), u uuid DEFAULT uuid(), l text, UNIQUE (l)) PAGE_COMPRESSED=1",
		"CREATE TABLE versions (id int PRIMARY KEY, a int, b int WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING",
		"CREATE TABLE versions_parts (id int, s timestamp(6) GENERATED ALWAYS AS ROW START, e timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME(s,e)) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME INTERVAL 1 MONTH PARTITIONS 3",
		"CREATE TABLE periods (id int, a date NOT NULL, b date NOT NULL, PERIOD FOR p (a, b), PRIMARY KEY (id, p WITHOUT OVERLAPS))",
		"CREATE TABLE aria (id int, v varchar(10)) ENGINE=Aria TRANSACTIONAL=1 ROW_FORMAT=PAGE",
		"CREATE SEQUENCE seq", "CREATE TABLE counted (id bigint DEFAULT NEXTVAL(seq) PRIMARY KEY)",
	},
}

// differences gives the notes about definitions.
func differences(said *targettest.Notes) (lines []string) {
	for _, line := range said.Lines {
		if strings.Contains(line, "this server made") {
			lines = append(lines, line)
		}
	}
	return lines
}

// noDifferences fails the test where there are some.
func noDifferences(t *testing.T, said *targettest.Notes) {
	t.Helper()
	if lines := differences(said); len(lines) > 0 {
		t.Errorf("differences that are none:\n%s", strings.Join(lines, "\n"))
	}
}

// showCreate gives the definitions of a database as its server shows them.
func showCreate(t *testing.T, server *testserver.MySQL, database string) (dump string) {
	t.Helper()
	rows, err := server.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE <> 'SEQUENCE' ORDER BY TABLE_NAME", database)
	targettest.Must(t, err)
	for _, row := range rows {
		rows, err := server.Query("SHOW CREATE TABLE " + mysql.QuoteName(database) + "." + mysql.QuoteName(row[0]))
		targettest.Must(t, err)
		dump += rows[0][1] + ";\n"
	}
	return "SET foreign_key_checks = 0;\n" + dump
}

// What is spelled in another way is no difference, nor what this server has shown itself, or a server of the other family.
func TestMySQLDefinitionsThatAreTheSame(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		oracle := targettest.IsOracle(t, server)
		statements := append(slices.Clone(spellings), ownSpellings[oracle]...)
		targettest.Fresh(t, server, "same_written")
		db, said := targettest.Open(t, server.URL("same_written"))
		targettest.Must(t, targettest.Pull(t, db, "SET NAMES utf8mb4;\n"+strings.Join(statements, ";\n")+";\n"))
		noDifferences(t, said)

		targettest.Fresh(t, server, "same_shown")
		db, said = targettest.Open(t, server.URL("same_shown"))
		dump := showCreate(t, server, "same_written")
		if !oracle {
			dump = "CREATE SEQUENCE seq;\n" + dump
		}
		targettest.Must(t, targettest.Pull(t, db, dump))
		noDifferences(t, said)

		targettest.Fresh(t, server, "same_dumped")
		db, said = targettest.Open(t, server.URL("same_dumped"))
		targettest.Must(t, targettest.Pull(t, db, targettest.Mysqldump(t, server, "same_shown")))
		noDifferences(t, said)
		for _, database := range []string{"same_written", "same_shown", "same_dumped"} {
			targettest.Fresh(t, server, database)
		}
	})
}

func TestMySQLDefinitionsOfExports(t *testing.T) {
	paths, err := filepath.Glob("../../../../tests/exports/dumps/*.sql")
	targettest.Must(t, err)
	targettest.OneServer(t, func(t *testing.T, server *testserver.MySQL) {
		for _, path := range paths {
			if name := filepath.Base(path); strings.Contains(name, "postgres") || strings.HasPrefix(name, "pg_") {
				continue
			}
			text, err := os.ReadFile(path)
			targettest.Must(t, err)
			targettest.Fresh(t, server, "exported")
			db, said := targettest.Open(t, server.URL("exported"))
			if err := targettest.Pull(t, db, string(text)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if lines := differences(said); len(lines) > 0 {
				t.Errorf("%s: differences that are none:\n%s", path, strings.Join(lines, "\n"))
			}
		}
		targettest.Fresh(t, server, "exported")
	})
}

// The definitions of a Drupal site are the same on each server, whichever wrote them.
func TestMySQLDefinitionsOfASite(t *testing.T) {
	var text strings.Builder
	targettest.Must(t, data.Write(&text, data.MySQL, data.Options{Seed: 1, MB: 1, View: true, Trigger: true, MyISAM: true, ForeignKeys: true}))
	shop, err := os.ReadFile("../../../../tests/data/shop.sql")
	targettest.Must(t, err)
	targettest.OneServer(t, func(t *testing.T, server *testserver.MySQL) {
		load := func(dump string) {
			t.Helper()
			targettest.Fresh(t, server, "whole_site")
			db, said := targettest.Open(t, server.URL("whole_site"))
			targettest.Must(t, targettest.Pull(t, db, dump))
			noDifferences(t, said)
		}
		if !targettest.IsOracle(t, server) {
			load(string(shop))
		}
		load(text.String())
		start := targettest.Mysqld
		if targettest.IsOracle(t, server) {
			start = targettest.Mariadb
		}
		other, err := start()
		targettest.Must(t, err)
		targettest.Fresh(t, other, "whole_site")
		db, _ := targettest.Open(t, other.URL("whole_site"))
		targettest.Must(t, targettest.Pull(t, db, text.String()))
		load(targettest.Mysqldump(t, server, "whole_site"))
		load(targettest.Mysqldump(t, other, "whole_site"))
		targettest.Fresh(t, server, "whole_site")
		targettest.Fresh(t, other, "whole_site")
	})
}

// Tables of the other family: what both have is the same, however they show it.
func TestMySQLDefinitionsOfTheOtherFamily(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		start := targettest.Mysqld
		if targettest.IsOracle(t, server) {
			start = targettest.Mariadb
		}
		from, err := start()
		targettest.Must(t, err)
		statements := slices.Clone(spellings)
		targettest.Fresh(t, from, "other_family")
		db, _ := targettest.Open(t, from.URL("other_family"))
		targettest.Must(t, targettest.Pull(t, db, strings.Join(statements, ";\n")+";\n"))
		for _, text := range []string{showCreate(t, from, "other_family"), targettest.Mysqldump(t, from, "other_family")} {
			targettest.Fresh(t, server, "other_family")
			to, said := targettest.Open(t, server.URL("other_family"))
			targettest.Must(t, targettest.Pull(t, to, text))
			noDifferences(t, said)
		}
		targettest.Fresh(t, from, "other_family")
		targettest.Fresh(t, server, "other_family")
	})
}

// changed are tables, what somebody else makes of them while they are loaded, and what is said of that. A name of a family
// stands before what only that has.
var changed = []struct{ family, table, alter, want string }{
	{"", "a int unsigned, k int", "MODIFY a int", "column a: the dump says int unsigned, this server made int"},
	{"", "a varchar(20), k int", "MODIFY a varchar(10)", "column a: the dump says varchar(20), this server made varchar(10)"},
	{"", "a enum('x','y')", "MODIFY a enum('x','z')", "column a: the dump says enum('x','y'), this server made enum('x','z')"},
	{"", "a decimal(8,2)", "MODIFY a decimal(8,3)", "column a: the dump says decimal(8,2), this server made decimal(8,3)"},
	{"", "a datetime(6)", "MODIFY a datetime", "column a: the dump says datetime(6), this server made datetime"},
	{"", "a int NOT NULL", "MODIFY a int", "column a: the dump says NOT NULL no DEFAULT, this server made NULL DEFAULT NULL"},
	{"", "a int DEFAULT '0'", "MODIFY a int DEFAULT 1", "column a: the dump says DEFAULT '0', this server made DEFAULT ONE"},
	{"", "a varchar(9) DEFAULT 'it''s'", "MODIFY a varchar(9) DEFAULT 'its'", "column a: the dump says DEFAULT 'it''s', this server made DEFAULT 'its'"},
	{"", "a datetime DEFAULT NOW()", "MODIFY a datetime DEFAULT NULL", "column a: the dump says DEFAULT NOW(), this server made DEFAULT NULL"},
	{"", "a timestamp NOT NULL", "MODIFY a timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP", "column a: the dump says no DEFAULT no ON UPDATE, this server made DEFAULT NOW ON UPDATE NOW"},
	{"", "a int AUTO_INCREMENT PRIMARY KEY", "MODIFY a int NOT NULL", "column a: the dump says AUTO_INCREMENT, this server made no AUTO_INCREMENT"},
	{"", "a int, b int AS (a + 1) STORED", "DROP b, ADD b int AS (a + 1) VIRTUAL", "column b: the dump says STORED, this server made VIRTUAL"},
	{"", "a int, b int AS (a + 1) STORED", "MODIFY b int", "column b: the dump says AS (a + 1), this server made no expression"},
	{"", "a int, c int, b int AS (a + 1) STORED", "DROP b, ADD b int AS (c + 1) STORED", "column b: the dump says AS (a + 1), this server made AS EXPRESSION"},
	{"", "a varchar(9) COLLATE utf8mb4_unicode_ci", "MODIFY a varchar(9) COLLATE utf8mb4_general_ci", "column a: the dump says COLLATE utf8mb4_unicode_ci, this server made COLLATE utf8mb4_general_ci"},
	{"", "a varchar(9) CHARACTER SET latin1", "MODIFY a varchar(9) CHARACTER SET ascii", "column a: the dump says CHARACTER SET latin1, this server made CHARACTER SET ascii"},
	{"", "a int COMMENT 'one'", "MODIFY a int", "column a: the dump says COMMENT 'one', this server made no COMMENT"},
	{"mysql", "a int, b int /*!80023 INVISIBLE */", "ALTER COLUMN b SET VISIBLE", "column b: the dump says INVISIBLE, this server made visible"},
	{"mariadb", "a int, b int INVISIBLE", "MODIFY b int", "column b: the dump says INVISIBLE, this server made visible"},
	{"mysql", "g point NOT NULL /*!80003 SRID 4326 */", "MODIFY g point NOT NULL", "column g: the dump says SRID 4326, this server made no SRID"},
	{"mariadb", "g point NOT NULL /*!80003 SRID 4326 */", "MODIFY g point REF_SYSTEM_ID=1 NOT NULL", "column g: the dump says SRID 4326, this server made SRID 1"},
	{"mariadb", "a text /*M!100301 COMPRESSED*/", "MODIFY a text", "column a: the dump says COMPRESSED, this server made not COMPRESSED"},
	{"", "a int", "ADD my_row_id bigint", "column my_row_id: the dump says nothing of it, this server made bigint"},
	{"", "a int, b int", "DROP b", "column b: the dump says int, this server made none"},
	{"", "a int, b int, KEY k (a, b)", "DROP KEY k, ADD KEY k (a)", "key k: the dump says (a, b), this server made (`a`)"},
	{"", "a varchar(99), KEY k (a)", "DROP KEY k, ADD KEY k (a(9))", "key k: the dump says (a), this server made (`a`(9))"},
	{"", "a int, KEY k (a DESC)", "DROP KEY k, ADD KEY k (a)", "key k: the dump says (a DESC), this server made (`a`)"},
	{"", "a int, UNIQUE KEY k (a)", "DROP KEY k, ADD KEY k (a)", "key k: the dump says UNIQUE, this server made not unique"},
	{"", "a text, FULLTEXT KEY k (a)", "DROP KEY k, ADD KEY k (a(9))", "key k: the dump says FULLTEXT (a), this server made not unique (`a`(9))"},
	{"", "a int, KEY k (a), KEY other (a)", "DROP KEY k", "key k: the dump says KEY (a), this server made none"},
	{"", "a int", "ADD UNIQUE KEY k (a)", "key k: the dump says nothing of it, this server made UNIQUE KEY (`a`)"},
	{"", "a int NOT NULL, PRIMARY KEY (a)", "DROP PRIMARY KEY", "primary key: the dump says KEY (a), this server made none"},
	{"mysql", "a int, KEY k (a) /*!80000 INVISIBLE */", "ALTER INDEX k VISIBLE", "key k: the dump says INVISIBLE, this server made visible"},
	{"mariadb", "a int, KEY k (a) IGNORED", "ALTER INDEX k NOT IGNORED", "key k: the dump says IGNORED, this server made visible"},
	{"", "a int PRIMARY KEY, b int, KEY b (b), CONSTRAINT f1 FOREIGN KEY (b) REFERENCES parent (id) ON DELETE CASCADE", "DROP FOREIGN KEY f1", "foreign key f1: the dump says FOREIGN KEY (b) REFERENCES parent (id), this server made none"},
	{"", "a int PRIMARY KEY, b int, KEY b (b), CONSTRAINT f2 FOREIGN KEY (b) REFERENCES parent (id) ON DELETE CASCADE", "DROP FOREIGN KEY f2; ALTER TABLE NAME ADD CONSTRAINT f2 FOREIGN KEY (b) REFERENCES parent (id) ON UPDATE SET NULL",
		"foreign key f2: the dump says ON DELETE CASCADE no ON UPDATE, this server made no ON DELETE ON UPDATE SET NULL"},
	{"", "a int, CONSTRAINT c1 CHECK (a > 1)", "DROP CONSTRAINT c1", "constraint c1: the dump says CHECK (a > 1), this server made none"},
	{"mysql", "a int, CONSTRAINT c2 CHECK (a > 1) /*!80016 NOT ENFORCED */", "ALTER CHECK c2 ENFORCED", "constraint c2: the dump says NOT ENFORCED, this server made enforced"},
	{"", "a int) ENGINE=InnoDB ROW_FORMAT=COMPACT", "ROW_FORMAT=REDUNDANT", ": the dump says ROW_FORMAT=COMPACT, this server made ROW_FORMAT=REDUNDANT"},
	{"", "a int AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT=50", "AUTO_INCREMENT=7", ": the dump says AUTO_INCREMENT=50, this server made AUTO_INCREMENT=7"},
	{"", "a int) COMMENT='one'", "COMMENT='two'", ": the dump says COMMENT 'one', this server made COMMENT 'two'"},
	{"", "a int) DEFAULT CHARSET=latin1", "DEFAULT CHARSET=ascii", ": the dump says CHARACTER SET latin1, this server made CHARACTER SET ascii"},
	{"", "a int) ENGINE=InnoDB", "ENGINE=MyISAM", ": the dump says ENGINE=InnoDB, this server made ENGINE=MyISAM"},
	{"mariadb", "a int) WITH SYSTEM VERSIONING", "DROP SYSTEM VERSIONING", ": the dump says WITH SYSTEM VERSIONING, this server made no SYSTEM VERSIONING"},
	{"mariadb", "a int) PAGE_COMPRESSED=1", "PAGE_COMPRESSED=0", ": the dump says PAGE_COMPRESSED=1, this server made no page compression"},
	{"mysql", "a int) COMPRESSION='zlib'", "COMPRESSION='none'", ": the dump says COMPRESSION='zlib', this server made no page compression"},
	{"", "a int PRIMARY KEY) PARTITION BY HASH (a) PARTITIONS 3", "REMOVE PARTITIONING", ": the dump says PARTITION BY HASH (a) PARTITIONS 3, this server made no partitions"},
	{"", "a int PRIMARY KEY) PARTITION BY HASH (a) PARTITIONS 3", "COALESCE PARTITION 1", ": the dump says 3 partitions, this server made 2 partitions"},
	{"", "a int PRIMARY KEY) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (5))", "REORGANIZE PARTITION p INTO (PARTITION p VALUES LESS THAN (7))",
		": the dump says partitions p VALUES LESS THAN 5, this server made partitions p VALUES LESS THAN 7"},
}

func TestMySQLDefinitionsThatDiffer(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		family := map[bool]string{true: "mysql", false: "mariadb"}[targettest.IsOracle(t, server)]
		for _, part := range []target.Part{{}, targettest.Only("t2", "t5")} {
			targettest.Fresh(t, server, "differs")
			db, said := targettest.OpenPart(t, server.URL("differs"), part)
			load, err := db.Begin(t.Context())
			targettest.Must(t, err)
			defer load.Discard()
			dump := "SET foreign_key_checks = 0;\nCREATE TABLE parent (id int PRIMARY KEY);\n"
			alters := []string{"USE differs__dump_incoming", "SET foreign_key_checks = 0"}
			var want []string
			for i, c := range changed {
				name := fmt.Sprintf("t%d", i)
				if c.family != "" && c.family != family {
					continue
				}
				dump += targettest.TableStatement(name, c.table) + ";\n"
				alters = append(alters, "ALTER TABLE "+name+" "+strings.ReplaceAll(c.alter, "NAME", name))
				if part.Includes(name) {
					separator := ", "
					if strings.HasPrefix(c.want, ":") {
						separator = ""
					}
					want = append(want, "table "+name+separator+inFamily(c.want, family))
				}
			}
			stats, err := load.Run(t.Context(), strings.NewReader(dump), sqltext.MySQL, nil)
			targettest.Must(t, err)
			targettest.Must(t, server.Exec(alters...))
			targettest.Must(t, load.Compare(t.Context(), stats))
			if diff := cmp.Diff(want, differences(said)); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
			targettest.Must(t, load.Discard())
		}
	})
}

// inFamily says a note as the servers of a family show things.
func inFamily(note, family string) string {
	words := []string{"DEFAULT ONE", "DEFAULT 1", "NOW", "current_timestamp()", "EXPRESSION", "(`c` + 1)"}
	if family == "mysql" {
		words = []string{"DEFAULT ONE", "DEFAULT '1'", "NOW", "CURRENT_TIMESTAMP", "EXPRESSION", "((`c` + 1))"}
	}
	said, made, _ := strings.Cut(note, ", this server")
	return said + ", this server" + strings.NewReplacer(words...).Replace(made)
}

// Of what many tables have in common one note is made.
func TestMySQLDefinitionsThatDifferAlike(t *testing.T) {
	var found []load.Difference
	for i := range 50 {
		found = append(found, load.Difference{Where: fmt.Sprintf("table t%d", i), Said: "a", Made: "b"})
		if i == 3 {
			found = append(found, load.Difference{Where: "table x", Said: "c", Made: "d"})
		}
	}
	var names []string
	for _, d := range found[:4] {
		names = append(names, d.Where)
	}
	for _, d := range found[5:21] {
		names = append(names, d.Where)
	}
	want := []string{strings.Join(names, "; ") + "; and 30 more: the dump says a, this server made b", "table x: the dump says c, this server made d"}
	if diff := cmp.Diff(want, load.TellDifferences(found)); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}
