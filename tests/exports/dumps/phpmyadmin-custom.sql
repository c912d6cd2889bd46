-- phpMyAdmin SQL Dump
-- version 5.2.1deb1+deb12u1
-- https://www.phpmyadmin.net/
--
-- Host: 127.0.0.1:34065
-- Generation Time: Nov 29, 2026 at 03:04 PM
-- Server version: 10.11.19-MariaDB-0+deb12u1
-- PHP Version: 8.2.36

SET FOREIGN_KEY_CHECKS=0;
SET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";
START TRANSACTION;
SET time_zone = "+00:00";


/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;

--
-- Database: `shop`
--

DELIMITER $$
--
-- Procedures
--
DROP PROCEDURE IF EXISTS `tidy`$$
CREATE DEFINER=`root`@`localhost` PROCEDURE `tidy` ()   BEGIN
  START TRANSACTION;
  DELETE FROM log;
  COMMIT;
END$$

DELIMITER ;

-- --------------------------------------------------------

--
-- Table structure for table `customer`
--

DROP TABLE IF EXISTS `customer`;
CREATE TABLE `customer` (
  `id` int(10) UNSIGNED NOT NULL,
  `name` varchar(100) NOT NULL,
  `note` text DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `customer`
--

INSERT INTO `customer` (`id`, `name`, `note`) VALUES
(1, 'Ada', 'likes; semicolons'),
(2, 'Bob', 'it\'s \\ a backslash'),
(3, 'Cleo', '-- Dump completed on 2026-11-29 12:00:00'),
(4, 'Dan', 'COMMIT;\nSET FOREIGN_KEY_CHECKS=1;\n-- 2026-11-29 12:00:00\n'),
(5, 'Eve', NULL);

-- --------------------------------------------------------

--
-- Table structure for table `item`
--

DROP TABLE IF EXISTS `item`;
CREATE TABLE `item` (
  `id` int(11) NOT NULL,
  `customer_id` int(10) UNSIGNED NOT NULL,
  `amount` decimal(10,2) NOT NULL DEFAULT 0.00,
  `picture` blob DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `item`
--

INSERT INTO `item` (`id`, `customer_id`, `amount`, `picture`) VALUES
(1, 1, 10.50, 0x00ff27),
(2, 2, 3.00, NULL),
(3, 2, 4.25, 0x706c61696e),
(4, 5, 7.00, '');

--
-- Triggers `item`
--
DROP TRIGGER IF EXISTS `item_added`;
DELIMITER $$
CREATE TRIGGER `item_added` AFTER INSERT ON `item` FOR EACH ROW BEGIN
  INSERT INTO log VALUES (NOW(), CONCAT('added; ', NEW.id));
END
$$
DELIMITER ;

-- --------------------------------------------------------

--
-- Table structure for table `log`
--

DROP TABLE IF EXISTS `log`;
CREATE TABLE `log` (
  `at` datetime NOT NULL,
  `line` varchar(200) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `log`
--

INSERT INTO `log` (`at`, `line`) VALUES
('2026-11-29 12:00:00', 'BEGIN'),
('2026-11-29 12:00:01', '/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;');

-- --------------------------------------------------------

--
-- Stand-in structure for view `spent`
-- (See below for the actual view)
--
DROP VIEW IF EXISTS `spent`;
CREATE TABLE `spent` (
`name` varchar(100)
,`amount` decimal(32,2)
);

-- --------------------------------------------------------

--
-- Table structure for table `zone`
--

DROP TABLE IF EXISTS `zone`;
CREATE TABLE `zone` (
  `code` char(2) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `zone`
--

INSERT INTO `zone` (`code`) VALUES
('AT'),
('DE');

-- --------------------------------------------------------

--
-- Structure for view `spent`
--
DROP TABLE IF EXISTS `spent`;

DROP VIEW IF EXISTS `spent`;
CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `spent`  AS SELECT `c`.`name` AS `name`, sum(`i`.`amount`) AS `amount` FROM (`customer` `c` join `item` `i` on(`i`.`customer_id` = `c`.`id`)) GROUP BY `c`.`id` ;

--
-- Indexes for dumped tables
--

--
-- Indexes for table `customer`
--
ALTER TABLE `customer`
  ADD PRIMARY KEY (`id`),
  ADD UNIQUE KEY `name` (`name`);

--
-- Indexes for table `item`
--
ALTER TABLE `item`
  ADD PRIMARY KEY (`id`),
  ADD KEY `customer_id` (`customer_id`);

--
-- Indexes for table `zone`
--
ALTER TABLE `zone`
  ADD PRIMARY KEY (`code`);

--
-- AUTO_INCREMENT for dumped tables
--

--
-- AUTO_INCREMENT for table `customer`
--
ALTER TABLE `customer`
  MODIFY `id` int(10) UNSIGNED NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=6;

--
-- AUTO_INCREMENT for table `item`
--
ALTER TABLE `item`
  MODIFY `id` int(11) NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=5;

--
-- Constraints for dumped tables
--

--
-- Constraints for table `item`
--
ALTER TABLE `item`
  ADD CONSTRAINT `item_customer` FOREIGN KEY (`customer_id`) REFERENCES `customer` (`id`) ON DELETE CASCADE;

DELIMITER $$
--
-- Events
--
DROP EVENT IF EXISTS `nightly`$$
CREATE DEFINER=`root`@`localhost` EVENT `nightly` ON SCHEDULE EVERY 1 DAY STARTS '2026-11-29 15:04:35' ON COMPLETION NOT PRESERVE DISABLE DO DELETE FROM log$$

DELIMITER ;
SET FOREIGN_KEY_CHECKS=1;
COMMIT;

/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
