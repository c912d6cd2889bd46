package swap

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// heidiSQL is a database as HeidiSQL exports it: tables, rows after a DELETE, a placeholder for each
// view, routines, events and triggers, and the views themselves at the end.
const heidiSQL = "-- --------------------------------------------------------\n-- Host:                         127.0.0.1\n" +
	"-- Server version:               10.11.6-MariaDB - mariadb.org binary distribution\n-- Server OS:                    Win64\n" +
	"-- HeidiSQL Version:             12.6.0.6765\n-- --------------------------------------------------------\n\n" +
	"/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!40101 SET NAMES utf8 */;\n/*!50503 SET NAMES utf8mb4 */;\n" +
	"/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;\n/*!40103 SET TIME_ZONE='+00:00' */;\n" +
	"/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;\n" +
	"/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;\n\n\n" +
	"-- Dumping database structure for shop\nDROP DATABASE IF EXISTS `shop`;\n" +
	"CREATE DATABASE IF NOT EXISTS `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */;\nUSE `shop`;\n\n" +
	"-- Dumping structure for event shop.clean\nDROP EVENT IF EXISTS `clean`;\nDELIMITER //\n" +
	"CREATE DEFINER=`root`@`localhost` EVENT `clean` ON SCHEDULE EVERY 1 DAY STARTS '2024-01-01 00:00:00' ON COMPLETION NOT PRESERVE ENABLE DO BEGIN\n\tDELETE FROM item WHERE id < 0;\nEND//\nDELIMITER ;\n\n" +
	"-- Dumping structure for function shop.twice\nDROP FUNCTION IF EXISTS `twice`;\nDELIMITER //\n" +
	"CREATE DEFINER=`root`@`localhost` FUNCTION `twice`(`n` INT) RETURNS int(11)\n    DETERMINISTIC\nBEGIN\n\tRETURN 2 * n;\nEND//\nDELIMITER ;\n\n" +
	"-- Dumping structure for table shop.item\nDROP TABLE IF EXISTS `item`;\nCREATE TABLE IF NOT EXISTS `item` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n" +
	"  `name` varchar(50) DEFAULT NULL,\n  `at` timestamp NULL DEFAULT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;\n\n" +
	"-- Dumping data for table shop.item: ~2 rows (approximately)\nDELETE FROM `item`;\n/*!40000 ALTER TABLE `item` DISABLE KEYS */;\n" +
	"INSERT INTO `item` (`id`, `name`, `at`) VALUES\n\t(1, 'müsli', '2026-11-22 06:30:00'),\n\t(2, 'DELIMITER //', NULL);\n/*!40000 ALTER TABLE `item` ENABLE KEYS */;\n\n" +
	"-- Dumping structure for procedure shop.nothing\nDROP PROCEDURE IF EXISTS `nothing`;\nDELIMITER //\nCREATE PROCEDURE `nothing`()\nBEGIN\nEND//\nDELIMITER ;\n\n" +
	"-- Dumping structure for view shop.names\nDROP VIEW IF EXISTS `names`;\n-- Creating temporary table to overcome VIEW dependency errors\n" +
	"CREATE TABLE `names` (\n\t`name` VARCHAR(1) NULL COLLATE 'utf8mb4_general_ci'\n) ENGINE=MyISAM;\n\n" +
	"-- Dumping structure for trigger shop.item_before_insert\nDROP TRIGGER IF EXISTS `item_before_insert`;\n" +
	"SET @OLDTMP_SQL_MODE=@@SQL_MODE, SQL_MODE='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION';\nDELIMITER //\n" +
	"CREATE TRIGGER `item_before_insert` BEFORE INSERT ON `item` FOR EACH ROW BEGIN\n\tSET NEW.name = UPPER(NEW.name);\nEND//\nDELIMITER ;\nSET SQL_MODE=@OLDTMP_SQL_MODE;\n\n" +
	"-- Dumping structure for view shop.names\nDROP VIEW IF EXISTS `names`;\n-- Removing temporary table and create final VIEW structure\nDROP TABLE IF EXISTS `names`;\n" +
	"CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `names` AS select `item`.`name` AS `name`,`twice`(`item`.`id`) AS `twice` from `item` ;\n\n" +
	"/*!40103 SET TIME_ZONE=IFNULL(@OLD_TIME_ZONE, 'system') */;\n/*!40101 SET SQL_MODE=IFNULL(@OLD_SQL_MODE, '') */;\n" +
	"/*!40014 SET FOREIGN_KEY_CHECKS=IFNULL(@OLD_FOREIGN_KEY_CHECKS, 1) */;\n/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;\n/*!40111 SET SQL_NOTES=IFNULL(@OLD_SQL_NOTES, 1) */;\n"

func TestHeidiSQL(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "site90")
		db, said := targettest.Open(t, server.URL("site90"))
		targettest.Must(t, targettest.Pull(t, db, heidiSQL))
		rows, err := server.Query("SELECT (SELECT GROUP_CONCAT(name, ' ', twice ORDER BY name) FROM site90.names), (SELECT UNIX_TIMESTAMP(at) FROM site90.item WHERE id = 1)," +
			" (SELECT GROUP_CONCAT(TRIGGER_NAME, ' ', SQL_MODE) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'site90')," +
			" (SELECT GROUP_CONCAT(ROUTINE_NAME ORDER BY 1) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'site90')," +
			" (SELECT GROUP_CONCAT(EVENT_NAME) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'site90')," +
			" (SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site90' AND TABLE_NAME = 'names')")
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{{"DELIMITER // 4,müsli 2", "1795329000", "item_before_insert STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION", "nothing,twice", "clean", "VIEW"}}, rows); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if len(said.Lines) > 0 {
			t.Errorf("notes: %q", said.Lines)
		}
	})
}

