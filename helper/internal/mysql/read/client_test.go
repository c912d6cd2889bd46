package read

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
		{"/opt/mariadb/bin/mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)", mysql80Help, "mysql", "8.0.36",
			[]string{"--no-tablespaces", "--column-statistics=0", "--set-gtid-purged=OFF", "--network-timeout", "--ssl-mode=REQUIRED"}, false},
		{"mysqldump  Ver 10.16 Distrib 10.2.44-MariaDB, for Linux (x86_64)", mariadb102Help, "mariadb", "10.2.44", maria, false},
		{"mysqldump  Ver 10.19 Distrib 10.5.23-MariaDB, for debian-linux-gnu (x86_64)", mariadb1011Help, "mariadb", "10.5.23", maria, true},
		{"mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)", mariadb1011Help, "mariadb", "10.11.19", maria, true},
		{"mariadb-dump from 11.4.2-MariaDB, client 10.19 for debian-linux-gnu (x86_64)", mariadb1011Help, "mariadb", "11.4.2", maria, true},
		{"mariadb-dump from 12.0.2-MariaDB, client 10.19 for Linux (x86_64)", mariadb1011Help, "mariadb", "12.0.2", maria, true},
	} {
		client := readClient(test.text, test.help)
		if string(client.flavour) != test.flavour || client.version != test.version {
			t.Errorf("%s: %s %s", test.text, client.flavour, client.version)
		}
		if client.knows("ignore-table-data") != test.structure {
			t.Errorf("%s: leaves out rows: %v", test.text, !test.structure)
		}
		target := clientTarget{url: dburl.URL{Host: "h", Port: 1, TLS: dburl.TLSPreferred}, tls: true}
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
	modern, maria := readClient("mysqldump  Ver 8.0.36 for Linux", mysql80Help), readClient("10.11.19-MariaDB", mariadb1011Help)
	for _, test := range []struct {
		url           dburl.URL
		tls           bool
		modern, maria string
	}{
		{dburl.URL{TLS: dburl.TLSPreferred}, false, "--ssl-mode=DISABLED --get-server-public-key", "--skip-ssl"},
		{dburl.URL{TLS: dburl.TLSOff}, false, "--ssl-mode=DISABLED --get-server-public-key", "--skip-ssl"},
		{dburl.URL{TLS: dburl.TLSOn}, true, "--ssl-mode=REQUIRED", "--ssl --skip-ssl-verify-server-cert"},
		{dburl.URL{TLS: dburl.TLSOn, CA: "/ca"}, true, "--ssl-mode=VERIFY_CA --ssl-ca=/ca", "--ssl --skip-ssl-verify-server-cert --ssl-ca=/ca"},
		{dburl.URL{TLS: dburl.TLSPreferred, CA: "/ca"}, true, "--ssl-mode=VERIFY_CA --ssl-ca=/ca", "--ssl --skip-ssl-verify-server-cert --ssl-ca=/ca"},
		{dburl.URL{TLS: dburl.TLSVerify, CA: "/ca"}, true, "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/ca", "--ssl --ssl-verify-server-cert --ssl-ca=/ca"},
		{dburl.URL{TLS: dburl.TLSOn, Host: "/run/socket"}, false, "", ""},
	} {
		target := clientTarget{url: test.url, tls: test.tls}
		if got := strings.Join(target.protection(modern), " "); got != test.modern {
			t.Errorf("%+v: %q, want %q", test.url, got, test.modern)
		}
		if got := strings.Join(target.protection(maria), " "); got != test.maria {
			t.Errorf("%+v: %q, want %q", test.url, got, test.maria)
		}
	}
}
