package swap

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// A dump creates its objects as the account that pulls. The site may have another one: that of the live database's owner, and others that were
// given privileges. These must find what is theirs in the database that takes its place.

// owned lists the objects of the session's account, but not the server's and extensions' own, with the words that ALTER … OWNER TO needs.
// Sequences of columns go with their tables. Only superusers may own event triggers.
const owned = `
WITH me AS (SELECT oid, rolsuper FROM pg_roles WHERE rolname = current_user),
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

// settle gives what the dump has created to the owner of the live database, and repeats the privileges that other accounts have in it.
func (db *Database) settle(ctx context.Context, incoming *session.Session) error {
	if err := incoming.Exec(ctx, "SET search_path = pg_catalog"); err != nil {
		return db.Classify("prepare a connection", err)
	}
	rows, err := incoming.Query(ctx, "SELECT r.rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = current_database() AND r.rolname <> current_user")
	if err != nil {
		return db.Classify("ask for the owner of the database", err)
	}
	if len(rows) > 0 {
		if err := db.giveAway(ctx, incoming, rows[0][0]); err != nil {
			return err
		}
	}
	return db.grantAgain(ctx, incoming)
}

// giveAway gives all objects of the session's account to another one.
func (db *Database) giveAway(ctx context.Context, s *session.Session, owner string) error {
	action := "give what the dump has created to " + owner
	objects, err := s.Query(ctx, strings.ReplaceAll(owned, "ROUTINE", db.routine("CASE WHEN p.proisagg THEN 'AGGREGATE' ELSE 'FUNCTION' END")))
	if err != nil {
		return db.Classify(action, err)
	}
	var statements []aboutObject
	for _, object := range objects {
		statements = append(statements, aboutObject{object[0], "ALTER " + object[0] + " OWNER TO " + postgres.QuoteIdentifier(owner)})
	}
	return db.Classify(action, each(ctx, s, statements, func(object string, err error) {
		db.Config.Note(fmt.Sprintf("%s does not become the owner of %s: %s", owner, object, postgres.ServerMessage(err)))
	}))
}

// aboutObject is a statement and the object that it is about.
type aboutObject struct{ object, statement string }

// together is how many statements are sent at once.
const together = 100

// each executes statements. Those that the server refuses are passed to refused.
func each(ctx context.Context, s *session.Session, statements []aboutObject, refused func(object string, err error)) error {
	for batch := range slices.Chunk(statements, together) {
		var text []string
		for _, one := range batch {
			text = append(text, one.statement)
		}
		err := s.Exec(ctx, strings.Join(text, ";\n"))
		if err == nil {
			continue
		}
		if postgres.SQLState(err) == "" {
			return err
		}
		for _, one := range batch { // nothing of them has happened
			if err := s.Exec(ctx, one.statement); postgres.SQLState(err) != "" {
				refused(one.object, err)
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// granted lists, for the live database, the statements that repeat the privileges of others than an object's owner. Each comes with the name of
// the object. What PUBLIC has unless it is revoked is revoked first where somebody has done so.
const granted = `
WITH objects(words, kind, owner, acl) AS (
  SELECT format('SCHEMA %I', nspname), 'n'::"char", nspowner, nspacl FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'
  UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END || format(' %I.%I', n.nspname, c.relname),
      CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner, c.relacl
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  UNION ALL SELECT ROUTINE || format(' %I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)), 'f', p.proowner, p.proacl
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  UNION ALL SELECT format('TYPE %I.%I', n.nspname, t.typname), 'T', t.typowner, t.typacl
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  UNION ALL SELECT format('FOREIGN SERVER %I', srvname), 'S', srvowner, srvacl FROM pg_foreign_server),
granted AS (SELECT o.words, o.kind, o.owner, x.* FROM objects o, aclexplode(o.acl) x WHERE o.acl IS NOT NULL)
SELECT 1, words, format('REVOKE ALL ON %s FROM PUBLIC', words) FROM objects o WHERE acl IS NOT NULL
  AND EXISTS (SELECT FROM aclexplode(acldefault(o.kind, o.owner)) d WHERE d.grantee = 0
    AND NOT EXISTS (SELECT FROM aclexplode(o.acl) x WHERE x.grantee = 0 AND x.privilege_type = d.privilege_type))
UNION ALL SELECT 2, words, format('GRANT %s ON %s TO %s%s', privilege_type, words, CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM granted WHERE grantee <> owner
UNION ALL SELECT 2, format('column %I of TABLE %I.%I', a.attname, n.nspname, c.relname), format('GRANT %s (%I) ON %I.%I TO %s%s', x.privilege_type, a.attname, n.nspname, c.relname,
    CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(a.attacl) x
  WHERE NOT a.attisdropped AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
UNION ALL SELECT 3, 'default privileges of ' || quote_ident(pg_get_userbyid(d.defaclrole)), format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s GRANT %s ON %s TO %s%s', pg_get_userbyid(d.defaclrole),
    CASE WHEN n.oid IS NULL THEN '' ELSE format(' IN SCHEMA %I', n.nspname) END, x.privilege_type,
    CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' WHEN 'L' THEN 'LARGE OBJECTS' END,
    CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) x WHERE x.grantee <> d.defaclrole
ORDER BY 1, 2, 3`

// grantAgain repeats the privileges that others have in the live database. What the dump no longer has is passed over.
func (db *Database) grantAgain(ctx context.Context, incoming *session.Session) error {
	action := "repeat the privileges of database " + db.Names.Live
	live, err := db.Enter(ctx)
	if postgres.SQLState(err) == postgres.UnknownDatabase {
		return nil
	}
	if err != nil {
		return err
	}
	defer live.Close()
	if err := live.Exec(ctx, "SET search_path = pg_catalog"); err != nil {
		return db.Classify(action, err)
	}
	rows, err := live.Query(ctx, strings.ReplaceAll(granted, "ROUTINE", db.routine("'FUNCTION'")))
	if err != nil {
		return db.Classify(action, err)
	}
	var statements []aboutObject
	for _, row := range rows {
		statements = append(statements, aboutObject{row[1], row[2]})
	}
	return db.Classify(action, each(ctx, incoming, statements, func(object string, err error) {
		if !postgres.IsUnknown(err) {
			db.Config.Note(fmt.Sprintf("a privilege on %s is not repeated: %s", object, postgres.ServerMessage(err)))
		}
	}))
}

// routine is an expression for the word that stands for any function p; before is the one for servers before version 11.
func (db *Database) routine(before string) string {
	if v, _ := version.Parse(db.About.Version); v.Major < 11 {
		return before
	}
	return "'ROUTINE'"
}
