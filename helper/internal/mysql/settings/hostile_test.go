package settings

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// hostile are values under which a session that did not set the variable would see, write or wait otherwise.
var hostile = map[string]string{
	"sql_select_limit": "1", "max_join_size": "1", "sql_big_selects": "0", "group_concat_max_len": "4", "sql_safe_updates": "1",
	"sql_buffer_result": "1", "sql_auto_is_null": "1", "max_sort_length": "64", "sort_buffer_size": "32768", "max_session_mem_used": "2097152",
	"max_tmp_session_space_usage": "65536", "connection_memory_limit": "2097152", "parser_max_mem_size": "10000000", "max_heap_table_size": "16384",
	"tmp_memory_table_size": "0", "tmp_table_size": "1024", "tmp_disk_table_size": "1024",
	"max_statement_time": "0.02", "max_execution_time": "1", "wait_timeout": "1", "interactive_timeout": "1", "net_read_timeout": "1",
	"net_write_timeout": "1", "idle_transaction_timeout": "1", "idle_readonly_transaction_timeout": "1",
	"idle_write_transaction_timeout": "1", "lock_wait_timeout": "1", "innodb_lock_wait_timeout": "1", "autocommit": "0",
	"completion_type": "'RELEASE'", "transaction_isolation": "'READ-UNCOMMITTED'", "tx_isolation": "'READ-UNCOMMITTED'",
	"transaction_read_only": "1", "tx_read_only": "1", "system_versioning_asof": "'2001-01-01'", "system_versioning_alter_history": "'KEEP'",
	"system_versioning_insert_history": "1", "query_cache_type": "'ON'", "sql_quote_show_create": "0", "show_create_table_verbosity": "1",
	"show_create_table_skip_secondary_engine": "1", "show_gipk_in_create_table_and_information_schema": "0", "show_old_temporals": "1",
	"information_schema_stats_expiry": "31536000", "explain_format": "'TREE'", "lc_messages": "'de_DE'", "lc_time_names": "'de_DE'",
	"time_zone": "'+05:30'", "default_week_format": "7", "div_precision_increment": "0", "default_regex_flags": "'EXTENDED,MULTILINE'",
	"block_encryption_mode": "'aes-256-cbc'", "standard_compliant_cte": "0", "sql_notes": "0", "sql_warnings": "1", "note_verbosity": "''",
	"max_error_count": "0", "old": "1", "old_mode": "'NO_DUP_KEY_WARNINGS_WITH_IGNORE,NO_PROGRESS_INFO,ZERO_DATE_TIME_CAST'",
	"character_set_collations": "'utf8mb4=utf8mb4_icelandic_ci'", "default_collation_for_utf8mb4": "utf8mb4_general_ci",
	"default_storage_engine": "'MyISAM'", "storage_engine": "'MyISAM'", "default_tmp_storage_engine": "'MEMORY'", "enforce_storage_engine": "'MyISAM'",
	"explicit_defaults_for_timestamp": "0", "innodb_strict_mode": "1", "innodb_compression_default": "1", "sql_require_primary_key": "1",
	"sql_generate_invisible_primary_key": "1", "restrict_fk_on_non_standard_key": "1", "mhnsw_default_m": "9", "mhnsw_default_distance": "'cosine'",
	"innodb_ft_enable_stopword": "0", "sql_if_exists": "1", "foreign_key_checks": "1", "unique_checks": "0", "check_constraint_checks": "0",
	"auto_increment_increment": "7", "auto_increment_offset": "3", "alter_algorithm": "'INSTANT'", "old_alter_table": "'INSTANT'",
	"updatable_views_with_limit": "'NO'", "use_secondary_engine": "'FORCED'",
	"sql_mode": "'ANSI,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE,NO_AUTO_VALUE_ON_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,STRICT_ALL_TABLES'",
}

// mariaDBMode is what MariaDB has in addition.
const mariaDBMode = "'ORACLE,ANSI,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE,NO_ZERO_DATE,STRICT_ALL_TABLES,EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT'"

