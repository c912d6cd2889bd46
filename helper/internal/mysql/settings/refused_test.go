package settings

import (
	"regexp"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// What an account may not change for itself is refused by its name, and by nothing else.
func TestRefusedSettings(t *testing.T) {
	for _, test := range []struct {
		name             string
		start            func(string, ...string) (*testserver.MySQL, error)
		hostile, fine    []string // globally
		said, hintedThen string
	}{
		{
			name: "MariaDB", start: testserver.MariaDB,
			hostile: []string{"enforce_storage_engine = MyISAM"}, fine: []string{"enforce_storage_engine = NULL"},
			said:       `error: the server's setting enforce_storage_engine is "MyISAM", and this account may not set it to NULL for itself\n`,
			hintedThen: `hint: set enforce_storage_engine back on the local server, or name an account in DUMP_TARGET that may set it for its own sessions\n`,
		},
		{
			name: "MariaDB", start: testserver.MariaDB,
			hostile: []string{"read_only = 1"}, fine: []string{"read_only = 0"},
			said:       `error: write to the local server: Error 1290 \(HY000\): The MariaDB server is running with the --read-only option so it cannot execute this statement\n`,
			hintedThen: `hint: set read_only back on the local server; with this value it accepts no changes\n`,
		},
		{
			name: "MySQL", start: testserver.Mysqld,
			hostile: []string{"sql_generate_invisible_primary_key = 1"}, fine: []string{"sql_generate_invisible_primary_key = 0"},
			said:       `error: the server's setting sql_generate_invisible_primary_key is "ON", and this account may not set it to 0 for itself\n`,
			hintedThen: `hint: set sql_generate_invisible_primary_key back on the local server, or name an account in DUMP_TARGET that may set it for its own sessions\n`,
		},
	} {
		t.Run(test.name+" "+test.hostile[0], func(t *testing.T) {
			server, err := test.start(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Kill)
			err = server.Exec("CREATE DATABASE site", "CREATE DATABASE local", "CREATE TABLE site.t (id int PRIMARY KEY)", "INSERT INTO site.t VALUES (1), (2)",
				"CREATE USER plain", "GRANT ALL ON site.* TO plain", "GRANT ALL ON `local%`.* TO plain",
				// What no account without privileges may set in MySQL, and what nothing depends on.
				"SET GLOBAL innodb_strict_mode = 1")
			if err != nil {
				t.Fatal(err)
			}
			p := newProject(t, server.URLAs("plain", "", "site"), server.URLAs("plain", "", "local"))
			for _, statement := range test.hostile {
				if err := server.Exec("SET GLOBAL " + statement); err != nil {
					t.Fatal(err)
				}
			}
			p.run("refresh")
			out, err := p.try("pull", "--yes")
			if err == nil || !regexp.MustCompile(test.said+test.hintedThen).MatchString(out) {
				t.Errorf("pull: %v\n%s\nwant\n%s%s", err, out, test.said, test.hintedThen)
			}
			for _, statement := range test.fine {
				if err := server.Exec("SET GLOBAL " + statement); err != nil {
					t.Fatal(err)
				}
			}
			p.run("pull", "--yes")
			rows, err := server.Query("SELECT COUNT(*) FROM local.t")
			if err != nil || rows[0][0] != "2" {
				t.Errorf("the table has %v rows, %v", rows, err)
			}
		})
	}
}

// A server that prepares no statements is refused by the setting's name, on either side.
func TestNoPreparedStatements(t *testing.T) {
	for name, start := range map[string]func(string, ...string) (*testserver.MySQL, error){"MariaDB": testserver.MariaDB, "MySQL": testserver.Mysqld} {
		t.Run(name, func(t *testing.T) {
			server, err := start(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Kill)
			if err := server.Exec("CREATE DATABASE site", "CREATE TABLE site.t (id int PRIMARY KEY)", "INSERT INTO site.t VALUES (1)"); err != nil {
				t.Fatal(err)
			}
			p := newProject(t, server.URL("site"), server.URL("local"))
			p.run("refresh")
			if err := server.Exec("SET GLOBAL max_prepared_stmt_count = 0"); err != nil {
				t.Fatal(err)
			}
			for verb, want := range map[string]string{
				"refresh": `error: source \S+: Error 1461 .*\nhint: set max_prepared_stmt_count to 16382 on staging and try again\n`,
				"pull":    `error: look for database local: Error 1461 .*\nhint: set max_prepared_stmt_count to 16382 on the local server and try again; the local database is as it was\n`,
			} {
				arguments := map[string][]string{"refresh": {"refresh"}, "pull": {"pull", "--yes"}}[verb]
				if out, err := p.try(arguments...); err == nil || !regexp.MustCompile(want).MatchString(out) {
					t.Errorf("%s: %v\n%s\nwant\n%s", verb, err, out, want)
				}
			}
		})
	}
}

// What the server runs on each new connection changes neither settings nor the database; what it makes is refused.
func TestInitConnect(t *testing.T) {
	server, err := testserver.MariaDB(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	err = server.Exec("CREATE DATABASE site", "CREATE DATABASE local", "CREATE DATABASE evil", "CREATE TABLE evil.t (mine int)", "CREATE TABLE site.t (id int PRIMARY KEY)",
		"INSERT INTO site.t VALUES (1), (2)", "CREATE TABLE site.u (id int PRIMARY KEY)", "INSERT INTO site.u VALUES (3)",
		"CREATE USER plain", "GRANT ALL ON site.* TO plain", "GRANT ALL ON evil.* TO plain", "GRANT ALL ON `local%`.* TO plain",
		"SET GLOBAL init_connect = 'USE evil; SET sql_select_limit = 0, sql_mode = ANSI, autocommit = 0, timestamp = 1'")
	if err != nil {
		t.Fatal(err)
	}
	p := newProject(t, server.URLAs("plain", "", "site"), server.URLAs("plain", "", "local"))
	p.run("refresh")
	p.run("pull", "--yes")
	rows, err := server.Query("SELECT (SELECT COUNT(*) FROM local.t), (SELECT COUNT(*) FROM local.u)")
	if err != nil || rows[0][0] != "2" || rows[0][1] != "1" {
		t.Errorf("the tables have %v rows, %v", rows, err)
	}
	if err := server.Exec("SET GLOBAL init_connect = 'CREATE TEMPORARY TABLE site.t (mine int)'"); err != nil {
		t.Fatal(err)
	}
	out, err := p.try("refresh")
	want := "error: .*read table t: a temporary table of the same name hides it, which the server's setting init_connect has made\nhint: set init_connect back on staging"
	if err == nil || !regexp.MustCompile(want).MatchString(out) {
		t.Errorf("refresh: %v\n%s\nwant\n%s", err, out, want)
	}
}
