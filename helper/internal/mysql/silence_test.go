package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/faults"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// watched connects through a proxy, for a connection that may be silent for two seconds.
func watched(t *testing.T, server *testserver.MySQL, proxy *faults.TCP) (*sql.Conn, *silence.Watch) {
	t.Helper()
	return watchedAs(t, server, server.URL("mysql"), proxy, false)
}

func watchedAs(t *testing.T, server *testserver.MySQL, url string, proxy *faults.TCP, impatient bool) (*sql.Conn, *silence.Watch) {
	t.Helper()
	u, err := dburl.Parse(strings.Replace(url, fmt.Sprintf("127.0.0.1:%d", server.Port), proxy.Address(), 1))
	targettest.Must(t, err)
	watch := silence.New(u.Address(), 2*time.Second)
	if impatient {
		watch = watch.Impatient()
	}
	pool, err := mysql.Open(u, mysql.Options{Check: &oneserver.Check{Address: u.Address()}, Silence: watch, Timeout: 5 * time.Second})
	targettest.Must(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	conn, err := pool.Conn(t.Context())
	targettest.Must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn, watch
}

func TestSilence(t *testing.T) {
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		t.Run("a statement that takes long", func(t *testing.T) {
			proxy := proxyTo(t, server)
			conn, watch := watched(t, server, proxy)
			_, err := conn.ExecContext(t.Context(), "DO SLEEP(6)")
			if err != nil || watch.Err() != nil {
				t.Errorf("%v, %v", err, watch.Err())
			}
			if got := proxy.Count().Connections; got < 2 {
				t.Errorf("%d connections: nobody has looked", got)
			}
		})
		t.Run("one dead connection", func(t *testing.T) {
			proxy := proxyTo(t, server)
			// The way back is dead as soon as the session says so.
			proxy.Damage(nil, faults.Stall(int64(greetingBytes(t, server))))
			conn, watch := watched(t, server, proxy)
			proxy.Damage(nil, nil)
			var id int64
			err := conn.QueryRowContext(t.Context(), "SELECT CONNECTION_ID() /* "+strings.Repeat("x", 100)+" */").Scan(&id)
			var silent *silence.Error
			if err = watch.Explain(err); !errors.As(err, &silent) || !silent.Answers || mysql.Classify(err) != fault.Lost {
				t.Errorf("%v", err)
			}
		})
		t.Run("a session at work when all is dead", func(t *testing.T) {
			proxy := proxyTo(t, server)
			conn, watch := watched(t, server, proxy)
			proxy.Damage(nil, faults.Stall(0)) // for those that look
			began := time.Now()
			_, err := conn.ExecContext(t.Context(), "DO SLEEP(60)")
			var silent *silence.Error
			if err = watch.Explain(err); !errors.As(err, &silent) || silent.Answers || time.Since(began) > 30*time.Second {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
		t.Run("one connection for the account", func(t *testing.T) {
			targettest.Must(t, server.Exec("CREATE USER single@'127.0.0.1' IDENTIFIED BY 'x' WITH MAX_USER_CONNECTIONS 1"))
			t.Cleanup(func() { _ = server.Exec("DROP USER single@'127.0.0.1'") })
			proxy := proxyTo(t, server)
			conn, watch := watchedAs(t, server, server.URLAs("single", "x", "information_schema"), proxy, false)
			// On a server that is written to, the statement may be at work for long, and nobody can see it.
			if _, err := conn.ExecContext(t.Context(), "DO SLEEP(5)"); err != nil || watch.Err() != nil {
				t.Errorf("%v, %v", err, watch.Err())
			}
		})
		t.Run("one connection for the account of a server that is read", func(t *testing.T) {
			targettest.Must(t, server.Exec("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'x' WITH MAX_USER_CONNECTIONS 1"))
			t.Cleanup(func() { _ = server.Exec("DROP USER reader@'127.0.0.1'") })
			conn, watch := watchedAs(t, server, server.URLAs("reader", "x", "information_schema"), proxyTo(t, server), true)
			_, err := conn.ExecContext(t.Context(), "DO SLEEP(60)")
			refused(t, watch.Explain(err), "nothing has come over the connection to 127.0.0.1:", " for 2s, and a second one, to ask what the server does, was refused: Error 1226", "'max_user_connections'")
		})
	})
}

// refused checks the error of a silence that nobody could look into.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	var silent *silence.Error
	if !errors.As(err, &silent) || !silent.Answers || mysql.Classify(err) != fault.Lost {
		t.Errorf("got %v", err)
		return
	}
	for _, word := range words {
		if !strings.Contains(silent.Error(), word) {
			t.Errorf("%q is not in: %v", word, silent)
		}
	}
}

func proxyTo(t *testing.T, server *testserver.MySQL) *faults.TCP {
	t.Helper()
	proxy, err := faults.NewTCP(fmt.Sprintf("127.0.0.1:%d", server.Port))
	targettest.Must(t, err)
	t.Cleanup(proxy.Close)
	return proxy
}

// greetingBytes is how many bytes a server has sent when a connection is open.
func greetingBytes(t *testing.T, server *testserver.MySQL) int {
	proxy := proxyTo(t, server)
	conn, _ := watched(t, server, proxy)
	defer conn.Close()
	_ = conn.PingContext(context.WithoutCancel(t.Context()))
	return int(proxy.Count().Down)
}
