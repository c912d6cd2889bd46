// Package pgsession makes sessions of PostgreSQL servers independent of the settings of the server, the database and the role, which
// decide what is read, written and compared, and how long that may take. What each setting is set to stands in one table, in
// settings.go.
package pgsession

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Role is what a session is for.
type Role int

// The roles.
const (
	Reading Role = iota // of staging, in one transaction, with which the settings end
	Writing             // of the local server
)

// Setting is a setting of a session.
type Setting struct {
	Name, Value string
	// Changed is true where it had another value.
	Changed bool
	// Source is where it had its value from, in the words of pg_settings: "database user" is ALTER ROLE … IN DATABASE … SET.
	Source string
}

// Error says that a setting has a value under which not everything can be read, and that the session's role may not change it.
type Error struct {
	Name, Value string
}

func (e *Error) Error() string {
	return fmt.Sprintf("the server's setting %s is %q, and this role may not change it for itself", e.Name, e.Value)
}

// tries is how often the settings are made where the server's own time limit ends even that.
const tries = 5

// Apply gives a connection its settings, those of Reading until its transaction ends. It says which those are, and fails with *Error
// where one that matters cannot be changed.
func Apply(ctx context.Context, conn *pgconn.PgConn, role Role) (made []Setting, err error) {
	const cancelled = "57014"
	var results []*pgconn.Result
	for range tries {
		results, err = conn.Exec(ctx, statement(role)).ReadAll()
		var server *pgconn.PgError
		if role == Reading || !errors.As(err, &server) || server.Code != cancelled || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	refused := results[len(results)-1].Rows
	if len(refused) > 0 {
		return nil, &Error{Name: string(refused[0][0]), Value: string(refused[0][1])}
	}
	if len(results[len(results)-3].Rows) > 0 {
		made = append(made, Setting{"role", "none", true, "user"})
	}
	for _, row := range results[len(results)-2].Rows {
		made = append(made, Setting{string(row[0]), string(row[1]), string(row[3]) == "t", string(row[2])})
	}
	return made, nil
}

// Again gives the statements that make settings in a transaction that has just begun, without a look at anything: its snapshot is yet
// to be taken.
func Again(made []Setting) []string {
	statements := []string{"SET LOCAL statement_timeout = 0"}
	for _, s := range made {
		statements = append(statements, "SET LOCAL "+s.Name+" = "+quote(s.Value))
	}
	return statements
}

// Options gives the settings for programs that ask libpq to connect, as PGOPTIONS has them: of those that were changed the ones that
// somebody has meant for this role or database. "" is for none: poolers refuse connections that come with options.
func Options(made []Setting) string {
	var words []string
	for _, s := range made {
		// Every server's own configuration says which language amounts and months are in.
		own := strings.HasPrefix(s.Name, "lc_") && s.Source == "configuration file"
		if s.Changed && s.Source != "default" && !own && !clientsOwn[strings.ToLower(s.Name)] {
			words = append(words, "-c "+s.Name+"="+escapeOption.Replace(s.Value))
		}
	}
	return strings.Join(words, " ")
}

// clientsOwn are what pg_dump sets itself, at once.
var clientsOwn = map[string]bool{"search_path": true, "client_encoding": true, "datestyle": true, "intervalstyle": true, "extra_float_digits": true}

var escapeOption = strings.NewReplacer(`\`, `\\`, " ", `\ `)

// statement is what makes the settings that a server has. Nothing in there is found by a search path that somebody has set. The
// account's own role comes back where it may do all that the one may that ALTER ROLE has put in its place.
func statement(role Role) string {
	local, scope := "false", "SET"
	if role == Reading {
		local, scope = "true", "SET LOCAL"
	}
	var values []string
	for _, s := range settings {
		value := s.reading
		if role == Writing {
			value = s.writing
		}
		if value == leave {
			continue
		}
		values = append(values, fmt.Sprintf("(%s, %s, %t)", quote(s.name), quote(value), s.matters))
	}
	from := " FROM (VALUES " + strings.Join(values, ", ") + ") AS w(name, value, matters) JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = w.name" +
		" WHERE "
	const may = "(s.context = 'user' OR s.context IN ('superuser', 'superuser-backend') AND (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user))"
	return strings.Join([]string{
		scope + " statement_timeout = 0",
		scope + " search_path = pg_catalog",
		"SELECT pg_catalog.set_config('role', 'none', " + local + ") WHERE current_user <> session_user AND pg_catalog.pg_has_role(session_user, current_user, 'USAGE')",
		"SELECT s.name, w.value, s.source, s.setting <> w.value, CASE WHEN s.setting <> w.value THEN pg_catalog.set_config(s.name, w.value, " + local + ") END" + from + may,
		"SELECT s.name, s.setting" + from + "w.matters AND s.setting <> w.value AND NOT " + may,
	}, ";\n")
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
