package elsewhere

import "testing"

func TestWithout(t *testing.T) {
	for _, test := range []struct{ text, left, what string }{
		{"CREATE TABLE t (options int)", "CREATE TABLE t (options int)", ""},
		{"CREATE USER u PASSWORD 'x'", "CREATE USER u PASSWORD 'x'", ""},
		{"CREATE USER MAPPING FOR \"a b\" SERVER \"s;1\" OPTIONS (\n    password 'x',\n    \"user\" 'u'\n)", "", "the user mapping of a b for server s;1"},
		{"ALTER USER MAPPING IF EXISTS FOR u SERVER s OPTIONS (SET password 'x')", "", "the user mapping of u for server s"},
		{"CREATE SUBSCRIPTION sub CONNECTION 'host=x password=y' PUBLICATION p", "", "subscription sub"},
		{"CREATE SERVER s FOREIGN DATA WRAPPER w", "CREATE SERVER s FOREIGN DATA WRAPPER w", ""},
		{"CREATE SERVER IF NOT EXISTS \"s\" TYPE 'options (' FOREIGN DATA WRAPPER w OPTIONS (\n    host 'a)b',\n    dbname 'it''s, (x)'\n)",
			"CREATE SERVER IF NOT EXISTS \"s\" TYPE 'options (' FOREIGN DATA WRAPPER w ", "the options of server s"},
		{"ALTER SERVER s OPTIONS (SET host 'h')", "", "the options of server s"},
		{"ALTER SERVER s OWNER TO o", "ALTER SERVER s OWNER TO o", ""},
		{"ALTER FOREIGN TABLE ONLY f ALTER COLUMN c OPTIONS (password 'p')", "", "options of foreign table f"},
		{"CREATE FOREIGN DATA WRAPPER w HANDLER h OPTIONS (key 'x')", "CREATE FOREIGN DATA WRAPPER w HANDLER h ", "the options of foreign-data wrapper w"},
		{"CREATE FOREIGN TABLE p.f (a int OPTIONS (column_name 'x')) SERVER s OPTIONS (schema_name 's', table_name 't')",
			"CREATE FOREIGN TABLE p.f (a int OPTIONS (column_name 'x')) SERVER s OPTIONS (schema_name 's', table_name 't')", ""},
		{"CREATE FOREIGN TABLE p.f (a int OPTIONS (api_token 'x')) SERVER s OPTIONS (table_name 't', \"Password\" 'p')",
			"CREATE FOREIGN TABLE p.f (a int ) SERVER s OPTIONS (table_name 't')", "options of foreign table p.f"},
	} {
		left, what := Without([]byte(test.text))
		if string(left) != test.left || what != test.what {
			t.Errorf("%s:\ngot  %q, %q\nwant %q, %q", test.text, left, what, test.left, test.what)
		}
	}
}
