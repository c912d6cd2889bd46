-- What the exports are of: keys of each sort, text that looks like the ends of dumps, a view, a trigger, a routine, an event.
CREATE TABLE customer (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  name VARCHAR(100) NOT NULL,
  note TEXT,
  PRIMARY KEY (id),
  UNIQUE KEY name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE item (
  id INT NOT NULL AUTO_INCREMENT,
  customer_id INT UNSIGNED NOT NULL,
  amount DECIMAL(10,2) NOT NULL DEFAULT 0.00,
  picture BLOB,
  PRIMARY KEY (id),
  KEY customer_id (customer_id),
  CONSTRAINT item_customer FOREIGN KEY (customer_id) REFERENCES customer (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE log (
  at DATETIME NOT NULL,
  line VARCHAR(200) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE zone (
  code CHAR(2) NOT NULL,
  PRIMARY KEY (code)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO customer (name, note) VALUES
  ('Ada', 'likes; semicolons'), ('Bob', 'it''s \\ a backslash'), ('Cleo', '-- Dump completed on 2026-11-29 12:00:00'),
  ('Dan', 'COMMIT;\nSET FOREIGN_KEY_CHECKS=1;\n-- 2026-11-29 12:00:00\n'), ('Eve', NULL);
INSERT INTO item (customer_id, amount, picture) VALUES (1, 10.5, 0x00ff27), (2, 3, NULL), (2, 4.25, 'plain'), (5, 7, '');
INSERT INTO log VALUES ('2026-11-29 12:00:00', 'BEGIN'), ('2026-11-29 12:00:01', '/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;');
INSERT INTO zone VALUES ('AT'), ('DE');
CREATE VIEW spent AS SELECT c.name, SUM(i.amount) AS amount FROM customer c JOIN item i ON i.customer_id = c.id GROUP BY c.id;
DELIMITER ;;
CREATE TRIGGER item_added AFTER INSERT ON item FOR EACH ROW BEGIN
  INSERT INTO log VALUES (NOW(), CONCAT('added; ', NEW.id));
END ;;
CREATE PROCEDURE tidy() BEGIN
  START TRANSACTION;
  DELETE FROM log;
  COMMIT;
END ;;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM log ;;
DELIMITER ;
