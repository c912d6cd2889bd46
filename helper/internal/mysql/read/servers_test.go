package read

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// between is a name that leads to several servers: port tells of each connection, which are counted from 1, where it leads.
func between(t *testing.T, port func(connection int64) int) (address string, opened *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	opened = &atomic.Int64{}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port(opened.Add(1))))
			if err != nil {
				_ = near.Close()
				continue
			}
			go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
			go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
		}
	}()
	return listener.Addr().String(), opened
}

// Rows of several servers are no snapshot, whatever each of them is asked to lock.
func TestMySQLOneOfSeveralServers(t *testing.T) {
	first := sourcetest.MariaDB(t)
	second, err := testserver.MariaDB(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Kill()
	statements := []string{"CREATE DATABASE replicas", "USE replicas"}
	for i := range 8 {
		statements = append(statements, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, t TEXT)", i),
			fmt.Sprintf("INSERT INTO t%d SELECT seq, 'of the SERVER' FROM seq_1_to_2000", i))
	}
	for server, name := range map[*testserver.MySQL]string{first: "first", second: "second"} {
		if err := server.Exec(strings.Split(strings.ReplaceAll(strings.Join(statements, "\x00"), "SERVER", name), "\x00")...); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = first.Exec("DROP DATABASE replicas") })
	url := func(address string) string {
		return strings.Replace(first.URL("replicas"), fmt.Sprintf("127.0.0.1:%d", first.Port), address, 1)
	}

	t.Run("in turn", func(t *testing.T) {
		address, opened := between(t, func(connection int64) int { return [2]int{second.Port, first.Port}[connection%2] })
		source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, url(address)), Threads: 3})
		dump, err := source.Dump(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer dump.Close()
		text, err := sourcetest.ReadText(t.Context(), dump)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(text, "of the first"); got != 8*2000 || strings.Contains(text, "of the second") {
			t.Errorf("%d of %d rows are of the first server", got, 8*2000)
		}
		if opened.Load() < 4 {
			t.Errorf("only %d connections", opened.Load())
		}
	})

	t.Run("for good", func(t *testing.T) {
		address, _ := between(t, func(connection int64) int {
			if connection == 1 {
				return first.Port
			}
			return second.Port
		})
		src, err := sourcetest.OpenSource(t.Context(), source.Config{URL: sourcetest.ParseURL(t, url(address)), Threads: 3})
		if err == nil {
			defer src.Close()
			var dump *source.Dump
			if dump, err = src.Dump(t.Context()); err == nil {
				_, err = sourcetest.ReadText(t.Context(), dump)
				_ = dump.Close()
			}
		}
		if want := "the source is more than one server: another server answers at " + address; !errors.Is(err, source.ErrSeveralServers) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}
