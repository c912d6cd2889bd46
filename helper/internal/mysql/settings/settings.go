// Package settings makes sessions of MySQL and MariaDB servers independent of the servers' own settings, which
// decide what is read, written and compared, and how long that may take. What each variable is set to stands in
// one table, in variables.go.
package settings

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// Role is what sessions are for.
type Role int

// The roles.
const (
	Reading Role = iota // of staging: they write nothing
	Writing             // of the local server
)

// Settings are those of the sessions of one server, of which the first session learns what variables it has. It is
// safe for concurrent use; the zero value is for reading.
type Settings struct {
	role Role

	mutex sync.Mutex
	// wanted is what each session is to be set to, nil before the first one.
	wanted      []assignment
	initConnect string
}

// For gives the settings of sessions of one server.
func For(role Role) *Settings { return &Settings{role: role} }

// assignment gives a variable a value, a literal of SQL.
type assignment struct{ name, value string }

// Error says that a variable of the server has a value under which nothing can be read or written rightly, and that
// the account may not give its own session another one.
type Error struct {
	Name  string
	Value string // which it has
	Want  string // which it must have
	Err   error  // the server's
}

func (e *Error) Error() string {
	return fmt.Sprintf("the server's setting %s is %q, and this account may not set it to %s for itself", e.Name, e.Value, e.Want)
}

func (e *Error) Unwrap() error { return e.Err }

// first is what must be set before anything can be asked: the answer to that would be cut, or refused. A mode of the
// server may read ” as NULL, so none is given as a text.
const first = "SET NAMES utf8mb4, SESSION sql_mode = 0, SESSION sql_select_limit = " + unlimited +
	", SESSION max_join_size = " + unlimited + ", SESSION sql_big_selects = 1" +
	", SESSION max_heap_table_size = 16777216, SESSION tmp_table_size = 16777216" +
	" /*M!100101 , SESSION max_statement_time = 0 */ /*M!100207 , SESSION tmp_disk_table_size = " + unlimited + " */" +
	" /*!50708 , SESSION max_execution_time = 0 */"

// Apply gives a new connection its settings; own has values of some variables, literals of SQL, that this session is to have
// instead. It fails with *Error where one that matters cannot be set.
func (s *Settings) Apply(ctx context.Context, conn *sql.Conn, own map[string]string) error {
	s.mutex.Lock()
	wanted := s.wanted
	s.mutex.Unlock()
	if wanted != nil {
		err := set(ctx, conn, merge(wanted, own))
		if mysql.Errno(err) == 0 {
			return err
		}
		// Somebody has restarted or changed the server, or a proxy leads to another one.
	}
	if err := begin(ctx, conn); err != nil {
		return err
	}
	present, err := read(ctx, conn)
	if err != nil {
		return err
	}
	wanted, err = s.settle(ctx, conn, present, own)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.wanted, s.initConnect = wanted, present["init_connect"]
	return nil
}

// InitConnect gives the statements that the server runs on each new connection of accounts without administrators'
// privileges; "" for none. It is known after the first Apply.
func (s *Settings) InitConnect() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.initConnect
}

// begin makes it possible to ask. The first statement may itself be over the time that the server allows.
func begin(ctx context.Context, conn *sql.Conn) (err error) {
	const tries = 5
	for range tries {
		if _, err = conn.ExecContext(ctx, first); !interrupted(err) {
			break
		}
	}
	return err
}

// read gives the values of the session's variables by their names, and those of global ones.
func read(ctx context.Context, conn *sql.Conn) (map[string]string, error) {
	rows, err := conn.QueryContext(ctx, "SHOW SESSION VARIABLES")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	present := map[string]string{}
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		present[strings.ToLower(name)] = value.String
	}
	return present, rows.Err()
}

// settle sets all variables that the server has and lets the account set, and gives them.
func (s *Settings) settle(ctx context.Context, conn *sql.Conn, present, own map[string]string) ([]assignment, error) {
	wanted := s.wants(present, own)
	for {
		err := set(ctx, conn, merge(wanted, own))
		if mysql.Errno(err) == 0 {
			return wanted, err
		}
		refused := map[string]error{}
		if name := refusedName(err); slices.ContainsFunc(wanted, func(a assignment) bool { return a.name == name }) {
			refused[name] = err
		} else if refused, err = trySingly(ctx, conn, merge(wanted, own)); err != nil {
			return nil, err
		}
		for _, a := range merge(wanted, own) {
			err, is := refused[a.name]
			if v := decided[a.name]; is && !v.optional && !same(present[a.name], a.value) {
				return nil, &Error{Name: a.name, Value: present[a.name], Want: a.value, Err: err}
			}
		}
		wanted = slices.DeleteFunc(wanted, func(a assignment) bool { return refused[a.name] != nil })
		if len(refused) == 0 {
			return wanted, nil // one by one they were all taken
		}
	}
}

