// Package settings makes sessions of MySQL and MariaDB servers independent of the servers' own settings. These would
// otherwise decide what is read, written and compared, and how long that may take. One table, in variables.go, says what
// each variable is set to.
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

// Role is the purpose of a session.
type Role int

// The roles.
const (
	Reading Role = iota // of staging: they write nothing
	Writing             // of the local server
)

// Settings are the settings of all sessions of one server. The first session finds out which variables the server has. It
// is safe for concurrent use; the zero value is for reading.
type Settings struct {
	role Role

	mutex sync.Mutex
	// wanted is what each session sets; nil before the first session.
	wanted      []assignment
	initConnect string
}

// For returns the settings for sessions of one server.
func For(role Role) *Settings { return &Settings{role: role} }

// assignment sets a variable to a value, an SQL literal.
type assignment struct{ name, value string }

// Error means that a variable of the server has a value with which reading or writing goes wrong, and that the account
// may not change it for its own session.
type Error struct {
	Name  string
	Value string // the server's
	Want  string // what it must be
	Err   error  // the server's
}

func (e *Error) Error() string {
	return fmt.Sprintf("the server's setting %s is %q, and this account may not set it to %s for itself", e.Name, e.Value, e.Want)
}

func (e *Error) Unwrap() error { return e.Err }

// first sets what must be set before the first query, whose answer would otherwise be cut or refused. It contains no
// texts, because the server's sql_mode may read an empty one as NULL.
const first = "SET NAMES utf8mb4, SESSION sql_mode = 0, SESSION sql_select_limit = " + unlimited +
	", SESSION max_join_size = " + unlimited + ", SESSION sql_big_selects = 1" +
	", SESSION max_heap_table_size = 16777216, SESSION tmp_table_size = 16777216" +
	" /*M!100207 , SESSION tmp_disk_table_size = " + unlimited + ", SESSION max_session_mem_used = 9223372036854775807 */" + mysql.WithoutTimeLimit

// Apply makes the settings of a new connection. For some variables, own has other values, SQL literals, for this session
// alone. It fails with *Error if a variable that matters cannot be set.
func (s *Settings) Apply(ctx context.Context, conn *sql.Conn, own map[string]string) error {
	s.mutex.Lock()
	wanted := s.wanted
	s.mutex.Unlock()
	if wanted != nil {
		err := set(ctx, conn, merge(wanted, own))
		if mysql.Errno(err) == 0 {
			return err
		}
		// The server was restarted or changed, or a proxy leads to another one.
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

// Repeat makes the settings of earlier sessions for one of another account. It fails with the server's error if that account may not make all of
// them.
func (s *Settings) Repeat(ctx context.Context, conn *sql.Conn, own map[string]string) error {
	s.mutex.Lock()
	wanted := merge(s.wanted, own)
	s.mutex.Unlock()
	err := set(ctx, conn, wanted)
	if mysql.Errno(err) == 0 {
		return err
	}
	if err := begin(ctx, conn); err != nil { // the first statement may have taken too long
		return err
	}
	return set(ctx, conn, wanted)
}

// InitConnect returns the statements that the server runs on each new connection of accounts that are no administrators;
// "" for none. It is known after the first Apply.
func (s *Settings) InitConnect() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.initConnect
}

// begin prepares a session for queries. Even this statement may exceed the time that the server allows.
func begin(ctx context.Context, conn *sql.Conn) (err error) {
	const tries = 5
	for range tries {
		if _, err = conn.ExecContext(ctx, first); !interrupted(err) {
			break
		}
	}
	return err
}

// read returns the values of all variables by their names, those of the session where there are such.
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

// settle sets all variables that the server has and that the account may set, and returns them.
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
			return wanted, nil // one by one, all of them were accepted
		}
	}
}

// wants returns what a session sets on a server with these variables.
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

// knowsOldUTF8 reports whether this is a MariaDB whose old_mode decides what "utf8" means.
func knowsOldUTF8(server string) bool {
	v, ok := version.Parse(server)
	return ok && !v.Less(version.Version{Major: 10, Minor: 6})
}

// merge returns assignments, with a session's own values in place of some.
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

// set makes all assignments in one statement, which succeeds or fails as a whole.
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

// Statement returns the statement that Apply sends, for a program that can be told what to send first; "" before the first
// Apply.
func (s *Settings) Statement() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.wanted == nil {
		return ""
	}
	return statement(merge(s.wanted, nil))
}

// trySingly makes the assignments one by one, and returns those that the server refuses.
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

// refusedName returns the variable that the server's error names; "" if it names none.
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

// same reports whether a value, as the server shows it, is that of a literal.
func same(shown, literal string) bool {
	literal = strings.Trim(literal, "'")
	if strings.EqualFold(shown, literal) || shown == "" && literal == "NULL" {
		return true
	}
	a, err := strconv.ParseFloat(shown, 64)
	b, err2 := strconv.ParseFloat(literal, 64)
	return err == nil && err2 == nil && a == b
}

// interrupted reports whether the server ended a statement because it took too long.
func interrupted(err error) bool {
	return mysql.Errno(err) == mysql.ErrnoStatementTimeout || mysql.Errno(err) == mysql.ErrnoExecutionTimeout
}

// Names returns the variables on which there is a decision: those that are set, and those that are left for a reason.
func Names() []string {
	all := slices.Collect(maps.Keys(decided))
	for _, group := range left {
		all = append(all, strings.Fields(group.names)...)
	}
	slices.Sort(all)
	return all
}
