CREATE TABLE searched (v tsvector);
INSERT INTO searched VALUES ('a b');
CREATE INDEX searched_v ON searched USING gist (v tsvector_ops (siglen = 100)) WITH (fillfactor = 80);
CREATE INDEX node_made ON node (made) WITH (deduplicate_items = off);
ALTER STATISTICS node_stats SET STATISTICS 200;
CREATE TRIGGER parted_touched BEFORE INSERT ON parted FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE parted DISABLE TRIGGER parted_touched;
