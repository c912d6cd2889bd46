package swap

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// PostgreSQL stores with each row the transaction that wrote it. So no checksum is needed: a table is unchanged if it
// has as many rows as before and none of them is younger. A row keeps its transaction number when it is frozen, when
// VACUUM FULL or CLUSTER moves it, and across restarts. The count shows removed rows and emptied tables. The server's
// statistics would be cheaper to read, but a crash loses them.

// oldestRows is how many transactions may have passed since a fingerprint. Transaction numbers repeat after 2^32, and
// half of them count as the future.
const oldestRows = 1 << 31

// largeObjects is their name in a fingerprint; they have no table of their own.
const largeObjects = "large objects"

// notOf excludes from a catalog, whose rows are called x, what belongs to the server or to an extension.
func notOf(catalog string) string {
	return " x.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '" + catalog + "'::regclass AND d.objid = x.oid AND d.deptype = 'e')"
}

// relationPrints returns, by name and kind, the texts to hash for tables, views and sequences. It leaves out what
// VACUUM and ANALYZE change, and where the file is.
var relationPrints = `
SELECT x.relkind, ` + postgres.TableName("n.nspname", "x.relname") + `,
       md5(concat_ws(E'\n', x.relkind, x.relpersistence, x.relowner, x.relacl::text, x.reloptions::text, x.relrowsecurity, x.relforcerowsecurity,
           x.relreplident, to_jsonb(x) ->> 'relpartbound', to_jsonb(q)::text,
           (SELECT string_agg(i.inhparent::text, ',' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = x.oid),
           (SELECT string_agg((to_jsonb(a) - 'attcacheoff')::text, E'\n' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = x.oid AND a.attnum > 0),
           (SELECT string_agg(f.adnum || pg_get_expr(f.adbin, f.adrelid), E'\n' ORDER BY f.adnum) FROM pg_attrdef f WHERE f.adrelid = x.oid),
           (SELECT string_agg(k.conname || pg_get_constraintdef(k.oid) || k.convalidated, E'\n' ORDER BY k.conname, k.oid) FROM pg_constraint k WHERE k.conrelid = x.oid),
           (SELECT string_agg(pg_get_indexdef(i.indexrelid) || i.indisvalid || i.indisclustered, E'\n' ORDER BY i.indexrelid) FROM pg_index i WHERE i.indrelid = x.oid),
           (SELECT string_agg(pg_get_triggerdef(g.oid) || g.tgenabled::text, E'\n' ORDER BY g.oid) FROM pg_trigger g WHERE g.tgrelid = x.oid AND NOT g.tgisinternal),
           (SELECT string_agg(pg_get_ruledef(r.oid) || r.ev_enabled::text, E'\n' ORDER BY r.oid) FROM pg_rewrite r WHERE r.ev_class = x.oid),
           (SELECT string_agg(to_jsonb(p)::text, E'\n' ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = x.oid),
           (SELECT string_agg(e.objsubid || e.description, E'\n' ORDER BY e.objsubid) FROM pg_description e WHERE e.classoid = 'pg_class'::regclass AND e.objoid = x.oid))),
       format('%I.%I', n.nspname, x.relname), pg_relation_size(x.oid)
  FROM pg_class x JOIN pg_namespace n ON n.oid = x.relnamespace LEFT JOIN pg_sequence q ON q.seqrelid = x.oid
 WHERE x.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND x.relpersistence <> 't' AND` + schemas + " AND"

// relationKinds are the kinds in pg_class that are not tables.
var relationKinds = map[string]string{"v": "view", "m": "materialized view", "f": "foreign table", "S": "sequence"}

