package localdb

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func held(t *testing.T, db Database) Held {
	t.Helper()
	h, err := db.Held(t.Context())
	must(t, err)
	return h
}

// wantHeld demands that the live database holds the dump of a key, or, without one, that of tables whose
// origin nobody knows.
func wantHeld(t *testing.T, db Database, key string) {
	t.Helper()
	got := held(t, db)
	switch {
	case key != "":
		if want := dumpOf(key); got.Empty || got.Dump != want {
			t.Errorf("it holds %+v, not %+v", got, want)
		}
	case got.Empty || got.Dump != (Dump{}):
		t.Errorf("it holds %+v, not something unknown", got)
	}
}

// wantCreated demands a time of making that is about the one given.
func wantCreated(t *testing.T, db Database, want time.Time) {
	t.Helper()
	if got := held(t, db); got.Created.Sub(want).Abs() > 2*time.Second {
		t.Errorf("made at %s, not at %s: %+v", got.Created, want, got)
	}
}

func TestMySQLHeld(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "staging-14")
	fresh(t, server, "site-14 ü") // a name that is another one in InnoDB's eyes
	fresh(t, server, "staging-14", site("first")...)
	first := mysqldump(t, server, "staging-14")
	fresh(t, server, "staging-14", site("second")...)
	second, content14 := mysqldump(t, server, "staging-14"), content(t, server, "staging-14")
	u := "`site-14 ü`"
	db, said := open(t, server.URL("site-14 ü"))
	empty := func() {
		t.Helper()
		if got := held(t, db); got != (Held{Empty: true}) {
			t.Errorf("an empty database holds %+v", got)
		}
	}

	empty() // it does not exist
	must(t, server.Exec("CREATE DATABASE "+u))
	empty()
	must(t, server.Exec("CREATE VIEW "+u+".v AS SELECT 1 AS one"))
	empty()
	must(t, server.Exec("CREATE TABLE "+u+".t (id int)"))
	wantHeld(t, db, "")
	wantCreated(t, db, time.Now())

	must(t, pullAs(t, db, first, dumpOf("first")))
	wantHeld(t, db, "first")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "first")
	must(t, pullAs(t, db, second, dumpOf("second")))
	wantHeld(t, db, "second")
	if diff := cmp.Diff(content14, content(t, server, "site-14 ü")); diff != "" {
		t.Errorf("the dump leaves a trace (-want +got):\n%s", diff)
	}
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "first")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "second")

	// What sites do to their tables.
	must(t, server.Exec("USE "+u, "TRUNCATE log", "ALTER TABLE child ADD v int", "OPTIMIZE TABLE only_second", "CREATE TABLE mine (id int)",
		"DROP TABLE only_second", "INSERT INTO log (what) VALUES ('x')"))
	wantHeld(t, db, "second")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "first")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "second")

	// A pull that fails, or is under way, changes nothing.
	if err := pullAs(t, db, "CREATE TABLE t (id inx);\n", dumpOf("third")); err == nil {
		t.Error("a bad dump was pulled")
	}
	wantHeld(t, db, "second")
	load, err := db.Begin(t.Context())
	must(t, err)
	wantHeld(t, db, "second")
	must(t, load.Discard())

	// Somebody replaces the database by other means: from then on nobody knows, and what has been known is
	// not taken for it after an undo either.
	byHand := func() {
		must(t, server.Exec(append([]string{"DROP DATABASE " + u, "CREATE DATABASE " + u, "USE " + u}, site("byhand")...)...))
	}
	byHand()
	wantHeld(t, db, "")
	wantCreated(t, db, time.Now())
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "first")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "")
	must(t, pullAs(t, db, second, dumpOf("second")))
	wantHeld(t, db, "second")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "second")
	// The same without dropping the database.
	rows, err := server.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site-14 ü' AND TABLE_TYPE = 'BASE TABLE'")
	must(t, err)
	for _, row := range rows {
		must(t, server.Exec("USE "+u, "SET foreign_key_checks = 0", "DROP TABLE "+quoteName(row[0])))
	}
	empty()
	must(t, server.Exec("CREATE TABLE "+u+".t (id int)"))
	wantHeld(t, db, "")
	must(t, server.Exec("DROP DATABASE "+u))
	empty()
	// A pull into a database that does not exist.
	must(t, pullAs(t, db, second, dumpOf("second")))
	wantHeld(t, db, "second")
	// The journal of a version that did not know which dump it was.
	must(t, server.Exec("DELETE FROM `site-14 ü__dump_previous`."+journalDone+" WHERE kind = 'DUMP'"))
	wantHeld(t, db, "")
	must(t, db.Undo(t.Context()))
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "")
	must(t, server.Exec("DROP DATABASE `site-14 ü__dump_previous`"))
	wantHeld(t, db, "")
	if len(said.lines) > 0 {
		t.Errorf("notes: %q", said.lines)
	}
}