// wants gives what a session is to be set to on a server that has these variables.
func (s *Settings) wants(present, own map[string]string) []assignment {
	var wanted []assignment
	for _, v := range variables {
		value := v.reading
		if s.role == Writing {
			value = v.writing
		}
		is, known := present[v.name]
		if _, other := present[v.unless]; !known || other || value == "" && own[v.name] == "" {
			continue
		}
		if v.fine != "" && (strings.EqualFold(is, v.fine) || same(is, value)) {
			continue
		}
		if v.name == "old_mode" && !knowsOldUTF8(present["version"]) {
			value = "0"
		}
		wanted = append(wanted, assignment{v.name, value})
	}
	return wanted
}

// knowsOldUTF8 says whether this is a MariaDB whose old_mode can say what "utf8" means.
func knowsOldUTF8(server string) bool {
	v, ok := version.Parse(server)
	return ok && !v.Less(version.Version{Major: 10, Minor: 6})
}

// merge gives assignments with a session's own values.
func merge(wanted []assignment, own map[string]string) []assignment {
	var merged []assignment
	for _, a := range wanted {
		if value, is := own[a.name]; is {
			a.value = value
		}
		if a.value != "" {
			merged = append(merged, a)
		}
	}
	return merged
}

// set makes all assignments in one statement, which the server does as a whole or not at all.
func set(ctx context.Context, conn *sql.Conn, list []assignment) error {
	_, err := conn.ExecContext(ctx, statement(list))
	return err
}

func statement(list []assignment) string {
	var text strings.Builder
	text.WriteString("SET NAMES utf8mb4")
	for _, a := range list {
		text.WriteString(", SESSION " + a.name + " = " + a.value)
	}
	return text.String()
}

// Statement is what Apply has sent, for a program that is told what to send first; "" before that.
func (s *Settings) Statement() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.wanted == nil {
		return ""
	}
	return statement(merge(s.wanted, nil))
}

// trySingly makes the assignments one after the other, and says which the server refuses.
func trySingly(ctx context.Context, conn *sql.Conn, list []assignment) (map[string]error, error) {
	refused := map[string]error{}
	for _, a := range list {
		_, err := conn.ExecContext(ctx, "SET SESSION "+a.name+" = "+a.value)
		switch {
		case mysql.Errno(err) != 0:
			refused[a.name] = err
		case err != nil:
			return nil, err
		}
	}
	return refused, nil
}

// refusedName is the variable that an error of the server is about, "" where it does not say.
func refusedName(err error) string {
	switch mysql.Errno(err) {
	case mysql.ErrnoUnknownVariable, mysql.ErrnoGlobalVariable, mysql.ErrnoWrongValue, mysql.ErrnoReadOnlyVariable, mysql.ErrnoReadOnlyInSession:
		if found := quotedName.FindStringSubmatch(mysql.ServerMessage(err)); found != nil {
			return strings.ToLower(found[1])
		}
	}
	return ""
}

var quotedName = regexp.MustCompile(`'(\w+)'`)

// same says whether a value that the server shows is that of a literal.
func same(shown, literal string) bool {
	literal = strings.Trim(literal, "'")
	if strings.EqualFold(shown, literal) || shown == "" && literal == "NULL" {
		return true
	}
	a, err := strconv.ParseFloat(shown, 64)
	b, err2 := strconv.ParseFloat(literal, 64)
	return err == nil && err2 == nil && a == b
}

// interrupted says whether the server ended a statement because of the time that it took.
func interrupted(err error) bool {
	return mysql.Errno(err) == mysql.ErrnoStatementTimeout || mysql.Errno(err) == mysql.ErrnoExecutionTimeout
}

// Names gives the variables that are decided on: those that are set, and those that are left for a reason.
func Names() []string {
	all := slices.Collect(maps.Keys(decided))
	for _, group := range left {
		all = append(all, strings.Fields(group.names)...)
	}
	slices.Sort(all)
	return all
}
