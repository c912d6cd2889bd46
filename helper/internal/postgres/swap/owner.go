package swap

import (
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/load"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
)

// A dump creates its objects as the account that pulls. The site may have another one: that of the live database's owner, and others that were
// given privileges. These must find what is theirs in the database that takes its place.

// settle gives what the dump has created to the owner of the live database, and repeats the privileges that other accounts have in it. Event
// triggers come last: they react to such changes.
func (db *Database) settle(ctx context.Context, l *load.Load) error {
	incoming := l.Main
	if err := incoming.Exec(ctx, "SET search_path = pg_catalog"); err != nil {
		return db.Classify("prepare a connection", err)
	}
	rows, err := incoming.Query(ctx, "SELECT r.rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = current_database() AND r.rolname <> current_user")
	if err != nil {
		return db.Classify("ask for the owner of the database", err)
	}
	if len(rows) > 0 {
		if err := load.GiveAway(ctx, db.Server, incoming, db.User, rows[0][0]); err != nil {
			return err
		}
	}
	if err := db.grantAgain(ctx, incoming); err != nil {
		return err
	}
	return l.Events(ctx)
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
	rows, err := live.Query(ctx, strings.ReplaceAll(granted, "ROUTINE", load.Routine(db.Server, "'FUNCTION'")))
	if err != nil {
		return db.Classify(action, err)
	}
	var statements []load.AboutObject
	for _, row := range rows {
		statements = append(statements, load.AboutObject{Object: row[1], Statement: row[2]})
	}
	return db.Classify(action, load.Each(ctx, incoming.Exec, statements, func(object string, err error) {
		if !postgres.IsUnknown(err) {
			db.Config.Note(fmt.Sprintf("a privilege on %s is not repeated: %s", object, postgres.ServerMessage(err)))
		}
	}))
}
