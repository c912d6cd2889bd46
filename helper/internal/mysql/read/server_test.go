package read

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

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/dumpclient"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestMySQLDump(t *testing.T) {
	server := sourcetest.MariaDB(t)
	src, notes := sourcetest.Open(t, source.Config{Client: true,
		URL: sourcetest.ParseURL(t, server.URL("shop")), StructureOnly: []string{"cache_*", "session?", "absent"}, Exclude: []string{"old_backup"},
	})
	info := src.Info()
	var tables []string
	for _, table := range info.Tables {
		tables = append(tables, table.Name)
		if table.Bytes == 0 {
			t.Errorf("no size of %s", table.Name)
		}
	}
	got := source.Info{Engine: info.Engine, Views: info.Views, StructureOnly: info.StructureOnly, Excluded: info.Excluded}
	want := source.Info{Engine: "mariadb", Views: []string{"recent"}, StructureOnly: []string{"cache_page", "sessions"}, Excluded: []string{"old_backup"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := []string{"cache_page", "node", "sessions"}; !slices.Equal(tables, want) {
		t.Errorf("tables %q, want %q", tables, want)
	}
	sourcetest.Expect(t, info.Client, "mariadb-dump 10.")
	sourcetest.Expect(t, info.Version, "MariaDB")
	if len(*notes) > 0 {
		t.Errorf("notes: %q", *notes)
	}

	before := time.Now()
	dump, err := src.Dump(t.Context())
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

// expectShop restores a dump of the shop and compares it.
func expectShop(t *testing.T, database, text string) {
	t.Helper()
	sourcetest.Expect(t, text, "cache_guard", "CREATE DEFINER", "FUNCTION `answer`", "cleanup", "!secret of a session", "!old_backup", "!set autocommit=0", "!GTID_PURGED")
	if n := strings.Count(text, "\n-- Dump completed"); n != 1 || !strings.HasPrefix(text[strings.LastIndex(strings.TrimSpace(text), "\n")+1:], "-- Dump completed") {
		t.Errorf("%d closing lines; the text ends %q", n, text[len(text)-100:])
	}
	sourcetest.RestoreMySQL(t, database, text)
	server := sourcetest.MariaDB(t)
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
	real, err := filepath.EvalSymlinks(dumpclient.FindPrograms("mariadb-dump", nil)[0])
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
	source, _ := sourcetest.Open(t, source.Config{Client: true,
		URL: sourcetest.ParseURL(t, sourcetest.MariaDB(t).URL("shop")), StructureOnly: []string{"cache_*", "sessions"}, Exclude: []string{"old_*"},
	})
	text := sourcetest.DumpText(t, source)
	if strings.Index(text, "CREATE TABLE `cache_page`") > strings.Index(text, "CREATE TABLE `node`") {
		t.Error("the structure does not come first")
	}
	expectShop(t, "shop_old_client", text)
}

func TestMySQLPasswordStaysHidden(t *testing.T) {
	password := "a \"b\" #c 'd' \\n e;%f=√ "
	sourcetest.Account(t, "odd", password, "ALL PRIVILEGES ON shop.*", "SELECT ON mysql.proc")
	url := sourcetest.ParseURL(t, sourcetest.MariaDB(t).URLAs("odd", "", "shop"))
	source, _ := sourcetest.Open(t, source.Config{Client: true, URL: url, Password: secret.New(password)})
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	sourcetest.Hang(t, dump)
	c := sourcetest.ChildOf(t, dump)
	for _, file := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c), file))
		if err != nil {
			t.Fatal(err)
		}
		sourcetest.Expect(t, string(text), "!#c")
	}
	if err := sourcetest.Rest(dump); err != nil {
		t.Error(err)
	}
}

