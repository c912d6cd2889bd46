package read

import (
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// objectCases are the things that are code.
func objectCases() []fidelityCase {
	cases := []fidelityCase{
		{name: "views on views", make: []string{
			`CREATE TABLE v_base (id INT PRIMARY KEY, t VARCHAR(20), g POINT)`, `INSERT INTO v_base VALUES (1, 'a', POINT(1, 2)), (9, 'b', NULL)`,
			`CREATE VIEW v_3 AS SELECT * FROM v_base WHERE id > 0`, `CREATE VIEW v_2 AS SELECT id, t FROM v_3 WHERE id < 100 WITH LOCAL CHECK OPTION`, `CREATE VIEW v_1 AS SELECT * FROM v_2 WHERE t <> 'it''s \\ ;;' WITH CASCADED CHECK OPTION`,
			`CREATE VIEW v_0 AS SELECT v_1.id, ST_X(v_3.g) AS x FROM v_1 JOIN v_3 ON v_1.id = v_3.id`,
			`CREATE ALGORITHM=TEMPTABLE SQL SECURITY INVOKER VIEW v_temp AS SELECT COUNT(*) AS n FROM v_0`, `CREATE ALGORITHM=MERGE VIEW v_merge (a, b) AS SELECT id, t FROM v_base`,
			"CREATE VIEW `v odd`` '` AS SELECT 1 AS `it's`, 2 AS `a``b`, 3 AS `x\"y`, 4 AS `new\nline`, 5 AS `dot.ted`, 6 AS `ä`", "CREATE VIEW v_on_odd AS SELECT `a``b` + `it's` AS `Sum;;` FROM `v odd`` '`",
			`CREATE VIEW v_cte AS WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT n, ROW_NUMBER() OVER (ORDER BY n DESC) AS r FROM c`, `CREATE VIEW v_union AS SELECT id FROM v_base UNION SELECT 'ä' EXCEPT SELECT 2`,
			// A view that is called like a column of another, which reads it: their names alone say that each needs the other.
			`CREATE VIEW v_status AS SELECT id, t AS v_wide FROM v_base`, `CREATE VIEW v_wide AS SELECT id AS v_status FROM v_status`,
			`CREATE VIEW v_zz AS SELECT 7 AS z`, `CREATE VIEW v_sub AS SELECT (SELECT MAX(z) FROM v_zz) AS m FROM (SELECT 1) AS d`,
		}},
		{name: "views in other character sets", make: []string{
			"SET NAMES latin1", "CREATE VIEW v_latin1 AS SELECT '\xe4\xf6\xfc' AS `\xe4`, _utf8mb4 x'F09F9880' AS e", "SET NAMES koi8r", "CREATE VIEW v_koi8r AS SELECT '\xf1' AS `\xd1`", "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
			`CREATE VIEW v_unicode AS SELECT 'ä' = 'a' AS same, '😀' AS e`, "SET NAMES utf8mb4",
		}},
		{name: "triggers", make: []string{
			`CREATE TABLE t_fired (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT, n INT)`, `CREATE TABLE t_log (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT)`,
			`CREATE TRIGGER t_c BEFORE INSERT ON t_fired FOR EACH ROW SET NEW.n = COALESCE(NEW.n, 0) + 1`, `CREATE TRIGGER t_a BEFORE INSERT ON t_fired FOR EACH ROW FOLLOWS t_c SET NEW.n = NEW.n * 10`, `CREATE TRIGGER t_b BEFORE INSERT ON t_fired FOR EACH ROW PRECEDES t_c SET NEW.n = 5`,
			"CREATE TRIGGER t_after AFTER INSERT ON t_fired FOR EACH ROW BEGIN\n  -- it's a comment; with \"quotes\"\n  /* and another ;; */ # and another\n  IF NEW.t = ';;' OR NEW.t = '*/' THEN INSERT INTO t_log (t) VALUES ('it''s; \\\\ '); END IF;\nEND",
			`CREATE TRIGGER t_update BEFORE UPDATE ON t_fired FOR EACH ROW BEGIN SET @a = 'x\ny'; SET NEW.t = 'ä😀'; END`, `CREATE TRIGGER t_delete AFTER DELETE ON t_fired FOR EACH ROW /*!50001 INSERT INTO t_log (t) VALUES (OLD.t) */`,
			"SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'", `CREATE TRIGGER "t ansi ""'" AFTER UPDATE ON "t_fired" FOR EACH ROW INSERT INTO t_log (t) VALUES ('C:\' || "new"."t" || 'it''s\')`,
			"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,IGNORE_SPACE,ORACLE'", `CREATE TRIGGER t_oracle AFTER UPDATE ON t_fired FOR EACH ROW BEGIN IF :NEW.n > 5 THEN INSERT INTO t_log (t) VALUES ('o'); END IF; END`, "SET SESSION sql_mode = ''",
			`INSERT INTO t_fired (t) VALUES ('a'), (';;')`, `CREATE TRIGGER t_long BEFORE INSERT ON t_log FOR EACH ROW SET @x = ';;;;;'`,
		}},
		{name: "triggers and routines in other character sets", make: []string{
			"CREATE TABLE t_charset (t TEXT)", "SET NAMES latin1", "CREATE TRIGGER t_latin1 BEFORE INSERT ON t_charset FOR EACH ROW SET @a = '\xe4 it''s'", "CREATE FUNCTION f_latin1() RETURNS TEXT RETURN '\xe4\xdf'",
			"SET NAMES koi8r", "CREATE TRIGGER t_koi8r BEFORE UPDATE ON t_charset FOR EACH ROW SET @a = '\xf1\xd1'", "CREATE PROCEDURE p_koi8r() SELECT '\xf1' AS \xd1",
			"SET NAMES sjis", "CREATE PROCEDURE p_sjis() SELECT '\x83\x65\x83\x58\x83\x67'", "SET NAMES utf8mb3", "CREATE PROCEDURE p_utf8mb3() SELECT 'ä日'", "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "CREATE FUNCTION f_utf8mb4(a TEXT) RETURNS TEXT RETURN CONCAT(a, '😀')",
			"SET NAMES utf8mb4", "CREATE EVENT e_utf8mb4 ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' COMMENT 'ä😐' DO SELECT '😀'",
		}},
		{name: "routines", make: []string{
			`CREATE PROCEDURE p_all(IN a INT, OUT b VARCHAR(20) CHARACTER SET latin1, INOUT c DECIMAL(10,2)) READS SQL DATA SQL SECURITY INVOKER COMMENT 'it''s \\ a "comment"' BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END; SET b = 'x;;y'; SELECT 1; END`,
			"CREATE FUNCTION f_comment(a TEXT) RETURNS VARCHAR(50) DETERMINISTIC NO SQL /* head */ BEGIN -- it's\n  # hash 'quote\n  RETURN CONCAT(a, '-- no comment', \"it's\", '\\'', '\\\\'); /* end */\nEND",
			"SET SESSION sql_mode = 'ANSI'", `CREATE FUNCTION "f ansi "" '"("a b" INT) RETURNS INT RETURN "a b" + 1`, "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'", `CREATE FUNCTION f_slash() RETURNS TEXT RETURN 'C:\'`, `CREATE FUNCTION f_slashes() RETURNS TEXT RETURN CONCAT('\\', '\', 'it''s;')`, "SET SESSION sql_mode = ''",
			`CREATE AGGREGATE FUNCTION f_sum(x INT) RETURNS INT BEGIN DECLARE s INT DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP; END`,
			`CREATE FUNCTION v_called() RETURNS INT RETURN (SELECT COUNT(*) FROM v_calls)`, `CREATE TABLE v_called_table (a INT)`, "CREATE PROCEDURE `p;;` () SELECT ';;', ';;;'", "CREATE PROCEDURE `p\nline` () SELECT 1",
			`CREATE DEFINER='o''dd u%'@'%' PROCEDURE p_definer() SELECT 1`, "CREATE DEFINER=`back``tick`@`10.0.0.0/255.0.0.0` SQL SECURITY DEFINER VIEW v_definer AS SELECT 1 AS a",
			`CREATE FUNCTION f_for_view() RETURNS INT RETURN 3`, `CREATE VIEW v_calls AS SELECT f_for_view() AS three`, `CREATE PROCEDURE p_same() SELECT 1`, `CREATE FUNCTION p_same() RETURNS INT RETURN 1`,
			"CREATE FUNCTION f_types(a ENUM('it''s','ä'), b DOUBLE, c JSON, d SET('x')) RETURNS DECIMAL(10,3) RETURN 1.5",
		}},
		{name: "packages", make: []string{
			"SET SESSION sql_mode = 'ORACLE'", `CREATE PACKAGE pkg AS PROCEDURE p1(a INT); FUNCTION f1 RETURN VARCHAR2; END`, `CREATE PACKAGE BODY pkg AS x INT := 1; PROCEDURE p1(a INT) AS BEGIN SELECT 'it''s ;;'; END; FUNCTION f1 RETURN VARCHAR2 AS BEGIN RETURN 'ä'; END; BEGIN x := 2; END`,
			`CREATE PACKAGE "head only" COMMENT 'it''s' AS PROCEDURE p1; END`, `CREATE PROCEDURE p_oracle(a IN INT) AS b INT; BEGIN b := a; SELECT b; END`, "SET SESSION sql_mode = ''",
		}},
		{name: "events", make: []string{
			`CREATE EVENT e_every ON SCHEDULE EVERY '1:30' HOUR_MINUTE STARTS '2030-01-01 00:00:00' ENDS '2037-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'it''s \\' DO BEGIN DELETE FROM x WHERE y = 'ä'; END`,
			`CREATE EVENT e_once ON SCHEDULE AT '2037-12-31 23:59:59' DO SELECT 1`, "SET SESSION time_zone = '+05:30', sql_mode = 'ANSI_QUOTES'", `CREATE EVENT "e zone" ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO SELECT "x" FROM "y"`, "SET SESSION time_zone = '+00:00', sql_mode = ''",
			`CREATE EVENT e_past ON SCHEDULE AT '2001-01-01 00:00:00' ON COMPLETION PRESERVE DO SELECT 1`, `CREATE EVENT e_slave ON SCHEDULE EVERY 1 WEEK STARTS '2030-01-01 00:00:00' DISABLE ON SLAVE DO SELECT 2`,
		}},
	}
	for i, name := range oddNames {
		quoted := mysql.QuoteName("o" + name)
		cases = append(cases, fidelityCase{name: fmt.Sprintf("objects called %q", name), make: []string{
			fmt.Sprintf("CREATE TABLE %s (a INT)", mysql.QuoteName("ot"+name)), fmt.Sprintf("CREATE TRIGGER %s BEFORE INSERT ON %s FOR EACH ROW SET NEW.a = %d", quoted, mysql.QuoteName("ot"+name), i),
			fmt.Sprintf("CREATE VIEW %s AS SELECT a AS %s FROM %s", mysql.QuoteName("ov"+name), mysql.QuoteName("c"+name), mysql.QuoteName("ot"+name)), fmt.Sprintf("CREATE FUNCTION %s() RETURNS INT RETURN %d", quoted, i),
			fmt.Sprintf("CREATE PROCEDURE %s() SELECT %d AS %[1]s", quoted, i), fmt.Sprintf("CREATE SEQUENCE %s START WITH %d", mysql.QuoteName("os"+name), i+1),
		}})
		if !strings.Contains(name, ";;") { // see TestMySQLEventWithDelimiter
			event := fmt.Sprintf("CREATE EVENT %s ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO SELECT %d", quoted, i)
			cases = append(cases, fidelityCase{name: fmt.Sprintf("an event called %q", name), make: []string{event}})
		}
	}
	return cases
}
