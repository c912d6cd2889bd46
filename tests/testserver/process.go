// Package testserver starts the real servers for tests, the demo and the benches: MariaDB, PostgreSQL, OpenSSH, MinIO and versitygw.
//
// Each start function takes a folder for the server's data, picks a free port on 127.0.0.1 and returns when the server is ready. A
// missing program is an error that says how to get it, never a skipped test. The caller ends what it started, with Stop or Kill.
// If the calling process dies first, the kernel ends the servers (on Linux).
package testserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How long a server may take to start, and to stop, on a slow and busy machine.
const (
	startPatience = 90 * time.Second
	stopPatience  = 30 * time.Second
	pollInterval  = 10 * time.Millisecond
)

// Process is a server that this package started.
type Process struct {
	spec spec

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
}

// spec says how to start a server, also again.
type spec struct {
	name    string          // for errors
	dir     string          // its folder, with the log
	command func() []string // program and arguments; called before every start
	env     []string        // added to the environment
	owner   *owner          // the account it runs as; nil means the caller's
	ready   func(context.Context) error
	stop    syscall.Signal // asks for a graceful end
	orphan  syscall.Signal // sent by the kernel when the caller dies; SIGKILL if 0
	cleanup func()         // after the end; may be nil
}

// owner is an account of the system.
type owner struct{ uid, gid uint32 }

// errEarlyEnd means that a server ended before it was ready.
var errEarlyEnd = errors.New("ended before it was ready")

// start runs the server and waits until it is ready.
func (p *Process) start() error {
	log, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()

	words := p.spec.command()
	// The server outlives every request, so it has no context: Stop and Kill end it.
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = p.spec.dir
	cmd.Env = append(cleanEnviron(), p.spec.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes(p.spec.owner, p.spec.orphan)
	if err := startOnKeptThread(cmd); err != nil {
		return fmt.Errorf("start %s: %w", p.spec.name, err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	p.mu.Lock()
	p.cmd, p.done = cmd, done
	p.mu.Unlock()

	if err := p.awaitReady(done); err != nil {
		p.Kill()
		return fmt.Errorf("start %s: %w; its log ends:\n%s", p.spec.name, err, tail(p.Log(), 30))
	}
	return nil
}

// awaitReady waits until the server answers.
func (p *Process) awaitReady(done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := p.spec.ready(ctx)
		if err == nil {
			// The server that answers must be this one, not another on the same port.
			select {
			case <-done:
				return errEarlyEnd
			default:
				return nil
			}
		}
		select {
		case <-done:
			return errEarlyEnd
		case <-ctx.Done():
			return fmt.Errorf("not ready in %s: %w", startPatience, err)
		case <-tick.C:
		}
	}
}

// PID is the server's process ID.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// Log is the server's log since its folder was new.
func (p *Process) Log() string {
	text, _ := os.ReadFile(p.logPath())
	return string(text)
}

// Stop ends the server regularly and waits for it. A server that does not end is killed. For a server that has ended it does
// nothing.
func (p *Process) Stop() {
	p.signal(p.spec.stop)
	select {
	case <-p.ended():
	case <-time.After(stopPatience):
	}
	p.Kill()
}

// Kill ends the server and all its children at once, as kill -9 does, and waits for them.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended()
	if p.spec.cleanup != nil {
		p.spec.cleanup()
	}
}

// Freeze stops the server without ending it: connections stay open and nothing answers. Thaw continues it.
func (p *Process) Freeze() { p.signal(syscall.SIGSTOP) }

// Thaw continues a frozen server.
func (p *Process) Thaw() { p.signal(syscall.SIGCONT) }

// Restart stops the server if it runs, and starts it with the same data on the same port. The children of a killed PostgreSQL keep its
// shared memory a little longer, so it tries again.
func (p *Process) Restart() error {
	p.Stop()
	for deadline := time.Now().Add(startPatience); ; time.Sleep(pollInterval) {
		err := p.start()
		if !errors.Is(err, errEarlyEnd) || !strings.Contains(err.Error(), "is still in use") || time.Now().After(deadline) {
			return err
		}
	}
}

func (p *Process) ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// signal sends sig to the server; SIGKILL, SIGSTOP and SIGCONT also to its children. It does nothing if the server has ended, because
// its process ID may belong to another process now.
func (p *Process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid := p.cmd.Process.Pid
	select {
	case <-p.done:
		return
	default:
	}
	switch sig {
	case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCONT:
		children := descendants(pid)
		_ = syscall.Kill(pid, sig)
		for _, child := range children {
			_ = syscall.Kill(child, sig)
		}
	default:
		_ = syscall.Kill(pid, sig)
	}
}

func (p *Process) logPath() string { return filepath.Join(p.spec.dir, "server.log") }

// launch starts a server on a free port. Another process may take the port before the server does; then it tries a new one.
func launch(makeProcess func(port int) (*Process, error)) error {
	var err error
	for range 5 {
		var port int
		if port, err = freePort(); err != nil {
			return err
		}
		var p *Process
		if p, err = makeProcess(port); err != nil {
			return err
		}
		if err = os.Remove(p.logPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err = p.start(); err == nil {
			return nil
		}
		if !errors.Is(err, errEarlyEnd) || !strings.Contains(p.Log(), "in use") {
			return err
		}
	}
	return err
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// cleanEnviron is this process's environment without variables that servers or clients obey.
func cleanEnviron() []string {
	var kept []string
	for _, entry := range os.Environ() {
		switch name, _, _ := strings.Cut(entry, "="); {
		case strings.HasPrefix(name, "AWS_"), strings.HasPrefix(name, "DUMP_"), strings.HasPrefix(name, "MINIO_"),
			strings.HasPrefix(name, "PG"), strings.HasPrefix(name, "MYSQL_"), strings.HasPrefix(name, "SSH_"),
			strings.HasPrefix(name, "ROOT_"), strings.HasPrefix(name, "VGW_"), name == "NOTIFY_SOCKET":
		default:
			kept = append(kept, entry)
		}
	}
	return kept
}

// run runs a helper program to its end.
func run(name string, as *owner, words ...string) error {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = cleanEnviron()
	cmd.SysProcAttr = attributes(as, syscall.SIGKILL)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := startOnKeptThread(cmd); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w:\n%s", name, err, tail(output.String(), 30))
	}
	return nil
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// descendants lists the descendants of a process, as far as the system shows them.
func descendants(pid int) []int {
	var all []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}
