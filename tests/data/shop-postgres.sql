-- A small database with what dumps stumble over.
CREATE TYPE size AS ENUM ('small', 'large');
CREATE TABLE product (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  price numeric(12, 4) NOT NULL,
  fits size DEFAULT 'small',
  picture bytea,
  attributes jsonb,
  gross numeric GENERATED ALWAYS AS (price * 1.2) STORED
);
INSERT INTO product (name, price, picture, attributes)
SELECT 'Größe ' || n || E' 👕 ''"\\\n', n / 7.0, decode(md5(n::text), 'hex'), jsonb_build_object('n', n) FROM generate_series(1, 20000) n;
CREATE TABLE orders (id int PRIMARY KEY, product_id bigint NOT NULL REFERENCES product, note text);
INSERT INTO orders SELECT n, 1 + n % 20000, E'\\.\nDROP TABLE product;' FROM generate_series(1, 30000) n;
CREATE INDEX dear_products ON product (price) WHERE price > 2000;
CREATE VIEW dear AS SELECT id, name FROM product WHERE price > 2000;
CREATE MATERIALIZED VIEW sold AS SELECT product_id, count(*) FROM orders GROUP BY product_id;
CREATE FUNCTION tax(amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT amount * 0.2';
