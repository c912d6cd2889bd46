package read

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// checkFilters checks that the rules for rows can be applied to the tables that inspectTables has found. What matches
// no table is told.
func (p *Server) checkFilters(ctx context.Context, tx pgx.Tx) error {
	for _, line := range rowfilter.Unmatched(p.config.Rows, p.called) {
		p.tell(line)
	}
	if len(p.filters) == 0 {
		return nil
	}
	tables, err := p.readTables(ctx, tx)
	if err != nil {
		return err
	}
	byName := map[relationName]*readTable{}
	for _, t := range tables {
		byName[t.from.relationName] = t
		for _, single := range t.filter.Singly() {
			by := readTable{from: t.from, filter: single}
			_, err := tx.Exec(ctx, "SELECT FROM ("+by.filtered("1")+") AS filtered LIMIT 0")
			var refused *pgconn.PgError
			if errors.As(err, &refused) {
				return single.Refused(t.from.String(), refused.Message)
			}
			if err != nil {
				return err
			}
		}
	}
	return p.checkReferences(ctx, tx, byName)
}

// references lists the foreign keys that lead into tables: the schemas and names of the child and the parent, the key, and its columns as
// conditions between c, a row of the child, and p and k, rows of the parent.
const references = `
SELECT fn.nspname, f.relname, tn.nspname, t.relname, pg_describe_object('pg_constraint'::regclass, k.oid, 0),
  string_agg(quote_ident(fa.attname), ', '), string_agg(quote_ident(ta.attname), ', '), min(quote_ident(ta.attname)),
  string_agg(format('p.%I = c.%I', ta.attname, fa.attname), ' AND '), string_agg(format('k.%I = c.%I', ta.attname, fa.attname), ' AND ')
FROM unnest($1::text[], $2::text[]) AS parent (schema, name)
JOIN pg_namespace tn ON tn.nspname = parent.schema JOIN pg_class t ON t.relnamespace = tn.oid AND t.relname = parent.name
JOIN pg_constraint k ON k.confrelid = t.oid AND k.contype = 'f'
JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
JOIN unnest(k.conkey, k.confkey) AS key (child, parent) ON true
JOIN pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = key.child JOIN pg_attribute ta ON ta.attrelid = t.oid AND ta.attnum = key.parent
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 5`

// checkReferences fails with *source.NeededError if rows that are in the dump refer to rows that a rule leaves out.
func (p *Server) checkReferences(ctx context.Context, tx pgx.Tx, tables map[relationName]*readTable) error {
	var schemas, names []string
	for name := range p.filters {
		schemas, names = append(schemas, name.schema), append(names, name.name)
	}
	rows, err := p.texts(ctx, tx, references, schemas, names)
	if err != nil {
		return err
	}
	var needs []source.Need
	for _, v := range rows {
		child, parent := tables[relationName{v[0], v[1]}], tables[relationName{v[2], v[3]}]
		if child == nil || parent == nil { // no rows of the child are in the dump
			continue
		}
		query := fmt.Sprintf("SELECT EXISTS (SELECT FROM (%s) c JOIN ONLY %s p ON %s LEFT JOIN (%s) k ON %s WHERE k.%s IS NULL)",
			child.filtered(v[5]), parent.from.quoted, v[8], parent.filtered(v[6]), v[9], v[7])
		var refers bool
		if err := tx.QueryRow(ctx, query).Scan(&refers); err != nil {
			return err
		}
		if refers {
			list, rule := parent.filter.Rule()
			needs = append(needs, source.Need{List: list, Rule: rule, Table: parent.from.String(), By: v[4]})
		}
	}
	if len(needs) > 0 {
		return &source.NeededError{Needs: needs}
	}
	return nil
}
