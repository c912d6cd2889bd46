package admittest

import "github.com/jobiqo/dump-refresh/tests/grammar"

// Statement makes a statement of MySQL or MariaDB by a grammar. It reports whether the statement reaches for the database live, or does something
// to the server. About half of what it makes is correct SQL.
func Statement(choose grammar.Choose) (text string, reaches bool) {
	return grammar.Grammar{Rules: rules, Gaps: gaps}.Statement(choose)
}

var gaps = []string{"\n", "\t", "/**/", " /* x */ ", " # x\n", " -- x\n", " /*!99999 */ ", " /*!40000 */ ", " /*M! */ ", "  ", " "}

var rules = map[string][]string{
	"statement": {
		"{insert}", "{insert}", "{insert}", "{change}", "{change}", "{create}", "{create}", "{alter}", "{drop}", "{set}", "{set}", "{query}", "{server}",
		"/*!40000 {insert} */", "/*!99999 {change} */", "/*M! {alter} */", "/*!50000 {drop} */", "{server}", "{object}",
	},
	"insert": {
		"INSERT INTO {target} VALUES ({values})", "INSERT {how} INTO {target} (a, b) VALUES ({values}), ({values})", "REPLACE INTO {target} VALUES ({values})", "INSERT INTO {target} SET a = {value}",
		"INSERT INTO {target} SELECT {value}, 1 FROM {source}", "INSERT INTO {target} VALUES ({values}) ON DUPLICATE KEY UPDATE b = {value}", "!INSERT {how} live.t VALUES ({values})", "!REPLACE live.t SET a = 1",
	},
	"how":    {"", "IGNORE", "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY"},
	"values": {"{value}, {value}"},
	"value": {
		"1", "'x'", "NULL", "-1.5", "0x41", "_binary 'a\\'b'", "now()", "concat('a', {value})", "'live.f()'", "\"live.t\"", "(1 + {value})", "@a", "!live.f()", "!(SELECT live.f())", "!sleep(0.01)",
		"!get_lock('x', 0)", "!`live`.`f`()", "!(SELECT max(a) FROM live.t)", "!load_file('/etc/hostname')",
	},
	"target": {"t", "`t`", "u", "t", "site94__dump_incoming.t", "`site94__dump_incoming`.u", "!live.t", "!`live`.`t`", "!live . u", "!live/**/.t", "!`live`.u", "!/*!40000 live.*/t"},
	"source": {"t", "u", "t AS x", "t, u", "(SELECT 1 AS a) AS y", "information_schema.TABLES", "!live.t", "!t, live.u", "!t JOIN live.u", "!(live.t)", "!t LEFT JOIN `live`.u ON 1"},
	"where":  {"", "WHERE a < {value}", "ORDER BY a LIMIT 1", "WHERE a IN (SELECT a FROM {source})"},
	"change": {
		"UPDATE {target} SET b = {value} {where}", "DELETE FROM {target} {where}", "TRUNCATE TABLE {target}", "UPDATE LOW_PRIORITY {target} SET b = 1", "RENAME TABLE t TO r, r TO t", "OPTIMIZE TABLE t, {target}",
		"ANALYZE LOCAL TABLE {target}", "!DELETE live.t FROM live.t", "!DELETE FROM t, live.u USING t, live.u", "!UPDATE t, live.u AS x SET x.b = 1", "!UPDATE t JOIN live.u SET live.u.b = 1", "!RENAME TABLE live.t TO live.r",
		"!RENAME TABLE t TO live.r", "!ANALYZE UPDATE live.t SET a = 1", "!RENAME USER a TO b",
	},
	"create": {
		"CREATE TABLE IF NOT EXISTS z (a int {column}) {option}", "CREATE TABLE {target} (a int)", "CREATE INDEX i ON {target} (b)", "CREATE OR REPLACE TABLE z (a int, b int {column}) {option}", "CREATE TABLE z LIKE {source_table}",
		"CREATE TABLE z (a int) AS SELECT {value} AS b FROM {source}", "!CREATE DATABASE live2", "!CREATE USER x", "!CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x')", "!CREATE TABLESPACE x ADD DATAFILE 'x.ibd'",
	},
	"source_table": {"t", "u", "!live.t", "!`live`.u"},
	"column":       {"", "DEFAULT 1", "DEFAULT (1 + 1)", "CHECK (a > 0)", "COMMENT 'live.t'", "NOT NULL AUTO_INCREMENT PRIMARY KEY", "REFERENCES t (a)", "!DEFAULT (live.f())", "!DEFAULT (sleep(1))"},
	"option": {
		"", "ENGINE=MyISAM", "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4", "COMMENT='SELECT'", "ENGINE=MERGE UNION=(u)", "PARTITION BY HASH (a) PARTITIONS 2", "!ENGINE=MERGE UNION=(live.u) INSERT_METHOD=LAST",
		"!DATA DIRECTORY='/tmp'", "!INDEX DIRECTORY = '/tmp'", "!SELECT live.f()", "!AS SELECT * FROM live.t", "!TABLE live.t",
	},
	"alter": {
		"ALTER TABLE {target} ADD c int {column}", "ALTER TABLE {target} DISABLE KEYS", "ALTER TABLE {target} ADD KEY k (b), COMMENT 'x'", "!ALTER TABLE t RENAME live.r", "!ALTER TABLE t RENAME TO `live`.`r`", "!ALTER TABLE t DISCARD TABLESPACE",
		"!ALTER TABLE t EXCHANGE PARTITION p WITH TABLE live.t", "!ALTER DATABASE live COLLATE latin1_bin", "!ALTER USER root IDENTIFIED BY 'x'", "!ALTER TABLE t ENGINE=FEDERATED CONNECTION='x'", "!ALTER EVENT live.e DISABLE",
	},
	"drop": {
		"DROP TABLE IF EXISTS z", "DROP TABLE IF EXISTS z, {target_z}", "DROP VIEW IF EXISTS {target_z}", "DROP TRIGGER IF EXISTS {target_z}", "DROP FUNCTION IF EXISTS {target_z}", "!DROP DATABASE live", "!DROP USER 'live'", "!DROP INDEX a ON live.t",
		"!DROP PROCEDURE live.p", "!DROP FUNCTION live.f", "!DROP EVENT live.e", "!DROP TRIGGER live.g",
	},
	"target_z": {"z", "`y`", "!live.t", "!`live`.`v`", "!live . u"},
	"set": {
		"SET @a = {value}", "SET sql_notes = 0, @a = {value}", "SET NAMES utf8mb4", "SET @@session.time_zone = '+00:00'", "SET @a := 1, SESSION unique_checks = 0", "SET SESSION TRANSACTION READ WRITE", "!SET GLOBAL max_connections = 77", "!SET @a = 1, GLOBAL max_connections = 77",
		"!SET @@global.max_connections = 77", "!SET sql_notes = 1, @@GLOBAL . max_connections = 77", "!SET PERSIST max_connections = 77", "!SET PASSWORD = 'x'", "!SET STATEMENT sql_notes = 0 FOR DELETE FROM live.t", "!SET ROLE NONE", "!SET GLOBAL TRANSACTION READ ONLY",
	},
	"query": {
		"SELECT {value} FROM {source} {where}", "SELECT 1 INTO @a", "DO {effect}", "!SELECT 1 INTO OUTFILE '/tmp/xfuzz'", "!SELECT 1 INTO DUMPFILE '/tmp/xfuzz'", "SELECT {value}",
	},
	"effect": {"!live.f()", "!sleep(0)", "!release_all_locks()"},
	"object": {
		"CREATE VIEW w AS SELECT {viewed}", "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW {body}", "CREATE PROCEDURE q() {body}", "CREATE FUNCTION k() RETURNS int BEGIN {body}; RETURN 1; END",
		"CREATE DEFINER=root@localhost EVENT x ON SCHEDULE EVERY 1 SECOND DO {body}", "!CREATE VIEW live.w AS SELECT 1", "!CREATE TRIGGER live.x BEFORE INSERT ON live.t FOR EACH ROW SET @a = 1", "!CREATE TRIGGER x BEFORE INSERT ON live.t FOR EACH ROW SET @a = 1",
		"!CREATE PROCEDURE live.q() SELECT 1", "!CREATE FUNCTION q RETURNS STRING SONAME 'x.so'", "!CREATE EVENT live.x ON SCHEDULE EVERY 1 SECOND DO SELECT 1",
	},
	"viewed": {"1 AS a", "* FROM live.t", "live.f() AS a"},
	"body":   {"SET @a = 1", "DELETE FROM live.u", "INSERT INTO live.u VALUES (5, 5)", "CALL live.p()"},
	"server": {
		"BEGIN", "COMMIT", "START TRANSACTION", "!CALL live.p()", "!HANDLER live.t OPEN", "!LOAD DATA INFILE '/etc/hostname' INTO TABLE live.t", "!PREPARE s FROM 'DELETE FROM live.t'", "!EXECUTE IMMEDIATE 'DELETE FROM live.t'", "!GRANT ALL ON *.* TO neighbour",
		"!FLUSH TABLES live.t", "!BEGIN NOT ATOMIC DELETE FROM live.t", "!XA START 'x'", "!EXPLAIN ANALYZE DELETE FROM live.t", "!WITH x AS (SELECT 1) DELETE FROM live.t", "!TABLE live.t", "!CHECKSUM TABLE live.t", "!REPAIR TABLE live.t", "!INSTALL SONAME 'x'",
		"!REVOKE ALL ON *.* FROM neighbour", "!CHANGE MASTER TO MASTER_HOST='x'", "!LOCK TABLES t READ, live.t WRITE",
	},
}
