package read

import (
	"fmt"
	"strings"
)

// fidelityCase is one thing that must survive a dump: a table or an object with all that it needs.
type fidelityCase struct {
	name string
	make []string
	// unsummed are tables whose CHECKSUM TABLE cannot be the same on both sides: it sees when rows were written.
	unsummed []string
}

// literalCase is a text as a string literal for sql_mode ”.
func literalCase(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(text) + "'"
}

// eachByte is a hexadecimal literal of the given bytes, from first to last.
func eachByte(first, last int) string {
	var digits strings.Builder
	for b := first; b <= last; b++ {
		fmt.Fprintf(&digits, "%02X", b)
	}
	return "x'" + digits.String() + "'"
}

// sqlInText are texts that a program may take for SQL that is not inside of a string.
var sqlInText = []string{
	"", " ", "it's", "''", `'`, `"`, `\`, `\\`, `\'`, `ends with a backslash\`, "`", "a\nb", "a\r\nb", "\x00", "\x00\x00mid\x00", "\x1a", "\x1aZ",
	"\b\t\v\f", "%_", `\%\_`, ";", ";;", "\n;\n", "DELIMITER ;;\n", "\n-- Dump completed\n", "-- comment", "#comment", "/* open", "*/", "/*!50003 x */",
	"'); DROP TABLE texts; --", "INSERT INTO `x` VALUES (1),(2);", "\\N", "NULL", "0x41", "\\0", "\\Z", "trailing spaces   ", "😀 äöü €", "日本語",
	"\n", "\r", "(", ")", "),(", ",", "\u2028", "\ufeff", "e\u0301",
}

func rowsOf(table string, values []string) string {
	rows := make([]string, len(values))
	for i, value := range values {
		rows[i] = fmt.Sprintf("(%d, %s)", i+1, value)
	}
	return "INSERT INTO " + table + " VALUES " + strings.Join(rows, ", ")
}

func literals(texts []string) (values []string) {
	for _, text := range texts {
		values = append(values, literalCase(text))
	}
	return append(values, "NULL")
}

