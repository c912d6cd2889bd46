package stories

import (
	"fmt"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// old staging|local... continues with a MariaDB 10.2 for that side or these sides.
func useOldMariaDB(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	for _, side := range args {
		var err error
		switch side {
		case "staging":
			s.staging, err = oldStaging()
			check(ts, err)
			ts.Setenv("DUMP_SOURCE", s.staging.URL(s.database))
		case "local":
			s.local, err = oldLocal()
			check(ts, err)
			check(ts, s.watch(s.local))
			ts.Setenv("DUMP_TARGET", s.local.URL(s.database))
			ts.Setenv("LOCAL_PORT", fmt.Sprint(s.local.Port))
		default:
			ts.Fatalf("old %s: staging or local", side)
		}
	}
	for _, server := range []*testserver.MySQL{s.staging, s.local} {
		check(ts, server.Exec("CREATE DATABASE IF NOT EXISTS "+s.database))
	}
}

// ownlocal OPTION... continues with a local MariaDB server of the story's own that has these options.
func ownLocal(ts *testscript.TestScript, _ bool, args []string) {
	startLocal(ts, ts.MkAbs("ownlocal"), args...)
}

// ownmysql OPTION... is ownlocal for a MySQL server.
func ownMySQL(ts *testscript.TestScript, _ bool, args []string) {
	server, err := testserver.Mysqld(ts.MkAbs("ownmysql"), args...)
	check(ts, err)
	useLocal(ts, server)
}

// startLocal starts a local MariaDB server for one story.
func startLocal(ts *testscript.TestScript, folder string, options ...string) {
	server, err := testserver.MariaDB(folder, options...)
	check(ts, err)
	useLocal(ts, server)
}

// useLocal continues with a local server, which ends with the story.
func useLocal(ts *testscript.TestScript, server *testserver.MySQL) {
	s := of(ts)
	ts.Defer(server.Stop)
	check(ts, server.Exec("CREATE DATABASE "+s.database))
	check(ts, s.watch(server))
	s.local = server
	ts.Setenv("DUMP_TARGET", server.URL(s.database))
	ts.Setenv("LOCAL_PORT", fmt.Sprint(server.Port))
}

// samerows TABLE... compares the rows of staging and the local database as mariadb-dump writes them: CHECKSUM TABLE counts NULLs
// differently in different versions. The rows of the given tables are not compared.
func sameRows(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts)
	staging, local := rowsOf(ts, s.staging, s.database, args), rowsOf(ts, s.local, s.database, args)
	if staging == "" {
		ts.Fatalf("staging has no rows to compare")
	}
	if (staging == local) == neg {
		want, got := strings.Split(staging, "\n"), strings.Split(local, "\n")
		for i := range min(len(want), len(got)) {
			if want[i] != got[i] {
				ts.Fatalf("row %d of staging and of the local database:\n%s\n%s", i+1, want[i], got[i])
			}
		}
		ts.Fatalf("equal: %v; staging has %d rows, the local database %d", !neg, len(want), len(got))
	}
}

func rowsOf(ts *testscript.TestScript, server *testserver.MySQL, database string, ignored []string) string {
	words := []string{"--no-defaults", "--skip-ssl", "--host=127.0.0.1", fmt.Sprintf("--port=%d", server.Port), "--user=root",
		"--compact", "--no-create-info", "--skip-triggers", "--skip-extended-insert", "--complete-insert", "--order-by-primary", "--hex-blob"}
	for _, table := range ignored {
		words = append(words, "--ignore-table="+database+"."+table)
	}
	rows, err := exec.Command("mariadb-dump", append(words, database)...).Output()
	check(ts, err)
	return string(rows)
}
