package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
)

// owned lists the objects of the account $1, but not the server's and extensions' own, with the words that ALTER … OWNER TO needs.
// Sequences of columns go with their tables. Only superusers may own event triggers.
const owned = `
WITH me AS (SELECT oid FROM pg_roles WHERE rolname = $1),
mine(classid, objid, words) AS (
  SELECT 'pg_namespace'::regclass, oid, format('SCHEMA %I', nspname) FROM pg_namespace WHERE nspowner = (SELECT oid FROM me)
  UNION ALL SELECT 'pg_class'::regclass, c.oid, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
      WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END || format(' %I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relowner = (SELECT oid FROM me) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'S' AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass)
  UNION ALL SELECT 'pg_type'::regclass, t.oid, format('TYPE %I.%I', n.nspname, t.typname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typowner = (SELECT oid FROM me) AND t.typrelid = 0 AND t.typtype <> 'm' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
  UNION ALL SELECT 'pg_proc'::regclass, p.oid, ROUTINE || format(' %I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proowner = (SELECT oid FROM me)
  UNION ALL SELECT i.classid, i.objid, upper(o.type) || ' ' || o.identity FROM (
      SELECT 'pg_operator'::regclass::oid, oid FROM pg_operator WHERE oprowner = (SELECT oid FROM me)
      UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE opcowner = (SELECT oid FROM me)
      UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily WHERE opfowner = (SELECT oid FROM me)
      UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation WHERE collowner = (SELECT oid FROM me)
      UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion WHERE conowner = (SELECT oid FROM me)
      UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict WHERE dictowner = (SELECT oid FROM me)
      UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config WHERE cfgowner = (SELECT oid FROM me)
      UNION ALL SELECT 'pg_language'::regclass, oid FROM pg_language WHERE lanowner = (SELECT oid FROM me)
      UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server WHERE srvowner = (SELECT oid FROM me)
      UNION ALL SELECT 'pg_largeobject_metadata'::regclass, oid FROM pg_largeobject_metadata WHERE lomowner = (SELECT oid FROM me)
    ) AS i(classid, objid), LATERAL pg_identify_object(CASE WHEN i.classid = 'pg_largeobject_metadata'::regclass THEN 'pg_largeobject'::regclass ELSE i.classid END, i.objid, 0) o
  UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid, format('STATISTICS %I.%I', n.nspname, s.stxname) FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
    WHERE s.stxowner = (SELECT oid FROM me))
SELECT words FROM mine WHERE objid >= 16384
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = mine.classid AND d.objid = mine.objid AND d.deptype = 'e')
ORDER BY classid, objid`

// owns lists the objects of an account in the session's database, with the words that ALTER … OWNER TO needs.
func owns(ctx context.Context, db *session.Server, s *session.Session, account string) (objects []string, err error) {
	rows, err := s.Query(ctx, strings.ReplaceAll(owned, "ROUTINE", Routine(db, "CASE WHEN p.proisagg THEN 'AGGREGATE' ELSE 'FUNCTION' END")), account)
	for _, row := range rows {
		objects = append(objects, row[0])
	}
	return objects, err
}

// GiveAway gives all objects of one account in the session's database to another one. The session's search path is pg_catalog.
func GiveAway(ctx context.Context, db *session.Server, s *session.Session, from, to string) error {
	action := "give what the dump has created to " + to
	objects, err := owns(ctx, db, s, from)
	if err != nil {
		return db.Classify(action, err)
	}
	var statements []AboutObject
	for _, object := range objects {
		statements = append(statements, AboutObject{object, "ALTER " + object + " OWNER TO " + postgres.QuoteIdentifier(to)})
	}
	return db.Classify(action, Each(ctx, s.Exec, statements, func(object string, err error) {
		db.Config.Note(fmt.Sprintf("%s does not become the owner of %s: %s", to, object, postgres.ServerMessage(err)))
	}))
}

// AboutObject is a statement and the object that it is about.
type AboutObject struct{ Object, Statement string }

// batch is how many statements are sent at once.
const batch = 100

// Each executes statements, many at once. Those that the server refuses are passed to refused.
func Each(ctx context.Context, execute func(context.Context, string) error, statements []AboutObject, refused func(object string, err error)) error {
	for batch := range slices.Chunk(statements, batch) {
		var text []string
		for _, one := range batch {
			text = append(text, one.Statement)
		}
		err := execute(ctx, strings.Join(text, ";\n"))
		if err == nil {
			continue
		}
		if postgres.SQLState(err) == "" {
			return err
		}
		for _, one := range batch { // nothing of them has happened
			if err := execute(ctx, one.Statement); postgres.SQLState(err) != "" {
				refused(one.Object, err)
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// Routine is an expression for the word that stands for any function p; before is the one for servers before version 11.
func Routine(db *session.Server, before string) string {
	if db.Major() < 11 {
		return before
	}
	return "'ROUTINE'"
}
