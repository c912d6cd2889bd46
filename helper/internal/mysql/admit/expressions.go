package admit

import (
	"fmt"
	"strings"
)

// functions may be called where a statement computes values. They depend on their arguments and on the session alone. Among them
// are the words that may stand before brackets without being functions.
var functions = wordSet(`
	ABS ACOS ADDDATE ADDTIME AES_DECRYPT AES_ENCRYPT ALL AND ANY ANY_VALUE ASCII ASIN ATAN ATAN2 AVG BETWEEN BIN BINARY BIN_TO_UUID BIT_AND BIT_COUNT
	BIT_LENGTH BIT_OR BIT_XOR BOTH CASE CAST CEIL CEILING CHAR CHARACTER_LENGTH CHARSET CHAR_LENGTH CHR COALESCE COERCIBILITY
	COLLATION COLUMN_ADD COLUMN_CHECK COLUMN_CREATE COLUMN_DELETE COLUMN_EXISTS COLUMN_GET COLUMN_JSON COLUMN_LIST COMPRESS CONCAT CONCAT_WS CONNECTION_ID CONV CONVERT
	CONVERT_TZ COS COT COUNT CRC32 CRC32C CURDATE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURTIME DATABASE DATE DATEDIFF
	DATETIME DATE_ADD DATE_FORMAT DATE_SUB DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR DECIMAL DECODE DEFAULT DEGREES DIV DISTINCT ELSE ELT ENCODE EXISTS EXP
	EXPORT_SET EXTRACT EXTRACTVALUE FIELD FIND_IN_SET FLOOR FORMAT FROM_BASE64 FROM_DAYS FROM_UNIXTIME GEOMCOLLECTION GEOMETRYCOLLECTION
	GEOMETRYCOLLECTIONFROMTEXT GEOMETRYCOLLECTIONFROMWKB GEOMETRYFROMTEXT GEOMETRYFROMWKB GEOMFROMTEXT GEOMFROMWKB GREATEST GROUP_CONCAT HAVING HEX HOUR IF
	IFNULL IN INET6_ATON INET6_NTOA INET_ATON INET_NTOA INSERT INSTR INTERVAL ISNULL JSON_ARRAY JSON_ARRAYAGG JSON_ARRAY_APPEND JSON_ARRAY_INSERT JSON_COMPACT
	JSON_CONTAINS JSON_CONTAINS_PATH JSON_DEPTH JSON_DETAILED JSON_EXISTS JSON_EXTRACT JSON_INSERT JSON_KEYS JSON_LENGTH JSON_LOOSE JSON_MERGE
	JSON_MERGE_PATCH JSON_MERGE_PRESERVE JSON_OBJECT JSON_OBJECTAGG JSON_PRETTY JSON_QUERY JSON_QUOTE JSON_REMOVE JSON_REPLACE JSON_SEARCH JSON_SET
	JSON_TYPE JSON_UNQUOTE JSON_VALID JSON_VALUE LAST_DAY LAST_INSERT_ID LCASE LEAST LEFT LENGTH LIKE LINEFROMTEXT LINEFROMWKB LINESTRING
	LINESTRINGFROMTEXT LINESTRINGFROMWKB LN LOCALTIME LOCALTIMESTAMP LOCATE LOG LOG10 LOG2 LOWER LPAD LTRIM MAKEDATE MAKETIME MAKE_SET MATCH AGAINST MAX MD5
	MICROSECOND MID MIN MINUTE MLINEFROMTEXT MLINEFROMWKB MOD MONTH MONTHNAME MPOINTFROMTEXT MPOINTFROMWKB MPOLYFROMTEXT MPOLYFROMWKB MULTILINESTRING
	MULTILINESTRINGFROMTEXT MULTIPOINT MULTIPOINTFROMTEXT MULTIPOLYGON MULTIPOLYGONFROMTEXT NATURAL_SORT_KEY NOT NOW NULLIF NVL NVL2 OCT OCTET_LENGTH OLD_PASSWORD OR ORD
	ON PASSWORD PERIOD_ADD PERIOD_DIFF PI POINT POINTFROMTEXT POINTFROMWKB POLYFROMTEXT POLYFROMWKB POLYGON POLYGONFROMTEXT POLYGONFROMWKB POSITION POW POWER
	QUARTER QUOTE RADIANS RAND RANDOM_BYTES REGEXP REGEXP_INSTR REGEXP_LIKE REGEXP_REPLACE REGEXP_SUBSTR REPEAT REPLACE REVERSE RIGHT RLIKE ROUND ROW ROW_COUNT RPAD RTRIM
	SCHEMA SECOND SEC_TO_TIME SESSION_USER SET SFORMAT SHA SHA1 SHA2 SIGN SIGNED SIN SOUNDEX SPACE SQRT STD STDDEV STRCMP STR_TO_DATE ST_ASBINARY ST_ASGEOJSON ST_ASTEXT ST_ASWKB ST_ASWKT
	ST_GEOMCOLLFROMTEXT ST_GEOMCOLLFROMTXT ST_GEOMCOLLFROMWKB ST_GEOMETRYCOLLECTIONFROMTEXT ST_GEOMETRYCOLLECTIONFROMWKB ST_GEOMETRYFROMTEXT ST_GEOMETRYFROMWKB
	ST_GEOMFROMGEOJSON ST_GEOMFROMTEXT ST_GEOMFROMWKB ST_LINEFROMTEXT ST_LINEFROMWKB ST_LINESTRINGFROMTEXT ST_LINESTRINGFROMWKB ST_MLINEFROMTEXT
	ST_MLINEFROMWKB ST_MPOINTFROMTEXT ST_MPOINTFROMWKB ST_MPOLYFROMTEXT ST_MPOLYFROMWKB ST_MULTILINESTRINGFROMTEXT ST_MULTIPOINTFROMTEXT
	ST_MULTIPOLYGONFROMTEXT ST_POINTFROMGEOHASH ST_POINTFROMTEXT ST_POINTFROMWKB ST_POLYFROMTEXT ST_POLYFROMWKB ST_POLYGONFROMTEXT ST_POLYGONFROMWKB ST_SRID
	ST_SWAPXY ST_TRANSFORM ST_X ST_Y SUBDATE SUBSTR SUBSTRING SUBSTRING_INDEX SUBTIME SUM SYSDATE SYSTEM_USER SYS_GUID TAN THEN TIME TIMEDIFF TIMESTAMP TIMESTAMPADD TIMESTAMPDIFF
	TIME_FORMAT TIME_TO_SEC TO_BASE64 TO_CHAR TO_DAYS TO_SECONDS TO_VECTOR TRIM TRUNCATE UCASE UNCOMPRESS UNCOMPRESSED_LENGTH UNHEX UNIX_TIMESTAMP UNSIGNED UPDATE UPDATEXML
	UPPER USER USING UTC_DATE UTC_TIME UTC_TIMESTAMP UUID UUID_SHORT UUID_TO_BIN UUID_V4 UUID_V7 VALUE VALUES VARCHAR VECTOR VEC_FROMTEXT VEC_TOTEXT VERSION WEEK WEEKDAY WEEKOFYEAR
	WEIGHT_STRING WHEN WHERE XOR YEAR YEARWEEK STRING_TO_VECTOR VECTOR_TO_STRING BY AS JOIN FROM LIMIT`)

