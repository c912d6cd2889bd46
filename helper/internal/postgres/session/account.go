package session

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/settings"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Account is a role for the time of a load. It owns the scratch database, whose name it has, and may do nothing else.
type Account struct {
	Name     string
	password secret.String
}

// accountNote is the comment on such a role, by which the next pull recognizes one that was left.
const accountNote = "made by dump-helper for the time of a pull"

// MakesAccounts reports whether the pull's own account may make roles.
func (db *Server) MakesAccounts(ctx context.Context, s *Session) (bool, error) {
	rows, err := s.Query(ctx, "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole)")
	return len(rows) > 0, db.Classify("ask for the account's privileges", err)
}

// MakeAccount makes the account and gives it the scratch database. The session holds the lock.
func (db *Server) MakeAccount(ctx context.Context, s *Session) (Account, error) {
	account := Account{Name: db.Names.Incoming, password: secret.New(rand.Text())}
	name := postgres.QuoteIdentifier(account.Name)
	own := "GRANT " + name + " TO CURRENT_USER"
	if db.Major() >= 16 {
		own += " WITH INHERIT TRUE, SET TRUE"
	}
	statements := []string{
		"BEGIN",
		"CREATE ROLE " + name + " LOGIN PASSWORD " + postgres.QuoteText(account.password.Reveal()),
		"COMMENT ON ROLE " + name + " IS " + postgres.QuoteText(accountNote),
	}
	rows, err := s.Query(ctx, "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper")
	if err != nil {
		return account, db.Classify("ask for the account's privileges", err)
	}
	if len(rows) == 0 {
		statements = append(statements, own) // to give it the database, and to take from it what it makes
	} else {
		privileged, err := s.Query(ctx, settings.Privileged())
		if err != nil {
			return account, db.Classify("list the settings of superusers", err)
		}
		for _, setting := range privileged { // the account cannot make them itself
			statements = append(statements, "ALTER ROLE "+name+" SET "+setting[0]+" = "+postgres.QuoteText(setting[1]))
		}
	}
	statements = append(statements, "ALTER DATABASE "+name+" OWNER TO "+name, "COMMIT")
	if err := s.Exec(ctx, strings.Join(statements, ";\n")); err != nil {
		_ = s.Exec(ctx, "ROLLBACK")
		return account, err
	}
	return account, nil
}

// ConnectAs opens a session of the account in the scratch database. notice receives the server's warnings.
func (db *Server) ConnectAs(ctx context.Context, account Account, notice func(*pgconn.Notice)) (*Session, error) {
	u := db.Config.URL
	u.User, u.Password = account.Name, account.password
	s, err := db.open(ctx, db.Names.Incoming, u, notice)
	if err != nil {
		return nil, db.classifyConnect(db.Names.Incoming, err)
	}
	found, err := s.identity(ctx, false)
	if err == nil && !strings.HasSuffix(db.server.First(), found.String()) {
		err = &oneserver.WrongServerError{Server: db.server.Address, Got: found.String(), Want: db.server.First()}
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// DropAccount drops an account that an earlier pull has left, if there is one. Its database is gone by then.
func (db *Server) DropAccount(ctx context.Context, s *Session) error {
	rows, err := s.Query(ctx, "SELECT 1 FROM pg_catalog.pg_roles r WHERE rolname = $1 AND pg_catalog.shobj_description(r.oid, 'pg_authid') = $2", db.Names.Incoming, accountNote)
	if err == nil && len(rows) > 0 {
		name := postgres.QuoteIdentifier(db.Names.Incoming)
		err = s.Exec(ctx, fmt.Sprintf("DROP OWNED BY %s; DROP ROLE %s", name, name)) // what it owned elsewhere is privileges
	}
	return db.Classify("drop role "+db.Names.Incoming, err)
}
