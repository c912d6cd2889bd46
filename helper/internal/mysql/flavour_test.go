package mysql

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

func TestFlavour(t *testing.T) {
	for text, want := range map[string]Flavour{
		"10.11.19-MariaDB-log": MariaDB, "10.6.12 mariadb.org binary distribution": MariaDB, "9.7.0 MySQL Community Server - GPL": MySQL, "": MySQL,
	} {
		if got := FlavourOf(text); got != want {
			t.Errorf("a server of %q: %s", text, got)
		}
	}
	for text, want := range map[string]Flavour{
		"/opt/mariadb/bin/mysqld  Ver 8.4.0 for Linux on x86_64 (MySQL Community Server - GPL)": MySQL,
		"/usr/sbin/mysqld  Ver 10.11.19-MariaDB for debian-linux-gnu":                           MariaDB,
	} {
		if got := FlavourOfProgram(text); got != want {
			t.Errorf("a program that says %q: %s", text, got)
		}
	}
}

func TestRelease(t *testing.T) {
	maria := Release{Flavour: MariaDB, Version: version.Version{Major: 10, Minor: 11, Patch: 19}}
	mysql := Release{Flavour: MySQL, Version: version.Version{Major: 8, Minor: 0, Patch: 44}}
	for _, test := range []struct {
		release        Release
		mariadb, mysql int
		want           bool
	}{
		{maria, 101119, 0, true}, {maria, 101120, 0, false}, {maria, 0, 50000, false},
		{mysql, 0, 80044, true}, {mysql, 0, 80045, false}, {mysql, 50000, 0, false},
	} {
		if got := test.release.Since(test.mariadb, test.mysql); got != test.want {
			t.Errorf("%v since %d, %d: %v", test.release, test.mariadb, test.mysql, got)
		}
	}
}
