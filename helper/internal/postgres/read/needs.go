package read

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// A rule may leave out what something else needs: then nobody could restore the dump. That is found out before anything is read.

// ruled is a relation to which a rule applies.
type ruled struct {
	relationName
	rule string
}

// ruleFor returns the first of the rules that matches one of a relation's names; "" if none does.
func ruleFor(rules, names []string) string {
	for _, rule := range rules {
		if wildcard.MatchAny([]string{rule}, names...) {
			return rule
		}
	}
	return ""
}

// dependents lists what would be in the dump and needs what would not. An object that belongs to a relation, such as a default or the rule
// that makes a view, goes where that relation goes. So do the sequences of a table.
const dependents = `
WITH wanted AS (SELECT c.oid, c.reltype FROM unnest($1::text[], $2::text[]) AS w (schema, name)
    JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name),
gone AS (SELECT oid, reltype FROM wanted
    UNION SELECT s.oid, s.reltype FROM wanted t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.deptype IN ('a', 'i')
      JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'),
needed AS (SELECT oid AS of, 'pg_class'::regclass AS classid, oid AS objid FROM gone
    UNION ALL SELECT oid, 'pg_type'::regclass, reltype FROM gone WHERE reltype <> 0
    UNION ALL SELECT g.oid, 'pg_type'::regclass, t.typarray FROM gone g JOIN pg_type t ON t.oid = g.reltype WHERE t.typarray <> 0),
found AS (SELECT DISTINCT x.of, d.classid, d.objid, CASE WHEN d.classid = 'pg_class'::regclass THEN d.objsubid ELSE 0 END AS objsubid,
    coalesce(k.conrelid, r.ev_class, a.adrelid, p.polrelid, g.tgrelid, i.indrelid, c.oid, nullif(t.typrelid, 0)) AS owner
  FROM needed x JOIN pg_depend d ON d.refclassid = x.classid AND d.refobjid = x.objid AND d.deptype IN ('n', 'a')
  LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
  LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
  LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
  LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
  LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
  WHERE d.classid IN ('pg_constraint'::regclass, 'pg_rewrite'::regclass, 'pg_attrdef'::regclass, 'pg_policy'::regclass, 'pg_class'::regclass,
      'pg_type'::regclass, 'pg_proc'::regclass, 'pg_aggregate'::regclass, 'pg_cast'::regclass, 'pg_operator'::regclass)
    OR d.classid = 'pg_trigger'::regclass AND NOT g.tgisinternal)
SELECT n.nspname, c.relname, CASE WHEN f.classid = 'pg_rewrite'::regclass THEN pg_describe_object('pg_class'::regclass, f.owner, 0)
    ELSE pg_describe_object(f.classid, f.objid, f.objsubid) END
FROM found f JOIN pg_class c ON c.oid = f.of JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class o ON o.oid = f.owner
WHERE f.owner IS DISTINCT FROM f.of AND NOT EXISTS (SELECT FROM gone WHERE gone.oid = f.owner)
  AND coalesce(o.relkind NOT IN ('t', 'i', 'I') AND o.relpersistence <> 't', true)
  AND NOT (f.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM needed WHERE needed.classid = f.classid AND needed.objid = f.objid))
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e' AND (e.classid = f.classid AND e.objid = f.objid OR e.classid = 'pg_class'::regclass AND e.objid = f.owner))
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`

// referrers lists the foreign keys from tables with rows to tables that come without, with the columns of the former. A key that is not valid is not checked by a restore.
const referrers = `
SELECT tn.nspname, t.relname, pg_describe_object('pg_constraint'::regclass, k.oid, 0),
  format('SELECT EXISTS (SELECT FROM ONLY %I.%I WHERE %s)', fn.nspname, f.relname,
    (SELECT string_agg(format('%I IS NOT NULL', a.attname), ' AND ') FROM unnest(k.conkey) AS key (number) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.number)),
  fn.nspname, f.relname, (SELECT string_agg(a.attname, E'\n') FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey))
FROM unnest($1::text[], $2::text[]) AS empty (schema, name)
JOIN pg_namespace tn ON tn.nspname = empty.schema JOIN pg_class t ON t.relnamespace = tn.oid AND t.relname = empty.name
JOIN pg_constraint k ON k.confrelid = t.oid AND k.contype = 'f' AND k.convalidated AND coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true'
JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
WHERE (fn.nspname, f.relname) IN (SELECT * FROM unnest($3::text[], $4::text[]))
ORDER BY 1, 2, 3`

// checkNeeds fails with *source.NeededError if something in the dump would need what the rules leave out.
// A row whose reference becomes NULL needs nothing.
func (p *Server) checkNeeds(ctx context.Context, tx pgx.Tx, excluded, structureOnly []ruled, masked masking) error {
	var needs []source.Need
	if len(excluded) > 0 {
		schemas, names := columns(excluded)
		rows, err := p.texts(ctx, tx, dependents, schemas, names)
		if err != nil {
			return err
		}
		for _, row := range rows {
			needs = append(needs, need("exclude", excluded, row))
		}
	}
	if len(structureOnly) > 0 && len(p.copied) > 0 {
		schemas, names := columns(structureOnly)
		var with []ruled
		for _, table := range p.copied {
			with = append(with, ruled{relationName: table})
		}
		withSchemas, withNames := columns(with)
		rows, err := p.texts(ctx, tx, referrers, schemas, names, withSchemas, withNames)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if masked.becomeNull(relationName{row[4], row[5]}, strings.Split(row[6], "\n")) {
				continue
			}
			var refers bool
			if err := tx.QueryRow(ctx, row[3]).Scan(&refers); err != nil {
				return err
			}
			if refers {
				needs = append(needs, need("structure_only", structureOnly, row))
			}
		}
	}
	if len(needs) > 0 {
		return &source.NeededError{Needs: needs}
	}
	return nil
}

// need makes a need of a row: the schema and the name of the relation, and what needs it.
func need(list string, all []ruled, row []string) source.Need {
	name := relationName{row[0], row[1]}
	n := source.Need{List: list, Table: name.String(), By: row[2]}
	if i := slices.IndexFunc(all, func(r ruled) bool { return r.relationName == name }); i >= 0 {
		n.Rule = all[i].rule
	}
	return n
}

func columns(all []ruled) (schemas, names []string) {
	for _, r := range all {
		schemas, names = append(schemas, r.schema), append(names, r.name)
	}
	return schemas, names
}

// texts returns the rows of a query, all of whose columns are text.
func (p *Server) texts(ctx context.Context, tx querier, query string, arguments ...any) ([][]string, error) {
	rows, err := tx.Query(ctx, query, arguments...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]string, error) {
		values, err := row.Values()
		line := make([]string, len(values))
		for i, value := range values {
			line[i] = strings.TrimSpace(fmt.Sprint(value))
		}
		return line, err
	})
}
