CREATE TABLE modern (id uuid DEFAULT uuidv7(), other uuid DEFAULT uuidv4(), a int CONSTRAINT given NOT NULL, b int NOT NULL NO INHERIT, v int GENERATED ALWAYS AS (a + 1) VIRTUAL, s int GENERATED ALWAYS AS (a + 2) STORED,
  CONSTRAINT hoped CHECK (a > 0) NOT ENFORCED, CONSTRAINT kept CHECK (a > -10));
INSERT INTO modern (id, other, a, b) VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', -1, 2);
CREATE TABLE modern_child (c int) INHERITS (modern);
INSERT INTO modern_child (a, b, c) VALUES (1, 1, 1);
ALTER TABLE modern_child ADD CONSTRAINT own NOT NULL b;
COMMENT ON CONSTRAINT given ON modern IS 'a comment';
CREATE TABLE later (a int);
INSERT INTO later VALUES (NULL);
ALTER TABLE later ADD CONSTRAINT somehow NOT NULL a NOT VALID;
CREATE TABLE booked (room int4range, at daterange, PRIMARY KEY (room, at WITHOUT OVERLAPS));
INSERT INTO booked VALUES ('[1,2)', '[2026-01-01,2026-02-01)');
CREATE TABLE guests (room int4range, at daterange, CONSTRAINT stays FOREIGN KEY (room, PERIOD at) REFERENCES booked (room, PERIOD at));
INSERT INTO guests VALUES ('[1,2)', '[2026-01-02,2026-01-03)');
CREATE TABLE loosely (n int REFERENCES node NOT ENFORCED);
INSERT INTO loosely VALUES (999999);
