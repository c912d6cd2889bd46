package sourcetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// OwnSSHD starts an SSH server for one test.
func OwnSSHD(t *testing.T, options ...string) *testserver.SSH {
	t.Helper()
	server, err := testserver.SSHD(t.TempDir(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	return server
}

// Home sets HOME to a new folder whose .ssh has the given configuration and knows the servers' host keys.
func Home(t *testing.T, config string, servers ...*testserver.SSH) string {
	t.Helper()
	dir := t.TempDir()
	var known []byte
	for _, server := range servers {
		text, err := os.ReadFile(server.KnownHosts)
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, text...)
	}
	if err := os.Mkdir(filepath.Join(dir, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	Write(t, filepath.Join(dir, ".ssh", "known_hosts"), string(known))
	Write(t, filepath.Join(dir, ".ssh", "config"), config)
	t.Setenv("HOME", dir)
	t.Setenv("SSH_AUTH_SOCK", "")
	return dir
}

// Write writes a file.
func Write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Identity is the configuration line for a server's client key.
func Identity(server *testserver.SSH) string { return "IdentityFile " + server.ClientKey + "\n" }
