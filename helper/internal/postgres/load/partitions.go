package load

// PostgreSQL has functions for partitions since version 12. These expressions do the same on older servers.

// partitionRoot is the partitioned table at the root of what the table c belongs to; c itself if it is no partition.
const partitionRoot = `coalesce((
  WITH RECURSIVE up(oid) AS (
    SELECT i.inhparent FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent AND p.relkind = 'p' WHERE i.inhrelid = c.oid
    UNION SELECT i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.oid
  )
  SELECT u.oid FROM up u WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = u.oid) LIMIT 1), c.oid)`

// hasForeignPartition reports whether a partition of the table r lies on a foreign server.
const hasForeignPartition = `r.relkind = 'p' AND EXISTS (
  WITH RECURSIVE tree(oid) AS (SELECT r.oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid)
  SELECT FROM tree JOIN pg_class f ON f.oid = tree.oid WHERE f.relkind = 'f')`
