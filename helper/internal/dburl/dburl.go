// Package dburl parses the URLs of databases: mysql://user@host:3306/name and postgres://user@host:5432/name.
package dburl

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Engine is the family of a database server. MariaDB counts as MySQL: they share a protocol.
type Engine string

// The engines.
const (
	MySQL    Engine = "mysql"
	Postgres Engine = "postgres"
)

// TLS is how a connection is protected.
type TLS string

// The ways to protect a connection. Preferred, the default, uses TLS if the server offers it and does not check the certificate. Verify
// checks the chain and the host name.
const (
	TLSPreferred TLS = "preferred"
	TLSOff       TLS = "off"
	TLSOn        TLS = "on"
	TLSVerify    TLS = "verify"
)

// URL names a database on a server.
type URL struct {
	Engine   Engine
	User     string
	Password secret.String
	// Host is a name or an address. If it begins with a slash, it is the folder (PostgreSQL) or the path (MySQL) of a Unix
	// socket, given as ?socket=/path.
	Host string
	Port int
	Name string
	TLS  TLS
	// CA is the path of a PEM file with the authorities that Verify trusts; "" for the system's.
	CA string
	// Silence is how long the server may give no sign of life before a wait for it ends; 0 for the default.
	Silence time.Duration
	// Server is the intended server; nil if any server that answers is right.
	Server *Server
}

// Server is one certain server. A name is not enough: in a network that projects share, several servers answer to it.
type Server struct {
	// Hostname is the name of the server's machine.
	Hostname string
	// Addresses are the server's addresses, the best one first; none if the URL's host is to be looked up.
	Addresses []string
}

// Parse parses a database URL. Its errors never contain the password.
func Parse(text string) (URL, error) {
	u, err := parse(text)
	if err == nil {
		return u, nil
	}
	// A password with special characters confuses the parser, and its message may quote parts of it.
	_, rest, _ := strings.Cut(text, "://")
	if at := strings.LastIndex(rest, "@"); at >= 0 && strings.ContainsAny(rest[:at], "/?#@%[]") {
		err = errors.New("not a URL (a special character in user or password must be percent-encoded)")
	}
	return URL{}, err
}

func parse(text string) (URL, error) {
	parsed, err := url.Parse(text)
	if err != nil {
		// url.Error repeats the whole text, so only its cause is passed on.
		var cause *url.Error
		if errors.As(err, &cause) {
			err = cause.Err
		}
		if strings.HasPrefix(err.Error(), "invalid port") {
			// If the host is missing, it quotes a password.
			err = errors.New("what follows the host's colon is not a port")
		}
		return URL{}, fmt.Errorf("not a URL: %w", err)
	}
	u := URL{Host: parsed.Hostname(), User: parsed.User.Username(), TLS: TLSPreferred}
	switch parsed.Scheme {
	case "mysql", "mariadb":
		u.Engine, u.Port = MySQL, 3306
	case "postgres", "postgresql", "pgsql":
		u.Engine, u.Port = Postgres, 5432
	case "":
		return URL{}, errors.New("no scheme (mysql:// or postgres:// is expected)")
	default:
		return URL{}, fmt.Errorf("unknown scheme %q (mysql:// or postgres:// is expected)", parsed.Scheme)
	}
	if password, ok := parsed.User.Password(); ok {
		u.Password = secret.New(password)
	}
	if port := parsed.Port(); port != "" {
		if u.Port, err = strconv.Atoi(port); err != nil || u.Port < 1 || u.Port > 65535 {
			return URL{}, fmt.Errorf("port %q is not a number from 1 to 65535", port)
		}
	}
	u.Name = strings.TrimPrefix(parsed.Path, "/")
	if err := u.readQuery(parsed.Query()); err != nil {
		return URL{}, err
	}
	switch {
	case u.Name == "":
		return URL{}, errors.New("no database name (it follows the host, as in mysql://user@host/name)")
	case strings.ContainsAny(u.Name, "/\x00"):
		return URL{}, fmt.Errorf("database name %q has a slash in it", u.Name)
	case u.User == "":
		return URL{}, errors.New("no user (it stands before the host, as in mysql://user@host/name)")
	case u.Host == "":
		u.Host = "localhost"
	}
	return u, nil
}

func (u *URL) readQuery(query url.Values) error {
	for key, values := range query {
		value := values[len(values)-1]
		switch key {
		case "tls", "sslmode", "ssl-mode":
			mode, ok := tlsModes[strings.ToLower(value)]
			if !ok {
				return fmt.Errorf("%s=%s is unknown (off, on, verify or preferred is expected)", key, value)
			}
			u.TLS = mode
		case "ca", "sslrootcert", "ssl-ca":
			u.CA = value
		case "socket":
			u.Host = value
		case "silence":
			limit, err := time.ParseDuration(value)
			if err != nil || limit < time.Second {
				return fmt.Errorf("silence=%s is no time of at least a second (60s is expected, or 2m)", value)
			}
			u.Silence = limit
		default:
			return fmt.Errorf("unknown parameter %q (tls, ca, socket and silence are known)", key)
		}
	}
	return nil
}

// tlsModes has our words and those of libpq and the MySQL clients.
var tlsModes = map[string]TLS{
	"off": TLSOff, "on": TLSOn, "verify": TLSVerify, "preferred": TLSPreferred,
	"false": TLSOff, "true": TLSOn, "skip-verify": TLSOn,
	"disable": TLSOff, "disabled": TLSOff, "allow": TLSPreferred, "prefer": TLSPreferred,
	"require": TLSOn, "required": TLSOn,
	"verify-ca": TLSVerify, "verify-full": TLSVerify, "verify_ca": TLSVerify, "verify_identity": TLSVerify,
}

// IsSocket reports whether the server is reached through a Unix socket.
func (u URL) IsSocket() bool { return strings.HasPrefix(u.Host, "/") }

// Address returns host:port, or the socket's path.
func (u URL) Address() string {
	if u.IsSocket() {
		return u.Host
	}
	return net.JoinHostPort(u.Host, strconv.Itoa(u.Port))
}

// IsLocal reports whether the server runs on this machine.
func (u URL) IsLocal() bool {
	return u.IsSocket() || slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Host)
}

// String returns the URL with its password as ***.
func (u URL) String() string {
	user := url.PathEscape(u.User)
	if u.Password.IsSet() {
		user += ":" + u.Password.String()
	}
	if u.IsSocket() {
		return fmt.Sprintf("%s://%s@/%s?socket=%s", u.Engine, user, u.Name, u.Host)
	}
	return fmt.Sprintf("%s://%s@%s/%s", u.Engine, user, u.Address(), u.Name)
}