// sessionOnly have no global value.
var sessionOnly = []string{"use_secondary_engine", "show_create_table_skip_secondary_engine"}

// unbent are variables that are left as they are, and are no other value in the test: no connection would be possible, or they are
// about a cluster, or about replicas.
var unbent = regexp.MustCompile(`^(max_allowed_packet|max_user_connections|server_id|wsrep_.*|gtid_.*|default_table_encryption|innodb_default_encryption_key_id|` +
	`net_buffer_length|character_set_.*|collation_.*|sql_log_bin|binlog_.*|pseudo_.*|optimizer_switch)$`)

// site is what a staging database has that servers' settings could bend.
var site = []string{
	"CREATE DATABASE site", "USE site",
	"SET SESSION sql_mode = '', time_zone = '+00:00'",
	"CREATE TABLE plain (id int PRIMARY KEY AUTO_INCREMENT, c char(20), t text, d datetime(3), ts timestamp NULL, n decimal(20,10) AS (1 / 3) STORED, b varbinary(20)) CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci",
	`INSERT INTO plain (c, t, d, ts, b) VALUES ('a  ', 'back\\slash ''quote" ü 😀', '2024-02-29 12:00:00.5', '2024-03-31 02:30:00', 0x00ff5c27), ('b', '', NULL, NULL, ''), ('c', NULL, '0000-00-00', '2024-10-27 01:30:00', NULL)`,
	"CREATE TABLE a_table_with_a_name_that_is_longer_than_anybody_sorts_1 (id int PRIMARY KEY, v varchar(10) CHECK (v REGEXP '^[a-z ]+$'))",
	"INSERT INTO a_table_with_a_name_that_is_longer_than_anybody_sorts_1 VALUES (1, 'x y'), (2, 'z')",
	"CREATE TABLE a_table_with_a_name_that_is_longer_than_anybody_sorts_0 (id int PRIMARY KEY) ROW_FORMAT=COMPACT",
	"INSERT INTO a_table_with_a_name_that_is_longer_than_anybody_sorts_0 VALUES (0), (5)",
	"CREATE TABLE child (id int, parent int, ts timestamp NOT NULL, KEY (id), FOREIGN KEY (parent) REFERENCES plain (id))",
	"INSERT INTO child VALUES (1, 1, '2024-01-01'), (1, 2, '2024-01-02'), (2, NULL, '2024-01-03')",
	"CREATE TABLE old (id int, t text, FULLTEXT KEY (t)) ENGINE=MyISAM", "INSERT INTO old VALUES (1, 'the and of')",
	"CREATE TABLE words (id int PRIMARY KEY, t text, FULLTEXT KEY (t)) ENGINE=InnoDB", "INSERT INTO words VALUES (1, 'the and of'), (2, 'more words')",
	"CREATE VIEW seen AS SELECT id, CONCAT(c, 'x') AS cx FROM plain WHERE NOT id = 7",
	"CREATE TRIGGER guard BEFORE INSERT ON child FOR EACH ROW SET NEW.id = NEW.id + 1",
	"CREATE FUNCTION f(x varchar(10)) RETURNS varchar(30) DETERMINISTIC RETURN CONCAT(x, '|', 1 / 3)",
	"CREATE PROCEDURE p() SELECT 'p' || 'q'",
	"CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM old WHERE id = 99",
}

// versioned is what MariaDB has in addition.
var versioned = []string{
	"USE site",
	"CREATE TABLE versioned (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING", "INSERT INTO versioned VALUES (1, 1), (2, 2), (3, 3)",
	"CREATE SEQUENCE counter START WITH 5", "SELECT NEXTVAL(counter)",
}

// server is one that is tried.
type server struct {
	*testserver.MySQL
	maria bool
}

// friendlyAgain restarts the server, which forgets all values that it was given.
func (s *server) friendlyAgain(t *testing.T) {
	t.Helper()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
}

