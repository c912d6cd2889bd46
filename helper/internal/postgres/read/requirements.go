package read

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// A table cannot be made without the types and functions of extensions that its columns and checks use, nor without its collations. It can be
// made without the default of a column.
// The catalogs tell which ones that are. The text of a dump does not: it has no word of what an extension brings.

// required lists the tables, and what each needs. It begins with what uses a member of an extension, and goes on to what uses that.
const required = `
WITH RECURSIVE members AS (SELECT d.classid, d.objid, e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname <> 'plpgsql'),
uses AS (
  SELECT d.classid, d.objid, m.extname FROM members m JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype IN ('n', 'a', 'i')
    WHERE NOT EXISTS (SELECT FROM members o WHERE o.classid = d.classid AND o.objid = d.objid)
  UNION
  SELECT next.classid, next.objid, u.extname FROM uses u CROSS JOIN LATERAL (
    SELECT d.classid, d.objid FROM pg_depend d LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
      WHERE d.refclassid = u.classid AND d.refobjid = u.objid AND d.deptype IN ('n', 'a', 'i')
        AND (c.relkind IN ('r', 'p', 'c') OR d.classid IN ('pg_type'::regclass, 'pg_proc'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_operator'::regclass))
    UNION ALL SELECT 'pg_class'::regclass, adrelid FROM pg_attrdef JOIN pg_attribute a ON attrelid = adrelid AND attnum = adnum
      WHERE u.classid = 'pg_attrdef'::regclass AND pg_attrdef.oid = u.objid AND coalesce(to_jsonb(a) ->> 'attgenerated', '') <> ''
    UNION ALL SELECT CASE WHEN conrelid <> 0 THEN 'pg_class'::regclass ELSE 'pg_type'::regclass END, coalesce(nullif(conrelid, 0), contypid)
      FROM pg_constraint WHERE u.classid = 'pg_constraint'::regclass AND oid = u.objid AND contype = 'c') next),
collations AS (SELECT a.attrelid, CASE WHEN n.nspname = 'pg_catalog' THEN 'collation' ELSE 'collation provider' END AS kind,
    CASE WHEN n.nspname = 'pg_catalog' THEN c.collname::text ELSE 'icu' END AS name
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_collation c ON c.oid = a.attcollation JOIN pg_namespace n ON n.oid = c.collnamespace
  WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attcollation <> t.typcollation
    AND (n.nspname = 'pg_catalog' AND c.collname NOT IN ('default', 'C', 'POSIX', 'ucs_basic') OR n.nspname <> 'pg_catalog' AND c.collprovider = 'i'))
SELECT DISTINCT n.nspname::text, c.relname::text, x.kind, x.name FROM (
    SELECT objid, 'extension' AS kind, extname::text AS name FROM uses WHERE classid = 'pg_class'::regclass UNION ALL SELECT * FROM collations) x
  JOIN pg_class c ON c.oid = x.objid AND c.relkind IN ('r', 'p') JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2, 3, 4`

// readRequirements returns what the dump needs that is not in it.
func (p *Server) readRequirements(ctx context.Context, tx pgx.Tx, tables []source.Table) (*dump.Needs, error) {
	needs := &dump.Needs{}
	extensions, err := p.texts(ctx, tx, "SELECT extname::text || ' ' || extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1")
	if err != nil {
		return nil, err
	}
	for _, row := range extensions {
		needs.Extensions = append(needs.Extensions, row[0])
	}
	rows, err := p.texts(ctx, tx, required)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		name := relationName{row[0], row[1]}.String()
		if !slices.ContainsFunc(tables, func(t source.Table) bool { return t.Name == name }) {
			continue
		}
		last := len(needs.Tables) - 1
		if last < 0 || needs.Tables[last].Table != name {
			needs.Tables = append(needs.Tables, dump.TableNeed{Table: name})
			last++
		}
		needs.Tables[last].Of = append(needs.Tables[last].Of, dump.Requirement{Kind: dump.RequirementKind(row[2]), Name: row[3]})
	}
	if len(needs.Extensions) == 0 && len(needs.Tables) == 0 {
		return nil, nil
	}
	return needs, nil
}
