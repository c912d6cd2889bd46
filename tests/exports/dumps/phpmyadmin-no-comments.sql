SET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";
SET time_zone = "+00:00";

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;


DELIMITER $$
CREATE DEFINER=`root`@`localhost` PROCEDURE `tidy` ()   BEGIN
  START TRANSACTION;
  DELETE FROM log;
  COMMIT;
END$$

DELIMITER ;

CREATE TABLE `customer` (
  `id` int(10) UNSIGNED NOT NULL,
  `name` varchar(100) NOT NULL,
  `note` text DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

INSERT INTO `customer` (`id`, `name`, `note`) VALUES
(1, 'Ada', 'likes; semicolons'),
(2, 'Bob', 'it\'s \\ a backslash'),
(3, 'Cleo', '-- Dump completed on 2026-11-29 12:00:00'),
(4, 'Dan', 'COMMIT;\nSET FOREIGN_KEY_CHECKS=1;\n-- 2026-11-29 12:00:00\n'),
(5, 'Eve', NULL);

CREATE TABLE `item` (
  `id` int(11) NOT NULL,
  `customer_id` int(10) UNSIGNED NOT NULL,
  `amount` decimal(10,2) NOT NULL DEFAULT 0.00,
  `picture` blob DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

INSERT INTO `item` (`id`, `customer_id`, `amount`, `picture`) VALUES
(1, 1, 10.50, 0x00ff27),
(2, 2, 3.00, NULL),
(3, 2, 4.25, 0x706c61696e),
(4, 5, 7.00, '');
DELIMITER $$
CREATE TRIGGER `item_added` AFTER INSERT ON `item` FOR EACH ROW BEGIN
  INSERT INTO log VALUES (NOW(), CONCAT('added; ', NEW.id));
END
$$
DELIMITER ;

CREATE TABLE `log` (
  `at` datetime NOT NULL,
  `line` varchar(200) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

INSERT INTO `log` (`at`, `line`) VALUES
('2026-11-29 12:00:00', 'BEGIN'),
('2026-11-29 12:00:01', '/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;');
CREATE TABLE `spent` (
`name` varchar(100)
,`amount` decimal(32,2)
);

CREATE TABLE `zone` (
  `code` char(2) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

INSERT INTO `zone` (`code`) VALUES
('AT'),
('DE');
DROP TABLE IF EXISTS `spent`;

CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `spent`  AS SELECT `c`.`name` AS `name`, sum(`i`.`amount`) AS `amount` FROM (`customer` `c` join `item` `i` on(`i`.`customer_id` = `c`.`id`)) GROUP BY `c`.`id` ;


ALTER TABLE `customer`
  ADD PRIMARY KEY (`id`),
  ADD UNIQUE KEY `name` (`name`);

ALTER TABLE `item`
  ADD PRIMARY KEY (`id`),
  ADD KEY `customer_id` (`customer_id`);

ALTER TABLE `zone`
  ADD PRIMARY KEY (`code`);


ALTER TABLE `customer`
  MODIFY `id` int(10) UNSIGNED NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=6;

ALTER TABLE `item`
  MODIFY `id` int(11) NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=5;


ALTER TABLE `item`
  ADD CONSTRAINT `item_customer` FOREIGN KEY (`customer_id`) REFERENCES `customer` (`id`) ON DELETE CASCADE;

DELIMITER $$
CREATE DEFINER=`root`@`localhost` EVENT `nightly` ON SCHEDULE EVERY 1 DAY STARTS '2026-11-29 15:04:35' ON COMPLETION NOT PRESERVE DISABLE DO DELETE FROM log$$

DELIMITER ;

/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
