package swap

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// A dump may name tablespaces that this server does not have.
func TestPostgresTablespaces(t *testing.T) {
	server, err := targettest.Postgres()
	targettest.Must(t, err)
	targettest.Must(t, server.Exec("postgres", "DROP DATABASE IF EXISTS site70", "DROP DATABASE IF EXISTS site70__dump_previous"))
	db, said := targettest.Open(t, server.URL("site70"))
	dump := "SET default_tablespace = slow;\nCREATE TABLE a (id int, tablespace text);\nSET default_tablespace = '';\n" +
		"CREATE TABLE b (id int PRIMARY KEY USING INDEX TABLESPACE slow, t text) TABLESPACE \"slow\";\n" +
		"CREATE INDEX tablespace ON a (id) TABLESPACE slow WHERE id > 0;\n" +
		"CREATE MATERIALIZED VIEW c TABLESPACE slow AS SELECT 1 AS one;\nALTER TABLE a SET TABLESPACE slow;\n" +
		"ALTER TABLE ONLY a ADD CONSTRAINT a_key PRIMARY KEY (id) USING INDEX TABLESPACE slow;\n" +
		"INSERT INTO a VALUES (1, 'TABLESPACE slow');\n"
	targettest.Must(t, targettest.Pull(t, db, dump))
	if diff := cmp.Diff([]string{"tablespace slow does not exist here: what the dump has in it comes into that of the database"}, said.Lines); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	rows, err := server.Query("site70", "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i', 'm') ORDER BY 1")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"a"}, {"a_key"}, {"b"}, {"b_pkey"}, {"c"}, {"tablespace"}}, rows); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
}