// catalogs lists all other objects: what they are called, their names, and what is hashed. x is a row.
var catalogs = []struct{ table, kind, name, definition string }{
	{"pg_namespace", "schema", "x.nspname", "to_jsonb(x)::text"},
	{"pg_extension", "extension", "x.extname", "x.extversion"},
	{"pg_proc", "function", "x.oid::regprocedure::text", "to_jsonb(x)::text"},
	{"pg_type", "type", "format_type(x.oid, NULL)", "concat_ws(E'\\n', to_jsonb(x)::text," +
		" (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = x.oid)," +
		" (SELECT string_agg(k.conname || pg_get_constraintdef(k.oid), ',' ORDER BY k.oid) FROM pg_constraint k WHERE k.contypid = x.oid)," +
		" (SELECT string_agg((to_jsonb(a) - 'attcacheoff')::text, ',' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = x.typrelid))"},
	{"pg_operator", "operator", "x.oid::regoperator::text", "to_jsonb(x)::text"},
	{"pg_opclass", "operator class", "x.opcname", "to_jsonb(x)::text"},
	{"pg_cast", "cast", "format_type(x.castsource, NULL) || ' AS ' || format_type(x.casttarget, NULL)", "to_jsonb(x)::text"},
	{"pg_collation", "collation", "x.collname", "to_jsonb(x)::text"},
	{"pg_conversion", "conversion", "x.conname", "to_jsonb(x)::text"},
	{"pg_ts_config", "text search configuration", "x.cfgname", "to_jsonb(x)::text"},
	{"pg_ts_dict", "text search dictionary", "x.dictname", "to_jsonb(x)::text"},
	{"pg_event_trigger", "event trigger", "x.evtname", "to_jsonb(x)::text"},
	{"pg_foreign_server", "foreign server", "x.srvname", "to_jsonb(x)::text"},
	{"pg_language", "language", "x.lanname", "to_jsonb(x)::text"},
	{"pg_foreign_data_wrapper", "foreign-data wrapper", "x.fdwname", "to_jsonb(x)::text"},
	{"pg_statistic_ext", "statistics", "x.stxname", "to_jsonb(x)::text"},
	{"pg_publication", "publication", "x.pubname", "concat_ws(E'\\n', to_jsonb(x)::text," +
		" (SELECT string_agg(to_jsonb(r)::text, ',' ORDER BY r.oid) FROM pg_publication_rel r WHERE r.prpubid = x.oid))"},
	{"pg_default_acl", "default privileges", "pg_get_userbyid(x.defaclrole) || ' ' || x.defaclobjtype::text || ' ' || coalesce(x.defaclnamespace::regnamespace::text, '')",
		"to_jsonb(x)::text"},
}

// relation is a table that the fingerprint has looked at.
type relation struct {
	quoted string // its name
	size   int64  // in bytes
}

// definitions takes the part of a fingerprint that is made of definitions, and returns the tables that have rows.
func definitions(ctx context.Context, s *session.Session) (f target.Fingerprint, tables map[string]relation, err error) {
	f = target.Fingerprint{Tables: map[string]target.TablePrint{}, Objects: map[string]string{}}
	tables = map[string]relation{}
	rows, err := s.Query(ctx, relationPrints+notOf("pg_class"))
	if err != nil {
		return f, nil, err
	}
	for _, row := range rows {
		kind, name := row[0], row[1]
		if other := relationKinds[kind]; other != "" {
			f.Objects[other+" "+name] = row[2]
			continue
		}
		f.Tables[name] = target.TablePrint{Definition: row[2]}
		if kind == "r" {
			size, _ := strconv.ParseInt(row[4], 10, 64)
			tables[name] = relation{row[3], size}
		}
	}
	rows, err = s.Query(ctx, "SELECT has_table_privilege('pg_largeobject', 'SELECT'), EXISTS (SELECT FROM pg_largeobject_metadata)")
	if err != nil {
		return f, nil, err
	}
	if rows[0][0] == "t" || rows[0][1] == "t" { // otherwise there is nothing to see
		f.Tables[largeObjects] = target.TablePrint{}
		tables[largeObjects] = relation{quoted: "pg_largeobject"}
	}
	var queries []string
	for _, c := range catalogs {
		query := fmt.Sprintf("SELECT '%s ' || %s, md5(%s) FROM %s x WHERE", c.kind, c.name, c.definition, c.table) + notOf(c.table)
		switch c.table {
		case "pg_namespace":
			query += " AND x.nspname NOT LIKE 'pg\\_%'"
		case "pg_type": // the types of tables and arrays go with their tables and elements
			query += " AND (x.typtype IN ('e', 'd', 'r') OR x.typtype = 'c' AND EXISTS (SELECT FROM pg_class t WHERE t.oid = x.typrelid AND t.relkind = 'c'))"
		}
		queries = append(queries, query)
	}
	// Comments on relations are among these. The server's and extensions' comments are on their own objects.
	queries = append(queries, "SELECT 'comment on ' || pg_describe_object(x.classoid, x.objoid, x.objsubid), md5(x.description) FROM pg_description x"+
		" WHERE x.classoid NOT IN ('pg_class'::regclass, 'pg_extension'::regclass) AND x.objoid >= 16384"+
		" AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = x.classoid AND d.objid = x.objoid AND d.deptype = 'e')")
	if rows, err = s.Query(ctx, strings.Join(queries, " UNION ALL ")); err != nil {
		return f, nil, err
	}
	for _, row := range rows {
		f.Objects[row[0]] += row[1] // several objects may share a name
	}
	return f, tables, nil
}

// beginReading starts a transaction that reads everything as of one moment. It does not wait long for locks, no
// policy hides rows from it, and definitions read the same whatever a dump has set.
const beginReading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '3s'; SET LOCAL row_security = off;" +
	" SET LOCAL search_path = pg_catalog; SET LOCAL quote_all_identifiers = off; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO';" +
	" SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1"

