package swap

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// Sequences do not exist in MySQL and old MariaDB. They are left out, and so is what sets them.
func TestSequencesElsewhere(t *testing.T) {
	for name, start := range map[string]func() (*testserver.MySQL, error){"mysql": targettest.Mysqld, "10.2": targettest.Mariadb102} {
		t.Run(name, func(t *testing.T) {
			maria := targettest.MariadbServer(t)
			targettest.Fresh(t, maria, "from91", "CREATE SEQUENCE s START WITH 10", "CREATE SEQUENCE `down` INCREMENT BY -2 MINVALUE -100 MAXVALUE 5",
				"DO NEXTVAL(s)", "CREATE TABLE t (id BIGINT DEFAULT NEXTVAL(s) PRIMARY KEY, a INT)", "INSERT INTO t (a) VALUES (1), (2)")
			server, err := start()
			targettest.Must(t, err)
			for form, dump := range map[string]string{
				"mariadb-dump": targettest.Mysqldump(t, maria, "from91"),
				"statements": "DROP SEQUENCE IF EXISTS `s`;\nCREATE SEQUENCE `s` start with 10;\nDO SETVAL(`s`, 12, 0);\nALTER SEQUENCE `s` RESTART 12;\n" +
					"CREATE SEQUENCE `down` increment by -2 minvalue -100 maxvalue 5;\nSELECT SETVAL(`down`, 5, 0);\n" +
					"CREATE TABLE t (id BIGINT DEFAULT NEXTVAL(`s`) PRIMARY KEY, a INT);\nINSERT INTO t VALUES (11, 1), (12, 2);\n",
			} {
				t.Run(form, func(t *testing.T) {
					targettest.Fresh(t, server, "site91", "CREATE TABLE mine (id int)")
					db, said := targettest.Open(t, server.URL("site91"))
					targettest.Must(t, targettest.Pull(t, db, dump))
					said.Want(t, "sequence s is left out: this server has no sequences")
					said.Want(t, "sequence down is left out: this server has no sequences")
					rows, err := server.Query("SELECT id, a FROM site91.t ORDER BY id")
					targettest.Must(t, err)
					if diff := cmp.Diff([][]string{{"11", "1"}, {"12", "2"}}, rows); diff != "" {
						t.Error(diff)
					}
					strict := openStrict(t, server, "site91")
					err = targettest.Pull(t, strict, dump)
					wantLost(t, err, "sequence s is left out", "sequence down is left out", "table t, column id")
				})
			}
		})
	}
}

func openStrict(t *testing.T, server *testserver.MySQL, database string) target.Database {
	t.Helper()
	u, err := dburl.Parse(server.URL(database))
	targettest.Must(t, err)
	db, err := targettest.TryOpen(t, target.Config{URL: u, Strict: true})
	targettest.Must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// wantLost requires that a strict pull names all of these.
func wantLost(t *testing.T, err error, parts ...string) {
	t.Helper()
	var strict *target.StrictError
	if !errors.As(err, &strict) || len(strict.Lost) != len(parts) {
		t.Errorf("got %v", err)
		return
	}
	for _, part := range parts {
		if !slices.ContainsFunc(strict.Lost, func(lost string) bool { return strings.HasPrefix(lost, part) }) {
			t.Errorf("%q is not in %q", part, strict.Lost)
		}
	}
}

// A strict pull also refuses foreign keys that the swap would leave out, before anything is replaced.
func TestStrictForeignKeys(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "other92", "CREATE TABLE q (a INT)", "CREATE TABLE p (id INT PRIMARY KEY)")
		targettest.Fresh(t, server, "site92", "CREATE TABLE mine (id INT PRIMARY KEY)")
		old := targettest.Content(t, server, "site92")
		dump := "-- Host: h    Database: shop\nSET foreign_key_checks = 0;\nCREATE TABLE `a` (`x` int, `y` int, `z` int, KEY (`x`), KEY (`y`), KEY (`z`)," +
			" CONSTRAINT `fka` FOREIGN KEY (`x`) REFERENCES `gone92`.`p` (`id`), CONSTRAINT `fkb` FOREIGN KEY (`y`) REFERENCES `other92`.`q` (`missing`)," +
			" CONSTRAINT `fkc` FOREIGN KEY (`z`) REFERENCES `other92`.`p` (`id`));\n"
		err := targettest.Pull(t, openStrict(t, server, "site92"), dump)
		wantLost(t, err, "foreign key fka of table a is left out: it refers to table gone92.p, which does not exist here",
			"foreign key fkb of table a is left out: it refers to table other92.q, and this server does not take it: ")
		targettest.WantMySQL(t, server, "site92", old)
		db, said := targettest.Open(t, server.URL("site92"))
		targettest.Must(t, targettest.Pull(t, db, dump))
		said.Want(t, "foreign key fka of table a is left out: it refers to table gone92.p, which does not exist here")
	})
}

