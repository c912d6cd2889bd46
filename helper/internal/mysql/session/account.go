package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Account is an account for the time of a load. It has rights on the scratch database, and no others.
type Account struct {
	Name, Host string
	// Pool are its connections.
	Pool *Connections
}

// longestPattern is how long the name of a database in a GRANT may be, in characters (mysql.db).
const longestPattern = 64

// loading is what the account may do in the scratch database. It may not make views, triggers, routines and events: the pull's own account makes
// these when all rows are in. There is no routine to execute before, but with EXECUTE the server says of a function that it does not exist.
const loading = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, EXECUTE, CREATE TEMPORARY TABLES, LOCK TABLES"

// sessionVariables is MySQL's privilege to set certain variables of one's own session, such as innodb_strict_mode.
const (
	sessionVariables      = "SESSION_VARIABLES_ADMIN"
	sessionVariablesSince = 80014
)

// tableEncryption is MySQL's privilege to encrypt a table, or not, unlike its database. The server asks for it only if it has been told to.
const tableEncryption = "TABLE_ENCRYPTION_ADMIN"

// accountName returns the name of the account. It is the same for each pull of a database, so that the next one finds what one that was killed has
// left. MySQL 5.6 knows names of up to 16 characters.
func (db *Server) accountName() string {
	sum := sha256.Sum256([]byte(db.Names.Live))
	const longest = 16
	return ("dump_" + hex.EncodeToString(sum[:]))[:longest]
}

// MakesAccounts reports whether the pull's own account may make others and give them rights on the scratch database.
func (db *Server) MakesAccounts(ctx context.Context, s *Session) (bool, error) {
	able, err := s.List(ctx, "SELECT 1 AS name FROM information_schema.USER_PRIVILEGES u WHERE u.GRANTEE = ? AND u.PRIVILEGE_TYPE = 'CREATE USER' AND (u.IS_GRANTABLE = 'YES'"+
		" OR EXISTS (SELECT 1 FROM information_schema.SCHEMA_PRIVILEGES d WHERE d.GRANTEE = u.GRANTEE AND d.IS_GRANTABLE = 'YES' AND ? LIKE d.TABLE_SCHEMA))",
		db.Grantee(), db.Names.Incoming)
	if err == nil && len(able) > 0 {
		// Without this, it could not tell its own accounts from those of others.
		_, err = s.List(ctx, "SELECT User AS name FROM mysql.user WHERE User = ?", db.accountName())
		if mysql.Is(err, fault.Privilege) {
			return false, nil
		}
	}
	return err == nil && len(able) > 0, db.Classify("ask for the account's privileges", err)
}

