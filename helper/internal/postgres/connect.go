package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
)

// CredentialVariables are the variables of the environment that count for connections, besides the URL: those that hold credentials, or say
// where they are. All other PG* variables are about what the user does elsewhere.
var CredentialVariables = []string{"PGPASSWORD", "PGPASSFILE", "PGSSLCERT", "PGSSLKEY", "PGSSLPASSWORD"}

// SSLMode is libpq's word for each protection.
var SSLMode = map[dburl.Protection]string{
	dburl.Plain: "disable", dburl.Opportunistic: "prefer", dburl.Encrypted: "require", dburl.Trusted: "verify-ca", dburl.Verified: "verify-full",
}

// Options say how to connect to a server.
type Options struct {
	// Timeout bounds how long the server may take to let somebody in.
	Timeout time.Duration
	// Dial opens the connections below the protocol, and looks up the host, too; nil for the network's own.
	Dial pgconn.DialFunc
	// Silence watches the connections; nil if nobody does.
	Silence *silence.Watch
	// Aside is the database from which a silent session is looked at; "" for its own.
	Aside string
}

// Config returns the configuration of connections to a database of a server. It fails with *dburl.AuthoritiesError, and with *ConfigError.
func Config(u dburl.URL, database string, options Options) (*pgx.ConnConfig, error) {
	protection, err := u.TLSConfig()
	if err != nil {
		return nil, err
	}
	// Whatever the driver would take from the environment is given here, if only as "".
	settings := map[string]string{
		"host": u.Host, "port": fmt.Sprint(u.Port), "user": u.User, "dbname": database, "connect_timeout": "0",
		"sslmode": SSLMode[min(u.Protection(), dburl.Encrypted)], "sslrootcert": "", "sslcertmode": "allow", "sslsni": "", "sslnegotiation": "",
		"target_session_attrs": "any", "min_protocol_version": "", "max_protocol_version": "", "channel_binding": "", "require_auth": "",
	}
	if os.Getenv("PGSERVICE") != "" {
		file, err := emptyService()
		if err != nil {
			return nil, fmt.Errorf("set up the connection without PGSERVICE: %w", err)
		}
		defer func() { _ = os.Remove(file) }()
		settings["service"], settings["servicefile"] = noService, file
	}
	var words []string
	for name, value := range settings {
		words = append(words, name+"="+quoteSetting(value))
	}
	config, err := pgx.ParseConfig(strings.Join(words, " "))
	if err != nil {
		// The parser's own message repeats all of the text.
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		return nil, &ConfigError{err}
	}
	if u.Password.IsSet() {
		config.Password = u.Password.Reveal()
	}
	protect(&config.Config, protection)
	// PGOPTIONS, PGTZ and PGAPPNAME stay out. Poolers refuse settings that they do not know.
	config.RuntimeParams = map[string]string{"application_name": "dump-helper"}
	config.ConnectTimeout = options.Timeout
	if u.Server != nil && len(u.Server.Addresses) > 0 {
		config.LookupFunc = func(context.Context, string) ([]string, error) { return u.Server.Addresses, nil }
	}
	if options.Dial != nil {
		config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
		config.DialFunc = options.Dial
	}
	if options.Silence != nil {
		watch(config, options)
	}
	return config, nil
}

// protect has connections protected as the URL says, instead of as the driver would. The client's own certificate stays.
func protect(config *pgconn.Config, protection *tls.Config) {
	if protection == nil || config.TLSConfig == nil {
		return
	}
	protection.Certificates = config.TLSConfig.Certificates
	config.TLSConfig = protection
	for _, other := range config.Fallbacks {
		if other.TLSConfig != nil {
			other.TLSConfig = protection
		}
	}
}

// ConfigError means that the user's own certificate or key cannot be used.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return "set up the connection: " + e.Err.Error() }

func (e *ConfigError) Unwrap() error { return e.Err }

const noService = "none"

// emptyService writes a file with a service that says nothing. The driver cannot be told to ignore PGSERVICE, only to read another one.
func emptyService() (path string, err error) {
	file, err := os.CreateTemp("", "dump-helper-service-")
	if err != nil {
		return "", err
	}
	_, err = file.WriteString("[" + noService + "]\n")
	return file.Name(), errors.Join(err, file.Close())
}

// quoteSetting quotes a value for a connection string.
func quoteSetting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(value) + "'"
}
