package read

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// inspectPrivileges checks that the account may read the given tables and views. The server hides triggers, events and
// routines from accounts that may not read them, and tables from accounts that may do nothing with them. Then nobody
// can say whether there are any: the dump leaves them out, with a note.
func (m *Server) inspectPrivileges(ctx context.Context, conn *sql.Conn, tables, views []string) error {
	held, err := readGrants(ctx, conn)
	if err != nil {
		return err
	}
	m.account = held.user
	if !held.has("SELECT", m.url.Name) {
		if err := m.checkTables(ctx, conn, held.user, tables); err != nil {
			return err
		}
	}
	if err := showing(ctx, conn, func() error { return m.checkViews(ctx, conn, held.user, views) }); err != nil {
		return err
	}
	if err := m.checkRoutines(ctx, conn, held.user); err != nil {
		return err
	}

	var hidden, privileges, grants []string
	if !held.has("SELECT", m.url.Name) {
		hidden, privileges = append(hidden, "tables"), append(privileges, "SELECT")
	}
	if _, err := conn.ExecContext(ctx, "SHOW EVENTS"); err == nil {
		m.events = true
	} else if denied(err) {
		m.events = false
		hidden, privileges = append(hidden, "events"), append(privileges, "EVENT")
	} else {
		return err
	}
	if !held.has("TRIGGER", m.url.Name) {
		hidden, privileges = append(hidden, "triggers"), append(privileges, "TRIGGER")
	}
	if len(privileges) > 0 {
		grants = append(grants, grant(strings.Join(privileges, ", "), m.url, held.user))
	}
	sees, err := m.seesRoutines(ctx, conn, held)
	if err != nil {
		return err
	}
	if !sees {
		_, statement := m.routinePrivilege(held.user)
		hidden, grants = append(hidden, "routines"), append(grants, statement)
	}
	if len(hidden) > 0 {
		m.config.Note(fmt.Sprintf("left out, if there are any: %s, which %s may not see (%s)",
			strings.Join(hidden, ", "), held.user, strings.Join(grants, "; ")))
	}
	return nil
}

// seesRoutines says whether information_schema lists routines for this account.
func (m *Server) seesRoutines(ctx context.Context, conn *sql.Conn, held grants) (bool, error) {
	for _, privilege := range []string{"EXECUTE", "ALTER ROUTINE", "CREATE ROUTINE", "SHOW CREATE ROUTINE", "SHOW_ROUTINE"} {
		if held.has(privilege, m.url.Name) {
			return true, nil
		}
	}
	if held.has("SELECT", "mysql") {
		return true, nil
	}
	// MySQL 8 no longer has this table.
	_, err := conn.ExecContext(ctx, "SELECT 1 FROM mysql.proc LIMIT 0")
	var server *driver.MySQLError
	if err != nil && !errors.As(err, &server) {
		return false, err
	}
	return err == nil, nil
}

// routinePrivilege returns the privilege that it takes to see and to read all routines, and the statement that grants
// it. An account that may execute routines sees them, but cannot read them.
func (m *Server) routinePrivilege(user string) (name, statement string) {
	switch {
	case m.release.Since(0, 80000):
		return "SHOW_ROUTINE", "GRANT SHOW_ROUTINE ON *.* TO " + user
	case m.release.Since(110300, 0):
		return "SHOW CREATE ROUTINE", grant("SHOW CREATE ROUTINE", m.url, user)
	}
	return "SELECT on mysql.proc", "GRANT SELECT ON mysql.proc TO " + user
}

