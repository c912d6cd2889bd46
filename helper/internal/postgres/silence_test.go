package postgres_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/faults"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// watched connects through a proxy, for a connection that may be silent for two seconds.
func watched(t *testing.T, server *testserver.PG, proxy *faults.TCP) (*pgx.Conn, *silence.Watch) {
	t.Helper()
	return watchedAs(t, server, server.URL("postgres"), proxy, false)
}

func watchedAs(t *testing.T, server *testserver.PG, url string, proxy *faults.TCP, impatient bool) (*pgx.Conn, *silence.Watch) {
	t.Helper()
	u, err := dburl.Parse(strings.Replace(url, fmt.Sprintf("127.0.0.1:%d", server.Port), proxy.Address(), 1))
	targettest.Must(t, err)
	watch := silence.New(u.Address(), 2*time.Second)
	if impatient {
		watch = watch.Impatient()
	}
	config, err := postgres.Config(u, "postgres", postgres.Options{Timeout: 5 * time.Second, Silence: watch})
	targettest.Must(t, err)
	conn, err := pgx.ConnectConfig(t.Context(), config)
	targettest.Must(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn, watch
}

// slowRows are rows that come after a while.
type slowRows struct{ left []string }

func (s *slowRows) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	time.Sleep(4 * time.Second)
	n := copy(p, s.left[0])
	s.left = s.left[1:]
	return n, nil
}

func TestSilence(t *testing.T) {
	server := targettest.PostgresServer(t)
	t.Run("a statement that takes long", func(t *testing.T) {
		proxy := proxyTo(t, server)
		conn, _ := watched(t, server, proxy)
		_, err := conn.Exec(t.Context(), "SELECT pg_sleep(6)")
		if got := proxy.Count().Connections; err != nil || got < 2 {
			t.Errorf("%v, %d connections", err, got)
		}
	})
	t.Run("rows that come late", func(t *testing.T) {
		conn, _ := watched(t, server, proxyTo(t, server))
		_, err := conn.Exec(t.Context(), "CREATE TEMPORARY TABLE late (id int)")
		targettest.Must(t, err)
		tag, err := postgres.CopyFrom(t.Context(), conn.PgConn(), &slowRows{[]string{"1\n", "2\n"}}, "COPY late FROM STDIN")
		if err != nil || tag.RowsAffected() != 2 {
			t.Errorf("%v, %d rows", err, tag.RowsAffected())
		}
	})
	t.Run("one dead connection", func(t *testing.T) {
		proxy := proxyTo(t, server)
		proxy.Damage(nil, faults.Stall(1000)) // as much as it takes to log in, and some of the answer
		conn, watch := watched(t, server, proxy)
		proxy.Damage(nil, nil)
		_, err := conn.Exec(t.Context(), "SELECT repeat('x', 5000)")
		var silent *silence.Error
		if err = watch.Explain(err); !errors.As(err, &silent) || !silent.Answers || postgres.Classify(err) != fault.Lost {
			t.Errorf("%v", err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) { // it may take the server a moment
			rows, err := server.Query("postgres", fmt.Sprintf("SELECT query FROM pg_stat_activity WHERE pid = %d", conn.PgConn().PID()))
			if err == nil && len(rows) == 0 {
				break
			}
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("the session stays: %q, %v", rows, err)
			}
		}
	})
	t.Run("a session at work when all is dead", func(t *testing.T) {
		proxy := proxyTo(t, server)
		conn, watch := watched(t, server, proxy)
		proxy.Damage(nil, faults.Stall(0)) // for those that look
		began := time.Now()
		_, err := conn.Exec(t.Context(), "SELECT pg_sleep(60)")
		var silent *silence.Error
		if err = watch.Explain(err); !errors.As(err, &silent) || silent.Answers || time.Since(began) > 30*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
	t.Run("one connection for the role", func(t *testing.T) {
		targettest.Must(t, server.Exec("postgres", "CREATE ROLE single LOGIN PASSWORD 'x' CONNECTION LIMIT 1"))
		t.Cleanup(func() { _ = server.Exec("postgres", "DROP ROLE single") })
		conn, watch := watchedAs(t, server, server.URLAs("single", "x", "postgres"), proxyTo(t, server), false)
		// On a server that is written to, the statement may be at work for long, and nobody can see it.
		if _, err := conn.Exec(t.Context(), "SELECT pg_sleep(5)"); err != nil || watch.Err() != nil {
			t.Errorf("%v, %v", err, watch.Err())
		}
		targettest.Must(t, server.Exec("postgres", "CREATE ROLE reader LOGIN PASSWORD 'x' CONNECTION LIMIT 1"))
		t.Cleanup(func() { _ = server.Exec("postgres", "DROP ROLE reader") })
		conn, watch = watchedAs(t, server, server.URLAs("reader", "x", "postgres"), proxyTo(t, server), true) // rows come steadily there
		_, err := conn.Exec(t.Context(), "SELECT pg_sleep(60)")
		var silent *silence.Error
		if err = watch.Explain(err); !errors.As(err, &silent) || !silent.Answers || postgres.Classify(err) != fault.Lost ||
			!strings.HasSuffix(silent.Error(), `for 2s, and a second one, to ask what the server does, was refused: FATAL: too many connections for role "reader" (SQLSTATE 53300)`) {
			t.Errorf("got %v", err)
		}
	})
}

func proxyTo(t *testing.T, server *testserver.PG) *faults.TCP {
	t.Helper()
	proxy, err := faults.NewTCP(fmt.Sprintf("127.0.0.1:%d", server.Port))
	targettest.Must(t, err)
	t.Cleanup(proxy.Close)
	return proxy
}