func TestMySQLSession(t *testing.T) {
	url := sourcetest.ParseURL(t, sourcetest.MariaDB(t).URL("shop"))
	m := &Server{url: *url}
	err := m.session(t.Context(), func(conn *sql.Conn) error {
		_, err := conn.ExecContext(t.Context(), "DELETE FROM node")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "READ ONLY") {
		t.Errorf("a write gives %v", err)
	}
}

func TestMySQLTLS(t *testing.T) {
	server := sourcetest.MariaDB(t)
	sourcetest.Account(t, "tls_only", "x", "ALL PRIVILEGES ON shop.*", "SELECT ON mysql.proc")
	if err := server.Exec("ALTER USER tls_only REQUIRE SSL"); err != nil {
		t.Fatal(err)
	}
	c, err := sourcetest.Certs()
	if err != nil {
		t.Fatal(err)
	}
	base := server.URLAs("tls_only", "x", "shop")
	for _, query := range []string{"", "?tls=preferred", "?tls=on", "?tls=verify&ca=" + c.CA} {
		source, _ := sourcetest.Open(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, base+query)})
		sourcetest.Expect(t, sourcetest.DumpText(t, source), "-- Dump completed")
	}
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, base+"?tls=verify")}), source.ErrTLS, "unknown authority")
	// If an account must use TLS and does not, MariaDB answers as for a wrong password.
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, base+"?tls=off")}), source.ErrAuth, "access denied")
	name := strings.Replace(server.URL("shop"), "127.0.0.1", "localhost.localdomain", 1)
	if err := sourcetest.OpenError(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, name+"?tls=verify&ca="+c.CA)}); !errors.Is(err, source.ErrTLS) && !errors.Is(err, source.ErrUnreachable) {
		t.Errorf("a wrong name gives %v", err)
	}

	source, _ := sourcetest.Open(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URL("shop")+"?tls=off")})
	sourcetest.Expect(t, sourcetest.DumpText(t, source), "-- Dump completed")
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
	src, notes := sourcetest.Open(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URL("shop")), StructureOnly: []string{"cache"}})
	sourcetest.Expect(t, sourcetest.DumpText(t, src), "CREATE TABLE `node`")
	if want := []string{"not in the snapshot, since they are not InnoDB: old"}; !slices.Equal(*notes, want) {
		t.Errorf("notes %q, want %q", *notes, want)
	}
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URL("shop")+"?tls=on")}), source.ErrTLS, "server does not support TLS")

	socket := sourcetest.ParseURL(t, "mysql://root@localhost/shop?socket="+server.Socket)
	src, _ = sourcetest.Open(t, source.Config{Client: true, URL: socket})
	sourcetest.Expect(t, sourcetest.DumpText(t, src), "-- Dump completed")

	// The server dies in the middle.
	if err := server.Exec("USE shop", "INSERT INTO node SELECT seq FROM seq_1_to_1000000"); err != nil {
		t.Fatal(err)
	}
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	sourcetest.Hang(t, dump)
	server.Kill()
	sourcetest.ExpectError(t, sourcetest.Rest(dump), source.ErrConnectionLost, "mariadb-dump")
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URL("shop"))}), source.ErrUnreachable, "connection refused")
}

func TestMySQLRefusals(t *testing.T) {
	server := sourcetest.MariaDB(t)
	sourcetest.Account(t, "reader", "right", "SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE ON shop.*")
	wrong := sourcetest.OpenError(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URLAs("reader", "wrong-one", "shop"))})
	sourcetest.ExpectError(t, wrong, source.ErrAuth, "source mysql://reader:***@127.0.0.1:")
	sourcetest.Expect(t, wrong.Error(), "!wrong-one")
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URL("nowhere"))}), source.ErrNoDatabase, "Unknown database 'nowhere'")
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, "mysql://u@no-such-host.invalid/db")}), source.ErrUnreachable, "no-such-host.invalid")

	source, _ := sourcetest.Open(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URL("empty"))})
	if info := source.Info(); len(info.Tables) > 0 {
		t.Errorf("the empty database has %v", info.Tables)
	}
	sourcetest.Expect(t, sourcetest.DumpText(t, source), "-- Dump completed")
}

