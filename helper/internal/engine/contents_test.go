package engine

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// wantCreated demands a time of making between two others, but for the fraction of a second that servers do not tell.
func wantCreated(t *testing.T, db target.Database, from, to time.Time) {
	t.Helper()
	if got := targettest.ReadContents(t, db); got.Created.Before(from.Add(-time.Second)) || got.Created.After(to.Add(time.Second)) {
		t.Errorf("made at %s, not from %s to %s: %+v", got.Created, from, to, got)
	}
}

func TestMySQLContents(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "staging-14")
	targettest.Fresh(t, server, "site-14 ü") // a name that is another one in InnoDB's eyes
	targettest.Fresh(t, server, "staging-14", targettest.Site("first")...)
	first := targettest.Mysqldump(t, server, "staging-14")
	targettest.Fresh(t, server, "staging-14", targettest.Site("second")...)
	second, content14 := targettest.Mysqldump(t, server, "staging-14"), targettest.Content(t, server, "staging-14")
	u := "`site-14 ü`"
	db, said := targettest.Open(t, server.URL("site-14 ü"))
	empty := func() {
		t.Helper()
		if got := targettest.ReadContents(t, db); got != (target.Contents{Empty: true}) {
			t.Errorf("an empty database holds %+v", got)
		}
	}

	empty() // it does not exist
	targettest.Must(t, server.Exec("CREATE DATABASE "+u))
	empty()
	targettest.Must(t, server.Exec("CREATE VIEW "+u+".v AS SELECT 1 AS one"))
	empty()
	begun := time.Now()
	targettest.Must(t, server.Exec("CREATE TABLE "+u+".t (id int)"))
	targettest.WantContents(t, db, "")
	wantCreated(t, db, begun, time.Now())

	targettest.Must(t, targettest.PullAs(t, db, first, targettest.DumpOf("first")))
	targettest.WantContents(t, db, "first")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "first")
	targettest.Must(t, targettest.PullAs(t, db, second, targettest.DumpOf("second")))
	targettest.WantContents(t, db, "second")
	if diff := cmp.Diff(content14, targettest.Content(t, server, "site-14 ü")); diff != "" {
		t.Errorf("the dump leaves a trace (-want +got):\n%s", diff)
	}
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "first")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "second")

	// What sites do to their tables.
	targettest.Must(t, server.Exec("USE "+u, "TRUNCATE log", "ALTER TABLE child ADD v int", "OPTIMIZE TABLE only_second", "CREATE TABLE mine (id int)",
		"DROP TABLE only_second", "INSERT INTO log (what) VALUES ('x')"))
	targettest.WantContents(t, db, "second")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "first")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "second")

	// A pull that fails, or is under way, changes nothing.
	if err := targettest.PullAs(t, db, "CREATE TABLE t (id inx);\n", targettest.DumpOf("third")); err == nil {
		t.Error("a bad dump was pulled")
	}
	targettest.WantContents(t, db, "second")
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	targettest.WantContents(t, db, "second")
	targettest.Must(t, load.Discard())

	// Somebody replaces the database by other means. Its origin is then unknown, and the earlier record is
	// not taken for it after an undo either.
	byHand := func() {
		targettest.Must(t, server.Exec(append([]string{"DROP DATABASE " + u, "CREATE DATABASE " + u, "USE " + u}, targettest.Site("byhand")...)...))
	}
	begun = time.Now()
	byHand()
	targettest.WantContents(t, db, "")
	wantCreated(t, db, begun, time.Now())
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "first")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "")
	targettest.Must(t, targettest.PullAs(t, db, second, targettest.DumpOf("second")))
	targettest.WantContents(t, db, "second")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "second")
	// The same without dropping the database.
	rows, err := server.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site-14 ü' AND TABLE_TYPE = 'BASE TABLE'")
	targettest.Must(t, err)
	for _, row := range rows {
		targettest.Must(t, server.Exec("USE "+u, "SET foreign_key_checks = 0", "DROP TABLE "+mysql.QuoteName(row[0])))
	}
	empty()
	targettest.Must(t, server.Exec("CREATE TABLE "+u+".t (id int)"))
	targettest.WantContents(t, db, "")
	targettest.Must(t, server.Exec("DROP DATABASE "+u))
	empty()
	// A pull into a database that does not exist.
	targettest.Must(t, targettest.PullAs(t, db, second, targettest.DumpOf("second")))
	targettest.WantContents(t, db, "second")
	// The journal of a version that did not know which dump it was.
	targettest.Must(t, server.Exec("DELETE FROM `site-14 ü__dump_previous`."+session.JournalDone+" WHERE kind = 'DUMP'"))
	targettest.WantContents(t, db, "")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "")
	targettest.Must(t, server.Exec("DROP DATABASE `site-14 ü__dump_previous`"))
	targettest.WantContents(t, db, "")
	if len(said.Lines) > 0 {
		t.Errorf("notes: %q", said.Lines)
	}
}

