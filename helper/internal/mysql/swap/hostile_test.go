package swap

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/admit/admittest"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// victims make the database that hostile texts reach for.
var victims = []string{
	"CREATE TABLE t (a INT PRIMARY KEY, b INT)", "CREATE TABLE u (a INT, b INT) ENGINE=MyISAM", "INSERT INTO t VALUES (7, 7), (8, 8)", "INSERT INTO u VALUES (7, 7)",
	"CREATE VIEW v AS SELECT * FROM t", "CREATE FUNCTION f() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO live.u VALUES (1, 1); RETURN 1; END",
	"CREATE PROCEDURE p() INSERT INTO live.u VALUES (2, 2)", "CREATE TRIGGER g BEFORE DELETE ON t FOR EACH ROW SET @g = 1",
	"CREATE EVENT e ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DO DELETE FROM t",
}

// No hostile text changes anything outside of the scratch database, whether it is refused, left out or made harmless.
func TestHostileTexts(t *testing.T) {
	texts := slices.Clone(admittest.Hostile)
	for _, sequence := range admittest.Sequences {
		texts = append(texts, strings.Join(sequence, ";\n"))
	}
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Must(t, server.Exec("SET GLOBAL log_bin_trust_function_creators = 1"))
		t.Cleanup(func() {
			targettest.Must(t, server.Exec("SET GLOBAL log_bin_trust_function_creators = DEFAULT", "DROP DATABASE live"))
		})
		targettest.Fresh(t, server, "live", victims...)
		if !targettest.IsOracle(t, server) {
			targettest.Must(t, server.Exec("CREATE SEQUENCE live.s"))
		}
		targettest.Fresh(t, server, "site94", "CREATE TABLE mine (id int)")
		db, _ := targettest.Open(t, server.URL("site94"))
		changes, err := testserver.Look(server, "site94", "live")
		targettest.Must(t, err)
		const together = 40
		groups := slices.Collect(slices.Chunk(texts, together))
		for _, text := range later { // what one of these makes at its end would run for the next one
			groups = append(groups, []string{text})
		}
		for _, group := range groups {
			load := hostileLoad(t, db)
			for _, text := range group {
				_, err := load.Run(t.Context(), strings.NewReader(text+";\n"), sqltext.MySQL, nil)
				var refused *target.NotAdmittedError
				if err != nil && !errors.As(err, &refused) {
					targettest.Must(t, load.Discard()) // later statements of such a load would not be run
					load = hostileLoad(t, db)
				}
			}
			targettest.Must(t, load.Discard())
			if changed := changes(); len(changed) > 0 {
				t.Fatalf("one of these has changed the server:\n%s\n\n%s", strings.Join(group, "\n"), strings.Join(changed, "\n"))
			}
		}
		if files, err := filepath.Glob("/tmp/x*"); err != nil || len(files) > 0 {
			t.Error("files were written:", files, err)
		}
	})
}

// actsLater matches what a load makes at its end, when no rows follow: here each statement is an end.
var actsLater = regexp.MustCompile(`(?is)^\W*(/\*!\d*\W*)?CREATE\b.*\b(TRIGGER|EVENT|PROCEDURE|FUNCTION|VIEW)\b`)

// Statements of a grammar change nothing outside either.
func TestHostileGrammar(t *testing.T) {
	groups := 2
	if targettest.Long() {
		groups = 200
	}
	targettest.OneServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Must(t, server.Exec("SET GLOBAL log_bin_trust_function_creators = 1"))
		t.Cleanup(func() {
			targettest.Must(t, server.Exec("SET GLOBAL log_bin_trust_function_creators = DEFAULT", "DROP DATABASE live"))
		})
		targettest.Fresh(t, server, "live", victims...)
		targettest.Fresh(t, server, "site94", "CREATE TABLE mine (id int)")
		db, _ := targettest.Open(t, server.URL("site94"))
		changes, err := testserver.Look(server, "site94", "live")
		targettest.Must(t, err)
		random := rand.New(rand.NewPCG(17, 4)) // the same statements each time
		for range groups {
			load, sent := hostileLoad(t, db), []string{}
			for range 100 {
				text, _ := admittest.Statement(random.IntN)
				_, err := load.Run(t.Context(), strings.NewReader(text+"\n;\n"), sqltext.MySQL, nil)
				var refused *target.NotAdmittedError
				if errors.As(err, &refused) {
					continue
				}
				if sent = append(sent, text); err != nil || actsLater.MatchString(text) {
					targettest.Must(t, load.Discard())
					load = hostileLoad(t, db)
				}
			}
			targettest.Must(t, load.Discard())
			if changed := changes(); len(changed) > 0 {
				t.Fatalf("one of these has changed the server:\n%s\n\n%s", strings.Join(sent, "\n"), strings.Join(changed, "\n"))
			}
		}
	})
}

// hostileLoad begins a load of a dump that has named its own database and made two tables.
func hostileLoad(t *testing.T, db target.Database) target.Load {
	t.Helper()
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	_, err = load.Run(t.Context(), strings.NewReader("-- Host: h    Database: shop\nCREATE TABLE t (a INT PRIMARY KEY, b INT);\nCREATE TABLE u (a INT, b INT) ENGINE=MyISAM;\n"), sqltext.MySQL, nil)
	if err != nil {
		t.Fatal(err, load.Discard())
	}
	return load
}

