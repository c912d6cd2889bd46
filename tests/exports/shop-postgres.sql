CREATE TABLE customer (
  id serial PRIMARY KEY,
  name varchar(100) NOT NULL UNIQUE,
  note text
);
CREATE TABLE item (
  id serial PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
  amount numeric(10,2) NOT NULL DEFAULT 0
);
CREATE TABLE log (at timestamp NOT NULL, line text NOT NULL);
INSERT INTO customer (name, note) VALUES
  ('Ada', 'likes; semicolons'), ('Bob', 'it''s \ a backslash'), ('Cleo', '-- PostgreSQL database dump complete'),
  ('Dan', E'COMMIT;\n\\.\n-- 2026-11-29 12:00:00\n'), ('Eve', NULL);
INSERT INTO item (customer_id, amount) VALUES (1, 10.5), (2, 3), (2, 4.25), (5, 7);
INSERT INTO log VALUES ('2026-11-29 12:00:00', 'BEGIN'), ('2026-11-29 12:00:01', '\unrestrict');
CREATE VIEW spent AS SELECT c.name, sum(i.amount) AS amount FROM customer c JOIN item i ON i.customer_id = c.id GROUP BY c.id;
CREATE FUNCTION tidy() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM log; END $$;
