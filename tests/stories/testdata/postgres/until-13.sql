CREATE AGGREGATE gather(anyelement) (SFUNC = array_append, STYPE = anyarray, INITCOND = '{}');