// TestMySQLContentsPoor asks by an account that may not see the numbers of tables.
func TestMySQLContentsPoor(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site15", "CREATE TABLE t (id int)")
	targettest.Must(t, server.Exec("CREATE OR REPLACE USER poor15@'%' IDENTIFIED BY 'pw'", "GRANT ALL ON `site15%`.* TO poor15@'%'"))
	db, _ := targettest.Open(t, server.URLAs("poor15", "pw", "site15"))
	begun := time.Now()
	targettest.Must(t, targettest.PullAs(t, db, "CREATE TABLE t (id int);\n", targettest.DumpOf("dump")))
	targettest.WantContents(t, db, "")
	wantCreated(t, db, begun, time.Now())
	rich, _ := targettest.Open(t, server.URL("site15"))
	targettest.WantContents(t, rich, "") // the numbers were not recorded
	targettest.Must(t, targettest.PullAs(t, rich, "CREATE TABLE t (id int);\n", targettest.DumpOf("dump")))
	targettest.WantContents(t, rich, "dump")
	targettest.WantContents(t, db, "")
}

// TestMySQLContentsRestarted restarts the server, whose files somebody has touched: DDEV gives them to
// their owner at each start of a project.
func TestMySQLContentsRestarted(t *testing.T) {
	dir := t.TempDir()
	server, err := testserver.MariaDB(dir)
	targettest.Must(t, err)
	defer server.Stop()
	restart := func() {
		t.Helper()
		server.Stop()
		time.Sleep(3 * time.Second) // more than wantCreated takes for equal
		targettest.Must(t, filepath.WalkDir(filepath.Join(dir, "data"), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			return os.Chmod(path, info.Mode()) // changes the time of the file's status, as chown does
		}))
		targettest.Must(t, server.Restart())
	}
	begun := time.Now()
	targettest.Must(t, server.Exec("CREATE DATABASE site", "SET time_zone = '+05:00'", "CREATE TABLE site.t (id int)", "CREATE TABLE site.u (id int)", "SET GLOBAL time_zone = '+05:00'"))
	made := time.Now()
	db, _ := targettest.Open(t, server.URL("site"))
	wantCreated(t, db, begun, made)
	restart()
	targettest.Must(t, server.Exec("TRUNCATE site.u", "SET GLOBAL time_zone = '-03:00'"))
	targettest.WantContents(t, db, "")
	wantCreated(t, db, begun, made)
	targettest.Must(t, targettest.PullAs(t, db, "CREATE TABLE t (id int);\nCREATE TABLE v (id int);\n", targettest.DumpOf("dump")))
	restart()
	targettest.Must(t, server.Exec("TRUNCATE site.v"))
	targettest.WantContents(t, db, "dump")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "")
	wantCreated(t, db, begun, made)
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "dump")
	targettest.Must(t, server.Exec("DROP DATABASE site", "CREATE DATABASE site", "CREATE TABLE site.t (id int)"))
	restart()
	targettest.WantContents(t, db, "")
}