// version gives what servers that take one another's files have in common.
func (s *server) version(t *testing.T) string {
	t.Helper()
	rows, err := s.Query("SELECT SUBSTRING_INDEX(VERSION(), '.', 2) LIMIT 1")
	if err != nil {
		t.Fatal(err)
	}
	return rows[0][0]
}

// names lists the variables that a session of the server can set for itself.
func (s *server) names(t *testing.T) []string {
	t.Helper()
	rows, err := s.Query("SHOW SESSION VARIABLES")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, row := range rows {
		err := s.Exec("SET SESSION " + row[0] + " = DEFAULT")
		var refused *driver.MySQLError
		if errors.As(err, &refused) && slices.Contains([]uint16{1238, 1229, 1621, 1193}, refused.Number) {
			continue // read-only, global
		}
		all = append(all, row[0])
	}
	return all
}

// hostile is the value of a variable under which a session would go wrong; "" for none.
func (s *server) hostile(name string) string {
	switch {
	case name == "sql_mode" && s.maria:
		return mariaDBMode
	case name == "old_alter_table" && !s.maria:
		return "1"
	}
	return hostile[name]
}

// bend gives all variables of sessions values that they should not have, globally, as an administrator would.
func (s *server) bend(t *testing.T, names []string) {
	t.Helper()
	var statements []string
	refused := 0
	for _, name := range names {
		value := s.hostile(name)
		_, set := decided[name]
		switch {
		case slices.Contains(sessionOnly, name):
			continue
		case set && value == "":
			t.Errorf("the test has no hostile value of %s", name)
		case !set:
			if value = s.other(t, name); value == "" || unbent.MatchString(name) {
				continue
			}
		}
		statements = append(statements, "SET GLOBAL "+name+" = "+value)
	}
	for _, statement := range statements {
		if err := s.Exec("SET SESSION sql_mode = 0, SESSION autocommit = 1, SESSION lc_messages = en_US", statement); err != nil {
			var server *driver.MySQLError
			if !errors.As(err, &server) {
				t.Fatalf("%s: %v", statement, err)
			}
			t.Logf("cannot be bent: %s: %v", statement, err)
			if refused++; refused > 25 {
				t.Fatal("too few variables could be bent")
			}
		}
	}
}

// other gives another value of a variable than it has: that of a switch turned, the least of a number.
func (s *server) other(t *testing.T, name string) string {
	t.Helper()
	query := "SELECT MIN_VALUE, IF(MAX_VALUE = '0', '', 'number') FROM performance_schema.variables_info WHERE VARIABLE_NAME = ?"
	if s.maria {
		query = "SELECT NUMERIC_MIN_VALUE, IF(VARIABLE_TYPE LIKE '%INT%' OR VARIABLE_TYPE = 'DOUBLE', 'number', '') FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME = ?"
	}
	rows, err := s.Query(query, name)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) > 0 && rows[0][1] == "number" {
		return rows[0][0]
	}
	rows, err = s.Query("SHOW SESSION VARIABLES WHERE Variable_name = ?", name)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		return ""
	}
	return map[string]string{"ON": "0", "OFF": "1"}[rows[0][1]]
}

// dump is what the official client prints of a database, without what a dump cannot keep.
func (s *server) dump(t *testing.T, database string) string {
	t.Helper()
	cmd := exec.Command("mariadb-dump", "--no-defaults", "--user=root", "--protocol=tcp", "--host=127.0.0.1", fmt.Sprintf("--port=%d", s.Port),
		"--skip-comments", "--skip-dump-date", "--routines", "--triggers", "--events", "--order-by-primary", "--hex-blob", "--skip-ssl", database)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("mariadb-dump: %v\n%s", err, stderr.Bytes())
	}
	// What has a collation of its own has its character set said once it has been loaded.
	return strings.ReplaceAll(string(text), " CHARACTER SET utf8mb4 COLLATE", " COLLATE")
}

var program = filepath.Join(os.TempDir(), fmt.Sprintf("mysqlsession-%d", os.Getpid()), "dump-helper")

