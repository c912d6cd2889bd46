package staging

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestMySQLDump(t *testing.T) {
	server := mariaDB(t)
	source, notes := open(t, Config{Client: true,
		URL: parseURL(t, server.URL("shop")), StructureOnly: []string{"cache_*", "session?", "absent"}, Exclude: []string{"old_backup"},
	})
	info := source.Info()
	var tables []string
	for _, table := range info.Tables {
		tables = append(tables, table.Name)
		if table.Bytes == 0 {
			t.Errorf("no size of %s", table.Name)
		}
	}
	got := Info{Engine: info.Engine, Views: info.Views, StructureOnly: info.StructureOnly, Excluded: info.Excluded}
	want := Info{Engine: "mariadb", Views: []string{"recent"}, StructureOnly: []string{"cache_page", "sessions"}, Excluded: []string{"old_backup"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := []string{"cache_page", "node", "sessions"}; !slices.Equal(tables, want) {
		t.Errorf("tables %q, want %q", tables, want)
	}
	expect(t, info.Client, "mariadb-dump 10.")
	expect(t, info.Version, "MariaDB")
	if len(*notes) > 0 {
		t.Errorf("notes: %q", *notes)
	}

	before := time.Now()
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(dump)
	if err != nil {
		t.Fatal(err)
	}
	if err := dump.Close(); err != nil {
		t.Error(err)
	}
	if dump.SnapshotTime.Location() != time.UTC || dump.SnapshotTime.Sub(before).Abs() > time.Minute {
		t.Errorf("snapshot time %v, now %v", dump.SnapshotTime, before)
	}
	expectShop(t, "shop_copy", string(text))
}

// expectShop restores a dump of the shop and compares.
func expectShop(t *testing.T, database, text string) {
	t.Helper()
	expect(t, text, "cache_guard", "CREATE DEFINER", "FUNCTION `answer`", "cleanup", "!secret of a session", "!old_backup", "!set autocommit=0", "!GTID_PURGED")
	if n := strings.Count(text, "\n-- Dump completed"); n != 1 || !strings.HasPrefix(text[strings.LastIndex(strings.TrimSpace(text), "\n")+1:], "-- Dump completed") {
		t.Errorf("%d closing lines; the text ends %q", n, text[len(text)-100:])
	}
	restoreMySQL(t, database, text)
	server := mariaDB(t)
	sums, err := server.Checksums("shop")
	if err != nil {
		t.Fatal(err)
	}
	copied, err := server.Checksums(database)
	if err != nil {
		t.Fatal(err)
	}
	if sums["node"] == "" || copied["node"] != sums["node"] {
		t.Errorf("node: checksum %q, want %q", copied["node"], sums["node"])
	}
	rows, err := server.Query("SELECT (SELECT COUNT(*) FROM " + database + ".cache_page), (SELECT COUNT(*) FROM " + database + ".sessions)," +
		" (SELECT SUM(visits) FROM " + database + ".recent), " + database + ".answer()")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"0", "0", "0", "42"}; !slices.Equal(rows[0], want) {
		t.Errorf("copy has %q, want %q", rows[0], want)
	}
}

// A client without --ignore-table-data is run twice, and the result is one dump.
func TestMySQLDumpWithOldClient(t *testing.T) {
	dir := t.TempDir()
	real, err := filepath.EvalSymlinks(findPrograms("mariadb-dump", nil)[0])
	if err != nil {
		t.Fatal(err)
	}
	script := `#!/bin/sh
case " $* " in
*" --help "*) ` + real + ` "$@" | grep -v ignore-table-data ;;
*ignore-table-data*) echo "unknown option '--ignore-table-data'" >&2; exit 7 ;;
*) exec ` + real + ` "$@" ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "mariadb-dump"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	source, _ := open(t, Config{Client: true,
		URL: parseURL(t, mariaDB(t).URL("shop")), StructureOnly: []string{"cache_*", "sessions"}, Exclude: []string{"old_*"},
	})
	text := dumpText(t, source)
	if strings.Index(text, "CREATE TABLE `cache_page`") > strings.Index(text, "CREATE TABLE `node`") {
		t.Error("the structure does not come first")
	}
	expectShop(t, "shop_old_client", text)
}

func TestMySQLPasswordStaysHidden(t *testing.T) {
	password := "a \"b\" #c 'd' \\n e;%f=√ "
	account(t, "odd", password, "ALL PRIVILEGES ON shop.*", "SELECT ON mysql.proc")
	url := parseURL(t, mariaDB(t).URLAs("odd", "", "shop"))
	source, _ := open(t, Config{Client: true, URL: url, Password: secret.New(password)})
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	hang(t, dump)
	c := childOf(t, dump)
	for _, file := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c), file))
		if err != nil {
			t.Fatal(err)
		}
		expect(t, string(text), "!#c")
	}
	if err := rest(dump); err != nil {
		t.Error(err)
	}
}

func TestMySQLSession(t *testing.T) {
	url := parseURL(t, mariaDB(t).URL("shop"))
	m := &mysqlServer{url: *url}
	err := m.session(t.Context(), func(conn *sql.Conn) error {
		_, err := conn.ExecContext(t.Context(), "DELETE FROM node")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "READ ONLY") {
		t.Errorf("a write gives %v", err)
	}
}

func TestMySQLTLS(t *testing.T) {
	server := mariaDB(t)
	account(t, "tls_only", "x", "ALL PRIVILEGES ON shop.*", "SELECT ON mysql.proc")
	if err := server.Exec("ALTER USER tls_only REQUIRE SSL"); err != nil {
		t.Fatal(err)
	}
	c, err := certs()
	if err != nil {
		t.Fatal(err)
	}
	base := server.URLAs("tls_only", "x", "shop")
	for _, query := range []string{"", "?tls=preferred", "?tls=on", "?tls=verify&ca=" + c.CA} {
		source, _ := open(t, Config{Client: true, URL: parseURL(t, base+query)})
		expect(t, dumpText(t, source), "-- Dump completed")
	}
	expectError(t, openError(t, Config{Client: true, URL: parseURL(t, base+"?tls=verify")}), ErrTLS, "unknown authority")
	// MariaDB answers a user who must use TLS and does not as it answers a wrong password.
	expectError(t, openError(t, Config{Client: true, URL: parseURL(t, base+"?tls=off")}), ErrAuth, "access denied")
	name := strings.Replace(server.URL("shop"), "127.0.0.1", "localhost.localdomain", 1)
	if err := openError(t, Config{Client: true, URL: parseURL(t, name+"?tls=verify&ca="+c.CA)}); !errors.Is(err, ErrTLS) && !errors.Is(err, ErrUnreachable) {
		t.Errorf("a wrong name gives %v", err)
	}

	source, _ := open(t, Config{Client: true, URL: parseURL(t, server.URL("shop")+"?tls=off")})
	expect(t, dumpText(t, source), "-- Dump completed")
}

func TestMySQLWithoutTLS(t *testing.T) {
	server, err := testserver.MariaDB(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	if err := server.Exec("CREATE DATABASE shop", "CREATE TABLE shop.node (id INT)", "CREATE TABLE shop.old (id INT) ENGINE=MyISAM", "CREATE TABLE shop.cache (id INT) ENGINE=Aria"); err != nil {
		t.Fatal(err)
	}
	source, notes := open(t, Config{Client: true, URL: parseURL(t, server.URL("shop")), StructureOnly: []string{"cache"}})
	expect(t, dumpText(t, source), "CREATE TABLE `node`")
	if want := []string{"not in the snapshot, since they are not InnoDB: old"}; !slices.Equal(*notes, want) {
		t.Errorf("notes %q, want %q", *notes, want)
	}
	expectError(t, openError(t, Config{Client: true, URL: parseURL(t, server.URL("shop")+"?tls=on")}), ErrTLS, "server does not support TLS")

	socket := parseURL(t, "mysql://root@localhost/shop?socket="+server.Socket)
	source, _ = open(t, Config{Client: true, URL: socket})
	expect(t, dumpText(t, source), "-- Dump completed")

	// The server dies in the middle.
	if err := server.Exec("USE shop", "INSERT INTO node SELECT seq FROM seq_1_to_1000000"); err != nil {
		t.Fatal(err)
	}
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	hang(t, dump)
	server.Kill()
	expectError(t, rest(dump), ErrConnectionLost, "mariadb-dump")
	expectError(t, openError(t, Config{Client: true, URL: parseURL(t, server.URL("shop"))}), ErrUnreachable, "connection refused")
}

func TestMySQLRefusals(t *testing.T) {
	server := mariaDB(t)
	account(t, "reader", "right", "SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE ON shop.*")
	wrong := openError(t, Config{Client: true, URL: parseURL(t, server.URLAs("reader", "wrong-one", "shop"))})
	expectError(t, wrong, ErrAuth, "source mysql://reader:***@127.0.0.1:")
	expect(t, wrong.Error(), "!wrong-one")
	expectError(t, openError(t, Config{Client: true, URL: parseURL(t, server.URL("nowhere"))}), ErrNoDatabase, "Unknown database 'nowhere'")
	expectError(t, openError(t, Config{Client: true, URL: parseURL(t, "mysql://u@no-such-host.invalid/db")}), ErrUnreachable, "no-such-host.invalid")

	source, _ := open(t, Config{Client: true, URL: parseURL(t, server.URL("empty"))})
	if info := source.Info(); len(info.Tables) > 0 {
		t.Errorf("the empty database has %v", info.Tables)
	}
	expect(t, dumpText(t, source), "-- Dump completed")
}

func TestMySQLPrivileges(t *testing.T) {
	url := mariaDB(t).URLAs("limited", "x", "shop")
	for _, test := range []struct {
		name    string
		grants  []string
		missing string // the error's text; empty if it opens
		grant   string
		notes   string
	}{
		{name: "none", grants: nil, missing: "limited lacks the privilege SELECT", grant: "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `shop`.* TO 'limited'@'%'"},
		{name: "all", grants: []string{"ALL PRIVILEGES ON `sh%`.*", "SELECT ON mysql.proc"}},
		{name: "enough", grants: []string{"SELECT, SHOW VIEW, TRIGGER, EVENT ON shop.*", "SELECT ON mysql.*"}},
		{
			name: "no view", grants: []string{"SELECT, TRIGGER, EVENT, ALTER ROUTINE ON shop.*"},
			missing: "'limited'@'%' lacks the privilege SELECT, SHOW VIEW on recent", grant: "GRANT SELECT, SHOW VIEW ON `shop`.* TO 'limited'@'%'",
		},
		{
			name: "one table", grants: []string{"SELECT ON shop.node", "INSERT ON shop.cache_page", "SELECT, SHOW VIEW ON shop.recent"},
			missing: "'limited'@'%' lacks the privilege SELECT on cache_page", grant: "GRANT SELECT ON `shop`.* TO 'limited'@'%'",
		},
		{
			name: "foreign routines", grants: []string{"SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE ON shop.*"},
			missing: "'limited'@'%' lacks the privilege SELECT on mysql.proc on answer", grant: "GRANT SELECT ON mysql.proc TO 'limited'@'%'",
		},
		{
			name: "hidden", grants: []string{"SELECT, SHOW VIEW ON shop.*"},
			notes: "left out, if there are any: events, triggers, routines, which 'limited'@'%' may not see (GRANT EVENT, TRIGGER ON `shop`.* TO 'limited'@'%'; GRANT SELECT ON mysql.proc TO 'limited'@'%')",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			account(t, "limited", "x", test.grants...)
			config := Config{Client: true, URL: parseURL(t, url)}
			if test.missing != "" {
				err := openError(t, config)
				expectError(t, err, ErrPrivilege, test.missing)
				var missing *PrivilegeError
				if !errors.As(err, &missing) || missing.Grant != test.grant {
					t.Errorf("grant %+v, want %q", missing, test.grant)
				}
				return
			}
			source, notes := open(t, config)
			if got := strings.Join(*notes, "\n"); got != test.notes {
				t.Errorf("notes %q, want %q", got, test.notes)
			}
			text := dumpText(t, source)
			expect(t, text, "-- Dump completed")
			if test.notes == "" {
				expect(t, text, "cache_guard", "FUNCTION `answer`", "cleanup")
			}
		})
	}
}

func TestMySQLBrokenView(t *testing.T) {
	server := mariaDB(t)
	if err := server.Exec("CREATE DATABASE broken", "USE broken", "CREATE TABLE a (id INT)", "CREATE VIEW v AS SELECT * FROM a", "DROP TABLE a"); err != nil {
		t.Fatal(err)
	}
	expectError(t, openError(t, Config{Client: true, URL: parseURL(t, server.URL("broken"))}), ErrBrokenView, "view v")
	open(t, Config{Client: true, URL: parseURL(t, server.URL("broken")), Exclude: []string{"v"}})
}

func TestMySQLClientKilled(t *testing.T) {
	source, _ := open(t, Config{Client: true, URL: parseURL(t, mariaDB(t).URL("shop"))})
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hang(t, dump)
	c := childOf(t, dump)
	if err := syscall.Kill(c, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err = rest(dump)
	var failed *SourceError
	if !errors.As(err, &failed) || failed.Status != "killed by signal 9" {
		t.Errorf("error %v", err)
	}
	if _, again := dump.Read(make([]byte, 1)); again != err {
		t.Errorf("the second time it says %v", again)
	}
	if err := dump.Close(); err != nil {
		t.Error(err)
	}
	expectNoProcess(t, c)
}

func TestMySQLCancel(t *testing.T) {
	source, _ := open(t, Config{Client: true, URL: parseURL(t, mariaDB(t).URL("shop"))})
	ctx, cancel := context.WithCancel(t.Context())
	dump, err := source.Dump(ctx)
	if err != nil {
		t.Fatal(err)
	}
	hang(t, dump)
	cancel()
	if err := rest(dump); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	c := childOf(t, dump)
	_ = dump.Close()
	expectNoProcess(t, c)

	dump, err = source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hang(t, dump)
	c = childOf(t, dump)
	_ = dump.Close() // without reading on
	expectNoProcess(t, c)
	if _, err := openSource(ctx, Config{Client: true, URL: parseURL(t, mariaDB(t).URL("shop"))}); !errors.Is(err, context.Canceled) {
		t.Errorf("open with an ended context: %v", err)
	}
}

// An ALTER TABLE between the snapshot and the reading of its table is MySQL's error 1412.
func TestMySQLDefinitionChanged(t *testing.T) {
	server := mariaDB(t)
	err := server.Exec("CREATE DATABASE altered", "USE altered", "CREATE TABLE a (id INT, t LONGTEXT)",
		"INSERT INTO a SELECT seq, REPEAT('x', 1000) FROM seq_1_to_20000", "CREATE TABLE z (id INT)")
	if err != nil {
		t.Fatal(err)
	}
	source, _ := open(t, Config{Client: true, URL: parseURL(t, server.URL("altered"))})
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	hang(t, dump)
	if err := server.Exec("ALTER TABLE altered.z ADD COLUMN more INT, ALGORITHM=COPY"); err != nil {
		t.Fatal(err)
	}
	expectError(t, rest(dump), ErrDefinitionChanged, "Table definition has changed")
}

// The snapshot holds: rows that come while the dump runs are not in it.
func TestMySQLSnapshot(t *testing.T) {
	server := mariaDB(t)
	err := server.Exec("CREATE DATABASE busy", "USE busy", "CREATE TABLE a (id INT, t LONGTEXT)",
		"INSERT INTO a SELECT seq, REPEAT('x', 1000) FROM seq_1_to_20000", "CREATE TABLE z (t TEXT)")
	if err != nil {
		t.Fatal(err)
	}
	source, _ := open(t, Config{Client: true, URL: parseURL(t, server.URL("busy"))})
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	hang(t, dump)
	if err := server.Exec("INSERT INTO busy.z VALUES ('too late')"); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(dump)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, string(text), "-- Dump completed", "CREATE TABLE `z`", "!too late")
}

// What a user's own option files say does not count.
func TestMySQLOptionFilesAreIgnored(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".my.cnf"), []byte("[mysqldump]\nno-data\nwhere=1=0\n[client]\nhost=no-such-host.invalid\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("MYSQL_PWD", "wrong")
	source, _ := open(t, Config{Client: true, URL: parseURL(t, mariaDB(t).URL("shop"))})
	expect(t, dumpText(t, source), "INSERT INTO `node`")
}

func TestClientMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := openError(t, Config{Client: true, URL: parseURL(t, mariaDB(t).URL("shop"))})
	var missing *ClientMissingError
	if !errors.As(err, &missing) || missing.Debian != "mariadb-client" {
		t.Errorf("error %v", err)
	}
}