// MakeAccount makes the account and gives it rights on the scratch database. The session holds the lock, and no earlier account is left.
func (db *Server) MakeAccount(ctx context.Context, s *Session) (*Account, error) {
	pattern, loose, err := db.grantPattern(ctx, s)
	if err == nil && loose {
		err = db.matchesAlone(ctx, s, pattern)
	}
	if err != nil {
		return nil, err
	}
	_, host := db.UserHost()
	if host == "" {
		host = "%"
	}
	a := &Account{Name: db.accountName(), Host: host}
	name := mysql.QuoteText(a.Name) + "@" + mysql.QuoteText(a.Host)
	password := newPassword()
	statements := []string{
		"CREATE USER " + name + " IDENTIFIED BY " + mysql.QuoteText(password.Reveal()),
		"GRANT " + loading + " ON " + mysql.QuoteName(pattern) + ".* TO " + name,
	}
	if db.Release.Since(0, sessionVariablesSince) {
		statements = append(statements, "GRANT "+sessionVariables+" ON *.* TO "+name)
	}
	if checks, err := s.List(ctx, "SELECT @@GLOBAL.table_encryption_privilege_check AS name"); err == nil && checks[0] == "1" {
		statements = append(statements, "GRANT "+tableEncryption+" ON *.* TO "+name)
	}
	err = s.unlogged(ctx, func() error {
		for i, statement := range statements {
			err := s.Exec(ctx, statement)
			if i > 0 && mysql.Errno(err) != 0 {
				_ = s.Exec(ctx, "DROP USER "+name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	u := db.Config.URL
	u.User, u.Password = a.Name, password
	a.Pool, err = db.Pool.as(u)
	return a, err
}

// grantPattern returns the scratch database as a GRANT names it. In a long name, _ stands for any character: then it is loose.
func (db *Server) grantPattern(ctx context.Context, s *Session) (pattern string, loose bool, err error) {
	name := db.Names.Incoming
	literal, err := s.List(ctx, "SELECT @@GLOBAL.partial_revokes AS name")
	if err != nil && mysql.Errno(err) == 0 {
		return "", false, err
	}
	if err == nil && literal[0] != "0" { // _ and % stand for themselves
		return name, false, nil
	}
	pattern = strings.NewReplacer(`\`, `\\`, "_", `\_`, "%", `\%`).Replace(name)
	if utf8.RuneCountInString(pattern) > longestPattern {
		pattern, loose = strings.ReplaceAll(pattern, `\_`, "_"), true
	}
	if utf8.RuneCountInString(pattern) > longestPattern {
		return "", false, fmt.Errorf("the name of database %s is too long for a GRANT", name)
	}
	return pattern, loose, nil
}

// matchesAlone fails if a pattern names other databases than the scratch database.
func (db *Server) matchesAlone(ctx context.Context, s *Session, pattern string) error {
	others, err := s.List(ctx, "SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE ? AND SCHEMA_NAME <> ?", pattern, db.Names.Incoming)
	if err == nil && len(others) > 0 {
		return fmt.Errorf("a GRANT on database %s would be one on %s, too", db.Names.Incoming, others[0])
	}
	return err
}

// newPassword returns a password that satisfies the rules of servers: many capitals, small letters, digits and others.
func newPassword() secret.String {
	return secret.New(rand.Text() + "-_+.:2357" + strings.ToLower(rand.Text()))
}

// unlogged keeps statements about accounts out of the binary log, where the session may do so: they are none of the replicas' business.
func (s *Session) unlogged(ctx context.Context, do func() error) error {
	err := s.Exec(ctx, "SET @dump_refresh_log_bin = @@SESSION.sql_log_bin, SESSION sql_log_bin = 0")
	if err != nil && mysql.Errno(err) == 0 {
		return err
	}
	off := err == nil
	err = do()
	if off && (err == nil || mysql.Errno(err) != 0) {
		if back := s.Exec(ctx, "SET SESSION sql_log_bin = @dump_refresh_log_bin"); err == nil {
			err = back
		}
	}
	return err
}

// DropAccount drops the accounts that this pull, or an earlier one, has made. An account of that name with other rights is somebody else's.
func (db *Server) DropAccount(ctx context.Context, s *Session) error {
	hosts, err := s.List(ctx, "SELECT Host AS name FROM mysql.user WHERE User = ?", db.accountName())
	if mysql.Errno(err) != 0 || err == nil && len(hosts) == 0 {
		return nil // whoever may not look has made none
	}
	if err != nil {
		return db.Classify("look for an account for loading", err)
	}
	pattern, _, err := db.grantPattern(ctx, s)
	if err != nil {
		return nil //nolint:nilerr // none was made
	}
	for _, host := range hosts {
		grantee := "'" + db.accountName() + "'@'" + host + "'"
		foreign, err := s.List(ctx, "SELECT PRIVILEGE_TYPE AS name FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = ? AND PRIVILEGE_TYPE NOT IN ('USAGE', ?, ?)"+
			" UNION SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE = ? AND TABLE_SCHEMA <> ?", grantee, sessionVariables, tableEncryption, grantee, pattern)
		if err == nil && len(foreign) == 0 {
			err = s.unlogged(ctx, func() error {
				return s.Exec(ctx, "DROP USER "+mysql.QuoteText(db.accountName())+"@"+mysql.QuoteText(host))
			})
		}
		if err != nil {
			return db.Classify("drop account "+db.accountName(), err)
		}
	}
	return nil
}

// ConnectAs opens a session of an account, with the settings of the pull's own sessions. It fails if the account may not make one of them.
func (db *Server) ConnectAs(ctx context.Context, a *Account) (*Session, error) {
	return db.connect(ctx, a.Pool, db.settings.Repeat)
}
