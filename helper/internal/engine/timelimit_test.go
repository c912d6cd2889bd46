package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// slowly gives the URL of a server that is far away: each message to it takes a while.
func slowly(t *testing.T, url string, port int, delay time.Duration) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	targettest.Must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				_ = near.Close()
				continue
			}
			go func() {
				buffer := make([]byte, 64<<10)
				for {
					n, err := near.Read(buffer)
					time.Sleep(delay)
					if n > 0 {
						_, _ = far.Write(buffer[:n])
					}
					if err != nil {
						_ = far.Close()
						return
					}
				}
			}()
			go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
		}
	}()
	return strings.Replace(url, fmt.Sprintf("127.0.0.1:%d", port), listener.Addr().String(), 1)
}

// reset removes a limit, which may end the session that removes it, on a busy machine.
func reset(t *testing.T, server *testserver.PG) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		err := server.Exec("shop", "ALTER ROLE postgres RESET ALL")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// A server that ends sessions before they have settings of their own is asked once more, by the packet that starts the session.
func TestPostgresTimeLimits(t *testing.T) {
	server, err := testserver.Postgres(t.TempDir())
	targettest.Must(t, err)
	t.Cleanup(server.Kill)
	targettest.Must(t, server.Exec("postgres", "CREATE DATABASE shop"))
	targettest.Must(t, server.Exec("shop", "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)"))
	for _, limit := range []string{"idle_session_timeout = 5", "idle_in_transaction_session_timeout = 5", "statement_timeout = 1"} {
		t.Run(limit, func(t *testing.T) {
			targettest.Must(t, server.Exec("shop", "ALTER ROLE postgres SET "+limit))
			t.Cleanup(func() { reset(t, server) })
			u := targettest.ParseURL(t, slowly(t, server.URL("shop"), server.Port, 15*time.Millisecond))
			if err := dumpWith(t, source.Config{URL: &u}); err != nil {
				t.Errorf("source: %v", err)
			}
			if err := tryTarget(t, u); err != nil {
				t.Errorf("target: %v", err)
			}
		})
	}
}

// Where a pooler takes no setting at the start, the setting is named.
func TestPostgresTimeLimitsBehindPooler(t *testing.T) {
	server, err := testserver.Postgres(t.TempDir())
	targettest.Must(t, err)
	t.Cleanup(server.Kill)
	targettest.Must(t, server.Exec("postgres", "CREATE DATABASE shop"))
	targettest.Must(t, server.Exec("postgres", "ALTER ROLE postgres SET idle_session_timeout = 5"))
	u := targettest.ParseURL(t, refusingParameters(t, slowly(t, server.URL("shop"), server.Port, 15*time.Millisecond)))
	var ofSource *source.SettingError
	if err := dumpWith(t, source.Config{URL: &u}); !errors.As(err, &ofSource) || ofSource.Name != "idle_session_timeout" || ofSource.Needs != "0" {
		t.Errorf("source: %v", err)
	}
	var ofTarget *target.SettingError
	if err := tryTarget(t, u); !errors.As(err, &ofTarget) || ofTarget.Name != "idle_session_timeout" || ofTarget.Needs != "0" {
		t.Errorf("target: %v", err)
	}
}

// refusingParameters gives the URL of what refuses unknown settings in the packet that starts a session, as PgBouncer does, and hands all others on.
func refusingParameters(t *testing.T, url string) string {
	t.Helper()
	to := targettest.ParseURL(t, url).Address()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	targettest.Must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer near.Close()
				first := make([]byte, 4096)
				n, err := near.Read(first)
				if n == 8 { // a question for TLS
					_, _ = near.Write([]byte("N"))
					n, err = near.Read(first)
				}
				if err != nil {
					return
				}
				if strings.Contains(string(first[:n]), "timeout") {
					const refusal = "SFATAL\x00C08P01\x00Munsupported startup parameter\x00\x00"
					_, _ = near.Write(append([]byte{'E', 0, 0, 0, byte(4 + len(refusal))}, refusal...))
					return
				}
				far, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer far.Close()
				_, _ = far.Write(first[:n])
				go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
				_, _ = io.Copy(near, far)
			}()
		}
	}()
	return strings.Replace(url, to, listener.Addr().String(), 1)
}
