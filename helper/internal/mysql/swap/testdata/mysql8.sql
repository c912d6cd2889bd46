-- MySQL dump 10.13  Distrib 8.0.40, for Linux (x86_64)
--
-- Host: db.example.com    Database: staging_db
-- ------------------------------------------------------
-- Server version	8.0.40

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!50503 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;
SET @@SESSION.SQL_LOG_BIN= 0;

--
-- GTID state at the beginning of the backup
--

SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `staging_db` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci */ /*!80016 DEFAULT ENCRYPTION='N' */;

USE `staging_db`;

CREATE USER `staging`@`10.0.0.%` IDENTIFIED BY 'x';
GRANT ALL ON *.* TO `staging`@`10.0.0.%`;
FLUSH PRIVILEGES;

DROP TABLE IF EXISTS `node`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `staging_db`.`node` (
  `nid` int NOT NULL AUTO_INCREMENT,
  `parent` int DEFAULT NULL,
  `title` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci DEFAULT 'utf8mb4_0900_ai_ci',
  PRIMARY KEY (`nid`),
  CONSTRAINT `fk` FOREIGN KEY (`parent`) REFERENCES `staging_db`.`node` (`nid`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

LOCK TABLES `node` WRITE;
/*!40000 ALTER TABLE `node` DISABLE KEYS */;
INSERT INTO `staging_db`.`node` VALUES (1,NULL,'CREATE DEFINER=`x`@`y` … COLLATE utf8mb4_0900_ai_ci; USE `other`;'),(2,1,'It\'s; two');
/*!40000 ALTER TABLE `node` ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,TIME_TRUNCATE_FRACTIONAL' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`staging`@`10.0.0.%`*/ /*!50003 TRIGGER `t_added` BEFORE INSERT ON `node` FOR EACH ROW BEGIN
  SET NEW.title = CONCAT(NEW.title, ' DEFINER=`staging`@`10.0.0.%`');
END */;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;

/*!50001 DROP VIEW IF EXISTS `titles`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`staging`@`10.0.0.%` SQL SECURITY DEFINER */
/*!50001 VIEW `titles` AS select `staging_db`.`node`.`title` AS `title` from `staging_db`.`node` */;

DELIMITER ;;
CREATE DEFINER=`staging`@`10.0.0.%` PROCEDURE `count_nodes`()
BEGIN
  SELECT COUNT(*) FROM node;
END ;;
DELIMITER ;
SET @@SESSION.SQL_LOG_BIN = @MYSQLDUMP_TEMP_LOG_BIN;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

-- Dump completed on 2026-11-22  6:30:00
