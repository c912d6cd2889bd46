package settings

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// Each of these alone has bent or ended a refresh or a pull.
func TestHostileSettingsOneByOne(t *testing.T) {
	started, err := testserver.MariaDB(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Kill)
	s := &server{started, true}
	if err := s.Exec(slices.Concat(site, versioned, []string{"CREATE DATABASE local"})...); err != nil {
		t.Fatal(err)
	}
	want := s.dump(t, "site")
	p := newProject(t, s.URL("site"), s.URL("local"))
	for _, name := range []string{
		"sql_select_limit", "system_versioning_asof", "completion_type", "tx_read_only", "sql_mode", "max_join_size", "enforce_storage_engine",
		"innodb_compression_default", "div_precision_increment", "explicit_defaults_for_timestamp", "tmp_disk_table_size", "max_session_mem_used",
	} {
		value := strings.Replace(hostile[name], hostile["sql_mode"], mariaDBMode, 1)
		if err := s.Exec("SET GLOBAL " + name + " = " + value); err != nil {
			t.Fatal(err)
		}
		refreshed, failed := p.try("refresh")
		pulled, err := p.try("pull", "--yes")
		if err := s.Exec("SET SESSION sql_mode = 0", "SET GLOBAL "+name+" = DEFAULT"); err != nil {
			t.Fatal(err)
		}
		if failed != nil || err != nil {
			t.Errorf("%s: refresh %v, pull %v\n%s\n%s", name, failed, err, refreshed, pulled)
		} else if s.dump(t, "local") != want {
			t.Errorf("%s: the local database differs", name)
		}
	}
}

// eachAlone makes the settings of a session while one variable has its hostile value, for each variable in turn: with all
// of them, one can hide what another does.
func (s *server) eachAlone(t *testing.T, names []string) {
	t.Helper()
	for _, name := range names {
		value := s.hostile(name)
		if value == "" || s.Exec("SET SESSION sql_mode = 0, SESSION autocommit = 1", "SET GLOBAL "+name+" = "+value) != nil {
			continue // it cannot be set globally
		}
		for _, role := range []Role{Reading, Writing} {
			if err := s.begin(role); err != nil {
				t.Errorf("%s = %s: %v", name, value, err)
			}
		}
		if err := s.Exec("SET SESSION sql_mode = 0, SESSION autocommit = 1", "SET GLOBAL "+name+" = DEFAULT"); err != nil {
			t.Fatal(err)
		}
	}
}

// begin opens a connection, makes its settings and asks for all tables.
func (s *server) begin(role Role) error {
	ctx := context.Background()
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/", s.Port))
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := For(role).Apply(ctx, conn, nil); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES ORDER BY TABLE_NAME")
	return err
}
