-- A small database with what dumps stumble over.
SET NAMES utf8mb4;
SET sql_mode = '';

CREATE TABLE product (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(190) NOT NULL,
  price decimal(12,4) NOT NULL DEFAULT 0,
  weight double DEFAULT NULL,
  picture longblob,
  attributes json DEFAULT NULL,
  changed timestamp(6) NOT NULL DEFAULT current_timestamp(6),
  available date DEFAULT '0000-00-00',
  UNIQUE KEY name (name),
  FULLTEXT KEY words (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT INTO product (name, price, weight, picture, attributes)
SELECT CONCAT('Größe ', seq, ' 👕 ''"\\'), seq / 7, SQRT(seq), UNHEX(MD5(seq)), JSON_OBJECT('n', seq) FROM seq_1_to_20000;

CREATE TABLE orders (
  id int NOT NULL PRIMARY KEY,
  product_id int unsigned NOT NULL,
  note text,
  CONSTRAINT bought FOREIGN KEY (product_id) REFERENCES product (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT INTO orders SELECT seq, 1 + seq % 20000, 'DROP TABLE product; -- only text\n/*!50003 not a comment */' FROM seq_1_to_30000;

CREATE TABLE cache_page (cid varchar(100) CHARACTER SET ascii NOT NULL PRIMARY KEY, data longblob) ENGINE=InnoDB;
INSERT INTO cache_page SELECT seq, REPEAT('x', 500) FROM seq_1_to_2000;

CREATE TABLE audit (message varchar(200)) ENGINE=Aria;
CREATE TRIGGER order_audit AFTER INSERT ON orders FOR EACH ROW INSERT INTO audit VALUES (CONCAT('order ', NEW.id));
CREATE VIEW dear AS SELECT id, name FROM product WHERE price > 2000;
DELIMITER //
CREATE PROCEDURE count_orders() BEGIN SELECT COUNT(*) FROM orders; END//
DELIMITER ;
