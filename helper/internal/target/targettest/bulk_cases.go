package targettest

import (
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// bulkCase is a table with rows as our dumps write them.
type bulkCase struct {
	Definition string
	Columns    string
	Rows       []string
	Text       bool // they have to go as text
}

// longText has everything in it that is written in some way of its own.
var longText = strings.Repeat(`it\'s \\ \0 \n \r \Z "x" ; -- äöü 😀 `, 40)

// BulkCases has all types, and for each the forms in which its values come.
var BulkCases = map[string]bulkCase{
	"integers": {
		"a TINYINT, au TINYINT UNSIGNED, b SMALLINT, c MEDIUMINT, d INT UNSIGNED, e BIGINT, z INT(8) ZEROFILL, t BOOLEAN", "a,au,b,c,d,e,z,t",
		[]string{"NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL", "-128,255,-32768,-8388608,4294967295,-9223372036854775808,42,1", "127,0,32767,8388607,0,9223372036854775807,0,0"}, false,
	},
	"large integers":             {"a BIGINT UNSIGNED", "a", []string{"1", "18446744073709551615", "9223372036854775808", "0"}, false},
	"integers out of range":      {"a TINYINT, b BIGINT, c INT UNSIGNED", "a,b,c", []string{"300,9223372036854775808,5", "-300,18446744073709551615,4294967296"}, false},
	"decimals":                   {"a DECIMAL(65,30), b DECIMAL(10,2) ZEROFILL, c DECIMAL(5,5)", "a,b,c", []string{"-99999999999999999999999999999999999.999999999999999999999999999999,1.50,0.99999", "0.000000000000000000000000000001,0.00,-0.00001", "NULL,0.05,NULL", "-0.0,-0.00,-0.00000"}, false},
	"decimals without a point":   {"a DECIMAL(65,0), b DECIMAL(20,0)", "a,b", []string{"1,-1", "99999999999999999999999999999999999999999999999999999999999999999,18446744073709551615", "-12345678901234567890,0"}, false},
	"decimals of many places":    {"a DECIMAL(65,38), b DECIMAL(38,38)", "a,b", []string{"0.12345678901234567890123456789012345678,-0.00000000000000000000000000000000000001", "-999999999999999999999999999.99999999999999999999999999999999999999,0.00000000000000000000000000000000000000"}, false},
	"decimals that are too long": {"a DECIMAL(65,30)", "a", []string{"0.123456789012345678901234567890123456789"}, true},
	"floats":                     {"f FLOAT, d DOUBLE, m FLOAT(7,3), u DOUBLE UNSIGNED", "f,d,m,u", []string{"0,1,2,3", "0.1,-0.1,123.456,1.5", "-0e0,-0e0,-0e0,1e+22", "3.4028235e+38,1.7976931348623157e+308,9999.999,5e-324", "1e-45,0.30000000000000004,7,9.007199254740992e+15", "16777216,1.234567e+06,0.001,2.2250738585072014e-308", "NULL,NULL,NULL,NULL"}, false},
	"floats without exponents":   {"f FLOAT, d DOUBLE", "f,d", []string{"0.5,1.25", "-0.1,123456.789"}, false},
	"bits":                       {"a BIT(1), b BIT(8), c BIT(33), d BIT(64)", "a,b,c,d", []string{"x'00',x'00',x'0000000000',x'0000000000000000'", "x'01',x'FF',x'01FFFFFFFF',x'FFFFFFFFFFFFFFFF'", "NULL,x'27',x'000000005C',x'5C275C270A0D001A'"}, false},
	"texts":                      {"a CHAR(60), b VARCHAR(60) NOT NULL, c TEXT, d LONGTEXT", "a,b,c,d", []string{`'','','',''`, `'it\'s','\\','\0\0mid\0','` + longText + `'`, `'trailing  ',' ','ends with \\',NULL`, `NULL,'日本語 😀','),(','NULL'`}, false},
	"texts that are too long":    {"a CHAR(3), b VARCHAR(3), c TINYTEXT", "a,b,c", []string{"'abcd','abcd','" + strings.Repeat("x", 300) + "'", "'日本語文','日本語文','" + strings.Repeat("ä", 200) + "'"}, false},
	"bytes":                      {"a BINARY(4), b VARBINARY(60), c BLOB, d LONGBLOB", "a,b,c,d", []string{"_binary '',_binary '',_binary '',_binary ''", "_binary '\\0\\0\\0\x01',_binary '\xff\\'\xfe',_binary '\\\\\\'',_binary '" + longText + "\xf0\x9f'", "_binary 'a  ',NULL,NULL,_binary '\xc3'"}, false},
	"text that is no UTF-8":      {"a TEXT", "a", []string{"'abc'", "_binary '\xffabc'", "'it\\'s'"}, false},
	"text that is no UTF-8 beside text that is":  {"a TEXT", "a", []string{"'äöü'", "_binary '\xffabc'"}, false},
	"text of another character set beside bytes": {"a TEXT CHARACTER SET utf8mb3, b TEXT CHARACTER SET latin1", "a,b", []string{"'ä','ä'", "_binary '\xc3',_binary '\xe4'"}, true},
	"latin1":                                {"a VARCHAR(60) CHARACTER SET latin1, b TEXT CHARACTER SET latin1, c CHAR(9) CHARACTER SET latin1", "a,b,c", []string{"'abc','~ \\\\',''", "_binary '\xe4\xf6\xfc',_binary '\xdf\\'','x'", "'',NULL,_binary '\xa4'"}, false},
	"two bytes at least":                    {"a VARCHAR(60) CHARACTER SET ucs2, b TEXT CHARACTER SET utf16, c TEXT CHARACTER SET sjis", "a,b,c", []string{"_binary '\\0a\\0b',_binary '\\0x',_binary '\x83\\\\'", "_binary '',NULL,_binary 'abc'"}, false},
	"texts and bytes in two bytes at least": {"a VARCHAR(60) CHARACTER SET ucs2", "a", []string{"_binary '\\0a\\0b'", "'ab'"}, true},
	"enums and sets":                        {"a ENUM('a','it''s','','ä','1'), b SET('x','ä','1'), c ENUM('ö','o') CHARACTER SET latin1", "a,b,c", []string{"'a','x','o'", `'it\'s','x,ä','ö'`, "'','',NULL", "'1','1','o'"}, false},
	"enums and sets by number":              {"a ENUM('a','b','1'), b SET('x','y','z'), c SET(" + numberedSet(64) + ")", "a,b,c", []string{"1,1,1", "3,7,18446744073709551615", "0,0,0", "NULL,NULL,9223372036854775808"}, false},
	"an enum of names and numbers":          {"a ENUM('a','b','1')", "a", []string{"'1'", "1"}, true},
	"enums and sets of other characters": {
		"a ENUM('ä','o','') CHARACTER SET latin1, b SET('ö','x') CHARACTER SET latin1, c ENUM('日','a') CHARACTER SET ucs2, d SET('日','a') CHARACTER SET utf16le, e ENUM('ソ','\\\\') CHARACTER SET sjis, f ENUM('д') CHARACTER SET koi8r", "a,b,c,d,e,f",
		[]string{"_latin1 x'E4','x',_ucs2 x'65E5',_utf16le x'E5652C006100',_sjis x'835C',_koi8r x'C4'", "'o',_latin1 x'F6',_ucs2 x'0061',_utf16le x'',_sjis x'5C',NULL", "'',_latin1 x'F62C78',_ucs2 x'',NULL,NULL,_koi8r x'C4'"}, false,
	},
	"an enum of another character set than its values": {"a ENUM('ä') CHARACTER SET latin1", "a", []string{"_latin2 x'E4'"}, true},
	"an enum of names and bytes":                       {"a ENUM('ä','o') CHARACTER SET latin1", "a", []string{"'ä'", "_latin1 x'E4'"}, true},
	"text with the name of its character set":          {"a TEXT CHARACTER SET latin1", "a", []string{"_latin1 x'E4'"}, true},
	"dates":                         {"a DATE, b DATETIME, c DATETIME(6), d TIME, e TIME(6), f YEAR, g DATETIME(2)", "a,b,c,d,e,f,g", []string{"'0000-00-00','0000-00-00 00:00:00','0000-00-00 00:00:00','00:00:00','-838:59:59',0,'2024-01-01 00:00:00.120000'", "'9999-12-31','9999-12-31 23:59:59','9999-12-31 23:59:59.999999','838:59:59','-00:00:00.000001',1901,NULL", "'2024-00-00','2024-05-00 01:02:03','2024-01-01 00:00:00.100000',NULL,'12:34:56.000100',2155,'2024-02-29'"}, false},
	"timestamps":                    {"a TIMESTAMP NULL, b TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)", "a,b", []string{"NULL,'2024-03-31 02:30:00'", "'1970-01-01 00:00:01','2038-01-19 03:14:07.999999'", "'0000-00-00 00:00:00','0000-00-00 00:00:00'"}, false},
	"JSON":                          {"a JSON", "a", []string{`'{"k": "it\'s \\"quoted\\" \\\\ \\n 😀", "n": -1.50}'`, "'null'", "NULL"}, false},
	"geometry":                      {"a GEOMETRY, b POINT NOT NULL", "a,b", []string{"NULL,_binary '\\0\\0\\0\\0\x01\x01\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'", "_binary '\xe6\x10\\0\\0\x01\x01\\0\\0\\0\x9a\x99\x99\x99\x99\x99\xf1?\x9a\x99\x99\x99\x99\x99\x01\xc0',_binary '\\0\\0\\0\\0\x01\x01\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\x80\\0\\0\\0\\0\\0\\0\\0\\0'"}, false},
	"network addresses and UUIDs":   {"a UUID, b INET6, c INET4", "a,b,c", []string{"'123e4567-e89b-12d3-a456-426655440000','::','0.0.0.0'", "NULL,'ffff::1','255.255.255.255'"}, false},
	"addresses as text and bytes":   {"a INET6", "a", []string{"'::1'", "_binary '0123456789abcdef'"}, true},
	"zero and numbers given":        {"a INT AUTO_INCREMENT PRIMARY KEY, b INT", "a,b", []string{"0,1", "-5,2", "7,3"}, false},
	"no value for some columns":     {"a INT, v INT AS (a * 2) VIRTUAL, s VARCHAR(41) AS (CONCAT(a, '-')) STORED, d INT NOT NULL DEFAULT 5, i INT INVISIBLE DEFAULT 6, r DOUBLE DEFAULT (1 + 2)", "a", []string{"1", "NULL", "-3"}, false},
	"invisible columns":             {"a INT, b INT NOT NULL DEFAULT 5 INVISIBLE", "a,b", []string{"1,2", "3,4"}, false},
	"only generated columns":        {"v INT AS (1 + 1) VIRTUAL", "", []string{"", ""}, true},
	"odd names":                     {"`a ``b` INT, `se,lect` INT, `) VALUES (` INT, `it's` INT, `ä` INT", "`a ``b`,`se,lect`,`) VALUES (`,`it's`,`ä`", []string{"1,2,3,4,5", "6,7,8,9,10"}, false},
	"nothing":                       {"a INT, b TEXT, c DOUBLE", "a,b,c", []string{"NULL,NULL,NULL", "NULL,NULL,NULL"}, false},
	"another engine":                {"a INT, b TEXT", "a,b", []string{"1,'x'", "2,NULL"}, false},
	"partitions":                    {"a INT PRIMARY KEY, b TEXT", "a,b", []string{"1,'x'", "2,NULL", "3,''"}, false},
	"versions of rows":              {"a INT PRIMARY KEY, b TEXT", "a,b", []string{"1,'x'", "2,NULL"}, false},
	"expressions":                   {"a INT, b DATETIME", "a,b", []string{"1+1,'2024-01-01'", "2,DATE('2024-01-01')"}, true},
	"defaults":                      {"a INT DEFAULT 5", "a", []string{"1", "DEFAULT"}, true},
	"hexadecimal numbers":           {"a INT, b VARBINARY(9)", "a,b", []string{"0x41,0x41"}, true},
	"escapes of others":             {"a TEXT", "a", []string{`'\x \% \"'`}, true},
	"doubled quotes":                {"a TEXT", "a", []string{"'it''s'"}, true},
	"quotation marks":               {"a TEXT", "a", []string{`"x"`}, true},
	"spaces":                        {"a INT, b INT", "a,b", []string{"1, 2"}, true},
	"more than a value":             {"a INT, b INT", "a,b", []string{"1,2", "(3)+0,4"}, true},
	"the zero of a negative number": {"a DOUBLE", "a", []string{"1e-05", "-0.0"}, true},
}

// BulkOptions are what comes behind the definitions of some tables.
var BulkOptions = map[string]string{
	"another engine": "ENGINE=MyISAM", "partitions": "PARTITION BY HASH (a) PARTITIONS 3", "versions of rows": "WITH SYSTEM VERSIONING",
}

func numberedSet(count int) string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("'m%d'", i)
	}
	return strings.Join(names, ",")
}

// Statement returns the line of a dump that holds the rows.
func (c bulkCase) Statement(table string) string {
	columns := c.Columns
	if !strings.Contains(columns, "`") && columns != "" {
		columns = "`" + strings.ReplaceAll(columns, ",", "`,`") + "`"
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", mysql.QuoteName(table), columns, strings.Join(c.Rows, "),("))
}