func TestMySQLPrivileges(t *testing.T) {
	url := sourcetest.MariaDB(t).URLAs("limited", "x", "shop")
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
			sourcetest.Account(t, "limited", "x", test.grants...)
			config := source.Config{Client: true, URL: sourcetest.ParseURL(t, url)}
			if test.missing != "" {
				err := sourcetest.OpenError(t, config)
				sourcetest.ExpectError(t, err, source.ErrPrivilege, test.missing)
				var missing *source.PrivilegeError
				if !errors.As(err, &missing) || missing.Grant != test.grant {
					t.Errorf("grant %+v, want %q", missing, test.grant)
				}
				return
			}
			source, notes := sourcetest.Open(t, config)
			if got := strings.Join(*notes, "\n"); got != test.notes {
				t.Errorf("notes %q, want %q", got, test.notes)
			}
			text := sourcetest.DumpText(t, source)
			sourcetest.Expect(t, text, "-- Dump completed")
			if test.notes == "" {
				sourcetest.Expect(t, text, "cache_guard", "FUNCTION `answer`", "cleanup")
			}
		})
	}
}

func TestMySQLBrokenView(t *testing.T) {
	server := sourcetest.MariaDB(t)
	if err := server.Exec("CREATE DATABASE broken", "USE broken", "CREATE TABLE a (id INT)", "CREATE VIEW v AS SELECT * FROM a", "DROP TABLE a"); err != nil {
		t.Fatal(err)
	}
	var broken *source.BrokenError
	if err := sourcetest.OpenError(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URL("broken"))}); !errors.As(err, &broken) || broken.Objects[0].Name != "v" {
		t.Errorf("got %v", err)
	}
	sourcetest.Open(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URL("broken")), Exclude: []string{"v"}})
}

// A damaged table is named and not taken for a fault of the program's, and --skip-broken leaves out its rows alone.
func TestMySQLDamagedRows(t *testing.T) {
	server := sourcetest.MariaDB(t)
	if err := server.Exec("CREATE DATABASE damaged", "USE damaged", "CREATE TABLE fine (id INT PRIMARY KEY)", "INSERT INTO fine VALUES (7)",
		"CREATE TABLE torn (id INT, t VARCHAR(2000)) ENGINE=MyISAM", "INSERT INTO torn SELECT seq, REPEAT('x', 1500) FROM seq_1_to_300", "FLUSH TABLES"); err != nil {
		t.Fatal(err)
	}
	folder, err := server.Query("SELECT @@datadir")
	if err != nil {
		t.Fatal(err)
	}
	rows := filepath.Join(folder[0][0], "damaged", "torn.MYD")
	content, err := os.ReadFile(rows)
	if err != nil {
		t.Fatal(err)
	}
	clear(content[len(content)/2:])
	if err := os.WriteFile(rows, content, 0o600); err != nil {
		t.Fatal(err)
	}
	config := source.Config{URL: sourcetest.ParseURL(t, server.URL("damaged"))}
	src, _ := sourcetest.Open(t, config)
	d, err := src.Dump(t.Context())
	if err == nil {
		defer d.Close()
		err = d.WriteChunks(t.Context(), func(dump.Chunk) ([]byte, error) { return nil, nil })
	}
	var broken *source.BrokenError
	if !errors.As(err, &broken) || len(broken.Objects) != 1 || broken.Objects[0].Kind != "rows of table" || broken.Objects[0].Name != "torn" {
		t.Fatalf("got %v", err)
	}
	config.SkipBroken = true
	src, _ = sourcetest.Open(t, config)
	if info := src.Info(); len(info.Broken) != 1 || !strings.HasPrefix(info.Broken[0], "rows of table torn: ") || !slices.Equal(info.StructureOnly, []string{"torn"}) {
		t.Errorf("left out %q, without rows %q", info.Broken, info.StructureOnly)
	}
	chunks, _ := sourcetest.ChunksOf(t, src)
	sourcetest.Expect(t, sourcetest.Joined(chunks), "CREATE TABLE `torn`", "INSERT INTO `fine`")
}