// TestMySQLHeldPoor asks by an account that may not see the numbers of tables.
func TestMySQLHeldPoor(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "site15", "CREATE TABLE t (id int)")
	must(t, server.Exec("CREATE OR REPLACE USER poor15@'%' IDENTIFIED BY 'pw'", "GRANT ALL ON `site15%`.* TO poor15@'%'"))
	db, _ := open(t, server.URLAs("poor15", "pw", "site15"))
	must(t, pullAs(t, db, "CREATE TABLE t (id int);\n", dumpOf("dump")))
	wantHeld(t, db, "")
	wantCreated(t, db, time.Now())
	rich, _ := open(t, server.URL("site15"))
	wantHeld(t, rich, "") // nobody has noted the numbers
	must(t, pullAs(t, rich, "CREATE TABLE t (id int);\n", dumpOf("dump")))
	wantHeld(t, rich, "dump")
	wantHeld(t, db, "")
}

// TestMySQLHeldRestarted restarts the server, whose files somebody has touched: DDEV gives them to
// their owner at each start of a project.
func TestMySQLHeldRestarted(t *testing.T) {
	dir := t.TempDir()
	server, err := testserver.MariaDB(dir)
	must(t, err)
	defer server.Stop()
	restart := func() {
		t.Helper()
		server.Stop()
		time.Sleep(3 * time.Second) // more than wantCreated takes for equal
		must(t, filepath.WalkDir(filepath.Join(dir, "data"), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			return os.Chmod(path, info.Mode()) // changes the time of the file's status, as chown does
		}))
		must(t, server.Restart())
	}
	must(t, server.Exec("CREATE DATABASE site", "SET time_zone = '+05:00'", "CREATE TABLE site.t (id int)", "CREATE TABLE site.u (id int)", "SET GLOBAL time_zone = '+05:00'"))
	made := time.Now()
	db, _ := open(t, server.URL("site"))
	wantCreated(t, db, made)
	restart()
	must(t, server.Exec("TRUNCATE site.u", "SET GLOBAL time_zone = '-03:00'"))
	wantHeld(t, db, "")
	wantCreated(t, db, made)
	must(t, pullAs(t, db, "CREATE TABLE t (id int);\nCREATE TABLE v (id int);\n", dumpOf("dump")))
	restart()
	must(t, server.Exec("TRUNCATE site.v"))
	wantHeld(t, db, "dump")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "")
	wantCreated(t, db, made)
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "dump")
	must(t, server.Exec("DROP DATABASE site", "CREATE DATABASE site", "CREATE TABLE site.t (id int)"))
	restart()
	wantHeld(t, db, "")
}

