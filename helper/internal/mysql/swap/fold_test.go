package swap

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

var folding = targettest.Shared("folding", testserver.MariaDB, "--lower-case-table-names=1")

// What would take the place of something else of the dump is refused by a server that does not tell upper from lower case.
func TestMySQLNamesThatDifferInCase(t *testing.T) {
	server, err := folding()
	targettest.Must(t, err)
	targettest.Fresh(t, server, "cases", "CREATE TABLE mine (id INT PRIMARY KEY)", "INSERT INTO mine VALUES (7)")
	before := targettest.Content(t, server, "cases")
	for _, test := range []struct{ name, dump, second string }{
		{"tables", "CREATE TABLE `Users` (id INT);\nINSERT INTO `Users` VALUES (1);\nCREATE TABLE IF NOT EXISTS users (id INT);\nINSERT INTO users VALUES (2);\n", "users"},
		{"tables that are dropped first", "DROP TABLE IF EXISTS `Users`;\nCREATE TABLE `Users` (id INT);\nDROP TABLE IF EXISTS `USERS`;\nCREATE TABLE `USERS` (id INT);\n", "USERS"},
		{"a view", "CREATE TABLE `Users` (id INT);\n/*!50001 CREATE ALGORITHM=UNDEFINED */ /*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */ /*!50001 VIEW `users` AS SELECT 1 AS `1` */;\n", "users"},
		{"a sequence", "CREATE TABLE `Users` (id INT);\nCREATE SEQUENCE `uSers`;\n", "uSers"},
		{"with their database", "CREATE DATABASE db;\nCREATE TABLE db.`Users` (id INT);\nCREATE TABLE `db`.`users` (id INT);\n", "users"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db, _ := targettest.Open(t, server.URL("cases"))
			if !db.Info().FoldsNames {
				t.Error("the server tells upper from lower case")
			}
			err := targettest.Pull(t, db, test.dump)
			var refused *target.NamesError
			want := "the dump has Users and " + test.second + ", which have the same name on the local server: it does not tell upper from lower case (lower_case_table_names)"
			if !errors.As(err, &refused) || refused.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
			if diff := cmp.Diff(before, targettest.Content(t, server, "cases")); diff != "" {
				t.Errorf("the local database has changed:\n%s", diff)
			}
		})
	}
	db, _ := targettest.Open(t, server.URL("cases"))
	targettest.Must(t, targettest.Pull(t, db, "DROP TABLE IF EXISTS `Users`;\nDROP VIEW IF EXISTS `Users`;\nCREATE VIEW `Users` AS SELECT 1 AS n;\nCREATE TABLE `Other` (id INT);\nINSERT INTO `Other` VALUES (1),(2);\n"+
		"DROP VIEW IF EXISTS `Users`;\nCREATE VIEW `Users` AS SELECT id AS n FROM `Other`;\n"))
}

// A part is meant by its tables' names in any case there.
func TestMySQLPartInAnyCase(t *testing.T) {
	server, err := folding()
	targettest.Must(t, err)
	for _, pattern := range []string{"Users", "USERS", "users"} {
		targettest.Fresh(t, server, "cases", "CREATE TABLE Users (id INT PRIMARY KEY)", "INSERT INTO users VALUES (7)", "CREATE TABLE Mine (id INT)", "INSERT INTO Mine VALUES (1)")
		part := target.Part{
			Has: func(table string) bool { return table == pattern }, TablesOnly: true,
			Folded: func(table string) bool { return strings.EqualFold(table, pattern) },
		}
		db, _ := targettest.OpenPart(t, server.URL("cases"), part)
		chunks := &targettest.Texts{}
		chunks.Add(dump.Head, "", 0, "CREATE TABLE `Users` (`id` INT PRIMARY KEY);\nCREATE TABLE `Mine` (`id` INT);\n")
		chunks.Add(dump.Rows, "Users", 2, "INSERT INTO `Users` (`id`) VALUES (1),(2);\n")
		chunks.Add(dump.Tail, "", 0, "-- Dump completed\n")
		_, err := targettest.PullChunks(t, db, chunks)
		targettest.Must(t, err)
		got, err := server.Query("SELECT id FROM cases.users UNION ALL SELECT id FROM cases.mine ORDER BY 1")
		targettest.Must(t, err)
		if want := [][]string{{"1"}, {"1"}, {"2"}}; !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: rows %v, want %v", pattern, got, want)
		}
	}
}

// A server that tells upper from lower case keeps what differs in nothing else apart, databases as well as tables.
func TestMySQLNamesThatDifferInCaseOnly(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "Cases", "CREATE TABLE users (a INT)", "INSERT INTO users VALUES (7)", "CREATE VIEW v AS SELECT 5")
		targettest.Fresh(t, server, "cases", "CREATE TABLE Users (a INT)")
		t.Cleanup(func() { targettest.Fresh(t, server, "cases"); targettest.Fresh(t, server, "Cases") })
		before := targettest.Content(t, server, "Cases")
		db, _ := targettest.Open(t, server.URL("cases"))
		chunks := &targettest.Texts{}
		chunks.Add(dump.Head, "", 0, "CREATE TABLE `Users` (`b` INT PRIMARY KEY);\nCREATE TABLE `users` (`a` INT, `b` VARCHAR(9));\n")
		chunks.Add(dump.Rows, "Users", 2, "INSERT INTO `Users` (`b`) VALUES (1),(2);\n")
		chunks.Add(dump.Rows, "users", 2, "INSERT INTO `users` (`a`,`b`) VALUES (1,'x'),(NULL,'y');\n")
		chunks.Add(dump.Tail, "", 0, "-- Dump completed\n")
		_, err := targettest.PullChunks(t, db, chunks)
		targettest.Must(t, err)
		got, err := server.Query("SELECT b FROM cases.Users UNION ALL SELECT b FROM cases.users ORDER BY 1")
		targettest.Must(t, err)
		if want := [][]string{{"1"}, {"2"}, {"x"}, {"y"}}; !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("rows %v, want %v", got, want)
		}
		if diff := cmp.Diff(before, targettest.Content(t, server, "Cases")); diff != "" {
			t.Errorf("another database has changed:\n%s", diff)
		}
	})
}
