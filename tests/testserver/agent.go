package testserver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// Agent is a running ssh-agent.
type Agent struct {
	*Process
	Socket string // for SSH_AUTH_SOCK
}

// SSHAgent starts an ssh-agent with its log in dir and the private keys at the given paths, if any.
func SSHAgent(dir string, keys ...string) (*Agent, error) {
	program, err := sshAgent.path()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	socket, cleanup, err := socketPath(dir, "agent.sock")
	if err != nil {
		return nil, err
	}
	a := &Agent{Socket: socket}
	a.Process = &Process{spec: spec{
		name: "ssh-agent", dir: dir,
		command: func() []string {
			// A killed agent leaves its socket, which would make the next one fail.
			_ = os.Remove(socket)
			return []string{program, "-D", "-a", socket}
		},
		ready: func(ctx context.Context) error {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
			if err != nil {
				return err
			}
			return conn.Close()
		},
		stop:    syscall.SIGTERM,
		cleanup: cleanup,
	}}
	if err := a.start(); err != nil {
		return nil, err
	}
	for _, key := range keys {
		if err := a.Add(key); err != nil {
			a.Stop()
			return nil, err
		}
	}
	return a, nil
}

// Add gives the agent a private key, which must have no passphrase.
func (a *Agent) Add(path string) error {
	program, err := sshAdd.path()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "-q", path)
	cmd.Env = append(cleanEnviron(), "SSH_AUTH_SOCK="+a.Socket)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ssh-add %s: %w: %s", path, err, bytes.TrimSpace(output))
	}
	return nil
}
