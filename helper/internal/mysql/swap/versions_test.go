package swap

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/load"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// versionedChunks is a dump with the history of a table.
func versionedChunks() *targettest.Texts {
	chunks := &targettest.Texts{}
	chunks.Add(dump.Head, "", 0, "SET @OLD_INSERT_HISTORY=@@SYSTEM_VERSIONING_INSERT_HISTORY, SYSTEM_VERSIONING_INSERT_HISTORY=1;\nSET TIME_ZONE='+00:00';\n"+
		"CREATE TABLE `t` (`id` INT PRIMARY KEY, `v` VARCHAR(60)) WITH SYSTEM VERSIONING;\nCREATE TABLE `gone` (`id` INT) WITH SYSTEM VERSIONING;\n")
	chunks.Add(dump.Rows, "t", 3, "INSERT INTO `t` (`id`,`v`,`row_start`,`row_end`) VALUES (1,'a','2026-11-29 14:53:00.416033','2026-11-29 14:53:00.416573'),"+
		`(1,'it\'s (,\'2038-01-19 03:14:07.999999\')','2026-11-29 14:53:00.416573','2038-01-19 03:14:07.999999'),(2,NULL,'2026-11-29 14:53:00','2038-01-19 03:14:07.999999');`+"\n")
	chunks.Add(dump.Rows, "gone", 1, "INSERT INTO `gone` (`id`,`row_start`,`row_end`) VALUES (1,'2026-11-29 14:53:00.416033','2026-11-29 14:53:00.416573');\n")
	chunks.Add(dump.Tail, "", 0, "SET SYSTEM_VERSIONING_INSERT_HISTORY=@OLD_INSERT_HISTORY;\n-- Dump completed\n")
	return chunks
}

// A server that takes no earlier versions of rows gets those of now, and the user reads that.
func TestMySQLHistory(t *testing.T) {
	server := targettest.MariadbServer(t)
	for _, way := range []string{"taken in bulk", "taken as text", "not taken"} {
		targettest.Fresh(t, server, "history")
		db, said := targettest.Open(t, server.URL("history"))
		load, err := db.Begin(t.Context())
		targettest.Must(t, err)
		l := load.(*pull).Load
		l.Versions.Taken = way != "not taken"
		if way == "taken in bulk" {
			l.BulkAbove = 0
		}
		targettest.Must(t, targettest.LoadChunks(t.Context(), load, versionedChunks(), target.Dump{}))
		targettest.Must(t, load.Discard())
		want := [][]string{{"1", "a", "1"}, {"1", "it's (,'2038-01-19 03:14:07.999999')", "0"}, {"2", "NULL", "0"}}
		notes := []string(nil)
		if way == "not taken" {
			want, notes = want[1:], []string{"this server takes no history of system-versioned tables (MariaDB does from 10.11 on), only their current rows: gone, t"}
		}
		got, err := server.Query("SELECT id, v, row_end < '2030-01-01' FROM history.t FOR SYSTEM_TIME ALL ORDER BY row_end, id")
		targettest.Must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", way, diff)
		}
		if diff := cmp.Diff(notes, said.Lines); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", way, diff)
		}
	}
}

// Rows of now end as they do on the server that they come to.
func TestMySQLHistoryEnds(t *testing.T) {
	const early, late = "INSERT INTO `t` (`v`,`row_start`,`row_end`) VALUES (',\\'2038-01-19 03:14:07.999999\\')','2026-11-29 14:53:00','2038-01-19 03:14:07.999999')",
		"INSERT INTO `t` (`v`,`row_start`,`row_end`) VALUES (',\\'2038-01-19 03:14:07.999999\\')','2026-11-29 14:53:00','2106-02-07 06:28:15.999999')"
	for _, test := range []struct {
		extended bool
		insert   string
		want     string
	}{{false, early, early}, {false, late, early}, {true, early, late}, {true, late, late}} {
		v := load.Versions{Taken: true, InDump: true, Extended: test.extended, Tables: []string{"t"}}
		if got, left := v.Fit("t", []byte(test.insert)); string(got) != test.want || left != 0 {
			t.Errorf("%t: got %s, %d left; want %s", test.extended, got, left, test.want)
		}
	}
}

// A foreign dump may have history, too, or none.
func TestMySQLForeignHistory(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "history_source", "CREATE TABLE v (id INT PRIMARY KEY) WITH SYSTEM VERSIONING", "INSERT INTO v VALUES (1), (2)", "DELETE FROM v WHERE id = 1")
	for _, test := range []struct {
		options []string
		count   string
		notes   []string
	}{
		{[]string{"--dump-history"}, "2", nil},
		{nil, "1", []string{"the dump has no history of system-versioned tables, only their current rows: v"}},
	} {
		targettest.Fresh(t, server, "history")
		db, said := targettest.Open(t, server.URL("history"))
		targettest.Must(t, targettest.Pull(t, db, targettest.Mysqldump(t, server, "history_source", test.options...)))
		got, err := server.Query("SELECT COUNT(*) FROM history.v FOR SYSTEM_TIME ALL")
		targettest.Must(t, err)
		if got[0][0] != test.count {
			t.Errorf("%q: %s rows, want %s", test.options, got[0][0], test.count)
		}
		if diff := cmp.Diff(test.notes, said.Lines); diff != "" {
			t.Errorf("%q: notes (-want +got):\n%s", test.options, diff)
		}
	}
}
