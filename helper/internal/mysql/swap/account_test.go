package swap

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/admit/admittest"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// attacker sends statements over sessions of the account for loading, past the list of statements.
type attacker struct {
	t      *testing.T
	server *testserver.MySQL
	db     *Database
	load   *pull
}

func newAttacker(t *testing.T, server *testserver.MySQL, database string) *attacker {
	t.Helper()
	targettest.Fresh(t, server, database, "CREATE TABLE mine (id int)")
	db, _ := targettest.Open(t, server.URL(database))
	return &attacker{t: t, server: server, db: db.(*Database)}
}

// begin begins a load.
func (a *attacker) begin() {
	load, err := a.db.Begin(a.t.Context())
	targettest.Must(a.t, err)
	if a.load = load.(*pull); a.load.Account == nil {
		a.t.Fatal("the load has no account of its own")
	}
}

// session opens a session in the scratch database, which has two tables.
func (a *attacker) session() *session.Session {
	ctx, incoming := a.t.Context(), a.db.Names.Incoming
	s, err := a.db.ConnectAs(ctx, a.load.Account)
	if err != nil { // it may have changed its own password
		targettest.Must(a.t, a.load.Discard())
		a.begin()
		return a.session()
	}
	if s.Exec(ctx, "USE "+incoming) != nil || s.Exec(ctx, "DO (SELECT COUNT(*) FROM t, u)") != nil {
		targettest.Must(a.t, a.server.Exec("CREATE DATABASE IF NOT EXISTS "+incoming, "CREATE TABLE IF NOT EXISTS "+incoming+".t (a INT PRIMARY KEY, b INT)",
			"CREATE TABLE IF NOT EXISTS "+incoming+".u (a INT, b INT) ENGINE=MyISAM"))
		targettest.Must(a.t, s.Exec(ctx, "USE "+incoming))
	}
	return s
}

// lengthy finds what only takes its time.
var lengthy = regexp.MustCompile(`(?i)((?:sleep|benchmark)\(|WHILE )[0-9]+`)

// try executes statements one after the other, whatever comes of them.
func (a *attacker) try(statements ...string) {
	s := a.session()
	defer s.Close()
	for _, statement := range statements {
		_ = s.Exec(a.t.Context(), lengthy.ReplaceAllString(statement, "${1}0"))
	}
}

// Even what the list of statements would let through does not change anything outside of the scratch database.
func TestHostileTextsPastTheList(t *testing.T) {
	var texts [][]string
	for _, name := range slices.Sorted(maps.Keys(admittest.Sequences)) {
		texts = append(texts, admittest.Sequences[name])
	}
	for _, text := range admittest.Hostile {
		texts = append(texts, []string{text})
	}
	for _, text := range later {
		texts = append(texts, strings.Split(text, ";\n"))
	}
	random := rand.New(rand.NewPCG(17, 5)) // the same statements each time
	for range 150 {
		text, _ := admittest.Statement(random.IntN)
		texts = append(texts, []string{text})
	}
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Must(t, server.Exec("SET GLOBAL log_bin_trust_function_creators = 1"))
		t.Cleanup(func() {
			targettest.Must(t, server.Exec("SET GLOBAL log_bin_trust_function_creators = DEFAULT", "DROP DATABASE live"))
		})
		targettest.Fresh(t, server, "live", victims...)
		a := newAttacker(t, server, "site94")
		elsewhere, err := testserver.Look(server, "site94", "live")
		targettest.Must(t, err)
		own, err := testserver.Look(server, "site94__dump_incoming", "site94")
		targettest.Must(t, err)
		some := texts
		if targettest.IsOracle(t, server) && os.Getenv("DUMP_TEST_LONG") == "" {
			some = nil // MySQL takes its time to let somebody in
			for i := 0; i < len(texts); i += 4 {
				some = append(some, texts[i])
			}
		}
		for group := range slices.Chunk(some, 100) {
			a.begin()
			for _, text := range group {
				a.try(text...)
			}
			targettest.Must(t, a.load.Discard())
			if changed := slices.Concat(elsewhere(), own()); len(changed) > 0 {
				t.Fatalf("one of these has changed the server:\n%q\n\n%s", group, strings.Join(changed, "\n"))
			}
		}
		if files, err := filepath.Glob("/tmp/x*"); err != nil || len(files) > 0 {
			t.Error("files were written:", files, err)
		}
	})
}

// An underscore in the name of a database matches any character in a GRANT, unless the server says otherwise. Rules for passwords are kept.
func TestAccountReachesOneDatabase(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		rules, without := []string{
			"INSTALL SONAME 'simple_password_check'", "SET GLOBAL simple_password_check_minimal_length = 20, GLOBAL simple_password_check_letters_same_case = 3," +
				" GLOBAL simple_password_check_digits = 3, GLOBAL simple_password_check_other_characters = 3",
		}, []string{"UNINSTALL SONAME 'simple_password_check'"}
		if targettest.IsOracle(t, server) {
			rules, without = []string{
				"INSTALL COMPONENT 'file://component_validate_password'", "SET GLOBAL validate_password.length = 20, GLOBAL validate_password.mixed_case_count = 3," +
					" GLOBAL validate_password.number_count = 3, GLOBAL validate_password.special_char_count = 3, GLOBAL partial_revokes = 1",
			}, []string{"UNINSTALL COMPONENT 'file://component_validate_password'", "SET GLOBAL partial_revokes = 0"}
		}
		const neighbour = "site95abdump_incoming" // matches site95__dump_incoming
		targettest.Fresh(t, server, neighbour, "CREATE TABLE n (a INT)")
		a := newAttacker(t, server, "site95")
		reaches := func() {
			a.begin()
			s := a.session()
			defer s.Close()
			targettest.Must(t, s.Exec(t.Context(), "INSERT INTO t VALUES (1, 1)"))
			if err := s.Exec(t.Context(), "INSERT INTO "+neighbour+".n VALUES (1)"); mysql.Errno(err) != mysql.ErrnoTableDenied {
				t.Error("the account writes to another database:", err)
			}
			targettest.Must(t, a.load.Discard())
			targettest.NoGarbage(t, server, "site95")
		}
		reaches()
		targettest.Must(t, server.Exec(rules...))
		t.Cleanup(func() { targettest.Must(t, server.Exec(append(without, "DROP DATABASE "+neighbour)...)) })
		reaches()
	})
}

