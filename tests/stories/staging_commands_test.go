package stories

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// The commands of stories about staging: its accounts, its crashes, and the routes to it.
func init() {
	for name, command := range map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"tls":           useTLS,
		"hold":          hold,
		"release":       release,
		"held":          held,
		"killclient":    killClient,
		"bastion":       bastion,
		"agent":         useAgent,
		"lockedkey":     lockedKey,
		"seed-postgres": seedPostgres,
		"eavesdrop":     eavesdrop,
		"overheard":     overheard,
	} {
		commands[name] = command
	}
}

// tlsServer is a server with a certificate by an unknown authority.
var tlsServer = server("tls", func(dir string) (*testserver.MySQL, error) {
	certs, err := testserver.NewCerts(tlsFolder())
	if err != nil {
		return nil, err
	}
	return testserver.MariaDB(dir, certs.MariaDBOptions()...)
})

func tlsFolder() string { return filepath.Join(workshop, "tls-certs") }

// tls puts a database on a server with TLS into $TLS_SOURCE, and its authority's file into $TLS_CA.
func useTLS(ts *testscript.TestScript, _ bool, _ []string) {
	server, err := tlsServer()
	check(ts, err)
	database := of(ts).database
	check(ts, server.Exec("CREATE DATABASE "+database, "USE "+database,
		"CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)"))
	ts.Setenv("TLS_SOURCE", server.URL(database))
	ts.Setenv("TLS_CA", filepath.Join(tlsFolder(), "ca.pem"))
}

// holds are the functions that release the held tables, by story.
var holds sync.Map

// hold TABLE locks the rows of a table on staging, so that a dump stops there until the story releases it or ends.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	s, ctx := of(ts), context.Background()
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/%s", s.staging.Port, s.database))
	check(ts, err)
	conn, err := db.Conn(ctx)
	check(ts, err)
	// The server releases a session's locks when its connection ends.
	end := sync.OnceFunc(func() { _ = conn.Close(); _ = db.Close() })
	ts.Defer(end)
	_, err = conn.ExecContext(ctx, "LOCK TABLES "+args[0]+" WRITE")
	check(ts, err)
	holds.Store(s, end)
}

// release releases the held table.
func release(ts *testscript.TestScript, _ bool, _ []string) {
	end, ok := holds.LoadAndDelete(of(ts))
	if !ok {
		ts.Fatalf("no table is held")
	}
	end.(func())()
}

// held waits until a dump waits for the held table: it is in the middle of its work then.
func held(ts *testscript.TestScript, _ bool, _ []string) {
	s := of(ts)
	until(ts, "no dump came to the held table", func() bool {
		rows, err := s.staging.Query("SELECT COUNT(*) FROM information_schema.processlist WHERE db = ? AND state LIKE 'Waiting for table%'", s.database)
		check(ts, err)
		return rows[0][0] != "0"
	})
}

// killclient PROGRAM kills, with signal 9, the program of that name that the background command started.
func killClient(ts *testscript.TestScript, _ bool, args []string) {
	running := ts.BackgroundCmds()
	if len(running) == 0 {
		ts.Fatalf("nothing runs in the background")
	}
	helper := running[len(running)-1].Process.Pid
	until(ts, "it has no child "+args[0], func() bool {
		for _, pid := range processes() {
			if parentOf(pid) == helper && filepath.Base(words(pid)[0]) == args[0] {
				check(ts, syscall.Kill(pid, syscall.SIGKILL))
				return true
			}
		}
		return false
	})
}

// until waits for a condition. It takes long only if it fails.
func until(ts *testscript.TestScript, otherwise string, done func() bool) {
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s", otherwise)
		}
	}
}

func processes() (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// words is the command line of a process; one empty word if there is none.
func words(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.Split(string(text), "\x00")
}

func parentOf(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// The state and the parent follow the name, which is in parentheses and may contain anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// bastion [OPTION...] starts an SSH server of the story's own, with lines of sshd_config. It puts its settings into $BASTION_PORT, _USER,
// _KEY and _KNOWN_HOSTS.
func bastion(ts *testscript.TestScript, _ bool, args []string) {
	server, err := testserver.SSHD(filepath.Join(ts.Getenv("WORK"), "bastion"), args...)
	check(ts, err)
	ts.Defer(server.Stop)
	ts.Setenv("BASTION_PORT", strconv.Itoa(server.Port))
	ts.Setenv("BASTION_USER", server.User)
	ts.Setenv("BASTION_KEY", server.ClientKey)
	ts.Setenv("BASTION_KNOWN_HOSTS", server.KnownHosts)
}

// agent [KEY...] starts an ssh-agent with the keys, if any.
func useAgent(ts *testscript.TestScript, _ bool, args []string) {
	folder, err := os.MkdirTemp(workshop, "agent-")
	check(ts, err)
	for i, path := range args {
		args[i] = ts.MkAbs(path)
	}
	agent, err := testserver.SSHAgent(folder, args...)
	check(ts, err)
	ts.Defer(agent.Stop)
	ts.Setenv("SSH_AUTH_SOCK", agent.Socket)
}

// lockedkey FILE makes a key with a passphrase.
func lockedKey(ts *testscript.TestScript, _ bool, args []string) {
	_, err := testserver.NewKeyWithPassphrase(ts.MkAbs(args[0]), "a passphrase")
	check(ts, err)
}

// seed-postgres [MB] fills the PostgreSQL staging database with a generated site.
func seedPostgres(ts *testscript.TestScript, _ bool, args []string) {
	options := data.Options{Seed: 1, MB: 1, View: true, Trigger: true, ForeignKeys: true}
	if len(args) > 0 {
		size, err := strconv.Atoi(args[0])
		check(ts, err)
		options.MB = size
	}
	check(ts, data.Load(context.Background(), ts.Getenv("DUMP_SOURCE"), options))
}

// eavesdropper reads the command lines of all processes of the machine, as any user can.
type eavesdropper struct {
	stop, done chan struct{}

	mu    sync.Mutex
	heard map[string]bool
}

var eavesdroppers sync.Map // by story

// eavesdrop starts to read all command lines, until overheard.
func eavesdrop(ts *testscript.TestScript, _ bool, _ []string) {
	e := &eavesdropper{stop: make(chan struct{}), done: make(chan struct{}), heard: map[string]bool{}}
	eavesdroppers.Store(of(ts), e)
	ts.Defer(func() { close(e.stop); <-e.done })
	go func() {
		defer close(e.done)
		for {
			for _, pid := range processes() {
				line := strings.Join(words(pid), " ")
				e.mu.Lock()
				e.heard[line] = true
				e.mu.Unlock()
			}
			select {
			case <-e.stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
}

// overheard TEXT... waits until each text was in a command line. With ! it requires that none was.
func overheard(ts *testscript.TestScript, neg bool, args []string) {
	found, ok := eavesdroppers.Load(of(ts))
	if !ok {
		ts.Fatalf("nobody listened")
	}
	e := found.(*eavesdropper)
	for _, text := range args {
		switch line, ok := e.find(text); {
		case ok && neg:
			ts.Fatalf("%q is in a command line: %s", text, line)
		case !neg:
			until(ts, fmt.Sprintf("%q is in no command line", text), func() bool {
				_, ok := e.find(text)
				return ok
			})
		}
	}
}

// find returns a command line that contains the text.
func (e *eavesdropper) find(text string) (line string, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for line := range e.heard {
		if strings.Contains(line, text) {
			return line, true
		}
	}
	return "", false
}
