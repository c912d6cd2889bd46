package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/faults"
)

// An account with a single connection is enough for a dump client, too: the watcher does without one.
func TestClientOfAnAccountWithOneConnection(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		server := sourcetest.MariaDB(t)
		sourcetest.Account(t, "alone", "x", "ALL ON shop.*", "SELECT ON mysql.proc")
		targettest.Must(t, server.Exec("ALTER USER alone WITH MAX_USER_CONNECTIONS 1"))
		dumpsAlone(t, server.URLAs("alone", "x", "shop"))
	})
	t.Run("postgres", func(t *testing.T) {
		server := sourcetest.PostgreSQL(t)
		targettest.Must(t, server.Exec("postgres", "CREATE ROLE alone LOGIN PASSWORD 'x' CONNECTION LIMIT 1", "CREATE DATABASE alone OWNER alone"))
		t.Cleanup(func() { _ = server.Exec("postgres", "DROP DATABASE alone", "DROP ROLE alone") })
		targettest.Must(t, server.Exec("alone", "CREATE TABLE t (id int)"))
		targettest.Must(t, server.Exec("alone", "GRANT SELECT ON t TO alone"))
		dumpsAlone(t, server.URLAs("alone", "x", "alone"))
	})
}

// dumpsAlone dumps several times: who comes first is no matter of luck.
func dumpsAlone(t *testing.T, url string) {
	t.Helper()
	for range 3 {
		src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, url), Client: true})
		if text := sourcetest.DumpText(t, src); !strings.Contains(text, "CREATE TABLE") {
			t.Error("no table was dumped")
		}
		targettest.Must(t, src.Close())
	}
}

// A dump client knows no limit for silence. It ends all the same, and neither its process nor its session stays.
func TestClientOnASilentLine(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		server := sourcetest.MariaDB(t)
		endsSilence(t, server.URL("shop"), server.Port, func() ([][]string, error) {
			return server.Query("SELECT ID, STATE, INFO FROM information_schema.PROCESSLIST WHERE DB = 'shop'")
		})
	})
	t.Run("postgres", func(t *testing.T) {
		server := sourcetest.PostgreSQL(t)
		endsSilence(t, server.URL("shop"), server.Port, func() ([][]string, error) {
			return server.Query("postgres", "SELECT pid::text, state, query FROM pg_stat_activity WHERE application_name = 'dump-helper'")
		})
	})
}

func endsSilence(t *testing.T, url string, port int, sessions func() ([][]string, error)) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", port)
	proxy, err := faults.NewTCP(address)
	targettest.Must(t, err)
	t.Cleanup(proxy.Close)
	config := source.Config{URL: sourcetest.ParseURL(t, strings.Replace(url, address, proxy.Address(), 1)), Client: true}
	config.URL.Silence = time.Second
	// Only the client's connection carries so much.
	for name, damage := range map[string]faults.Damage{"of one connection": faults.Stall(20_000), "of the server": stallAll(20_000)} {
		t.Run(name, func(t *testing.T) {
			proxy.Damage(nil, nil)
			src, _ := sourcetest.Open(t, config)
			defer src.Close()
			proxy.Damage(nil, damage)
			dump, err := src.Dump(t.Context())
			targettest.Must(t, err)
			process := sourcetest.ChildOf(t, dump)
			_, err = sourcetest.ReadText(t.Context(), dump)
			var silent *silence.Error
			if !errors.As(err, &silent) || !errors.Is(err, source.ErrConnectionLost) {
				t.Errorf("got %v", err)
			}
			targettest.Must(t, dump.Close())
			sourcetest.ExpectNoProcess(t, process)
			var left [][]string
			for range 30 {
				if left, err = sessions(); err == nil && len(left) == 0 {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
			t.Errorf("sessions stay: %q, %v", left, err)
		})
	}
}

// A dump over our own connections has pg_dump write the definitions. What becomes of its connection is watched, too.
func TestDefinitionsOnASilentLine(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	address := fmt.Sprintf("127.0.0.1:%d", server.Port)
	proxy, err := faults.NewTCP(address)
	targettest.Must(t, err)
	t.Cleanup(proxy.Close)
	config := source.Config{URL: sourcetest.ParseURL(t, strings.Replace(server.URL("shop"), address, proxy.Address(), 1)+"?tls=off")}
	config.URL.Silence = time.Second
	src, _ := sourcetest.Open(t, config)
	defer src.Close()
	locking := &atomic.Int32{}
	proxy.Damage(func(ctx context.Context, r io.Reader) io.Reader { return &untilLock{ctx, r, locking} }, nil)
	dump, err := src.Dump(t.Context())
	if err == nil {
		_, err = sourcetest.ReadText(t.Context(), dump)
		targettest.Must(t, dump.Close())
	}
	if locking.Load() == 0 {
		t.Fatal("pg_dump locks no table any more")
	}
	var silent *silence.Error
	if !errors.As(err, &silent) || !errors.Is(err, source.ErrConnectionLost) {
		t.Errorf("got %v", err)
	}
}

// untilLock lets nothing pass from the command of pg_dump's that locks the tables on.
type untilLock struct {
	ctx     context.Context
	from    io.Reader
	stalled *atomic.Int32
}

func (u *untilLock) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if bytes.Contains(p[:n], []byte("LOCK TABLE")) {
		u.stalled.Add(1)
		<-u.ctx.Done()
		return 0, io.EOF
	}
	return n, err
}

// stallAll stalls all connections as soon as one of them has carried so many bytes.
func stallAll(after int64) faults.Damage {
	stalled := &atomic.Bool{}
	return func(ctx context.Context, r io.Reader) io.Reader { return &stalling{ctx, r, after, stalled} }
}

type stalling struct {
	ctx     context.Context
	from    io.Reader
	left    int64
	stalled *atomic.Bool
}

func (s *stalling) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if s.left -= int64(n); s.left < 0 {
		s.stalled.Store(true)
	}
	if s.stalled.Load() {
		<-s.ctx.Done()
		return 0, io.EOF
	}
	return n, err
}
