-- Adminer 4.8.1 MySQL 10.11.19-MariaDB-0+deb12u1 dump

SET NAMES utf8;
SET time_zone = '+00:00';
SET foreign_key_checks = 0;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';

DELIMITER ;;

DROP PROCEDURE IF EXISTS `tidy`;;
CREATE PROCEDURE `tidy`()
BEGIN
  START TRANSACTION;
  DELETE FROM log;
  COMMIT;
END;;

DROP EVENT IF EXISTS `nightly`;;
CREATE EVENT `nightly` ON SCHEDULE EVERY 1 DAY STARTS '2026-11-29 15:04:35' ON COMPLETION NOT PRESERVE DISABLE DO DELETE FROM log;;

DELIMITER ;

SET NAMES utf8mb4;

CREATE TABLE `customer` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `name` varchar(100) NOT NULL,
  `note` text DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `name` (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

TRUNCATE `customer`;
INSERT INTO `customer` (`id`, `name`, `note`) VALUES
(1,	'Ada',	'likes; semicolons'),
(2,	'Bob',	'it\'s \\ a backslash'),
(3,	'Cleo',	'-- Dump completed on 2026-11-29 12:00:00'),
(4,	'Dan',	'COMMIT;\nSET FOREIGN_KEY_CHECKS=1;\n-- 2026-11-29 12:00:00\n'),
(5,	'Eve',	NULL);

CREATE TABLE `item` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `customer_id` int(10) unsigned NOT NULL,
  `amount` decimal(10,2) NOT NULL DEFAULT 0.00,
  `picture` blob DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `customer_id` (`customer_id`),
  CONSTRAINT `item_customer` FOREIGN KEY (`customer_id`) REFERENCES `customer` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

TRUNCATE `item`;
INSERT INTO `item` (`id`, `customer_id`, `amount`, `picture`) VALUES
(1,	1,	10.50,	'\0ÿ\''),
(2,	2,	3.00,	NULL),
(3,	2,	4.25,	'plain'),
(4,	5,	7.00,	'');

DELIMITER ;;

CREATE TRIGGER `item_added` AFTER INSERT ON `item` FOR EACH ROW
BEGIN
  INSERT INTO log VALUES (NOW(), CONCAT('added; ', NEW.id));
END;;

DELIMITER ;

CREATE TABLE `log` (
  `at` datetime NOT NULL,
  `line` varchar(200) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

TRUNCATE `log`;
INSERT INTO `log` (`at`, `line`) VALUES
('2026-11-29 12:00:00',	'BEGIN'),
('2026-11-29 12:00:01',	'/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;');

CREATE TABLE `spent` (`name` varchar(100), `amount` decimal(32,2));


CREATE TABLE `zone` (
  `code` char(2) NOT NULL,
  PRIMARY KEY (`code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

TRUNCATE `zone`;
INSERT INTO `zone` (`code`) VALUES
('AT'),
('DE');

DROP TABLE IF EXISTS `spent`;
CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `spent` AS select `c`.`name` AS `name`,sum(`i`.`amount`) AS `amount` from (`customer` `c` join `item` `i` on(`i`.`customer_id` = `c`.`id`)) group by `c`.`id`;

-- 2026-11-29 15:04:38
