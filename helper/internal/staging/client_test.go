package staging

import (
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
)

// What the clients print, and the lines of their --help that matter here.
const (
	mysql56Help = "  -y, --no-tablespaces \n  --set-gtid-purged[=name] \n  --ssl               Enable SSL for connection\n  --ssl-verify-server-cert \n"
	mysql57Help = "  -y, --no-tablespaces \n  --set-gtid-purged[=name] \n  --ssl-mode=name     SSL connection mode.\n  --get-server-public-key \n"
	mysql80Help = "  -y, --no-tablespaces \n  --column-statistics Add an ANALYZE TABLE statement to regenerate any existing\n" +
		"  -M, --network-timeout \n" + mysql57Help
	mariadb102Help  = "  -y, --no-tablespaces \n  --ssl               Enable SSL for connection\n  --ssl-verify-server-cert \n"
	mariadb1011Help = "  --ignore-table-data=name \n" + mariadb102Help
)

func TestReadMySQLClient(t *testing.T) {
	modern := []string{"--no-tablespaces", "--set-gtid-purged=OFF", "--ssl-mode=REQUIRED"}
	maria := []string{"--no-tablespaces", "--ssl", "--skip-ssl-verify-server-cert"}
	for _, test := range []struct {
		text, help       string
		flavour, version string
		flags            []string // those that differ, with TLS in use and unverified
		structure        bool     // one run leaves out rows
	}{
		{"mysqldump  Ver 10.13 Distrib 5.6.51, for Linux (x86_64)", mysql56Help, "mysql", "5.6.51",
			[]string{"--no-tablespaces", "--set-gtid-purged=OFF", "--ssl", "--skip-ssl-verify-server-cert"}, false},
		{"mysqldump  Ver 10.13 Distrib 5.7.44, for linux-glibc2.12 (x86_64)", mysql57Help, "mysql", "5.7.44", modern, false},
		{"mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)", mysql80Help, "mysql", "8.0.36",
			[]string{"--no-tablespaces", "--column-statistics=0", "--set-gtid-purged=OFF", "--network-timeout", "--ssl-mode=REQUIRED"}, false},
		{"mysqldump  Ver 8.0.35-27 for Linux on x86_64 (Percona Server (GPL), Release 27, Revision 2f8eeab)", mysql80Help, "mysql", "8.0.35",
			[]string{"--no-tablespaces", "--column-statistics=0", "--set-gtid-purged=OFF", "--network-timeout", "--ssl-mode=REQUIRED"}, false},
		{"mysqldump  Ver 8.4.0 for macos14.2 on arm64 (Homebrew)", mysql80Help, "mysql", "8.4.0",
			[]string{"--no-tablespaces", "--column-statistics=0", "--set-gtid-purged=OFF", "--network-timeout", "--ssl-mode=REQUIRED"}, false},
		{"mysqldump  Ver 10.16 Distrib 10.2.44-MariaDB, for Linux (x86_64)", mariadb102Help, "mariadb", "10.2.44", maria, false},
		{"mysqldump  Ver 10.19 Distrib 10.5.23-MariaDB, for debian-linux-gnu (x86_64)", mariadb1011Help, "mariadb", "10.5.23", maria, true},
		{"mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)", mariadb1011Help, "mariadb", "10.11.19", maria, true},
		{"mariadb-dump from 11.4.2-MariaDB, client 10.19 for debian-linux-gnu (x86_64)", mariadb1011Help, "mariadb", "11.4.2", maria, true},
		{"mariadb-dump from 12.0.2-MariaDB, client 10.19 for Linux (x86_64)", mariadb1011Help, "mariadb", "12.0.2", maria, true},
	} {
		client := readMySQLClient(test.text, test.help)
		if client.flavour != test.flavour || client.version != test.version {
			t.Errorf("%s: %s %s", test.text, client.flavour, client.version)
		}
		if client.knows("ignore-table-data") != test.structure {
			t.Errorf("%s: leaves out rows: %v", test.text, !test.structure)
		}
		target := mysqlTarget{url: dburl.URL{Host: "h", Port: 1, TLS: dburl.TLSPreferred}, tls: true}
		var flags []string
		for _, arg := range target.common(client) {
			if slices.Contains([]string{"--no-tablespaces", "--column-statistics=0", "--set-gtid-purged=OFF", "--network-timeout"}, arg) || strings.Contains(arg, "ssl") {
				flags = append(flags, arg)
			}
		}
		if !slices.Equal(flags, test.flags) {
			t.Errorf("%s: flags %q, want %q", test.text, flags, test.flags)
		}
	}
}

