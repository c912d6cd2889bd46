package session

import (
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/settings"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Classify turns an error of the driver into one of package target; nil stays nil.
func (db *Server) Classify(action string, err error) error {
	return db.faulty(action, db.grant(), postgres.Classify(err), err)
}

func (db *Server) faulty(action, grant string, kind fault.Kind, err error) error {
	if kind == fault.Lost || kind == fault.Unreachable {
		err = db.silence.Explain(err)
	}
	if err != nil && kind != fault.None {
		err = postgres.Plain(err)
	}
	return target.Attempt{URL: db.Config.URL, Action: action, Grant: grant}.Faulty(kind, err)
}

// classifyConnect does the same for an attempt to connect. If the connection is lost already then, the server counts as
// unreachable.
func (db *Server) classifyConnect(database string, err error) error {
	var setting *settings.Error
	var limit *postgres.TimeLimitError
	switch {
	case errors.As(err, &setting):
		return &target.SettingError{Name: setting.Name, Value: setting.Value, Err: setting}
	case errors.As(err, &limit):
		return &target.SettingError{Name: limit.Name, Needs: "0", Err: limit}
	}
	kind := postgres.Classify(err)
	if kind == fault.Lost {
		kind = fault.Unreachable
	}
	grant := fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s", postgres.QuoteIdentifier(database), postgres.QuoteIdentifier(db.Config.URL.User))
	return db.faulty("connect to database "+database, grant, kind, err)
}

// grant returns the statement that gives the account the privileges that a pull needs.
func (db *Server) grant() string {
	user := postgres.QuoteIdentifier(db.Config.URL.User)
	return fmt.Sprintf("ALTER ROLE %s CREATEDB; ALTER DATABASE %s OWNER TO %s", user, postgres.QuoteIdentifier(db.Names.Live), user)
}
