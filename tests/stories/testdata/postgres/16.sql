CREATE COLLATION ruled (provider = icu, locale = 'und', rules = '&a < g');
CREATE TABLE sorted (t text);
INSERT INTO sorted VALUES ('b'), ('g');
