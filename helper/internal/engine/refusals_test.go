package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// refusal is a way in which a server refuses to go on.
type refusal struct {
	name string
	kind fault.Kind
	// says has the server's own words, of one flavour or the other.
	says []string
	// make has the server refuse the URL that it gives. What it has changed, the test undoes by t.Cleanup.
	make func(t *testing.T) (url string)
}

// test demands that both directions name the kind of each refusal.
func testRefusals(t *testing.T, refusals []refusal) {
	patience := target.ConnectionPatience
	target.ConnectionPatience = 0
	t.Cleanup(func() { target.ConnectionPatience = patience })
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			url := test.make(t)
			u, err := dburl.Parse(url)
			if err != nil {
				t.Fatal(err)
			}
			source, target := dumpWith(t, source.Config{URL: &u}), tryTarget(t, u)
			if got := sourceKind(source); got != test.kind {
				t.Errorf("source: %q, want %q: %v", got, test.kind, source)
			}
			if got := targetKind(target); got != test.kind {
				t.Errorf("target: %q, want %q: %v", got, test.kind, target)
			}
			for _, err := range []error{source, target} {
				if err != nil && !slices.ContainsFunc(test.says, func(words string) bool { return strings.Contains(err.Error(), words) }) {
					t.Errorf("%v says none of %q", err, test.says)
				}
				if err != nil && strings.Contains(err.Error(), "\n") {
					t.Errorf("%q is more than a line", err)
				}
			}
		})
	}
}

func tryTarget(t *testing.T, u dburl.URL) error {
	db, err := OpenTarget(t.Context(), target.Config{URL: u})
	if err != nil {
		return err
	}
	return db.Close()
}

func sourceKind(err error) fault.Kind {
	var kind fault.Kind
	errors.As(err, &kind)
	if errors.Is(err, source.ErrPrivilege) {
		return fault.Privilege
	}
	return kind
}

func targetKind(err error) fault.Kind {
	var refused *target.RefusedError
	if errors.As(err, &refused) {
		return refused.Kind
	}
	for kind, is := range map[fault.Kind]func(error) bool{
		fault.Auth:        is[*target.AuthError],
		fault.Privilege:   is[*target.PrivilegeError],
		fault.Unreachable: is[*target.UnreachableError],
		fault.Lost:        is[*target.LostError],
	} {
		if is(err) {
			return kind
		}
	}
	return fault.None
}

func is[E error](err error) bool {
	var found E
	return errors.As(err, &found)
}

// outside is an address of this machine by which it comes to itself as a stranger would; "" for none.
func outside() string {
	addresses, _ := net.InterfaceAddrs()
	for _, address := range addresses {
		if ip, is := address.(*net.IPNet); is && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return ip.IP.String()
		}
	}
	return ""
}

