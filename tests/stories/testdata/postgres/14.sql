ALTER TABLE node ALTER title SET COMPRESSION pglz;
CREATE TYPE span AS RANGE (subtype = float8, multirange_type_name = spans);
CREATE TABLE reaches (s span);
INSERT INTO reaches VALUES ('[1,2)');
CREATE FUNCTION added(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql IMMUTABLE RETURN a + b;
CREATE FUNCTION counting() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT count(*) FROM node WHERE title <> 'it''s; END'; END;
CREATE PROCEDURE emptied() LANGUAGE sql BEGIN ATOMIC DELETE FROM cached; END;
CREATE STATISTICS node_lower ON lower(title), p FROM node;
