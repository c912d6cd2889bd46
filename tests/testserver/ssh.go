package testserver

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// SSH is a running OpenSSH server. It admits the account that runs the test, only by key, and forwards TCP connections. A second one
// on the same machine serves as jump host.
type SSH struct {
	*Process
	Port       int
	User       string // the account that may log in
	HostKey    string // the public host key: "ssh-ed25519 AAAA…"
	ClientKey  string // the path of an accepted private key; the public one is beside it, ".pub"
	KnownHosts string // the path of a known_hosts file with this server
}

// SSHD starts an OpenSSH server with its files in dir. Each option is a line of sshd_config, such as "AllowTcpForwarding no", and
// overrides the default.
func SSHD(dir string, options ...string) (*SSH, error) {
	server, err := sshd.path()
	if err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		// The server needs this folder, which the service's start script usually makes.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return nil, err
		}
	}
	account, err := user.Current()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	hostKey, err := NewKey(filepath.Join(dir, "host_key"))
	if err != nil {
		return nil, err
	}
	clientKey, err := NewKey(filepath.Join(dir, "client_key"))
	if err != nil {
		return nil, err
	}
	var s *SSH
	err = launch(func(port int) (*Process, error) {
		s = &SSH{
			Port: port, User: account.Username, HostKey: hostKey,
			ClientKey: filepath.Join(dir, "client_key"), KnownHosts: filepath.Join(dir, "known_hosts"),
		}
		config := filepath.Join(dir, "sshd_config")
		if err := os.WriteFile(config, []byte(s.config(dir, options)), 0o644); err != nil {
			return nil, err
		}
		if err := s.writeKnownHosts(); err != nil {
			return nil, err
		}
		s.Process = &Process{spec: spec{
			name: "sshd", dir: dir,
			command: func() []string { return []string{server, "-D", "-e", "-f", config} },
			ready:   s.greet,
			// On a regular stop, sshd leaves its sessions running, but nothing may outlive a test.
			stop: syscall.SIGKILL,
		}}
		return s.Process, nil
	})
	if err != nil {
		return nil, err
	}
	return s, s.Authorize(clientKey)
}

func (s *SSH) config(dir string, options []string) string {
	lines := append([]string(nil), options...) // the first value of a setting counts
	lines = append(lines,
		"ListenAddress 127.0.0.1",
		fmt.Sprintf("Port %d", s.Port),
		"HostKey "+filepath.Join(dir, "host_key"),
		"AuthorizedKeysFile "+filepath.Join(dir, "authorized_keys"),
		"PidFile "+filepath.Join(dir, "sshd.pid"),
		"StrictModes no",
		"UsePAM no",
		"UseDNS no",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"PermitRootLogin prohibit-password",
		"AllowTcpForwarding yes",
		"MaxStartups 100",
		"LogLevel VERBOSE",
	)
	return strings.Join(lines, "\n") + "\n"
}

// Address is user@127.0.0.1:port, as in DUMP_SSH.
func (s *SSH) Address() string { return fmt.Sprintf("%s@127.0.0.1:%d", s.User, s.Port) }

// Authorize admits the owner of a public key, given as a line of authorized_keys.
func (s *SSH) Authorize(publicKey string) error {
	file, err := os.OpenFile(filepath.Join(s.spec.dir, "authorized_keys"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	if _, err := file.WriteString(publicKey + "\n"); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

// ChangeHostKey gives the server a new host key and restarts it on the same port. KnownHosts keeps
// the old key.
func (s *SSH) ChangeHostKey() error {
	key, err := NewKey(filepath.Join(s.spec.dir, "host_key"))
	if err != nil {
		return err
	}
	s.HostKey = key
	return s.Restart()
}

// DropConnections breaks all open connections, also tunnels. The server continues and accepts new ones.
func (s *SSH) DropConnections() {
	for _, pid := range descendants(s.PID()) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func (s *SSH) writeKnownHosts() error {
	line := fmt.Sprintf("[127.0.0.1]:%d %s\n", s.Port, s.HostKey)
	return os.WriteFile(s.KnownHosts, []byte(line), 0o644)
}

// greet waits for the server's first line.
func (s *SSH) greet(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetReadDeadline(deadline)
	}
	_, err = conn.Read(make([]byte, 4))
	return err
}

// NewKey writes a new ed25519 key pair to path and path.pub, in OpenSSH's format and without a passphrase. It returns the public key as
// a line of authorized_keys.
func NewKey(path string) (publicKey string, err error) {
	return writeKeyPair(path, func(key ed25519.PrivateKey) (*pem.Block, error) {
		return ssh.MarshalPrivateKey(key, "")
	})
}

// NewKeyWithPassphrase is NewKey with the private key encrypted.
func NewKeyWithPassphrase(path, passphrase string) (publicKey string, err error) {
	return writeKeyPair(path, func(key ed25519.PrivateKey) (*pem.Block, error) {
		return ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	})
}

func writeKeyPair(path string, marshal func(ed25519.PrivateKey) (*pem.Block, error)) (string, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	block, err := marshal(private)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return "", err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return "", err
	}
	line := ssh.MarshalAuthorizedKey(key)
	return string(bytes.TrimSpace(line)), os.WriteFile(path+".pub", line, 0o644)
}