// oddNames are names that need their quotes.
var oddNames = []string{
	"back`tick", "``", "it's", `double"quote`, "sp ace", " leading", "dot.ted", "1digit", "123", "select", "order", "Ünïcödé", "日本語",
	"new\nline", "-- dashes", "/* comment */", "*/", "semi;colon", ";;", "$dollar", `back\slash`, `\`, "percent%_", "@at", "a,b", "(", "DELIMITER ;;", "NULL", "#hash", "tab\tbed",
}

// fidelityCases are for a session with sql_mode ”, names utf8mb4 and time_zone '+00:00'.
var fidelityCases = append(append(append(rowCases(), charsetCases()...), structureCases()...), objectCases()...)

func rowCases() []fidelityCase {
	allBytes := eachByte(0, 255)
	return []fidelityCase{
		{name: "integers", make: []string{
			`CREATE TABLE integers (a TINYINT, au TINYINT UNSIGNED, b SMALLINT, bu SMALLINT UNSIGNED, c MEDIUMINT, cu MEDIUMINT UNSIGNED,
				d INT, du INT UNSIGNED, e BIGINT, eu BIGINT UNSIGNED, z INT(8) ZEROFILL, t BOOLEAN)`,
			`INSERT INTO integers VALUES (-128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615, 42, TRUE),
				(127, 0, 32767, 0, 8388607, 0, 2147483647, 0, 9223372036854775807, 0, 0, FALSE), (0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 99999999, 2),
				(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (-1, 128, -1, 32768, -1, 8388608, -1, 2147483648, -1, 9223372036854775808, 1, -1)`,
		}},
		{name: "decimals", make: []string{
			`CREATE TABLE decimals (a DECIMAL(65,30), b DECIMAL(65,0), c DECIMAL(10,2) UNSIGNED ZEROFILL, d DECIMAL(5,5), e NUMERIC)`,
			`INSERT INTO decimals VALUES (-99999999999999999999999999999999999.999999999999999999999999999999, 99999999999999999999999999999999999999999999999999999999999999999, 1.5, 0.99999, -1),
				(0, 0, 0, 0, 0), (0.000000000000000000000000000001, -1, 99999999.99, -0.00001, 9999999999), (NULL, NULL, NULL, NULL, NULL), (-0.5, 12345678901234567890, 0.01, 0.5, 1)`,
		}},
		{name: "floats and doubles, bit for bit", make: []string{
			`CREATE TABLE floats (id INT PRIMARY KEY, f FLOAT, d DOUBLE, fu FLOAT UNSIGNED, fm FLOAT(7,3), dm DOUBLE(20,10), r REAL)`,
			`INSERT INTO floats VALUES (1, 0, 0, 0, 0, 0, 0), (2, -0e0, -0e0, 0, -0e0, -0e0, -0e0), (3, 3.4028234663852886e38, 1.7976931348623157e308, 3.4028234663852886e38, 9999.999, 1234567890.0123456789, 1),
				(4, -3.4028234663852886e38, -1.7976931348623157e308, 1, -9999.999, -1.1, -1), (5, 1.1754943508222875e-38, 2.2250738585072014e-308, 1.1754943508222875e-38, 0.001, 0.0000000001, 2.2250738585072014e-308),
				(6, 1e-45, 5e-324, 1e-45, 0.1, 0.1, 5e-324), (7, 0.1, 0.1, 0.1, 0.3, 0.3, 0.1), (8, 16777217, 9007199254740993, 16777216, 123.456, 123.456, 1e22), (9, 1/3, 1/3, 1/3, 1/3, 1/3, 1e0/3),
				(10, 123456789, 123456789012345678, 123456.7, 1, 1, 1e23), (11, NULL, NULL, NULL, NULL, NULL, NULL), (12, 1.401298464324817e-45, 4.9406564584124654e-324, 7e-46, 0, 0, 0.1e0+0.2e0), (13, 33554431, 0.3, 8388609.5, 7, 7, 7)`,
			`INSERT INTO floats SELECT 100 + seq, RAND(seq) * POW(10, CAST(seq % 76 AS SIGNED) - 38), RAND(seq) * POW(10, CAST(seq % 600 AS SIGNED) - 300), RAND(seq + 1), RAND(seq + 2), RAND(seq + 3), PI() * seq FROM seq_1_to_2000`,
		}},
		{name: "float key", make: []string{
			`CREATE TABLE float_key (f FLOAT PRIMARY KEY, d DOUBLE UNIQUE)`, `INSERT INTO float_key SELECT seq / 7, seq / 7e0 FROM seq_1_to_500`,
		}},
		{name: "bits", make: []string{
			`CREATE TABLE bits (a BIT(1), b BIT(8), c BIT(33), d BIT(64), e BIT(7) NOT NULL DEFAULT b'1010101')`,
			`INSERT INTO bits VALUES (0, 0, 0, 0, 0), (1, 255, 8589934591, 18446744073709551615, 127), (NULL, NULL, NULL, NULL, DEFAULT), (b'1', b'00100111', b'1', b'01011100', b'1')`,
		}},
		{name: "texts", make: []string{
			`CREATE TABLE texts (id INT PRIMARY KEY, t TEXT)`, rowsOf("texts", literals(sqlInText)),
			`CREATE TABLE chars (id INT PRIMARY KEY, c CHAR(60))`, rowsOf("chars", literals(sqlInText)),
			`CREATE TABLE varchars (id INT PRIMARY KEY, c VARCHAR(60) NOT NULL)`, rowsOf("varchars", literals(sqlInText)[:len(sqlInText)]),
		}},
		{name: "all kinds of text and blob", make: []string{
			`CREATE TABLE sizes (id INT PRIMARY KEY, a TINYTEXT, b TEXT, c MEDIUMTEXT, d LONGTEXT, e TINYBLOB, f BLOB, g MEDIUMBLOB, h LONGBLOB)`,
			`INSERT INTO sizes VALUES (1, '', '', '', '', '', '', '', ''), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
				(3, REPEAT('x', 255), REPEAT('y', 65535), REPEAT('z', 70000), REPEAT('ä', 300000), REPEAT('\0', 255), REPEAT('\'', 65535), REPEAT('\\', 70000), REPEAT(UNHEX('FF00'), 300000))`,
		}},
		{name: "blobs", make: []string{
			`CREATE TABLE blobs (id INT PRIMARY KEY, b BLOB, n BLOB NOT NULL)`,
			`INSERT INTO blobs VALUES (1, ` + allBytes + `, ` + allBytes + `), (2, '', ''), (3, NULL, '\0'), (4, 0x00, 0x27), (5, 0x5C, 0x5C27), (6, 0xC3, 0xE282), (7, 0xF09F9880, 0xEDA080)`,
			`CREATE TABLE text_blobs (id INT PRIMARY KEY, b BLOB)`, rowsOf("text_blobs", literals(sqlInText)),
		}},
		{name: "binaries", make: []string{
			`CREATE TABLE binaries (id BINARY(4) PRIMARY KEY, v VARBINARY(300), b BINARY(3))`,
			`INSERT INTO binaries VALUES ('', '', ''), ('a', 'a', 'a'), ('a  ', 'a  ', 'a  '), (0x00000001, 0x00, 0x00), (0xFFFFFFFF, ` + allBytes + `, 0xFF), (0x61006200, NULL, NULL), (0x5C275C27, 0x5C27, 0x270A0D)`,
		}},
		{name: "NULL and empty", make: []string{
			`CREATE TABLE nothing (a VARCHAR(5), b VARCHAR(5) NOT NULL DEFAULT 'x', c BLOB, d INT, e DATE, f ENUM('','a'), g SET('a'), h CHAR(0), i CHAR(0) NOT NULL, j VARBINARY(0))`,
			`INSERT INTO nothing VALUES (NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, '', NULL), ('', '', '', 0, '0000-00-00', '', '', '', '', ''), ('NULL', 'NULL', 'NULL', 0, NULL, 'a', 'a', NULL, '', '')`,
		}},
		{name: "enums and sets", make: []string{
			`CREATE TABLE enums (id INT PRIMARY KEY, e ENUM('a','it''s','ba\\ck','com,ma'' '' ','ä','日本','x;y','','0','1','2'), s SET('a','it''s','ba\\ck','ä b','日本',';',''),
				l ENUM('ä','ö') CHARACTER SET latin1, k SET('я','ж') CHARACTER SET koi8r, u ENUM('ü','x') CHARACTER SET ucs2, m SET('ü','x') CHARACTER SET utf16)`,
			`INSERT INTO enums VALUES (1, 'a', 'a', 'ä', 'я', 'ü', 'ü'), (2, 'it''s', 'a,it''s', 'ö', 'я,ж', 'x', 'ü,x'), (3, 'ba\\ck', 'ba\\ck,ä b,日本,;', NULL, '', NULL, ''), (4, 'com,ma'' '' ', '', 'ä', NULL, 'ü', NULL), (5, '日本', NULL, 'ö', 'ж', 'x', 'x'),
				(6, '', 7, NULL, 1, 1, 1), (7, NULL, 32, NULL, 2, 2, 2), (8, '0', 64, NULL, 3, 1, 3), (9, '1', 65, NULL, 0, 2, 0), (10, '2', 127, NULL, 0, 1, 0), (11, 'ä', 0, NULL, NULL, NULL, NULL)`,
			"CREATE TABLE enums_wide (id INT PRIMARY KEY, e ENUM(" + numbered("'member %d'", 300) + "), s SET(" + numbered("'m%d'", 64) + "))",
			`INSERT INTO enums_wide VALUES (1, 1, 1), (2, 256, 18446744073709551615), (3, 300, 9223372036854775808), (4, 257, 0)`,
		}},
		{name: "an enum's error value", make: []string{
			`CREATE TABLE enum_error (id INT PRIMARY KEY, e ENUM('a','b') NOT NULL, f ENUM('x','','y'))`,
			`INSERT IGNORE INTO enum_error VALUES (1, 'c', 'z'), (2, 'a', ''), (3, '', 'x')`,
		}},
		{name: "dates", make: []string{
			`CREATE TABLE dates (id INT PRIMARY KEY, d DATE, dt DATETIME, dt6 DATETIME(6), dt3 DATETIME(3), t TIME, t6 TIME(6), t1 TIME(1), y YEAR)`,
			`INSERT INTO dates VALUES (1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '00:00:00', '00:00:00', '00:00:00', 0), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
				(3, '1000-01-01', '1000-01-01 00:00:00', '1000-01-01 00:00:00.000001', '1000-01-01 00:00:00.001', '-838:59:59', '-838:59:59', '-838:59:59', 1901), (4, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999', '838:59:59', '838:59:59', '838:59:59', 2155),
				(5, '2024-00-00', '2024-00-00 00:00:00', '2024-05-00 01:02:03.000400', '2024-01-01 00:00:00.1', '-00:00:01', '-00:00:00.000001', '-00:00:00.1', 2024), (6, '2024-02-30', '2024-02-29 12:00:00', '2024-02-29 12:00:00.12', '2024-02-29 12:00:00.12', '12:34:56', '12:34:56.789', '12:34:56.7', 70), (7, '0001-01-01', '0001-01-01 00:00:00', '0999-12-31 23:59:59.5', '0099-01-01', '100:00:00', '99:59:59.999999', '24:00:00', 99)`,
		}},
		{name: "timestamps across time zones", make: []string{
			`CREATE TABLE timestamps (id INT PRIMARY KEY, a TIMESTAMP NULL, b TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), c TIMESTAMP(2) NOT NULL DEFAULT '0000-00-00 00:00:00')`,
			`INSERT INTO timestamps VALUES (1, NULL, '2024-01-01 00:00:00.000001', DEFAULT), (2, '1970-01-01 00:00:01', '1970-01-01 00:00:01', '1970-01-01 00:00:01'), (3, '2038-01-19 03:14:07', '2038-01-19 03:14:07.999999', '2038-01-19 03:14:07.99'), (4, '0000-00-00 00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'),
				(5, '2024-03-31 00:59:59', '2024-03-31 01:00:00', '2024-03-31 01:30:00'), (6, '2024-03-31 02:30:00', '2024-03-31 02:59:59', '2024-03-31 03:00:00'), (7, '2024-10-27 00:30:00', '2024-10-27 01:30:00.5', '2024-10-27 02:30:00.25'), (8, '2024-10-27 00:59:59', '2024-10-27 01:00:00', '2024-10-27 01:59:59')`,
		}},
		{name: "dates of no calendar", make: []string{
			`CREATE TABLE invalid_dates (id INT PRIMARY KEY, d DATE, dt DATETIME(3)) ENGINE=InnoDB`, `SET SESSION sql_mode = 'ALLOW_INVALID_DATES'`,
			`ALTER TABLE invalid_dates ADD KEY (d), ADD e DATE DEFAULT '2004-02-30'`,
			`INSERT INTO invalid_dates VALUES (1, '2004-02-30', '2004-02-30 10:00:00', DEFAULT), (2, '2004-00-00', '2004-11-31 01:02:03.5', '2023-02-29')`,
		}},
		{name: "rows that are older than a constraint", make: []string{
			`CREATE TABLE constrained (id INT PRIMARY KEY, a INT CHECK (a < 10), j JSON, CONSTRAINT b CHECK (id < a))`, `SET SESSION check_constraint_checks = 0`,
			`INSERT INTO constrained VALUES (1, 50, 'no JSON'), (3, 2, '{}')`,
		}},
		{name: "JSON", make: []string{
			`CREATE TABLE json (id INT PRIMARY KEY, j JSON, k JSON NOT NULL DEFAULT '{"a": [1, "ä"]}')`,
			`INSERT INTO json VALUES (1, NULL, DEFAULT), (2, '{"k": "it''s \\"quoted\\" \\\\ \\n 😀", "n": -1.50, "z": null}', '[]'), (3, '{ "spaces" :  1 }', '""'), (4, 'true', '1e400'), (5, '{"b":1,"a":2,"b":3}', 'null')`,
		}},
		{name: "geometry", make: []string{
			`CREATE TABLE geometries (id INT PRIMARY KEY, g GEOMETRY, p POINT NOT NULL, l LINESTRING, y POLYGON, mp MULTIPOINT, ml MULTILINESTRING, my MULTIPOLYGON, c GEOMETRYCOLLECTION, SPATIAL INDEX (p))`,
			`INSERT INTO geometries VALUES (1, NULL, POINT(0, 0), NULL, NULL, NULL, NULL, NULL, NULL),
				(2, ST_GeomFromText('POINT(1.1 -2.2)', 4326), POINT(-0e0, 1e-300), ST_GeomFromText('LINESTRING(0 0,1 1,2 0)'), ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0),(2 2,4 2,4 4,2 4,2 2))', 3857), ST_GeomFromText('MULTIPOINT(0 0,1 1)'), ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))'), ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))'), ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')),
				(3, ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'), POINT(39.0625, 10023.35), NULL, NULL, NULL, NULL, NULL, ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'))`,
		}},
		{name: "network addresses and UUIDs", make: []string{
			`CREATE TABLE addresses (u UUID PRIMARY KEY, a INET6, b INET4, d UUID DEFAULT UUID(), KEY (a))`,
			`INSERT INTO addresses VALUES ('123e4567-e89b-12d3-a456-426655440000', '::', '0.0.0.0', NULL), ('00000000-0000-0000-0000-000000000000', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '255.255.255.255', 'ffffffff-ffff-ffff-ffff-ffffffffffff'), ('6ccd780c-baba-1026-9564-5b8c656024db', '::ffff:192.0.2.128', '10.0.0.1', '6ccd780c-baba-4026-9564-5b8c656024db'), ('5c275c27-2727-4c27-8027-0a0d00225c5c', '2001:db8::5c27', '92.39.92.39', NULL), ('f00dbabe-0000-7000-8000-000000000001', NULL, NULL, NULL)`,
		}},
		{name: "auto-increment from zero", make: []string{
			`CREATE TABLE zero_id (id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(9))`, `SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'`,
			`INSERT INTO zero_id VALUES (0, 'zero'), (-5, 'minus'), (7, 'seven')`, `SET SESSION sql_mode = ''`,
			`ALTER TABLE zero_id AUTO_INCREMENT = 1000`,
		}},
		{name: "auto-increment of each kind", make: []string{
			`CREATE TABLE ai_empty (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 18446744073709551000`,
			`CREATE TABLE ai_group (grp CHAR(1), id SMALLINT AUTO_INCREMENT, PRIMARY KEY (grp, id)) ENGINE=MyISAM`, `INSERT INTO ai_group (grp) VALUES ('a'), ('b'), ('a'), ('b'), ('c')`,
			`CREATE TABLE ai_key (x INT, id INT AUTO_INCREMENT, KEY (id)) ENGINE=InnoDB`, `INSERT INTO ai_key (x) VALUES (1), (1), (1)`,
			`CREATE TABLE ai_double (id DOUBLE AUTO_INCREMENT PRIMARY KEY)`, `INSERT INTO ai_double VALUES (1.5), (NULL), (1e15)`,
			`CREATE TABLE ai_gap (id INT AUTO_INCREMENT PRIMARY KEY) COMMENT 'AUTO_INCREMENT=3 \' AUTO_INCREMENT=4'`, `INSERT INTO ai_gap VALUES (5), (9)`, `DELETE FROM ai_gap WHERE id = 9`,
		}},
		{name: "no primary key", make: []string{
			`CREATE TABLE keyless (a INT, b TEXT)`, `INSERT INTO keyless SELECT seq % 3, 'same' FROM seq_1_to_100`,
			`CREATE TABLE unique_null (a INT, UNIQUE (a))`, `INSERT INTO unique_null VALUES (NULL), (NULL), (1), (NULL)`,
			`CREATE TABLE unique_blob (a BLOB, b VARCHAR(3000), UNIQUE (a), UNIQUE (b))`, `INSERT INTO unique_blob VALUES ('x', REPEAT('b', 3000)), (NULL, NULL), ('', ''), (NULL, 'c')`,
		}},
		{name: "primary keys of all kinds", make: []string{
			`CREATE TABLE pk_text (id VARCHAR(50) PRIMARY KEY, n INT)`, `INSERT INTO pk_text VALUES ('', 1), ('a', 2), ('ö', 3), ('b''', 4), ('\\', 5), ('zz', 6), ('日', 7), ('😀', 8)`,
			`CREATE TABLE pk_bin (id VARCHAR(50) COLLATE utf8mb4_bin PRIMARY KEY, n INT)`, `INSERT INTO pk_bin VALUES ('A', 1), ('a', 2), ('ä', 3), ('Ä', 4), ('a b', 5)`,
			`CREATE TABLE pk_nopad (id VARCHAR(50) COLLATE utf8mb4_nopad_bin PRIMARY KEY, n INT)`, `INSERT INTO pk_nopad VALUES ('a', 1), ('a ', 2), ('', 3), (' ', 4)`,
			`CREATE TABLE pk_composite (a INT, b VARCHAR(5), c DATE, PRIMARY KEY (a, b, c))`, `INSERT INTO pk_composite VALUES (1, '', '2024-01-01'), (1, 'x', '0000-00-00'), (-1, 'x', '2024-01-01')`,
			`CREATE TABLE pk_prefix (a TEXT, b BLOB, PRIMARY KEY (a(3), b(2)))`, `INSERT INTO pk_prefix VALUES ('abc', 'x'), ('abd', 'x'), ('', '')`,
			`CREATE TABLE pk_huge (id BIGINT UNSIGNED PRIMARY KEY)`, `INSERT INTO pk_huge VALUES (0), (1), (9223372036854775807), (9223372036854775808), (18446744073709551615)`,
			`CREATE TABLE pk_decimal (id DECIMAL(30,10) PRIMARY KEY)`, `INSERT INTO pk_decimal VALUES (-1.5), (0), (12345678901234567890.0123456789)`,
			`CREATE TABLE pk_date (id DATE PRIMARY KEY, t TIMESTAMP(3) NOT NULL DEFAULT '2024-01-01 00:00:00')`, `INSERT INTO pk_date (id) VALUES ('0000-00-00'), ('2024-00-00'), ('2024-02-29')`,
			`CREATE TABLE pk_enum (id ENUM('z','a','m') PRIMARY KEY)`, `INSERT INTO pk_enum VALUES ('z'), ('a'), ('m')`,
			`CREATE TABLE pk_bit (id BIT(40) PRIMARY KEY)`, `INSERT INTO pk_bit VALUES (0), (39), (1099511627775)`,
			`CREATE TABLE pk_latin1 (id VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY)`, `INSERT INTO pk_latin1 VALUES ('ä'), ('ß'), ('z'), ('')`,
			`CREATE TABLE pk_desc (a INT, b INT, PRIMARY KEY (a DESC, b))`, `INSERT INTO pk_desc VALUES (1, 1), (2, 2), (2, 1)`,
		}},
		{name: "generated columns", make: []string{
			`CREATE TABLE generated (a INT, v INT AS (a * 2) VIRTUAL, b VARCHAR(20), s VARCHAR(41) AS (CONCAT(b, '-', b)) STORED, u INT AS (a + 1) PERSISTENT UNIQUE, c INT, KEY (v), CHECK (v < 1000000))`,
			`INSERT INTO generated (a, b, c) VALUES (1, 'it''s', 1), (2, NULL, 2), (NULL, '', NULL), (-3, 'ä', 0)`,
			`CREATE TABLE only_generated (v INT AS (1 + 1) VIRTUAL, s INT AS (42) STORED)`, `INSERT INTO only_generated VALUES (), (), ()`,
			"CREATE TABLE generated_odd (`a ``b` INT PRIMARY KEY, `it's` TEXT AS (CONCAT('\\\\', `a ``b`, '\\'', \"\\\"\")) STORED)", "INSERT INTO generated_odd (`a ``b`) VALUES (1), (2)",
			`CREATE TABLE generated_json (doc JSON, name VARCHAR(20) AS (JSON_VALUE(doc, '$.name')) STORED, KEY (name))`, `INSERT INTO generated_json (doc) VALUES ('{"name": "ä"}'), ('{}'), (NULL)`,
		}},
		{name: "invisible columns", make: []string{
			`CREATE TABLE invisible (a INT, h INT INVISIBLE, b INT, i INT NOT NULL DEFAULT 5 INVISIBLE, j VARCHAR(9) INVISIBLE DEFAULT 'x')`,
			`INSERT INTO invisible (a, h, b, i, j) VALUES (1, 2, 3, 4, 'y'), (1, NULL, 3, 5, NULL)`,
			`CREATE TABLE invisible_key (id INT AUTO_INCREMENT INVISIBLE PRIMARY KEY, t TEXT)`, `INSERT INTO invisible_key (t) VALUES ('a'), ('b')`,
		}},
		{name: "defaults", make: []string{
			`CREATE TABLE defaults (a INT DEFAULT (1 + 2), b VARCHAR(20) DEFAULT (CONCAT('it''s', '\\')), c VARCHAR(9) DEFAULT 'it''s', d VARCHAR(9) DEFAULT '\\', e VARCHAR(9) DEFAULT '', f VARCHAR(9) DEFAULT 'NULL', g DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
				h DATE DEFAULT '0000-00-00', i DOUBLE DEFAULT 1e-10, j BIT(3) DEFAULT b'101', k BINARY(3) DEFAULT '\0\'\\', l BLOB DEFAULT 'blob', m TEXT DEFAULT ('ä'), n VARCHAR(9) CHARACTER SET utf8mb4 DEFAULT 'ä€', o VARBINARY(4) DEFAULT 0xFF27FE, p VARCHAR(9) CHARACTER SET latin1 DEFAULT 'ß', q SET('a','b') DEFAULT 'a,b', r INT NOT NULL, s VARCHAR(9) CHARACTER SET ucs2 DEFAULT 'ü', t DECIMAL(5,2) DEFAULT 1, u TIME DEFAULT '-01:00:00')`,
			`INSERT INTO defaults (r, g) VALUES (1, '2024-01-01 00:00:00')`, `INSERT INTO defaults (r, c, g) VALUES (2, NULL, NULL)`,
		}},
		{name: "an empty table", make: []string{`CREATE TABLE empty_table (id INT PRIMARY KEY, t TEXT)`}},
		{name: "a wide table", make: []string{
			"CREATE TABLE wide (" + numbered("c%d VARCHAR(9)", 300) + ") ENGINE=InnoDB CHARACTER SET latin1",
			"INSERT INTO wide (c1, c150, c300) VALUES ('first', 'middle', 'last'), (NULL, '', NULL)",
		}},
		{name: "long rows", make: []string{
			`CREATE TABLE long_rows (id INT PRIMARY KEY, a LONGTEXT, b LONGBLOB)`,
			`INSERT INTO long_rows SELECT seq, REPEAT(CONCAT('it''s \\ ', seq), 20000), UNHEX(REPEAT(SHA2(seq, 512), 8000)) FROM seq_1_to_6`,
		}},
		{name: "a table that is cut by a number", make: []string{
			`CREATE TABLE cut_number (id BIGINT PRIMARY KEY, t LONGTEXT)`,
			`INSERT INTO cut_number SELECT CAST(seq * seq AS SIGNED) - 1000, REPEAT(seq, 20000) FROM seq_1_to_600`, `INSERT INTO cut_number VALUES (9223372036854775807, 'far'), (-9223372036854775808, 'away')`,
			`ANALYZE TABLE cut_number`,
		}},
		{name: "a table that is cut by a text", make: []string{
			`CREATE TABLE cut_text (id VARCHAR(64), part INT, t LONGTEXT, PRIMARY KEY (id, part)) COLLATE utf8mb4_unicode_ci`,
			`INSERT INTO cut_text SELECT CONCAT(ELT(1 + seq % 9, 'a', 'Ä', 'b', 'ß', 'É', '日', '😀', '', '\''), SHA1(seq DIV 3)), seq, REPEAT('é', 30000) FROM seq_1_to_700`, `INSERT INTO cut_text VALUES ('', 0, ''), ('😀😀', 0, ''), ('\\', 0, NULL)`,
			`ANALYZE TABLE cut_text`,
		}},
		{name: "a table that is cut by bytes", make: []string{
			`CREATE TABLE cut_bytes (id BINARY(16) PRIMARY KEY, t LONGTEXT)`,
			`INSERT INTO cut_bytes SELECT UNHEX(MD5(seq)), REPEAT('x', 60000) FROM seq_1_to_700`, `INSERT INTO cut_bytes VALUES ('', NULL), (REPEAT(0xFF, 16), '')`,
			`ANALYZE TABLE cut_bytes`,
		}},
	}
}

// numbered repeats a text with the numbers from 1.
func numbered(text string, count int) string {
	parts := make([]string, count)
	for i := range parts {
		parts[i] = fmt.Sprintf(text, i+1)
	}
	return strings.Join(parts, ", ")
}