// heidiSQLForms are other things that exports of HeidiSQL have: no time zone and shorter settings in old versions, bodies that are one statement and end at the
// delimiter, empty lines between parameters, comments with quotes, names with spaces, an event before the tables that it needs, two spaces where
// there was a definer, and tables whose rows were not wanted.
const heidiSQLForms = "-- --------------------------------------------------------\n-- Host:                         db.example.com\n" +
	"-- Server version:               5.7.26 - MySQL Community Server (GPL)\n-- Server OS:                    Linux\n" +
	"-- HeidiSQL Version:             9.3.0.5053\n-- --------------------------------------------------------\n\n" +
	"/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!40101 SET NAMES utf8 */;\n/*!50503 SET NAMES utf8mb4 */;\n" +
	"/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;\n" +
	"/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n\n" +
	"\n-- Dumping database structure for shop\nUSE `shop`;\n\n-- Dumping structure for event shop.every hour\nDELIMITER //\n" +
	"CREATE DEFINER=`root`@`localhost` EVENT `every hour` ON SCHEDULE EVERY 1 HOUR STARTS '2024-01-01 00:00:00' ON COMPLETION PRESERVE ENABLE COMMENT 'it''s hourly' DO DELETE FROM log\n\t\tWHERE at < NOW() - INTERVAL 30 DAY//\nDELIMITER ;\n\n" +
	"-- Dumping structure for procedure shop.report\nDROP PROCEDURE IF EXISTS `report`;\nDELIMITER //\nCREATE  PROCEDURE `report`(\n\tIN `day` VARCHAR(25),\n\n\n\tIN `n` INT\n,\n\tOUT `all` INT\n)\n" +
	"    READS SQL DATA\n    COMMENT 'counts; all of them'\nBEGIN\n  -- *****\n  -- don't count twice; see the \"log\"\n  /* nor this; */\n\tDECLARE c CURSOR FOR SELECT id FROM log;\n\tIF n / 2 > 1 THEN\n\t\tSELECT COUNT(*) INTO `all` FROM log;\n\tEND IF;\nEND//\nDELIMITER ;\n\n" +
	"-- Dumping structure for function shop.one\nDELIMITER //\nCREATE FUNCTION `one`() RETURNS int(11)\n    NO SQL\n    DETERMINISTIC\nRETURN 1//\nDELIMITER ;\n\n" +
	"-- Dumping structure for table shop.log\nCREATE TABLE IF NOT EXISTS `log` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `at` datetime DEFAULT NULL,\n  `text` text,\n  PRIMARY KEY (`id`) USING BTREE\n) ENGINE=InnoDB DEFAULT CHARSET=utf8;\n\n" +
	"-- Dumping data for table shop.log: ~1 rows (approximately)\n/*!40000 ALTER TABLE `log` DISABLE KEYS */;\n" +
	"INSERT INTO `log` (`id`, `at`, `text`) VALUES\n\t(1, NULL, 'END//\\r\\nDELIMITER ;\\r\\n');\n/*!40000 ALTER TABLE `log` ENABLE KEYS */;\n\n" +
	"-- Dumping structure for table shop.unselected\nCREATE TABLE IF NOT EXISTS `unselected` (\n  `id` int(11) NOT NULL\n) ENGINE=InnoDB DEFAULT CHARSET=utf8;\n\n-- Data exporting was unselected.\n\n\n" +
	"/*!40101 SET SQL_MODE=IFNULL(@OLD_SQL_MODE, '') */;\n/*!40014 SET FOREIGN_KEY_CHECKS=IF(@OLD_FOREIGN_KEY_CHECKS IS NULL, 1, @OLD_FOREIGN_KEY_CHECKS) */;\n" +
	"/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;\n"

func TestHeidiSQLForms(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "site90")
		db, said := targettest.Open(t, server.URL("site90"))
		targettest.Must(t, targettest.Pull(t, db, heidiSQLForms))
		rows, err := server.Query("SELECT text, site90.one(), (SELECT CONCAT(EVENT_NAME, ' ', EVENT_COMMENT, ' ', STATUS, ' ', EVENT_DEFINITION) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'site90')," +
			" (SELECT COUNT(*) FROM site90.unselected)," +
			" (SELECT GROUP_CONCAT(PARAMETER_MODE, ' ', PARAMETER_NAME ORDER BY ORDINAL_POSITION) FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA = 'site90' AND SPECIFIC_NAME = 'report') FROM site90.log")
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{{"END//\r\nDELIMITER ;\r\n", "1", "every hour it's hourly ENABLED DELETE FROM log\n\t\tWHERE at < NOW() - INTERVAL 30 DAY", "0", "IN day,IN n,OUT all"}}, rows); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if len(said.Lines) > 0 {
			t.Errorf("notes: %q", said.Lines)
		}
	})
}
