package read

import (
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// charsetCases are one for each character set of the server, with every byte that it knows.
func charsetCases() (cases []fidelityCase) {
	for _, set := range strings.Fields("latin1 latin2 latin5 latin7 ascii cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 koi8r koi8u keybcs2 macce macroman greek hebrew dec8 hp8 swe7 armscii8 geostd8 tis620") {
		last := 255
		if set == "ascii" {
			last = 127
		}
		cases = append(cases, fidelityCase{name: "character set " + set, make: []string{
			fmt.Sprintf("CREATE TABLE cs_%s (id INT PRIMARY KEY, c CHAR(255), v VARCHAR(300), t TEXT) CHARACTER SET %[1]s", set),
			fmt.Sprintf("INSERT INTO cs_%s VALUES (1, %s, %[2]s, %s), (2, 'it''s \\\\', '', NULL), (3, 0x5C, 0x27, 0x5C27)", set, eachByte(1, last), eachByte(0, last)),
		}})
	}
	for set, odd := range map[string]string{
		// What lies behind a backslash in these bytes is none, and some of it Unicode has twice or not at all.
		"sjis": "835C 955C 8140 815F B1 5C 7E", "cp932": "835C 955C 8790 81E0 ED40 FA54 81CA EEF9 5C", "ujis": "8FA2B7 8EB1 A1C0 5C 7E", "eucjpms": "8FA2B7 A1C0 ADF0 5C",
		"gbk": "D55C 815C A2E3 80 5C27", "gb2312": "B0A1 A1A4", "big5": "A55C B35C A1C3 A145 5C", "euckr": "B0A1 A1AD",
	} {
		// Here 80 of gbk stands alone and is no character.
		var values []string
		for i, bytes := range strings.Fields(strings.ReplaceAll(odd, " 80 ", " ")) {
			values = append(values, fmt.Sprintf("(%d, x'%s', x'%[2]s', x'%[2]s')", i+10, bytes))
		}
		cases = append(cases, fidelityCase{name: "character set " + set, make: []string{
			fmt.Sprintf("CREATE TABLE cs_%s (id INT PRIMARY KEY, c CHAR(20), v VARCHAR(300), t TEXT) CHARACTER SET %[1]s", set),
			fmt.Sprintf("INSERT INTO cs_%s VALUES (1, 'it''s', '\\\\', ''), (2, NULL, '', 'a\\nb'), %s", set, strings.Join(values, ", ")),
		}})
	}
	for _, set := range strings.Fields("utf8mb3 utf8mb4 ucs2 utf16 utf16le utf32") {
		texts := sqlInText
		if set == "utf8mb3" || set == "ucs2" {
			texts = nil
			for _, text := range sqlInText {
				texts = append(texts, strings.ReplaceAll(text, "😀", "☺"))
			}
		}
		cases = append(cases, fidelityCase{name: "character set " + set, make: []string{
			fmt.Sprintf("CREATE TABLE cs_%s (id INT PRIMARY KEY, t TEXT) CHARACTER SET %[1]s", set), rowsOf("cs_"+set, literals(texts)),
			fmt.Sprintf("CREATE TABLE csk_%s (t VARCHAR(60) PRIMARY KEY, c CHAR(5)) CHARACTER SET %[1]s", set), fmt.Sprintf("INSERT INTO csk_%s VALUES ('', ''), ('it''s', 'ä'), ('\\\\', '€'), ('日本', NULL)", set),
		}})
	}
	return append(cases, fidelityCase{name: "character sets and collations by column", make: []string{
		`CREATE TABLE cs_mixed (a VARCHAR(20) CHARACTER SET latin1, b VARCHAR(20) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin, c VARCHAR(20) CHARACTER SET cp1251, d VARCHAR(20) COLLATE utf8mb4_unicode_520_ci, e CHAR(9) CHARACTER SET ucs2,
			f TEXT CHARACTER SET sjis, g VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci, h VARCHAR(20) COLLATE utf8mb4_turkish_ci, i VARCHAR(9) CHARACTER SET ascii, j VARBINARY(9), k LONGTEXT CHARACTER SET utf16, KEY (d), KEY (g)) DEFAULT CHARACTER SET greek`,
		`INSERT INTO cs_mixed VALUES ('äöü€', 'äöü€日', 'Жук', '😀', 'ü日', '表示', 'ß', 'ıİ', 'a', 'ä', '😀ü'), (NULL, '', NULL, '', '', NULL, '', NULL, '', NULL, NULL)`,
	}})
}

func structureCases() []fidelityCase {
	cases := []fidelityCase{
		{name: "partitions", make: []string{
			`CREATE TABLE part_range (id INT, y INT, PRIMARY KEY (id, y)) PARTITION BY RANGE (y) (PARTITION p0 VALUES LESS THAN (2000) COMMENT 'it''s', PARTITION ` + "`p ``1`" + ` VALUES LESS THAN (2010), PARTITION pm VALUES LESS THAN MAXVALUE)`,
			`INSERT INTO part_range SELECT seq, 1990 + seq % 40 FROM seq_1_to_200`,
			`CREATE TABLE part_list (id INT, c VARCHAR(10)) PARTITION BY LIST COLUMNS (c) (PARTITION a VALUES IN ('a', 'it''s', 'ö'), PARTITION n VALUES IN (NULL), PARTITION d DEFAULT)`, `INSERT INTO part_list VALUES (1, 'a'), (2, 'it''s'), (3, NULL), (4, 'other'), (5, 'ö')`,
			`CREATE TABLE part_hash (id INT PRIMARY KEY) PARTITION BY LINEAR HASH (id) PARTITIONS 5`, `INSERT INTO part_hash SELECT seq FROM seq_1_to_50`,
			`CREATE TABLE part_key (id VARCHAR(9) PRIMARY KEY) PARTITION BY KEY () PARTITIONS 3`, `INSERT INTO part_key SELECT seq FROM seq_1_to_50`,
			`CREATE TABLE part_sub (id INT, d DATE) PARTITION BY RANGE (YEAR(d)) SUBPARTITION BY HASH (TO_DAYS(d)) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (1990), PARTITION p1 VALUES LESS THAN MAXVALUE)`, `INSERT INTO part_sub VALUES (1, '1980-01-01'), (2, '2020-05-05'), (3, NULL)`,
			`CREATE TABLE part_ts (id INT, t TIMESTAMP NOT NULL) PARTITION BY RANGE (UNIX_TIMESTAMP(t)) (PARTITION p0 VALUES LESS THAN (UNIX_TIMESTAMP('2024-01-01 00:00:00')), PARTITION p1 VALUES LESS THAN MAXVALUE)`, `INSERT INTO part_ts VALUES (1, '2023-12-31 23:59:59'), (2, '2024-01-01 00:00:00')`,
			`CREATE TABLE part_cols (a INT, b VARCHAR(9)) PARTITION BY RANGE COLUMNS (a, b) (PARTITION p0 VALUES LESS THAN (5, 'm'), PARTITION p1 VALUES LESS THAN (MAXVALUE, MAXVALUE))`, `INSERT INTO part_cols VALUES (5, 'a'), (5, 'z'), (6, NULL)`,
			`CREATE TABLE part_myisam (id INT PRIMARY KEY, t TEXT) ENGINE=MyISAM PARTITION BY HASH (id) PARTITIONS 2`, `INSERT INTO part_myisam VALUES (1, 'a'), (2, 'b')`,
		}},
		{name: "CHECK constraints", make: []string{
			"CREATE TABLE checks (a INT CHECK (a > 0), b VARCHAR(20) CHECK (b <> 'it''s; \\\\ -- ' AND b <> 'ä'), c INT, CONSTRAINT `odd ``'name` CHECK (a < c OR c IS NULL), CONSTRAINT CHECK (b NOT LIKE '%\"%'))",
			`INSERT INTO checks VALUES (1, 'x', 2), (2, NULL, NULL)`,
			`SET SESSION check_constraint_checks = 0`, `INSERT INTO checks VALUES (3, 'passed', 4)`, `SET SESSION check_constraint_checks = 1`,
		}},
		{name: "system versions", make: []string{
			`CREATE TABLE versioned (id INT PRIMARY KEY, t TEXT) WITH SYSTEM VERSIONING`, `INSERT INTO versioned VALUES (1, 'first'), (2, 'second')`, `UPDATE versioned SET t = 'changed' WHERE id = 1`, `DELETE FROM versioned WHERE id = 2`,
			`CREATE TABLE versioned_own (id INT, rs TIMESTAMP(6) GENERATED ALWAYS AS ROW START, re TIMESTAMP(6) GENERATED ALWAYS AS ROW END, t TEXT, PERIOD FOR SYSTEM_TIME (rs, re)) WITH SYSTEM VERSIONING`, `INSERT INTO versioned_own (id, t) VALUES (1, 'x')`, `UPDATE versioned_own SET t = '\'2038-01-19 03:14:07.999999\')'`,
			`CREATE TABLE versioned_column (id INT, a INT WITH SYSTEM VERSIONING, b INT)`, `INSERT INTO versioned_column VALUES (1, 2, 3)`, `UPDATE versioned_column SET a = 4, b = 5`, `UPDATE versioned_column SET b = 6`,
			`CREATE TABLE versioned_interval (id INT PRIMARY KEY AUTO_INCREMENT, a INT UNIQUE) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME INTERVAL 1 DAY STARTS '2020-01-01 00:00:00' PARTITIONS 3`, `INSERT INTO versioned_interval (a) VALUES (1), (2), (3)`, `DELETE FROM versioned_interval WHERE a < 3`, `INSERT INTO versioned_interval (a) VALUES (1)`,
			`CREATE TABLE versioned_engine (id INT, g INT AS (id + 1) STORED, h INT INVISIBLE) ENGINE=Aria WITH SYSTEM VERSIONING`, `INSERT INTO versioned_engine (id, h) VALUES (1, 2), (2, 3)`, `DELETE FROM versioned_engine WHERE id = 1`,
			`CREATE TABLE versioned_part (id INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION h HISTORY, PARTITION c CURRENT)`, `INSERT INTO versioned_part VALUES (1), (2)`, `DELETE FROM versioned_part WHERE id = 1`,
		}},
		{name: "systems of reference", make: []string{
			"CREATE TABLE `places (` (id INT PRIMARY KEY, `g ``x` GEOMETRY REF_SYSTEM_ID=4326, p POINT REF_SYSTEM_ID=3857 NOT NULL COMMENT 'a, `p` point', q POINT, SPATIAL KEY (p)) ENGINE=InnoDB",
			"INSERT INTO `places (` VALUES (1, ST_GeomFromText('POINT(1 2)', 4326), ST_GeomFromText('POINT(3 4)', 3857), NULL)",
		}},
		{name: "application periods", make: []string{
			`CREATE TABLE periods (id INT, s DATE, e DATE, PERIOD FOR validity (s, e), PRIMARY KEY (id, validity WITHOUT OVERLAPS))`, `INSERT INTO periods VALUES (1, '2024-01-01', '2024-02-01'), (1, '2024-02-01', '2024-03-01')`,
		}},
		{name: "foreign keys in circles", make: []string{
			`SET SESSION foreign_key_checks = 0`,
			"CREATE TABLE fk_a (id INT PRIMARY KEY, b INT, CONSTRAINT `to b'` FOREIGN KEY (b) REFERENCES fk_b (id) ON DELETE SET NULL ON UPDATE CASCADE)", `CREATE TABLE fk_b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES fk_a (id) ON DELETE CASCADE)`,
			`CREATE TABLE fk_self (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES fk_self (id))`, `INSERT INTO fk_a VALUES (1, 1), (2, NULL)`, `INSERT INTO fk_b VALUES (1, 2), (2, 1)`, `INSERT INTO fk_self VALUES (1, 2), (2, 1), (3, NULL), (4, 3)`,
			`INSERT INTO fk_a VALUES (99, 12345)`, `SET SESSION foreign_key_checks = 1`,
		}},
		{name: "comments", make: []string{
			`CREATE TABLE comments (a INT COMMENT 'it''s', b INT COMMENT 'line\nline\r\n\ttab', c INT COMMENT '\\', d INT COMMENT '"double" ` + "`back`" + `', e INT COMMENT '/* */ -- # ; ;; DELIMITER', f INT COMMENT 'ä日', g INT COMMENT '\0nul', KEY k (a) COMMENT 'it''s \\ an\nindex') COMMENT 'it''s a \\ table\n/*!50001 ENGINE=MyISAM */;'`,
			`INSERT INTO comments VALUES (1, 2, 3, 4, 5, 6, 7)`,
		}},
		{name: "indexes", make: []string{
			`CREATE TABLE indexes (id INT PRIMARY KEY, a VARCHAR(300), b TEXT, c INT, d INT, FULLTEXT KEY f (a, b), KEY pre (a(10), b(5)), UNIQUE KEY u (c, d), KEY des (c DESC), KEY ign (d) IGNORED, KEY h USING BTREE (d, c))`,
			`INSERT INTO indexes VALUES (1, 'some words', 'more words', 1, 1), (2, NULL, NULL, NULL, NULL), (3, '', '', NULL, NULL)`,
		}},
		{name: "table options", make: []string{
			`CREATE TABLE opt_compressed (id INT PRIMARY KEY, t TEXT) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=4`, `INSERT INTO opt_compressed VALUES (1, REPEAT('a', 10000))`,
			`CREATE TABLE opt_redundant (id INT PRIMARY KEY, t TEXT) ROW_FORMAT=REDUNDANT STATS_PERSISTENT=0 STATS_AUTO_RECALC=1 STATS_SAMPLE_PAGES=20`, `INSERT INTO opt_redundant VALUES (1, NULL)`,
			`CREATE TABLE opt_columns (id INT PRIMARY KEY, t TEXT COMPRESSED, v VARBINARY(500) COMPRESSED=zlib, c VARCHAR(200) COMPRESSED CHARACTER SET latin1)`, `INSERT INTO opt_columns VALUES (1, REPEAT('it''s ', 500), REPEAT(0xFF, 400), REPEAT('ä', 150)), (2, '', '', ''), (3, NULL, NULL, NULL)`,
			`CREATE TABLE opt_pages (id INT PRIMARY KEY) PAGE_COMPRESSED=1`, `INSERT INTO opt_pages VALUES (1)`,
		}},
		{name: "MyISAM and Aria", make: []string{
			`CREATE TABLE myisam (id INT, t TEXT, FULLTEXT (t)) ENGINE=MyISAM MIN_ROWS=5 MAX_ROWS=1000 AVG_ROW_LENGTH=100 CHECKSUM=1 DELAY_KEY_WRITE=1 PACK_KEYS=1 ROW_FORMAT=DYNAMIC`, `INSERT INTO myisam VALUES (3, 'c'), (1, 'a'), (2, NULL)`, `DELETE FROM myisam WHERE id = 1`, `INSERT INTO myisam VALUES (9, 'in the gap')`,
			`CREATE TABLE myisam_fixed (id INT PRIMARY KEY, c CHAR(9)) ENGINE=MyISAM ROW_FORMAT=FIXED`, `INSERT INTO myisam_fixed VALUES (2, 'b'), (1, 'a')`,
			`CREATE TABLE aria (id INT PRIMARY KEY, t TEXT) ENGINE=Aria TRANSACTIONAL=1 PAGE_CHECKSUM=1`, `INSERT INTO aria VALUES (1, 'it''s')`, `CREATE TABLE aria_loose (id INT) ENGINE=Aria TRANSACTIONAL=0 ROW_FORMAT=DYNAMIC`, `INSERT INTO aria_loose VALUES (2), (1), (NULL)`,
		}},
		{name: "other engines", make: []string{
			`CREATE TABLE memory_hash (id INT PRIMARY KEY, v VARCHAR(20), KEY (v) USING BTREE) ENGINE=MEMORY`, `INSERT INTO memory_hash VALUES (3, 'c'), (1, 'it''s'), (2, NULL)`,
			`CREATE TABLE csv (id INT NOT NULL, t VARCHAR(100) NOT NULL) ENGINE=CSV`, `INSERT INTO csv VALUES (1, 'a,"b"'), (2, 'it''s\n'), (3, '')`,
			`CREATE TABLE archive (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT) ENGINE=ARCHIVE`, `INSERT INTO archive (t) VALUES ('a'), (NULL), ('it''s')`,
			`CREATE TABLE blackhole (id INT) ENGINE=BLACKHOLE`, `INSERT INTO blackhole VALUES (1)`,
		}},
		{name: "MERGE", make: []string{
			`CREATE TABLE merged_1 (id INT, KEY (id)) ENGINE=MyISAM`, `CREATE TABLE merged_2 LIKE merged_1`, `INSERT INTO merged_1 VALUES (1)`, `INSERT INTO merged_2 VALUES (2)`,
			`CREATE TABLE a_merge (id INT, KEY (id)) ENGINE=MERGE UNION=(merged_1, merged_2) INSERT_METHOD=LAST`,
		}},
		{name: "sequences", make: []string{
			`CREATE SEQUENCE seq_plain`, `CREATE SEQUENCE seq_used START WITH 100 INCREMENT BY 10 CACHE 5`, `DO NEXTVAL(seq_used)`, `CREATE SEQUENCE seq_down START WITH -1 INCREMENT BY -1 MINVALUE -50 NOCACHE`, `DO NEXTVAL(seq_down), NEXTVAL(seq_down)`,
			`CREATE SEQUENCE seq_over START WITH 5 MAXVALUE 7 NOCACHE`, `DO NEXTVAL(seq_over), NEXTVAL(seq_over), NEXTVAL(seq_over)`, `CREATE SEQUENCE seq_round START WITH 5 MINVALUE 1 MAXVALUE 7 CYCLE NOCACHE`, `DO NEXTVAL(seq_round), NEXTVAL(seq_round), NEXTVAL(seq_round), NEXTVAL(seq_round)`,
			`CREATE SEQUENCE seq_back START WITH 100 MINVALUE 1`, `ALTER SEQUENCE seq_back RESTART 50`, "CREATE SEQUENCE `seq ``odd'` COMMENT 'it''s'", `CREATE SEQUENCE seq_aria ENGINE=Aria`, `DO SETVAL(seq_aria, 77)`,
			`CREATE TABLE by_sequence (id INT DEFAULT NEXTVAL(seq_used) PRIMARY KEY, l INT DEFAULT (LASTVAL(seq_used)), t VARCHAR(30) DEFAULT 'nextval(` + "`fidelity`.`" + `x)')`, `INSERT INTO by_sequence (t) VALUES ('a'), ('b')`,
		}},
	}
	var odd []string
	for i, name := range oddNames {
		quoted := mysql.QuoteName(name)
		odd = append(odd, fmt.Sprintf("CREATE TABLE %s (%s INT PRIMARY KEY, t TEXT, KEY %[2]s (t(5)), KEY %s (t(6)), CONSTRAINT %[2]s CHECK (%[2]s < 1000))", quoted, mysql.QuoteName("col "+strings.TrimSpace(name)), mysql.QuoteName("k"+name)),
			fmt.Sprintf("INSERT INTO %s VALUES (%d, %s)", quoted, i, literalCase(name)))
	}
	return append(cases, fidelityCase{name: "odd names", make: odd})
}
