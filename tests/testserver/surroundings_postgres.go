package testserver

import "fmt"

// AddNeighbour makes a database with rows, views, triggers, functions, foreign keys and settings, and a role of the same name that may
// use it, if they are missing.
func (p *PG) AddNeighbour(name string) error {
	there, err := p.Query("postgres", "SELECT 1 FROM pg_database WHERE datname = '"+name+"'")
	if err != nil || len(there) > 0 {
		return err
	}
	database := `"` + name + `"`
	err = p.Exec("postgres", "CREATE ROLE "+database+" LOGIN PASSWORD 'neighbourly' CONNECTION LIMIT 7", "CREATE DATABASE "+database+" OWNER "+database,
		"ALTER DATABASE "+database+" SET work_mem = '5MB'", "ALTER ROLE "+database+" SET statement_timeout = '1h'",
		"ALTER ROLE "+database+" IN DATABASE "+database+" SET search_path = public, pg_temp", "COMMENT ON DATABASE "+database+" IS 'next door'",
		"REVOKE CONNECT ON DATABASE "+database+" FROM PUBLIC")
	if err != nil {
		return err
	}
	return p.Exec(name,
		"CREATE TABLE parent (id int PRIMARY KEY, name text)", "CREATE INDEX ON parent (name)",
		"CREATE TABLE child (id serial PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE)",
		"INSERT INTO parent VALUES (1, 'one'), (2, 'two')", "INSERT INTO child (parent) VALUES (1), (2)",
		"CREATE VIEW both_of_them AS SELECT c.id, p.name FROM child c JOIN parent p ON p.id = c.parent",
		"CREATE FUNCTION added() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
		"CREATE TRIGGER added BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION added()",
		"GRANT SELECT ON parent TO "+database)
}

// Databases lists all databases.
func (p *PG) Databases() ([]string, error) {
	rows, err := p.Query("postgres", "SELECT datname FROM pg_database ORDER BY 1")
	return firstColumn(rows), err
}

// Surroundings takes a snapshot of everything except the database live and those beside it, with the named neighbour.
func (p *PG) Surroundings(live, neighbour string) (Surroundings, error) {
	s := Surroundings{}
	databases, err := p.Query("postgres", `SELECT datname, pg_get_userbyid(datdba), datacl::text, datconnlimit, datallowconn, datistemplate, pg_encoding_to_char(encoding), datcollate,
 (SELECT spcname FROM pg_tablespace t WHERE t.oid = dattablespace), shobj_description(oid, 'pg_database') FROM pg_database ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	for _, row := range databases {
		thing := "database " + row[0]
		if row[0] == neighbour {
			thing = neighbour + ": database"
		}
		if !isBeside(row[0], live) {
			s.add(thing, [][]string{row})
		}
	}
	settings, err := p.Query("postgres", "SELECT name, setting FROM pg_settings WHERE source IN ('configuration file', 'command line', 'default') ORDER BY 1")
	if err != nil {
		return nil, err
	}
	s.addSettings(settings)
	for _, query := range []struct{ what, text string }{
		{"tablespaces", "SELECT spcname, pg_get_userbyid(spcowner), spcacl::text, spcoptions::text FROM pg_tablespace ORDER BY 1"},
		{"members", "SELECT pg_get_userbyid(roleid), pg_get_userbyid(member), admin_option FROM pg_auth_members ORDER BY 1, 2"},
	} {
		rows, err := p.Query("postgres", query.text)
		if err != nil {
			return nil, err
		}
		s.add(query.what, rows)
	}
	roles, err := p.Query("postgres", `SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit, rolvaliduntil, md5(coalesce(rolpassword, '')),
 (SELECT string_agg(coalesce(datname, '') || ' ' || setconfig::text, ',' ORDER BY datname) FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase
   WHERE setrole = r.oid AND coalesce(datname, '') NOT LIKE '%\_\_dump\_%' AND coalesce(datname, '') <> '`+live+`') FROM pg_authid r ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	for _, row := range roles {
		thing := "role " + row[0]
		if row[0] == neighbour {
			thing = neighbour + ": " + thing
		}
		s.add(thing, [][]string{row})
	}
	return s, p.look(s, neighbour)
}

// look describes the whole contents of a database.
func (p *PG) look(s Surroundings, database string) error {
	tell := func(what, query string) error {
		rows, err := p.Query(database, query)
		s.add(database+": "+what, rows)
		return err
	}
	const ours = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
	for _, query := range []struct{ what, text string }{
		{"its settings", "SELECT pg_get_userbyid(nullif(setrole, 0)), setconfig::text FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database() ORDER BY 1"},
		{"relations", "SELECT n.nspname, c.relname, c.relkind, c.relfilenode, pg_get_userbyid(c.relowner), c.relacl::text, CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) WHEN c.relkind = 'i' THEN pg_get_indexdef(c.oid) END" +
			" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " + ours + " ORDER BY 1, 2"},
		{"constraints", "SELECT n.nspname, conrelid::regclass::text, conname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE " + ours + " ORDER BY 1, 2, 3"},
		{"triggers", "SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"},
		{"functions", "SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE " + ours + " ORDER BY 1"},
	} {
		if err := tell(query.what, query.text); err != nil {
			return err
		}
	}
	tables, err := p.Query(database, "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'S') AND "+ours)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := tell("rows of "+table[0], fmt.Sprintf("SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (SELECT * FROM %s) t", table[0])); err != nil {
			return err
		}
	}
	return nil
}