// checkTables runs a query without rows on each table. It is for accounts without SELECT on the whole database.
func (m *Server) checkTables(ctx context.Context, conn *sql.Conn, user string, tables []string) error {
	var missing []string
	for _, table := range tables {
		_, err := conn.ExecContext(ctx, "SELECT * FROM "+mysql.QuoteName(table)+" LIMIT 0")
		if denied(err) {
			missing = append(missing, table)
		} else if err != nil {
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &source.PrivilegeError{User: user, Missing: []string{"SELECT"}, On: missing, Grant: grant("SELECT", m.url, user)}
}

// checkViews asks what the clients ask of every view.
func (m *Server) checkViews(ctx context.Context, conn *sql.Conn, user string, views []string) error {
	var missing []string
	for _, view := range views {
		_, err := conn.ExecContext(ctx, "SHOW FIELDS FROM "+mysql.QuoteName(view))
		if err == nil {
			_, err = conn.ExecContext(ctx, "SHOW CREATE VIEW "+mysql.QuoteName(view))
		}
		if denied(err) {
			missing = append(missing, view)
		} else if err != nil {
			return fmt.Errorf("view %s: %w", view, err)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &source.PrivilegeError{
		User: user, Missing: []string{"SELECT", "SHOW VIEW"}, On: missing, Grant: grant("SELECT, SHOW VIEW", m.url, user),
	}
}

// checkRoutines looks for routines that the account sees but may not read: the clients fail on those.
func (m *Server) checkRoutines(ctx context.Context, conn *sql.Conn, user string) error {
	missing, err := column(ctx, conn, "SELECT ROUTINE_NAME FROM information_schema.ROUTINES"+
		" WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_DEFINITION IS NULL AND ROUTINE_BODY = 'SQL' ORDER BY 1")
	if err != nil || len(missing) == 0 {
		return err
	}
	name, statement := m.routinePrivilege(user)
	return &source.PrivilegeError{User: user, Missing: []string{name}, On: missing, Grant: statement}
}

// denied says whether the server refused because a privilege is missing.
func denied(err error) bool { return mysql.Is(err, fault.Privilege) }

// grants has the privileges of an account, including those of its roles.
type grants struct {
	user string // quoted as in GRANT statements
	on   map[string]map[string]bool
	off  map[string]map[string]bool // MySQL's partial revokes
}

func readGrants(ctx context.Context, conn *sql.Conn) (grants, error) {
	g := grants{on: map[string]map[string]bool{}, off: map[string]map[string]bool{}}
	var user string
	if err := conn.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&user); err != nil {
		return g, err
	}
	at := strings.LastIndexByte(user, '@')
	g.user = mysql.QuoteText(user[:max(at, 0)]) + "@" + mysql.QuoteText(user[at+1:])
	lines, err := column(ctx, conn, "SHOW GRANTS")
	if err != nil {
		return g, err
	}
	// MariaDB lists what a role grants. MySQL does so only if the statement names the role.
	var roles sql.NullString
	if err := conn.QueryRowContext(ctx, "SELECT CURRENT_ROLE()").Scan(&roles); err == nil && strings.HasPrefix(roles.String, "`") {
		if more, err := column(ctx, conn, "SHOW GRANTS FOR CURRENT_USER() USING "+roles.String); err == nil {
			lines = append(lines, more...)
		}
	}
	for _, line := range lines {
		g.read(line)
	}
	return g, nil
}

// grantLine reads "GRANT SELECT, SHOW VIEW ON `db`.* TO …" and the REVOKE of a partial revoke.
var grantLine = regexp.MustCompile("(?s)^(GRANT|REVOKE) (.+?) ON (\\*|`(?:[^`]|``)*`)\\.\\* (?:TO|FROM) ")

func (g grants) read(line string) {
	found := grantLine.FindStringSubmatch(line)
	if found == nil {
		return
	}
	to, database := g.on, found[3]
	if found[1] == "REVOKE" {
		to = g.off
	}
	if database != "*" {
		database = strings.ReplaceAll(database[1:len(database)-1], "``", "`")
	}
	if to[database] == nil {
		to[database] = map[string]bool{}
	}
	for privilege := range strings.SplitSeq(found[2], ",") {
		to[database][strings.TrimSpace(privilege)] = true
	}
}

// has says whether the account has a privilege on the whole database.
func (g grants) has(privilege, database string) bool {
	if g.off[database][privilege] {
		return false
	}
	for pattern, held := range g.on {
		if (held[privilege] || held["ALL PRIVILEGES"]) && (pattern == "*" || matchesGrant(pattern, database)) {
			return true
		}
	}
	return false
}

// matchesGrant matches a database against the pattern of a GRANT, in which % and _ are wildcards unless a backslash
// precedes them.
func matchesGrant(pattern, database string) bool {
	var expression strings.Builder
	expression.WriteString(`(?s)^`)
	escaped := false
	for _, r := range pattern {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && r == '%':
			expression.WriteString(`.*`)
		case !escaped && r == '_':
			expression.WriteString(`.`)
		default:
			expression.WriteString(regexp.QuoteMeta(string(r)))
		}
		escaped = false
	}
	expression.WriteString(`$`)
	matched, err := regexp.MatchString(expression.String(), database)
	return err == nil && matched
}

// column returns the first column of a query's rows.
func column(ctx context.Context, conn *sql.Conn, query string) ([]string, error) {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, rows.Err()
}

// grant returns the statement that grants privileges on the URL's database.
func grant(privileges string, url dburl.URL, user string) string {
	return fmt.Sprintf("GRANT %s ON %s.* TO %s", privileges, mysql.QuoteName(escapeGrant(url.Name)), user)
}

// grantAll returns the statement that grants everything a dump needs.
func grantAll(url dburl.URL) string {
	return grant("SELECT, SHOW VIEW, TRIGGER, EVENT", url, mysql.QuoteText(url.User)+"@'%'")
}

// escapeGrant escapes underscores in a database's name, which would be wildcards.
func escapeGrant(name string) string {
	return strings.NewReplacer(`_`, `\_`, `%`, `\%`).Replace(name)
}