// An ALTER TABLE is adapted as a CREATE TABLE is.
func TestAlterationsTravel(t *testing.T) {
	maria := targettest.MariadbServer(t)
	oracle, err := targettest.Mysqld()
	targettest.Must(t, err)
	for _, way := range []struct {
		name   string
		server *testserver.MySQL
		dump   string
		shown  []string
		notes  []string
	}{
		{"into MySQL", oracle, "CREATE TABLE `t` (`i` int PRIMARY KEY, `j` int);\n" +
			"ALTER TABLE `t` ADD COLUMN `u` uuid DEFAULT uuid(), ADD `x` text DEFAULT 'a', MODIFY `j` int DEFAULT (1 + 2), CHANGE `x` `y` inet6;\n" +
			"ALTER TABLE `t` PAGE_CHECKSUM=1 TRANSACTIONAL=1, COMMENT='kept';\nALTER TABLE `t` ENGINE=InnoDB PAGE_COMPRESSED=1;\n" +
			"ALTER TABLE `t` ADD CONSTRAINT `c` CHECK (nobody_knows(`i`) > 0), ADD KEY `k` (`j`) IGNORED, ALTER `j` SET DEFAULT (nobody_knows(1));\n" +
			"ALTER TABLE `t` ADD COLUMN `d` int DEFAULT (nobody_knows(2)), ADD COLUMN `s` int DEFAULT nextval(`s`);\n",
			[]string{"`u` char(36)", "`y` varchar(39)", "`j` int DEFAULT ((1 + 2))", "KEY `k` (`j`) /*!80000 INVISIBLE */", "COMMENT='kept'", "`d` int DEFAULT NULL", "`s` int DEFAULT NULL"},
			[]string{
				"table t, column u: this server does not know the type uuid: char(36) takes its place",
				"table t: this server does not know PAGE_CHECKSUM=1 TRANSACTIONAL=1, which is left out",
				"table t: this server does not know PAGE_COMPRESSED=1, which is left out",
			}},
		{"into MariaDB", maria, "CREATE TABLE `t` (`i` int PRIMARY KEY, `a` varchar(20) CHARACTER SET utf8mb4);\n" +
			"ALTER TABLE `t` ADD KEY `k` ((lower(`a`))), ADD UNIQUE KEY `l` ((concat(`a`,_utf8mb4'x')) DESC,`i`) COMMENT 'both';\n" +
			"CREATE INDEX `m` ON `t` ((upper(`a`)));\nALTER TABLE `t` COMPRESSION='zlib';\nALTER TABLE `t` ADD KEY `n` ((nobody_knows(`a`)));\n" +
			"ALTER TABLE `t` ADD COLUMN `b` binary(16) DEFAULT (uuid_to_bin(uuid())), ADD CHECK (regexp_like(`a`,'x')), ADD COLUMN `v` vector(3);\n" +
			"INSERT INTO `t` (`i`, `a`) VALUES (1, 'Ab'), (2, 'c');\nINSERT INTO `t` VALUES (3, 'D', NULL, NULL);\n",
			[]string{"`k_expression_1` varchar(20)", "KEY `k` (`k_expression_1`)", "UNIQUE KEY `l` (`l_expression_1` DESC,`i`) COMMENT 'both'", "KEY `m` (`m_expression_1`)",
				"`b` binary(16) DEFAULT NULL", "`v` varbinary(12)"},
			[]string{
				"table t, key k: the hidden column k_expression_1 takes the place of the expression lower(`a`)",
				"table t, key l: the hidden column l_expression_1 takes the place of the expression concat(`a`,'x')",
				"table t, key n: this server does not take a key on nobody_knows(`a`), which is left out: FUNCTION nobody_knows does not exist",
				"table t: this server does not know COMPRESSION='zlib', which is left out",
			}},
	} {
		t.Run(way.name, func(t *testing.T) {
			targettest.Fresh(t, way.server, "site93", "CREATE TABLE mine (id int)")
			db, said := targettest.Open(t, way.server.URL("site93"))
			targettest.Must(t, targettest.Pull(t, db, way.dump))
			rows, err := way.server.Query("SHOW CREATE TABLE site93.t")
			targettest.Must(t, err)
			for _, part := range way.shown {
				if !strings.Contains(rows[0][1], part) {
					t.Errorf("no %s in\n%s", part, rows[0][1])
				}
			}
			for _, note := range way.notes {
				said.Want(t, note)
			}
		})
	}
}
