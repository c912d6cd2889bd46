package swap

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// What a table can do without comes last: how its file is encrypted or compressed, its engine's own options, the parser of a key, a key on a vector.
// Staging may have plugins for these that the local server lacks.
func TestTablesWithoutWhatServersLack(t *testing.T) {
	const rows = "INSERT INTO f (id) VALUES (1);\n"
	const mariaDB, mySQL = "mariadb", "mysql"
	for name, test := range map[string]struct {
		create string
		notes  map[string][]string
	}{
		"MariaDB's encryption": {"CREATE TABLE f (id int NOT NULL) ENGINE=InnoDB `ENCRYPTED`=YES `ENCRYPTION_KEY_ID`=3;\n" + rows, map[string][]string{
			mariaDB: {"table f: this server does not take `ENCRYPTED`=YES, which is left out: Can't create table `f` (errno: 140 \"Wrong create options\")"}}},
		"MySQL's encryption": {"CREATE TABLE f (id int NOT NULL) ENGINE=InnoDB /*!80016 ENCRYPTION='Y' */;\n" + rows, map[string][]string{
			mySQL: {"table f: this server does not take ENCRYPTION='Y', which is left out: Can't find master key from keyring, please check in the server log if a keyring is loaded and initialized successfully."}}},
		"a key on a vector": {"CREATE TABLE f (id int NOT NULL PRIMARY KEY, v varbinary(12) NOT NULL DEFAULT '', VECTOR KEY `v` (`v`) `M`=6 `DISTANCE`=euclidean) ENGINE=InnoDB;\n" + rows, nil},
		"a parser": {"CREATE TABLE f (id int NOT NULL PRIMARY KEY, t text, FULLTEXT KEY `t` (`t`) WITH PARSER mecab) ENGINE=InnoDB;\n" + rows, map[string][]string{
			mariaDB: {"table f, key t: this server does not take WITH PARSER mecab, which is left out: Function 'mecab' is not defined"},
			mySQL:   {"table f, key t: this server does not take WITH PARSER mecab, which is left out: Function 'mecab' is not defined"}}},
		"TokuDB":  {"CREATE TABLE f (id int NOT NULL, KEY k (id) `clustering`=yes) ENGINE=TokuDB `compression`='tokudb_zlib';\n" + rows, nil},
		"CONNECT": {"CREATE TABLE f (id int NOT NULL) ENGINE=CONNECT `table_type`='DOS' `lrecl`='80';\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
				targettest.Fresh(t, server, "site94")
				db, said := targettest.Open(t, server.URL("site94"))
				targettest.Must(t, targettest.Pull(t, db, test.create))
				engine := mySQL
				if db.Info().Engine == mariaDB {
					engine = mariaDB
				}
				if want := test.notes[engine]; want != nil {
					if diff := cmp.Diff(want, said.Lines); diff != "" {
						t.Errorf("notes (-want +got):\n%s", diff)
					}
				}
				if test.notes == nil && len(said.Lines) == 0 {
					t.Error("nothing was said")
				}
			})
		})
	}
}