// An account of the same name that belongs to somebody else stays, and the list of statements alone protects the server then. One that a pull has
// left is dropped.
func TestAccountOfSomebodyElse(t *testing.T) {
	server := targettest.MariadbServer(t)
	a := newAttacker(t, server, "site96")
	a.begin()
	name := "'" + a.load.Account.Name + "'@'" + a.load.Account.Host + "'"
	targettest.Must(t, a.load.Discard())
	targettest.Must(t, server.Exec("CREATE USER "+name, "GRANT SELECT ON `site96\\_\\_dump\\_incoming`.* TO "+name))
	a.begin()
	targettest.Must(t, a.load.Discard())
	targettest.NoGarbage(t, server, "site96")
	targettest.Must(t, server.Exec("CREATE USER "+name, "GRANT SELECT ON site96.* TO "+name))
	t.Cleanup(func() { targettest.Must(t, server.Exec("DROP USER "+name)) })
	db, said := targettest.Open(t, server.URL("site96"))
	targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE t (a INT);\n"))
	said.Want(t, "no account for loading: Operation CREATE USER failed for "+name+"; a list of statements alone keeps the dump in its database")
}

// An account that cannot make others pulls without one.
func TestPullWithoutAccount(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		targettest.Fresh(t, server, "site97", "CREATE TABLE mine (id int)")
		targettest.Must(t, server.Exec("CREATE USER plain97 IDENTIFIED BY 'x'", "GRANT ALL ON `site97%`.* TO plain97", "GRANT PROCESS ON *.* TO plain97"))
		t.Cleanup(func() { targettest.Must(t, server.Exec("DROP USER plain97")) })
		db, said := targettest.Open(t, server.URLAs("plain97", "x", "site97"))
		targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE t (a INT);\n"))
		said.Want(t, "the account of DUMP_TARGET cannot make another one for loading; a list of statements alone keeps the dump in its database")
		for url, want := range map[string]bool{server.URLAs("plain97", "x", "site97"): false, server.URL("site97"): true} {
			db, _ := targettest.Open(t, url)
			if confines, err := db.(*Database).Confines(t.Context()); err != nil || confines != want {
				t.Error(url, confines, err)
			}
		}
	})
}

// With its underscores escaped, the name of a scratch database may be too long for a GRANT. Then they match any character, unless there is a
// database that they would match.
func TestAccountForALongName(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		const live = "site_99_with_a_name_that_is_nearly_too_long"
		a := newAttacker(t, server, live)
		a.begin()
		s := a.session()
		targettest.Must(t, s.Exec(t.Context(), "INSERT INTO t VALUES (1, 1)"))
		s.Close()
		targettest.Must(t, a.load.Discard())
		targettest.NoGarbage(t, server, live)
		neighbour := strings.Replace(a.db.Names.Incoming, "_99_", "_99x", 1)
		targettest.Must(t, server.Exec("CREATE DATABASE "+neighbour))
		t.Cleanup(func() { targettest.Must(t, server.Exec("DROP DATABASE "+neighbour)) })
		db, said := targettest.Open(t, server.URL(live))
		targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE t (a INT);\n"))
		said.Want(t, "no account for loading: a GRANT on database "+a.db.Names.Incoming+" would be one on "+neighbour+", too; a list of statements alone keeps the dump in its database")
	})
}

// A server may ask for a privilege to encrypt a table, or not, unlike its database.
func TestAccountWhereEncryptionNeedsAPrivilege(t *testing.T) {
	server, err := targettest.Mysqld()
	targettest.Must(t, err)
	if !targettest.IsOracle(t, server) {
		t.Fatal("this is no MySQL")
	}
	a := newAttacker(t, server, "site100")
	targettest.Must(t, server.Exec("SET GLOBAL table_encryption_privilege_check = 1"))
	t.Cleanup(func() { targettest.Must(t, server.Exec("SET GLOBAL table_encryption_privilege_check = 0")) })
	a.begin()
	s := a.session()
	defer s.Close()
	targettest.Must(t, s.Exec(t.Context(), "SET SESSION default_table_encryption = 0"))
	targettest.Must(t, a.server.Exec("ALTER DATABASE "+a.db.Names.Incoming+" ENCRYPTION='Y'"))
	targettest.Must(t, s.Exec(t.Context(), "CREATE TABLE plain (a INT) ENCRYPTION='N'"))
	targettest.Must(t, a.load.Discard())
	targettest.NoGarbage(t, server, "site100")
}