func TestPostgresContents(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site 6")
	targettest.FreshPG(t, server, "staging6", targettest.SitePG("first")...)
	first := targettest.PgDump(t, server, "staging6")
	targettest.FreshPG(t, server, "staging6", targettest.SitePG("second")...)
	second, content6 := targettest.PgDump(t, server, "staging6"), targettest.ContentPG(t, server, "staging6")
	const u = `"site 6"`
	db, said := targettest.Open(t, server.URL("site 6"))
	empty := func() {
		t.Helper()
		if got := targettest.ReadContents(t, db); !got.Empty || got.Dump != (target.Dump{}) {
			t.Errorf("an empty database holds %+v", got)
		}
	}
	comments := func(live string) {
		t.Helper()
		got := targettest.PgDump(t, server, "site 6", "--create", "--schema-only")
		var found []string
		for line := range strings.Lines(got) {
			if strings.Contains(line, "ON DATABASE") || strings.Contains(line, "dump-refresh") {
				found = append(found, strings.TrimSpace(line))
			}
		}
		if want := `COMMENT ON DATABASE "site 6" IS '` + live + `';`; !slices.Equal(found, []string{want}) {
			t.Errorf("pg_dump --create says %q, not %s", found, want)
		}
	}

	empty() // it does not exist
	targettest.Must(t, targettest.PullAs(t, db, first, targettest.DumpOf("first")))
	targettest.WantContents(t, db, "first")
	targettest.Must(t, db.Undo(t.Context()))
	empty()
	begun := time.Now()
	targettest.Must(t, server.Exec("site 6", "CREATE EXTENSION pg_trgm", "CREATE VIEW v AS SELECT 1 AS one"))
	empty()
	targettest.Must(t, server.Exec("site 6", "CREATE TABLE t (id int)", `COMMENT ON DATABASE `+u+` IS 'it''s \ mine'`))
	targettest.WantContents(t, db, "")
	wantCreated(t, db, begun, time.Now())

	targettest.Must(t, targettest.PullAs(t, db, first, targettest.DumpOf("fir'st\\")))
	targettest.WantContents(t, db, "fir'st\\")
	comments(`it''s \ mine`)
	targettest.Must(t, server.Exec("postgres", `COMMENT ON DATABASE `+u+` IS 'new'`))
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "")
	comments(`it''s \ mine`)
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "fir'st\\")
	comments("new")
	targettest.Must(t, targettest.PullAs(t, db, second, targettest.DumpOf("second")))
	targettest.WantContents(t, db, "second")
	if diff := cmp.Diff(content6, targettest.ContentPG(t, server, "site 6")); diff != "" {
		t.Errorf("the dump leaves a trace (-want +got):\n%s", diff)
	}
	comments("new")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "fir'st\\")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "second")

	// What sites do to their tables.
	targettest.Must(t, server.Exec("site 6", "TRUNCATE other.child", `ALTER TABLE "We""ird" ALTER "Se lect" TYPE bigint`, "VACUUM FULL parent", "CREATE TABLE mine (id int)", "DROP TABLE derived"))
	targettest.WantContents(t, db, "second")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "second")
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	targettest.WantContents(t, db, "second")
	targettest.Must(t, load.Discard())

	// Somebody replaces the database by other means.
	begun = time.Now()
	targettest.Must(t, server.Exec("postgres", "DROP DATABASE "+u, "CREATE DATABASE "+u))
	empty()
	targettest.Must(t, server.Exec("site 6", targettest.SitePG("byhand")...))
	targettest.WantContents(t, db, "")
	wantCreated(t, db, begun, time.Now())
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "fir'st\\")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "")
	targettest.Must(t, targettest.PullAs(t, db, second, targettest.DumpOf("second")))
	targettest.Must(t, server.Exec("site 6", "DROP SCHEMA public CASCADE", "DROP SCHEMA other CASCADE", "CREATE SCHEMA public", "CREATE TABLE public.t (id int)"))
	targettest.WantContents(t, db, "")
	// A version that did not know which dump it was left a comment of the database's own, or none.
	targettest.Must(t, targettest.PullAs(t, db, second, targettest.DumpOf("second")))
	targettest.Must(t, server.Exec("postgres", `COMMENT ON DATABASE "site 6__dump_previous" IS 'mine'`))
	targettest.WantContents(t, db, "")
	targettest.Must(t, db.Undo(t.Context()))
	comments("mine")
	targettest.Must(t, server.Exec("postgres", `DROP DATABASE "site 6__dump_previous"`))
	targettest.WantContents(t, db, "")
	if len(said.Lines) > 0 {
		t.Errorf("notes: %q", said.Lines)
	}
}

// TestPostgresContentsPoor asks by an account that is no superuser.
func TestPostgresContentsPoor(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site7", "SELECT 1")
	targettest.Must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE poor7 LOGIN CREATEDB PASSWORD 'pw'; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
		"ALTER DATABASE site7 OWNER TO poor7"))
	db, _ := targettest.Open(t, server.URLAs("poor7", "pw", "site7"))
	targettest.Must(t, server.Exec("site7", "CREATE TABLE t (id int)"))
	targettest.WantContents(t, db, "")
	if got := targettest.ReadContents(t, db); got != (target.Contents{}) {
		t.Errorf("the server tells %+v", got)
	}
	targettest.Must(t, targettest.PullAs(t, db, "CREATE TABLE t (id int);\n", targettest.DumpOf("dump")))
	targettest.WantContents(t, db, "dump")
	targettest.Must(t, db.Undo(t.Context()))
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "dump")
}

// TestPostgresContentsRestarted restarts the server after a table has been written to.
func TestPostgresContentsRestarted(t *testing.T) {
	dir, err := os.MkdirTemp("", "target-restarted-")
	targettest.Must(t, err)
	defer os.RemoveAll(dir)
	server, err := testserver.Postgres(dir)
	targettest.Must(t, err)
	defer server.Stop()
	begun := time.Now()
	targettest.Must(t, server.Exec("postgres", "CREATE DATABASE site", "ALTER DATABASE site SET timezone TO 'Asia/Kolkata'"))
	targettest.Must(t, server.Exec("site", "CREATE TABLE t (id int)", "CREATE TABLE u (id int)"))
	made := time.Now()
	restart := func() {
		t.Helper()
		server.Stop()
		time.Sleep(3 * time.Second)
		targettest.Must(t, server.Restart())
	}
	restart()
	targettest.Must(t, server.Exec("site", "INSERT INTO t VALUES (1)", "CHECKPOINT"))
	db, _ := targettest.Open(t, server.URL("site"))
	targettest.WantContents(t, db, "")
	wantCreated(t, db, begun, made)
	targettest.Must(t, targettest.PullAs(t, db, "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);\n", targettest.DumpOf("dump")))
	restart()
	targettest.WantContents(t, db, "dump")
	targettest.Must(t, db.Undo(t.Context()))
	wantCreated(t, db, begun, made)
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantContents(t, db, "dump")
}