func TestMain(m *testing.M) {
	build := exec.Command("go", "build", "-o", program, "github.com/jobiqo/dump-refresh/helper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program under test: %s\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(filepath.Dir(program))
	os.Exit(code)
}

// project is a DDEV project whose staging and local database are on one server.
type project struct {
	t      *testing.T
	folder string
	env    []string
}

func newProject(t *testing.T, source, target string) *project {
	t.Helper()
	store, err := testserver.MinIO(filepath.Join(t.TempDir(), "minio"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Kill)
	if err := store.CreateBucket("dumps"); err != nil {
		t.Fatal(err)
	}
	p := &project{t: t, folder: t.TempDir()}
	if err := os.Mkdir(filepath.Join(p.folder, ".ddev"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("name: site\ntype: php\nweb_environment:\n  - DUMP_S3_BUCKET=dumps\n  - DUMP_S3_ENDPOINT=%s\n  - DUMP_S3_REGION=us-east-1\n"+
		"  - DUMP_SOURCE=%s\n  - DUMP_TARGET=%s\n", store.Endpoint, source, target)
	if err := os.WriteFile(filepath.Join(p.folder, ".ddev", "config.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	p.env = append(os.Environ(), store.Owner().Environ()...)
	p.env = append(p.env, "HOME="+p.folder, "DUMP_CACHE_DIR="+filepath.Join(p.folder, "cache"))
	return p
}

// try runs the program and gives all that it said.
func (p *project) try(words ...string) (string, error) {
	cmd := exec.Command(program, words...)
	cmd.Dir, cmd.Env = p.folder, p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p *project) run(words ...string) string {
	p.t.Helper()
	out, err := p.try(words...)
	if err != nil {
		p.t.Fatalf("dump-helper %s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return out
}

// A server whose every setting for sessions is another one changes nothing that is read, written or said.
func TestHostileServer(t *testing.T) {
	for _, engine := range []struct {
		name  string
		start func(string, ...string) (*testserver.MySQL, error)
	}{{"MariaDB", testserver.MariaDB}, {"MySQL", testserver.Mysqld}} {
		t.Run(engine.name, func(t *testing.T) {
			started, err := engine.start(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(started.Kill)
			s := &server{started, engine.name == "MariaDB"}
			names := s.names(t)
			for _, name := range names {
				if !slices.Contains(Names(), name) {
					t.Errorf("variable %s is not decided on", name)
				}
			}
			if t.Failed() {
				return
			}
			seed := site
			if s.maria {
				seed = slices.Concat(site, versioned)
			}
			if err := s.Exec(seed...); err != nil {
				t.Fatal(err)
			}
			if err := s.Exec("CREATE DATABASE local", "CREATE TABLE local.mine (id int PRIMARY KEY, c char(9))", "INSERT INTO local.mine VALUES (1, 'mine'), (2, 'too')"); err != nil {
				t.Fatal(err)
			}
			want, mine := s.dump(t, "site"), s.dump(t, "local")
			same := func(what, want string) {
				t.Helper()
				if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(s.dump(t, "local"), "\n")); diff != "" {
					t.Errorf("%s: the local database differs (-want +got):\n%s", what, diff)
				}
			}
			p := newProject(t, s.URL("site"), s.URL("local"))
			s.eachAlone(t, names)

			s.bend(t, names)
			p.run("doctor")
			p.run("refresh")
			if s.maria {
				p.run("bake", "--for", "mariadb:"+s.version(t))
			}
			out := p.run("pull", "--yes")
			if strings.Contains(out, "view") || strings.Contains(out, "left out") {
				t.Errorf("pull said\n%s", out)
			}
			s.friendlyAgain(t)
			same("pull", want)

			s.bend(t, names)
			p.run("pull", "--undo", "--yes")
			s.friendlyAgain(t)
			same("undo", mine)

			if err := s.Exec("CREATE TABLE local.old (id int)"); err != nil {
				t.Fatal(err)
			}
			s.bend(t, names)
			p.run("pull", "--yes")
			p.run("pull", "--yes", "--tables=old,words")
			s.friendlyAgain(t)
			same("a part", want)
		})
	}
}
