package testserver

import (
	"fmt"
	"slices"
	"strings"
)

// AddNeighbour makes a database with rows, views, triggers, routines and foreign keys, and an account of the same name that may use it,
// if they are missing.
func (m *MySQL) AddNeighbour(name string) error {
	there, err := m.Query("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", name)
	if err != nil || len(there) > 0 {
		return err
	}
	account := "'" + name + "'@'%'"
	return m.Exec(
		"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", // as a binary log by statements demands
		"CREATE DATABASE "+quoteMySQL(name)+" CHARACTER SET latin1", "USE "+quoteMySQL(name),
		"CREATE TABLE parent (id INT PRIMARY KEY, name VARCHAR(50), KEY (name))",
		"CREATE TABLE child (id INT PRIMARY KEY AUTO_INCREMENT, parent INT, CONSTRAINT fk_child FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)",
		"CREATE TABLE log (id INT PRIMARY KEY, what VARCHAR(50)) ENGINE=MyISAM",
		"INSERT INTO parent VALUES (1, 'one'), (2, 'two')", "INSERT INTO child (parent) VALUES (1), (2)", "INSERT INTO log VALUES (1, 'x')",
		"CREATE VIEW both_of_them AS SELECT c.id, p.name FROM child c JOIN parent p ON p.id = c.parent",
		"CREATE TRIGGER added BEFORE INSERT ON child FOR EACH ROW SET @added = NEW.id",
		"CREATE PROCEDURE ask() SELECT COUNT(*) FROM child",
		"CREATE EVENT later ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DO DELETE FROM log WHERE id < 0",
		"CREATE USER "+account+" IDENTIFIED BY 'neighbourly'", "GRANT SELECT, INSERT ON "+quoteMySQL(name)+".* TO "+account,
	)
}

// Databases lists all databases.
func (m *MySQL) Databases() ([]string, error) {
	rows, err := m.Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY 1")
	return firstColumn(rows), err
}

// volatile are global variables that change by themselves.
var volatile = []string{
	"gtid_binlog_pos", "gtid_binlog_state", "gtid_current_pos", "gtid_slave_pos", "gtid_executed", "gtid_purged", "log_bin_index", "timestamp",
	"innodb_buffer_pool_load_abort", "innodb_buffer_pool_size",
}

// Surroundings takes a snapshot of everything except the database live and those beside it, with the named neighbour.
func (m *MySQL) Surroundings(live, neighbour string) (Surroundings, error) {
	s := Surroundings{}
	tables, err := m.Query("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES" +
		" WHERE TABLE_SCHEMA NOT IN ('information_schema', 'performance_schema', 'sys') ORDER BY 1, 2")
	if err != nil {
		return nil, err
	}
	for _, database := range tables {
		if !isBeside(database[0], live) {
			s["database "+database[0]] += database[1] + "\n"
		}
	}
	globals, err := m.Query("SHOW GLOBAL VARIABLES")
	if err != nil {
		return nil, err
	}
	s.addSettings(slices.DeleteFunc(globals, func(row []string) bool { return slices.Contains(volatile, row[0]) }))
	accounts, err := m.Query("SELECT User, Host, COALESCE(authentication_string, ''), COALESCE(plugin, '') FROM mysql.user ORDER BY 1, 2")
	if err != nil {
		return nil, err
	}
	for _, account := range accounts {
		if account[0] == "" || account[0] == "PUBLIC" {
			continue
		}
		name := fmt.Sprintf("'%s'@'%s'", account[0], account[1])
		grants, err := m.Query("SHOW GRANTS FOR " + name)
		if err != nil && !strings.Contains(err.Error(), "There is no such grant") {
			return nil, err
		}
		thing := "account " + name
		if account[0] == neighbour {
			thing = neighbour + ": " + thing
		}
		s.add(thing, append(grants, []string{secretOf(account[2]), account[3]}))
	}
	return s, m.look(s, neighbour)
}

// look describes the whole contents of a database.
func (m *MySQL) look(s Surroundings, database string) error {
	tell := func(what, query string, arguments ...any) error {
		rows, err := m.Query(query, arguments...)
		s.add(database+": "+what, rows)
		return err
	}
	tables, err := m.Query("SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?", database)
	if err != nil {
		return err
	}
	for _, table := range tables {
		name := quoteMySQL(database) + "." + quoteMySQL(table[0])
		if err := tell("definition of "+table[0], "SHOW CREATE TABLE "+name); err != nil {
			return err
		}
		if err := tell("checksum of "+table[0], "CHECKSUM TABLE "+name); err != nil {
			return err
		}
	}
	for _, query := range []struct{ what, text string }{
		{"database", "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?"},
		{"foreign keys", "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME" +
			" FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ? ORDER BY 2, 3"},
		{"triggers", "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_STATEMENT, DEFINER, SQL_MODE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? ORDER BY 1"},
		{"routines", "SELECT ROUTINE_NAME, ROUTINE_DEFINITION, DEFINER, SQL_MODE FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ? ORDER BY 1"},
		{"events", "SELECT EVENT_NAME, EVENT_DEFINITION, STATUS, DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ? ORDER BY 1"},
	} {
		if err := tell(query.what, query.text, database); err != nil {
			return err
		}
	}
	return nil
}

// ForeignKeys lists all foreign keys as InnoDB stores them: "database/table database/table".
func (m *MySQL) ForeignKeys() ([]string, error) {
	var rows [][]string
	var err error
	for _, view := range []string{"INNODB_SYS_FOREIGN", "INNODB_FOREIGN"} { // MySQL has the second one
		if rows, err = m.Query("SELECT FOR_NAME, REF_NAME FROM information_schema." + view + " ORDER BY 1, 2"); err == nil {
			break
		}
	}
	var keys []string
	for _, row := range rows {
		keys = append(keys, row[0]+" "+row[1])
	}
	return keys, err
}

// StrayKeys lists the foreign keys that lead into a database beside a live one, or out of it.
func (m *MySQL) StrayKeys() ([]string, error) {
	keys, err := m.ForeignKeys()
	return slices.DeleteFunc(keys, func(key string) bool {
		from, to, _ := strings.Cut(key, " ")
		from, _, _ = strings.Cut(from, "/")
		to, _, _ = strings.Cut(to, "/")
		return from == to || !strings.Contains(from, "__dump_") && !strings.Contains(to, "__dump_")
	}), err
}