func TestPostgresHeld(t *testing.T) {
	server := postgresServer(t)
	freshPG(t, server, "site 6")
	freshPG(t, server, "staging6", sitePG("first")...)
	first := pgDump(t, server, "staging6")
	freshPG(t, server, "staging6", sitePG("second")...)
	second, content6 := pgDump(t, server, "staging6"), contentPG(t, server, "staging6")
	const u = `"site 6"`
	db, said := open(t, server.URL("site 6"))
	empty := func() {
		t.Helper()
		if got := held(t, db); !got.Empty || got.Dump != (Dump{}) {
			t.Errorf("an empty database holds %+v", got)
		}
	}
	comments := func(live string) {
		t.Helper()
		got := pgDump(t, server, "site 6", "--create", "--schema-only")
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
	must(t, pullAs(t, db, first, dumpOf("first")))
	wantHeld(t, db, "first")
	must(t, db.Undo(t.Context()))
	empty()
	must(t, server.Exec("site 6", "CREATE EXTENSION pg_trgm", "CREATE VIEW v AS SELECT 1 AS one"))
	empty()
	must(t, server.Exec("site 6", "CREATE TABLE t (id int)", `COMMENT ON DATABASE `+u+` IS 'it''s \ mine'`))
	wantHeld(t, db, "")
	wantCreated(t, db, time.Now())

	must(t, pullAs(t, db, first, dumpOf("fir'st\\")))
	wantHeld(t, db, "fir'st\\")
	comments(`it''s \ mine`)
	must(t, server.Exec("postgres", `COMMENT ON DATABASE `+u+` IS 'new'`))
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "")
	comments(`it''s \ mine`)
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "fir'st\\")
	comments("new")
	must(t, pullAs(t, db, second, dumpOf("second")))
	wantHeld(t, db, "second")
	if diff := cmp.Diff(content6, contentPG(t, server, "site 6")); diff != "" {
		t.Errorf("the dump leaves a trace (-want +got):\n%s", diff)
	}
	comments("new")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "fir'st\\")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "second")

	// What sites do to their tables.
	must(t, server.Exec("site 6", "TRUNCATE other.child", `ALTER TABLE "We""ird" ALTER "Se lect" TYPE bigint`, "VACUUM FULL parent", "CREATE TABLE mine (id int)", "DROP TABLE derived"))
	wantHeld(t, db, "second")
	must(t, db.Undo(t.Context()))
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "second")
	load, err := db.Begin(t.Context())
	must(t, err)
	wantHeld(t, db, "second")
	must(t, load.Discard())

	// Somebody replaces the database by other means.
	must(t, server.Exec("postgres", "DROP DATABASE "+u, "CREATE DATABASE "+u))
	empty()
	must(t, server.Exec("site 6", sitePG("byhand")...))
	wantHeld(t, db, "")
	wantCreated(t, db, time.Now())
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "fir'st\\")
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "")
	must(t, pullAs(t, db, second, dumpOf("second")))
	must(t, server.Exec("site 6", "DROP SCHEMA public CASCADE", "DROP SCHEMA other CASCADE", "CREATE SCHEMA public", "CREATE TABLE public.t (id int)"))
	wantHeld(t, db, "")
	// A version that did not know which dump it was left a comment of the database's own, or none.
	must(t, pullAs(t, db, second, dumpOf("second")))
	must(t, server.Exec("postgres", `COMMENT ON DATABASE "site 6__dump_previous" IS 'mine'`))
	wantHeld(t, db, "")
	must(t, db.Undo(t.Context()))
	comments("mine")
	must(t, server.Exec("postgres", `DROP DATABASE "site 6__dump_previous"`))
	wantHeld(t, db, "")
	if len(said.lines) > 0 {
		t.Errorf("notes: %q", said.lines)
	}
}

// TestPostgresHeldPoor asks by an account that is no superuser.
func TestPostgresHeldPoor(t *testing.T) {
	server := postgresServer(t)
	freshPG(t, server, "site7", "SELECT 1")
	must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE poor7 LOGIN CREATEDB PASSWORD 'pw'; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
		"ALTER DATABASE site7 OWNER TO poor7"))
	db, _ := open(t, server.URLAs("poor7", "pw", "site7"))
	must(t, server.Exec("site7", "CREATE TABLE t (id int)"))
	wantHeld(t, db, "")
	if got := held(t, db); got != (Held{}) {
		t.Errorf("the server tells %+v", got)
	}
	must(t, pullAs(t, db, "CREATE TABLE t (id int);\n", dumpOf("dump")))
	wantHeld(t, db, "dump")
	must(t, db.Undo(t.Context()))
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "dump")
}

// TestPostgresHeldRestarted restarts the server after a table has been written to.
func TestPostgresHeldRestarted(t *testing.T) {
	dir, err := os.MkdirTemp("", "localdb-restarted-")
	must(t, err)
	defer os.RemoveAll(dir)
	server, err := testserver.Postgres(dir)
	must(t, err)
	defer server.Stop()
	must(t, server.Exec("postgres", "CREATE DATABASE site", "ALTER DATABASE site SET timezone TO 'Asia/Kolkata'"))
	must(t, server.Exec("site", "CREATE TABLE t (id int)", "CREATE TABLE u (id int)"))
	made := time.Now()
	restart := func() {
		t.Helper()
		server.Stop()
		time.Sleep(3 * time.Second)
		must(t, server.Restart())
	}
	restart()
	must(t, server.Exec("site", "INSERT INTO t VALUES (1)", "CHECKPOINT"))
	db, _ := open(t, server.URL("site"))
	wantHeld(t, db, "")
	wantCreated(t, db, made)
	must(t, pullAs(t, db, "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);\n", dumpOf("dump")))
	restart()
	wantHeld(t, db, "dump")
	must(t, db.Undo(t.Context()))
	wantCreated(t, db, made)
	must(t, db.Undo(t.Context()))
	wantHeld(t, db, "dump")
}