func TestMySQLProtection(t *testing.T) {
	modern, maria := readMySQLClient("mysqldump  Ver 8.0.36 for Linux", mysql80Help), readMySQLClient("10.11.19-MariaDB", mariadb1011Help)
	for _, test := range []struct {
		url           dburl.URL
		tls           bool
		modern, maria string
	}{
		{dburl.URL{TLS: dburl.TLSPreferred}, false, "--ssl-mode=DISABLED --get-server-public-key", "--skip-ssl"},
		{dburl.URL{TLS: dburl.TLSOff}, false, "--ssl-mode=DISABLED --get-server-public-key", "--skip-ssl"},
		{dburl.URL{TLS: dburl.TLSOn}, true, "--ssl-mode=REQUIRED", "--ssl --skip-ssl-verify-server-cert"},
		{dburl.URL{TLS: dburl.TLSVerify, CA: "/ca"}, true, "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/ca", "--ssl --ssl-verify-server-cert --ssl-ca=/ca"},
		{dburl.URL{TLS: dburl.TLSOn, Host: "/run/socket"}, false, "", ""},
	} {
		target := mysqlTarget{url: test.url, tls: test.tls}
		if got := strings.Join(target.protection(modern), " "); got != test.modern {
			t.Errorf("%+v: %q, want %q", test.url, got, test.modern)
		}
		if got := strings.Join(target.protection(maria), " "); got != test.maria {
			t.Errorf("%+v: %q, want %q", test.url, got, test.maria)
		}
	}
}

func TestChoosePostgresClient(t *testing.T) {
	var all []postgresClient
	for _, text := range []string{
		"pg_dump (PostgreSQL) 9.6.24", "pg_dump (PostgreSQL) 13.4 (Debian 13.4-1.pgdg110+1)", "pg_dump (PostgreSQL) 15.9",
		"pg_dump (PostgreSQL) 15.10 (Homebrew)", "pg_dump (PostgreSQL) 17beta1", "pg_dump (PostgreSQL) 16.4",
	} {
		client, ok := readPostgresClient(text + "\n")
		if !ok {
			t.Fatalf("%s is not understood", text)
		}
		all = append(all, client)
	}
	for _, test := range []struct {
		server int // server_version_num
		best   string
		tooOld string
	}{
		{90610, "9.6.24", ""}, {90501, "9.6.24", ""}, {100023, "13.4", "9.6.24"}, {130000, "13.4", "9.6.24"}, {140012, "15.10", "13.4"},
		{150012, "15.10", "13.4"}, {160001, "16.4", "15.10"}, {170000, "17beta1", "16.4"}, {180000, "", "17beta1"},
	} {
		best, tooOld := choosePostgresClient(all, versionOfNumber(test.server))
		if got := textOf(best); got != test.best {
			t.Errorf("server %d: %q, want %q", test.server, got, test.best)
		}
		if got := textOf(tooOld); got != test.tooOld {
			t.Errorf("server %d: too old %q, want %q", test.server, got, test.tooOld)
		}
	}
	if _, ok := readPostgresClient("pg_dumpall (PostgreSQL) 15.9"); ok {
		t.Error("pg_dumpall passes for pg_dump")
	}
}

func textOf(c *postgresClient) string {
	if c == nil {
		return ""
	}
	return c.text
}

func TestMatchesGrant(t *testing.T) {
	for _, test := range []struct {
		pattern, database string
		want              bool
	}{
		{"shop", "shop", true}, {"shop", "shop2", false}, {"sh%", "shop", true}, {"sh_p", "shop", true}, {`sh\_p`, "shop", false},
		{`sh\_p`, "sh_p", true}, {"a.c", "abc", false}, {"%", "x", true},
	} {
		if got := matchesGrant(test.pattern, test.database); got != test.want {
			t.Errorf("%s for %s: %v", test.pattern, test.database, got)
		}
	}
}

func TestGrants(t *testing.T) {
	g := grants{on: map[string]map[string]bool{}, off: map[string]map[string]bool{}}
	for _, line := range []string{
		"GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*0'",
		"GRANT SELECT, SHOW VIEW ON `a\\_b`.* TO `u`@`%`",
		"GRANT ALL PRIVILEGES ON `all`.* TO `u`@`%` WITH GRANT OPTION",
		"GRANT SELECT ON `all`.`one` TO `u`@`%`",
		"GRANT `role` TO `u`@`%`",
		"GRANT EVENT ON *.* TO `u`@`%`",
		"REVOKE EVENT ON `secret`.* FROM `u`@`%`",
	} {
		g.read(line)
	}
	for _, test := range []struct {
		privilege, database string
		want                bool
	}{
		{"SELECT", "a_b", true}, {"SHOW VIEW", "a_b", true}, {"TRIGGER", "a_b", false}, {"SELECT", "axb", false}, {"TRIGGER", "all", true},
		{"EVENT", "other", true}, {"EVENT", "secret", false}, {"SELECT", "other", false},
	} {
		if got := g.has(test.privilege, test.database); got != test.want {
			t.Errorf("%s on %s: %v", test.privilege, test.database, got)
		}
	}
}
