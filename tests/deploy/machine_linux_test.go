package deploy

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// machine simulates another machine, with an SSH server on a port of 127.0.0.1; see machine.sh.
type machine struct {
	port int
	key  string // the path of the private key of its account deploy
}

// newMachine starts a machine. It needs root and leaves nothing behind.
func newMachine(t *testing.T) *machine {
	t.Helper()
	for _, name := range []string{"unshare", "sshd", "ssh", "sudo"} {
		program(t, name, "apt-get install util-linux openssh-server openssh-client sudo")
	}
	folder := t.TempDir()
	m := &machine{freePort(t), filepath.Join(t.TempDir(), "key")}
	public, err := testserver.NewKey(m.key)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
		"./machine.sh", folder, fmt.Sprint(m.port), public)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	ended := make(chan error, 1)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the machine dies with this thread
		started <- cmd.Start()
		ended <- cmd.Wait()
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, err := m.try(t, "true")
		if err == nil {
			return m
		}
		select {
		case <-ended:
			t.Fatalf("the machine has ended:\n%s", read(t, log.Name()))
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v; the machine's log:\n%s", err, read(t, log.Name()))
		}
	}
}

// try runs a shell command on the machine, as root.
func (m *machine) try(t *testing.T, script string) (string, error) {
	t.Helper()
	return command(t, script, "ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-i", m.key, "-p", fmt.Sprint(m.port), "deploy@127.0.0.1",
		"sudo", "--non-interactive", "bash", "-eu", "-o", "pipefail")
}

// output runs a shell command on the machine, as root, which must succeed.
func (m *machine) output(t *testing.T, script string) string {
	t.Helper()
	output, err := m.try(t, script)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(output)
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