// fingerprint takes the fingerprint of the session's database, while nobody else writes to it. It returns nil for a
// database that cannot be read completely. counted are the rows of its tables; nil if they are to be counted here.
func fingerprint(ctx context.Context, s *session.Session, withoutRows func(string) bool, counted map[string]string) (*target.Fingerprint, error) {
	f, err := takeFingerprint(ctx, s, withoutRows, counted)
	_ = s.Exec(ctx, "ROLLBACK")
	if postgres.SQLState(err) != "" {
		return nil, nil //nolint:nilnil // that nobody knows is no reason to fail: it counts as changed
	}
	return f, err
}

func takeFingerprint(ctx context.Context, s *session.Session, withoutRows func(string) bool, rowsOf map[string]string) (*target.Fingerprint, error) {
	if err := s.Exec(ctx, beginReading); err != nil {
		return nil, err
	}
	rows, err := s.Query(ctx, "SELECT txid_snapshot_xmax(s), EXISTS (SELECT FROM txid_snapshot_xip(s)) FROM txid_current_snapshot() s")
	if err != nil {
		return nil, err
	}
	f, tables, err := definitions(ctx, s)
	if err != nil {
		return nil, err
	}
	f.Running = rows[0][1] == "t"
	if f.Transaction, err = strconv.ParseInt(rows[0][0], 10, 64); err != nil {
		return nil, fmt.Errorf("read the number of a transaction: %w", err)
	}
	for name, table := range tables {
		if withoutRows(name) {
			continue
		}
		counted := f.Tables[name]
		if rows, is := rowsOf[name]; is {
			counted.Rows = rows
		} else if rowsOf != nil && name != largeObjects {
			return nil, nil //nolint:nilnil // as for a database that cannot be read completely
		} else if counted.Rows, _, err = rowsSince(ctx, s, table, 0); err != nil {
			return nil, err
		}
		f.Tables[name] = counted
	}
	return &f, nil
}

// rowsSince counts the rows of a table, and those of the last transactions. age says how many transactions these are.
func rowsSince(ctx context.Context, s *session.Session, table relation, age int64) (all, young string, err error) {
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT count(*), count(*) FILTER (WHERE age(xmin) <= %d) FROM ONLY %s", age, table.quoted))
	if err != nil {
		return "", "", err
	}
	return rows[0][0], rows[0][1], nil
}

// Changes says whether the live database has been changed: see target.Database.
func (db *Database) Changes(ctx context.Context) (target.Changes, error) {
	action := "ask whether database " + db.Names.Live + " was changed"
	s, err := db.Enter(ctx)
	if postgres.SQLState(err) == postgres.UnknownDatabase {
		return target.Changes{Unknown: true}, nil
	}
	if err != nil {
		return target.Changes{}, err
	}
	defer s.Close()
	kept, err := currentLabel(ctx, s, db.Names)
	if err != nil || kept.Live.Fingerprint == nil {
		return target.Changes{Unknown: true}, db.Classify(action, err)
	}
	changes, err := changesIn(ctx, s, *kept.Live.Fingerprint, db.Config.WithoutRows, target.SearchPatience)
	if postgres.SQLState(err) != "" {
		return target.Changes{Unknown: true}, nil // a table is locked, or the account may not read it
	}
	return changes, db.Classify(action, err)
}

// changesIn compares the session's database with a fingerprint.
func changesIn(ctx context.Context, s *session.Session, was target.Fingerprint, withoutRows func(string) bool, patience time.Duration) (target.Changes, error) {
	if err := s.Exec(ctx, beginReading); err != nil {
		return target.Changes{}, err
	}
	defer func() { _ = s.Exec(ctx, "ROLLBACK") }()
	rows, err := s.Query(ctx, "SELECT txid_snapshot_xmax(txid_current_snapshot()) - $1::bigint, age(($1::bigint % 4294967296)::text::xid)", fmt.Sprint(was.Transaction))
	if err != nil {
		return target.Changes{}, err
	}
	since, err := strconv.ParseInt(rows[0][0], 10, 64)
	if err != nil || since < 0 || since >= oldestRows {
		return target.Changes{Unknown: true}, err
	}
	age, err := strconv.ParseInt(rows[0][1], 10, 64)
	if err != nil {
		return target.Changes{}, fmt.Errorf("read the age of a transaction: %w", err)
	}
	now, tables, err := definitions(ctx, s)
	if err != nil {
		return target.Changes{}, err
	}
	found := target.Changes{Names: was.DefinitionChanges(now, withoutRows)}
	sizes := make(map[string]int64, len(tables))
	for name, table := range tables {
		sizes[name] = table.size
	}
	err = was.CompareRows(&found, sizes, patience, func(name string, was target.TablePrint) (bool, error) {
		all, young, err := rowsSince(ctx, s, tables[name], age)
		return all != was.Rows || young != "0", err
	})
	return found, err
}
