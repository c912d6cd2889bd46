package testserver

import (
	"slices"
	"strings"
	"testing"
)

// A picture shows each kind of change, and nothing of the database that is replaced.
func TestSurroundings(t *testing.T) {
	mysqlChanges := map[string]string{
		"INSERT INTO near.log VALUES (2, 'y')":             "near: checksum of log has changed",
		"DROP TRIGGER near.added":                          "near: triggers has changed",
		"DROP VIEW near.both_of_them":                      "near: definition of both_of_them is gone",
		"ALTER TABLE near.child DROP FOREIGN KEY fk_child": "near: foreign keys has changed",
		"ALTER DATABASE near CHARACTER SET utf8mb4":        "near: database has changed",
		"CREATE TABLE shop__dump_spare_b.t (id INT)":       "",
		"CREATE TABLE shop2.t (id INT)":                    "database shop2 has changed",
		"GRANT DELETE ON near.* TO near":                   "near: account 'near'@'%' has changed",
		"CREATE USER somebody":                             "account 'somebody'@'%' is new",
		"SET GLOBAL sql_mode = ''":                         "setting sql_mode has changed",
		"CREATE TABLE shop.t (id INT)":                     "",
	}
	for name, start := range map[string]func(string, ...string) (*MySQL, error){"mariadb": MariaDB, "mysql": Mysqld} {
		t.Run(name, func(t *testing.T) {
			server, err := start(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Stop)
			if err := server.Exec("CREATE DATABASE shop", "CREATE DATABASE shop__dump_spare_b", "CREATE DATABASE shop2", "CREATE TABLE shop2.s (id INT)"); err != nil {
				t.Fatal(err)
			}
			changesShow(t, server, func(statement string) error { return server.Exec(statement) }, mysqlChanges)
		})
	}
	t.Run("postgres", func(t *testing.T) {
		server, err := Postgres(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		changesShow(t, server, func(statement string) error {
			database, statement, found := strings.Cut(statement, "! ")
			if !found {
				database, statement = "postgres", database
			}
			return server.Exec(database, statement)
		}, map[string]string{
			"near! UPDATE parent SET name = 'x' WHERE id = 1":           "near: rows of public.parent has changed",
			"near! DROP VIEW both_of_them":                              "near: relations has changed",
			"near! ALTER TABLE child DROP CONSTRAINT child_parent_fkey": "near: constraints has changed",
			"near! DROP TRIGGER added ON child":                         "near: triggers has changed",
			"near! SELECT nextval('child_id_seq')":                      "near: rows of public.child_id_seq has changed",
			"ALTER DATABASE near SET work_mem = '6MB'":                  "near: its settings has changed",
			"COMMENT ON DATABASE near IS 'gone'":                        "near: database has changed",
			"ALTER ROLE near CONNECTION LIMIT 3":                        "near: role near has changed",
			"CREATE ROLE somebody":                                      "role somebody is new",
			"CREATE DATABASE shop2":                                     "database shop2 is new",
			"CREATE DATABASE shop":                                      "",
			"CREATE DATABASE shop__dump_previous_b":                     "",
		})
	})
}

func changesShow(t *testing.T, server Server, do func(statement string) error, changes map[string]string) {
	t.Helper()
	if err := server.AddNeighbour("near"); err != nil {
		t.Fatal(err)
	}
	for statement, want := range changes {
		before, err := server.Surroundings("shop", "near")
		if err != nil {
			t.Fatal(err)
		}
		if err := do(statement); err != nil {
			t.Fatal(err)
		}
		after, err := server.Surroundings("shop", "near")
		if err != nil {
			t.Fatal(err)
		}
		found := after.Changes(before)
		if want == "" && len(found) > 0 || want != "" && !slices.ContainsFunc(found, func(change string) bool { return strings.HasPrefix(change, want) }) {
			t.Errorf("%s: %q, want %q", statement, found, want)
		}
	}
}
