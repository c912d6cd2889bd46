package swap

import (
	"errors"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// A setting of the whole server by which it refuses what the dump holds is named, and where none is to blame none is.
func TestMySQLGlobalSettings(t *testing.T) {
	const (
		longKey = "CREATE TABLE `t` (`v` varchar(255) CHARACTER SET utf8mb4, KEY `v` (`v`)) ENGINE=InnoDB;\n"
		noKey   = "CREATE TABLE `t` (`v` int);\n"
		tooLong = "CREATE TABLE `t` (`v` varchar(1000) CHARACTER SET utf8mb4 PRIMARY KEY) ENGINE=InnoDB;\n"
	)
	try := func(t *testing.T, server *testserver.MySQL, set, back, dump, name, needs string) {
		t.Helper()
		targettest.Must(t, server.Exec(set))
		defer func() { targettest.Must(t, server.Exec(back)) }()
		targettest.Fresh(t, server, "site80", "CREATE TABLE old (id int PRIMARY KEY)")
		old := targettest.Content(t, server, "site80")
		db, _ := targettest.Open(t, server.URL("site80"))
		err := targettest.Pull(t, db, dump)
		var setting *target.SettingError
		var load *target.LoadError
		switch {
		case !errors.As(err, &load) || !strings.Contains(err.Error(), "CREATE TABLE `t`"):
			t.Errorf("%s: %v", set, err)
		case name == "" && errors.As(err, &setting):
			t.Errorf("%s: blamed on %s: %v", set, setting.Name, err)
		case name != "" && (!errors.As(err, &setting) || setting.Name != name || setting.Needs != needs):
			t.Errorf("%s: %v, want the setting %s named", set, err, name)
		}
		targettest.WantMySQL(t, server, "site80", old)
	}
	t.Run("mariadb", func(t *testing.T) {
		server, err := testserver.MariaDB(t.TempDir())
		targettest.Must(t, err)
		t.Cleanup(server.Stop)
		try(t, server, "SET GLOBAL innodb_default_row_format = compact", "SET GLOBAL innodb_default_row_format = dynamic", longKey, "innodb_default_row_format", "dynamic")
		try(t, server, "SET GLOBAL innodb_force_primary_key = 1", "SET GLOBAL innodb_force_primary_key = 0", noKey, "innodb_force_primary_key", "OFF")
		try(t, server, "DO 1", "DO 1", tooLong, "", "")
	})
	t.Run("mysql", func(t *testing.T) {
		server, err := testserver.Mysqld(t.TempDir(), "--disabled-storage-engines=MEMORY")
		targettest.Must(t, err)
		t.Cleanup(server.Stop)
		try(t, server, "SET GLOBAL innodb_default_row_format = redundant", "SET GLOBAL innodb_default_row_format = dynamic", longKey, "innodb_default_row_format", "dynamic")
		try(t, server, "DO 1", "DO 1", "SET sql_mode = 'NO_ENGINE_SUBSTITUTION';\nCREATE TABLE `t` (`v` int) ENGINE=MEMORY;\n", "disabled_storage_engines", "''")
		try(t, server, "DO 1", "DO 1", tooLong, "", "")
	})
}