// effects are functions that do more than compute. Where a server itself forbids most functions, as in definitions of tables, only
// these are refused.
var effects = wordSet(`
	BENCHMARK GET_LOCK LOAD_FILE MASTER_GTID_WAIT MASTER_POS_WAIT RELEASE_ALL_LOCKS RELEASE_LOCK SLEEP SOURCE_POS_WAIT WAIT_FOR_EXECUTED_GTID_SET
	WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS WSREP_SYNC_WAIT_UPTO_GTID`)

// queries begin a part of a statement that reads tables, or writes elsewhere.
var queries = wordSet("SELECT TABLE WITH INTO PROCEDURE OUTFILE DUMPFILE")

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, one := range strings.Fields(words) {
		set[one] = true
	}
	return set
}

// expression judges tokens that compute a value.
func (r *reader) expression(from, to int) error {
	v := values{judge: r.judge}
	for _, t := range r.tokens[from:to] {
		if err := v.token(t); err != nil {
			return err
		}
	}
	return nil
}

// Expression returns an error if an expression about a table may do more than compute a value.
func (j *Judge) Expression(expression []byte) error {
	for _, executes := range j.readings() {
		all, err := tokens(expression, j.Mode, executes)
		if err != nil {
			return err
		}
		r := &reader{judge: j, tokens: all}
		if err := r.definition(0, len(all), ""); err != nil {
			return err
		}
	}
	return nil
}

// values judges the tokens of values one by one.
type values struct {
	judge    *Judge
	before   token
	upper    string // of the token before
	variable bool   // the token before belongs to the name of a variable
}

// longestFunction is longer than the name of any function or keyword.
const longestFunction = 64

func (v *values) token(t token) error {
	if t.kind == text || t.kind == number || t.kind == symbol && (t.text[0] == ',' || t.text[0] == ')') { // most of all rows
		v.before, v.upper, v.variable = t, "", false
		return nil
	}
	switch {
	case t.isSymbol(';'):
		return fmt.Errorf("it is more than one statement")
	case t.isSymbol('.') && v.before.isName() && !v.variable:
		return fmt.Errorf("it names %s in a value", excerpt(v.before.name()+"."))
	case t.isSymbol('(') && v.before.kind == quoted:
		return fmt.Errorf("it calls %s", excerpt(v.before.name()))
	case t.isSymbol('(') && v.upper != "" && !functions[v.upper]:
		return fmt.Errorf("it calls %s", excerpt(v.upper))
	}
	upper := ""
	if t.kind == word {
		if len(t.text) <= longestFunction {
			upper = v.capitals(t.text)
		} else {
			upper = "a long name"
		}
		if queries[upper] || upper == "NEXT" || upper == "PREVIOUS" {
			return fmt.Errorf("it has %s in a value", upper)
		}
	}
	v.variable = t.isSymbol('@') || v.variable && (t.isName() && v.before.isSymbol('@') || t.isSymbol('.') || t.isName() && v.before.isSymbol('.'))
	v.before, v.upper = t, upper
	return nil
}

// capitals returns a word in capitals. Most words of rows are NULL.
func (v *values) capitals(raw []byte) string {
	if string(raw) == "NULL" {
		return "NULL"
	}
	return strings.ToUpper(string(raw))
}

// excerpt shortens a name for a message.
func excerpt(name string) string {
	const longest = 40
	if len(name) > longest {
		return strings.ToValidUTF8(name[:longest], "") + "…"
	}
	return name
}