func TestMySQLRefusals(t *testing.T) {
	for name, start := range map[string]func(string, ...string) (*testserver.MySQL, error){"mariadb": testserver.MariaDB, "mysql": testserver.Mysqld} {
		t.Run(name, func(t *testing.T) {
			server, err := start(t.TempDir(), "--bind-address=*", "--max-connections=10", "--max-user-connections=1000")
			targettest.Must(t, err)
			t.Cleanup(server.Kill)
			// One connection stays, whatever the server refuses.
			pool, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/?tls=preferred", server.Port))
			targettest.Must(t, err)
			t.Cleanup(func() { _ = pool.Close() })
			admin, err := pool.Conn(t.Context())
			targettest.Must(t, err)
			do := func(t *testing.T, statements ...string) {
				t.Helper()
				for _, statement := range statements {
					_, err := admin.ExecContext(context.WithoutCancel(t.Context()), statement)
					targettest.Must(t, err)
				}
			}
			do(t, "CREATE DATABASE shop", "DELETE FROM mysql.user WHERE User = 'root' AND Host <> 'localhost'", "FLUSH PRIVILEGES")
			// as gives the URL of an account that may do everything but administer, made anew.
			as := func(t *testing.T, options ...string) string {
				t.Helper()
				do(t, "DROP USER IF EXISTS u@localhost", "CREATE USER u@localhost IDENTIFIED BY 'x'", "GRANT ALL ON shop.* TO u@localhost", "GRANT ALL ON `shop\\_\\_dump\\_%`.* TO u@localhost")
				for _, option := range options {
					do(t, "ALTER USER u@localhost "+option)
				}
				return server.URLAs("u", "x", "shop")
			}
			// hold opens connections that stay, n or as many as there are.
			hold := func(t *testing.T, n int) {
				t.Helper()
				pool, err := sql.Open("mysql", fmt.Sprintf("u:x@tcp(127.0.0.1:%d)/", server.Port))
				targettest.Must(t, err)
				var held []*sql.Conn
				t.Cleanup(func() {
					for _, conn := range held {
						_ = conn.Close()
					}
					_ = pool.Close()
					// The server takes a moment.
					for left, deadline := 1, time.Now().Add(time.Minute); left > 0 && time.Now().Before(deadline); {
						targettest.Must(t, admin.QueryRowContext(context.WithoutCancel(t.Context()), "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'u'").Scan(&left))
					}
				})
				for len(held) < n {
					conn, err := pool.Conn(t.Context())
					if err != nil {
						return
					}
					held = append(held, conn)
				}
			}
			set := func(t *testing.T, name, value, before string) {
				t.Helper()
				do(t, "SET GLOBAL "+name+" = "+value)
				t.Cleanup(func() { do(t, "SET GLOBAL "+name+" = "+before) })
			}
			refusals := []refusal{
				{"wrong password", fault.Auth, []string{"Error 1045"}, func(t *testing.T) string {
					as(t)
					return server.URLAs("u", "y", "shop")
				}},
				{"expired password, which ends the connection", fault.PasswordExpired, []string{"Error 1862"}, func(t *testing.T) string {
					if name == "mariadb" {
						set(t, "disconnect_on_expired_password", "ON", "OFF")
					}
					return as(t, "PASSWORD EXPIRE")
				}},
				{"locked account", fault.AccountLocked, []string{"Error 3118", "Error 4151"}, func(t *testing.T) string { return as(t, "ACCOUNT LOCK") }},
				{"no connection left for the account", fault.TooManyConnections, []string{"Error 1226"}, func(t *testing.T) string {
					url := as(t, "WITH MAX_USER_CONNECTIONS 1")
					hold(t, 1)
					return url
				}},
				{"no connection left for any account", fault.TooManyConnections, []string{"Error 1203"}, func(t *testing.T) string {
					url := as(t)
					set(t, "max_user_connections", "1", "1000")
					hold(t, 1)
					return url
				}},
				{"no connection left", fault.TooManyConnections, []string{"Error 1040"}, func(t *testing.T) string {
					url := as(t)
					hold(t, 100)
					return url
				}},
				{"too many queries", fault.Limit, []string{"Error 1226"}, func(t *testing.T) string { return as(t, "WITH MAX_QUERIES_PER_HOUR 1") }},
			}
			if name == "mariadb" {
				refusals = append(refusals, refusal{"expired password, which ends nothing", fault.PasswordExpired, []string{"Error 1820"}, func(t *testing.T) string {
					return as(t, "PASSWORD EXPIRE")
				}}, refusal{"blocked account", fault.AccountLocked, []string{"Error 4150"}, func(t *testing.T) string {
					set(t, "max_password_errors", "1", "4294967295")
					as(t)
					for range 2 {
						_ = tryTarget(t, targettest.ParseURL(t, server.URLAs("u", "wrong", "shop")))
					}
					return server.URLAs("u", "x", "shop")
				}})
			} else { // MariaDB says that it is the wrong password
				refusals = append(refusals, refusal{"TLS missing", fault.TLS, []string{"Error 3159"}, func(t *testing.T) string {
					url := as(t)
					set(t, "require_secure_transport", "ON", "OFF")
					return url + "?tls=off"
				}}, refusal{"blocked account", fault.AccountLocked, []string{"Error 3955"}, func(t *testing.T) string {
					as(t, "FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME 1")
					_ = tryTarget(t, targettest.ParseURL(t, server.URLAs("u", "wrong", "shop")))
					return server.URLAs("u", "x", "shop")
				}})
			}
			if address := outside(); address != "" {
				far := strings.Replace(server.URLAs("u", "x", "shop"), "127.0.0.1", address, 1)
				refusals = append(refusals, refusal{"foreign host", fault.Auth, []string{"Error 1130"}, func(t *testing.T) string {
					as(t)
					return far
				}}, refusal{"blocked host", fault.HostBlocked, []string{"Error 1129"}, func(t *testing.T) string {
					as(t)
					do(t, "CREATE USER u@'%' IDENTIFIED BY 'x'")
					set(t, "max_connect_errors", "1", "100")
					for range 5 {
						conn, err := net.Dial("tcp", net.JoinHostPort(address, fmt.Sprint(server.Port)))
						targettest.Must(t, err)
						_ = conn.(*net.TCPConn).CloseWrite()
						_, _ = io.Copy(io.Discard, conn) // until the server has given up
						_ = conn.Close()
					}
					t.Cleanup(func() { do(t, "DROP USER u@'%'") })
					return far
				}})
			}
			testRefusals(t, refusals)
		})
	}
}

func TestPostgresRefusals(t *testing.T) {
	server, err := testserver.Postgres(t.TempDir())
	targettest.Must(t, err)
	t.Cleanup(server.Kill)
	do := func(t *testing.T, statements ...string) {
		t.Helper()
		targettest.Must(t, server.Exec("postgres", statements...))
	}
	do(t, "CREATE DATABASE shop", "CREATE ROLE u LOGIN CREATEDB PASSWORD 'x'")
	url := server.URLAs("u", "x", "shop")
	testRefusals(t, []refusal{
		{"wrong password", fault.Auth, []string{"28P01"}, func(*testing.T) string { return server.URLAs("u", "y", "shop") }},
		{"no login", fault.Auth, []string{"28000"}, func(t *testing.T) string {
			do(t, "ALTER ROLE u NOLOGIN")
			t.Cleanup(func() { do(t, "ALTER ROLE u LOGIN") })
			return url
		}},
		{"no connection left for the role", fault.TooManyConnections, []string{"53300"}, func(t *testing.T) string {
			do(t, "ALTER ROLE u CONNECTION LIMIT 0")
			t.Cleanup(func() { do(t, "ALTER ROLE u CONNECTION LIMIT -1") })
			return url
		}},
		{"no privilege", fault.Privilege, []string{"42501"}, func(t *testing.T) string {
			do(t, "REVOKE CONNECT ON DATABASE shop, postgres FROM PUBLIC")
			t.Cleanup(func() { do(t, "GRANT CONNECT ON DATABASE shop, postgres TO PUBLIC") })
			return url
		}},
		{"shutting down", fault.Unreachable, []string{"57P03"}, func(t *testing.T) string {
			conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
			targettest.Must(t, err)
			t.Cleanup(func() { _ = conn.Close(t.Context()) })
			targettest.Must(t, syscall.Kill(server.PID(), syscall.SIGTERM)) // which waits for the session
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
				again, err := pgx.Connect(t.Context(), server.URL("postgres"))
				if err != nil {
					return url
				}
				_ = again.Close(t.Context())
			}
			t.Fatal("the server does not shut down")
			return ""
		}},
	})
}