// A refusal names the statement and where it stands, without the values of its rows.
func TestRefusalNamesStatement(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site95", "CREATE TABLE mine (id int)")
	old := targettest.Content(t, server, "site95")
	for text, want := range map[string]string{
		"INSERT INTO t VALUES (1, 'secret', live.f());\n":                                   "statement 2 at byte 38 (\"INSERT INTO t VALUES …\") does not belong in a dump: it names live. in a value",
		"INSERT live.t VALUES ('secret');\n":                                                "statement 2 at byte 38 (\"INSERT live.t VALUES …\") does not belong in a dump: it has no INTO",
		"UPDATE t, live.t u SET u.b = 'secret';\n":                                          "statement 2 at byte 38 (\"UPDATE t , live.t u SET u.b = …\") does not belong in a dump: it changes more than one table",
		"SET STATEMENT sql_mode = 'x' FOR DROP TABLE t;\n":                                  "statement 2 at byte 38 (\"SET STATEMENT sql_mode = … FOR DROP TABLE t\") does not belong in a dump: dumps do not SET STATEMENT",
		"BEGIN NOT ATOMIC DELETE FROM live.t;\n":                                            "statement 2 at byte 38 (\"BEGIN NOT ATOMIC DELETE FROM live.t\") does not belong in a dump: dumps have no statement of this form: BEGIN NOT",
		"CREATE TABLE v (a int) ENGINE=MERGE UNION=(u);\nALTER TABLE v ENGINE=FEDERATED;\n": "statement 3 at byte 85 (\"ALTER TABLE v ENGINE = FEDERATED\") does not belong in a dump: it moves rows to engine FEDERATED",
	} {
		db, _ := targettest.Open(t, server.URL("site95"))
		err := targettest.Pull(t, db, "CREATE TABLE t (a int, b text, c int);"+text)
		var refused *target.NotAdmittedError
		if !errors.As(err, &refused) || refused.Error() != want {
			t.Errorf("%s: got %v", text, err)
		}
		targettest.WantMySQL(t, server, "site95", old)
	}
}

// A setting that no dump needs is left out, with a note.
func TestNeedlessSettings(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "site96", "CREATE TABLE mine (id int)")
		db, said := targettest.Open(t, server.URL("site96"))
		targettest.Must(t, targettest.Pull(t, db, "SET SESSION sql_log_off = 1;\nCREATE TABLE t (a int);\n"))
		said.Want(t, "a setting of the dump is left out: sql_log_off")
	})
}

// Sessions that read the same statement in different ways could be made to run what was not judged.
func TestModesOfSessions(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "site97", "CREATE TABLE mine (id int)")
		db, _ := targettest.Open(t, server.URL("site97"))
		err := targettest.Pull(t, db, "SELECT '' INTO @a;\nSET sql_mode = IFNULL(@a, 'NO_BACKSLASH_ESCAPES');\n")
		if err == nil || !strings.Contains(err.Error(), "it gives each session another value") {
			t.Error(err)
		}
		err = targettest.Pull(t, db, "CREATE TABLE t (a text, b int);\nSET @a = 'NO_BACKSLASH_ESCAPES';\nSET sql_mode = @a;\nINSERT INTO t VALUES ('\\', sleep(0)) -- ');\n")
		if err == nil || !strings.Contains(err.Error(), "it calls SLEEP") {
			t.Error(err)
		}
	})
}

// The exports that the project keeps are pulled as they are.
func TestExportsAreAdmitted(t *testing.T) {
	files, err := filepath.Glob("../../../../tests/exports/dumps/*.sql")
	targettest.Must(t, err)
	server := targettest.MariadbServer(t)
	for _, file := range files {
		if name := filepath.Base(file); strings.Contains(name, "pg_") || strings.Contains(name, "postgres") || strings.Contains(name, "truncate") {
			continue
		}
		text, err := os.ReadFile(file)
		targettest.Must(t, err)
		targettest.Fresh(t, server, "site98", "CREATE TABLE mine (id int)")
		db, _ := targettest.Open(t, server.URL("site98"))
		var refused *target.NotAdmittedError
		if err := targettest.Pull(t, db, string(text)); errors.As(err, &refused) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// later are texts that do harm only if something of the dump runs while it is loaded.
var later = []string{
	"CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW INSERT INTO live.u VALUES (1, 1);\nINSERT INTO t VALUES (1, 1)",
	"CREATE TRIGGER x AFTER DELETE ON t FOR EACH ROW DELETE FROM live.u;\nINSERT INTO t VALUES (2, 1);\nDELETE FROM t",
	"CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW CALL live.p();\nINSERT INTO t VALUES (3, 1);\nUPDATE t SET b = 2",
	"CREATE VIEW w AS SELECT * FROM live.t;\nINSERT INTO w VALUES (1, 1)",
	"CREATE VIEW w AS SELECT * FROM live.t;\nDELETE FROM w",
	"CREATE VIEW w AS SELECT * FROM live.t;\nUPDATE w SET b = 5",
	"CREATE VIEW w AS SELECT * FROM live.t;\nTRUNCATE w",
	"CREATE VIEW w AS SELECT live.f() AS a;\nSELECT * FROM w",
	"CREATE VIEW w AS SELECT live.f() AS a;\nINSERT INTO u (a) SELECT a FROM w",
	"CREATE VIEW w AS SELECT live.f() AS a;\nCREATE TABLE z AS SELECT * FROM w",
	"CREATE FUNCTION k() RETURNS INT BEGIN DELETE FROM live.u; RETURN 1; END;\nINSERT INTO t VALUES (k(), 1)",
	"DELIMITER $$\nCREATE FUNCTION k() RETURNS INT BEGIN DELETE FROM live.u; RETURN 1; END$$\nDELIMITER ;\nCREATE VIEW w AS SELECT k() AS a;\nSELECT * FROM w",
	"CREATE PROCEDURE k() DELETE FROM live.t;\nCALL k()",
	"CREATE EVENT k ON SCHEDULE EVERY 1 SECOND DO DELETE FROM live.u;\nSELECT 1",
}