func TestMySQLClientKilled(t *testing.T) {
	src, _ := sourcetest.Open(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, sourcetest.MariaDB(t).URL("shop"))})
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.Hang(t, dump)
	c := sourcetest.ChildOf(t, dump)
	if err := syscall.Kill(c, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err = sourcetest.Rest(dump)
	var failed *source.ClientError
	if !errors.As(err, &failed) || failed.Status != "killed by signal 9" {
		t.Errorf("error %v", err)
	}
	if _, again := dump.Read(make([]byte, 1)); again != err {
		t.Errorf("the second time it says %v", again)
	}
	if err := dump.Close(); err != nil {
		t.Error(err)
	}
	sourcetest.ExpectNoProcess(t, c)
}

func TestMySQLCancel(t *testing.T) {
	src, _ := sourcetest.Open(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, sourcetest.MariaDB(t).URL("shop"))})
	ctx, cancel := context.WithCancel(t.Context())
	dump, err := src.Dump(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.Hang(t, dump)
	cancel()
	if err := sourcetest.Rest(dump); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	c := sourcetest.ChildOf(t, dump)
	_ = dump.Close()
	sourcetest.ExpectNoProcess(t, c)

	dump, err = src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.Hang(t, dump)
	c = sourcetest.ChildOf(t, dump)
	_ = dump.Close() // without reading on
	sourcetest.ExpectNoProcess(t, c)
	if _, err := sourcetest.OpenSource(ctx, source.Config{Client: true, URL: sourcetest.ParseURL(t, sourcetest.MariaDB(t).URL("shop"))}); !errors.Is(err, context.Canceled) {
		t.Errorf("open with an ended context: %v", err)
	}
}

// An ALTER TABLE between the snapshot and the reading of its table makes MySQL report error 1412.
func TestMySQLDefinitionChanged(t *testing.T) {
	server := sourcetest.MariaDB(t)
	err := server.Exec("CREATE DATABASE altered", "USE altered", "CREATE TABLE a (id INT, t LONGTEXT)",
		"INSERT INTO a SELECT seq, REPEAT('x', 1000) FROM seq_1_to_20000", "CREATE TABLE z (id INT)")
	if err != nil {
		t.Fatal(err)
	}
	src, _ := sourcetest.Open(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URL("altered"))})
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	sourcetest.Hang(t, dump)
	if err := server.Exec("ALTER TABLE altered.z ADD COLUMN more INT, ALGORITHM=COPY"); err != nil {
		t.Fatal(err)
	}
	sourcetest.ExpectError(t, sourcetest.Rest(dump), source.ErrDefinitionChanged, "Table definition has changed")
}

// Rows that arrive during the dump are not in its snapshot.
func TestMySQLSnapshot(t *testing.T) {
	server := sourcetest.MariaDB(t)
	err := server.Exec("CREATE DATABASE busy", "USE busy", "CREATE TABLE a (id INT, t LONGTEXT)",
		"INSERT INTO a SELECT seq, REPEAT('x', 1000) FROM seq_1_to_20000", "CREATE TABLE z (t TEXT)")
	if err != nil {
		t.Fatal(err)
	}
	source, _ := sourcetest.Open(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, server.URL("busy"))})
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	sourcetest.Hang(t, dump)
	if err := server.Exec("INSERT INTO busy.z VALUES ('too late')"); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(dump)
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.Expect(t, string(text), "-- Dump completed", "CREATE TABLE `z`", "!too late")
}

// The user's own option files have no effect.
func TestMySQLOptionFilesAreIgnored(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".my.cnf"), []byte("[mysqldump]\nno-data\nwhere=1=0\n[client]\nhost=no-such-host.invalid\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("MYSQL_PWD", "wrong")
	source, _ := sourcetest.Open(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, sourcetest.MariaDB(t).URL("shop"))})
	sourcetest.Expect(t, sourcetest.DumpText(t, source), "INSERT INTO `node`")
}

func TestClientMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := sourcetest.OpenError(t, source.Config{Client: true, URL: sourcetest.ParseURL(t, sourcetest.MariaDB(t).URL("shop"))})
	var missing *source.ClientMissingError
	if !errors.As(err, &missing) || missing.Debian != "mariadb-client" {
		t.Errorf("error %v", err)
	}
}
