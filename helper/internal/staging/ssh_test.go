package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

var sshServer = sync.OnceValues(func() (*testserver.SSH, error) {
	return testserver.SSHD(filepath.Join(serversDir, "sshd"))
})

func sshd(t *testing.T) *testserver.SSH {
	t.Helper()
	server, err := sshServer()
	if err != nil {
		t.Fatal(err)
	}
	rememberStop(server.Kill)
	return server
}

func ownSSHD(t *testing.T, options ...string) *testserver.SSH {
	t.Helper()
	server, err := testserver.SSHD(t.TempDir(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	return server
}

// home makes a home folder with a .ssh of the given configuration the user's.
func home(t *testing.T, config string, servers ...*testserver.SSH) string {
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
	write(t, filepath.Join(dir, ".ssh", "known_hosts"), string(known))
	write(t, filepath.Join(dir, ".ssh", "config"), config)
	t.Setenv("HOME", dir)
	t.Setenv("SSH_AUTH_SOCK", "")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sshAgent(t *testing.T, keys ...string) *testserver.Agent {
	t.Helper()
	agent, err := testserver.SSHAgent(t.TempDir(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(agent.Kill)
	t.Setenv("SSH_AUTH_SOCK", agent.Socket)
	return agent
}

// identity is the configuration line for a server's client key.
func identity(server *testserver.SSH) string { return "IdentityFile " + server.ClientKey + "\n" }

func TestSSHDatabases(t *testing.T) {
	server := sshd(t)
	home(t, identity(server), server)
	c, err := certs()
	if err != nil {
		t.Fatal(err)
	}
	// The names are resolved by the SSH host.
	maria := strings.Replace(mariaDB(t).URL("shop"), "127.0.0.1", "localhost", 1)
	postgres := strings.Replace(postgreSQL(t).URL("shop"), "127.0.0.1", "localhost", 1)
	for _, url := range []string{
		maria, maria + "?tls=off", maria + "?tls=on", mariaDB(t).URL("shop") + "?socket=" + mariaDB(t).Socket,
		postgres, postgres + "?tls=off", postgres + "?tls=verify&ca=" + c.CA,
	} {
		for _, client := range []bool{true, false} {
			source, _ := open(t, Config{URL: parseURL(t, url), SSH: server.Address(), Client: client})
			text := dumpText(t, source)
			if !strings.Contains(text, "-- Dump completed") && !strings.Contains(text, "database dump complete") {
				t.Errorf("%s: no closing line", url)
			}
		}
	}
	expectError(t, openError(t, Config{URL: parseURL(t, maria+"?tls=verify&ca="+c.CA), SSH: server.Address()}), ErrTLSThroughSSH, "DUMP_SSH")
	refused := openError(t, Config{URL: parseURL(t, "mysql://u@localhost:1/db"), SSH: server.Address()})
	expectError(t, refused, ErrUnreachable, "localhost:1, seen from "+server.Address())
	unknown := openError(t, Config{URL: parseURL(t, "postgres://u@no-such-host.invalid/db"), SSH: server.Address()})
	expectError(t, unknown, ErrUnreachable, "no-such-host.invalid:5432, seen from "+server.Address())
}

func TestSSHCommand(t *testing.T) {
	server := sshd(t)
	home(t, identity(server), server)
	source, _ := open(t, Config{Command: "cat; echo $SSH_CONNECTION; echo '-- Dump completed'", SSH: server.Address()})
	expect(t, dumpText(t, source), fmt.Sprint(" 127.0.0.1 ", server.Port, "\n-- Dump completed\n"))

	source, _ = open(t, Config{Command: "echo rows; echo lost >&2; exit 3", SSH: server.Address()})
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var failed *SourceError
	if err := rest(dump); !errors.As(err, &failed) || err.Error() != "command failed (exit status 3): lost" {
		t.Errorf("error %v", err)
	}
	_ = dump.Close()

	source, _ = open(t, Config{Command: "echo rows; kill -9 $$", SSH: server.Address()})
	if dump, err = source.Dump(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := rest(dump); !errors.As(err, &failed) || failed.Status != "killed by signal KILL" {
		t.Errorf("error %v", err)
	}
	_ = dump.Close()

	ctx, cancel := context.WithCancel(t.Context())
	source, _ = open(t, Config{Command: "echo rows; while kill -0 $PPID; do sleep 0.2; done", SSH: server.Address()})
	if dump, err = source.Dump(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(dump, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := rest(dump); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	_ = dump.Close()
}

func TestSSHCut(t *testing.T) {
	server := ownSSHD(t)
	home(t, identity(server), server)
	for _, config := range []Config{
		{URL: parseURL(t, mariaDB(t).URL("shop")), Client: true},
		{URL: parseURL(t, postgreSQL(t).URL("shop")), Client: true},
		{Command: "yes -- rows"},
	} {
		config.SSH = server.Address()
		source, _ := open(t, config)
		dump, err := source.Dump(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hang(t, dump)
		server.DropConnections()
		expectError(t, rest(dump), ErrConnectionLost, server.Address())
		if err := dump.Close(); err != nil {
			t.Error(err)
		}
		_, err = source.Dump(t.Context())
		expectError(t, err, ErrConnectionLost, server.Address())
	}
}

func TestSSHHostAlias(t *testing.T) {
	server := sshd(t)
	dir := home(t, "", server)
	other, err := testserver.NewKey(filepath.Join(dir, "other"))
	if err != nil || other == "" {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".ssh", "config"), fmt.Sprintf(`
Match exec "true"
  User nobody-of-this
Host stage
  HostName 127.0.0.1
  Port %d
  User %s
  IdentityFile ~/other
  IdentityFile %s
  StrictHostKeyChecking no
Host elsewhere
  HostName 127.0.0.1
  Port %d
  UserKnownHostsFile ~/no_such_file
  StrictHostKeyChecking no
Host scripted
  ProxyCommand ssh -W %%h:%%p bastion
`, server.Port, server.User, server.ClientKey, server.Port))
	source, notes := open(t, Config{Command: "echo done", SSH: "stage"})
	if got := dumpText(t, source); got != "done\n" {
		t.Errorf("%q", got)
	}
	if len(*notes) != 1 || !strings.HasPrefix((*notes)[0], "Match blocks that run a command are passed over") {
		t.Errorf("notes %q", *notes)
	}
	err = openError(t, Config{Command: "true", SSH: "elsewhere"})
	var unknown *HostKeyUnknownError
	if !errors.As(err, &unknown) {
		t.Fatalf("error %v", err)
	}
	expect(t, err.Error(), fmt.Sprintf("the host key of 127.0.0.1:%d is not known (it shows ssh-ed25519 SHA256:", server.Port))
	expect(t, unknown.Name, "@elsewhere")
	expectError(t, openError(t, Config{Command: "true", SSH: "scripted"}), ErrSSHConfig, "ProxyCommand")
}

func TestSSHProxyJump(t *testing.T) {
	// The target is reached from the jump hosts only by name of this configuration.
	first, second, target := sshd(t), ownSSHD(t), ownSSHD(t)
	config := ""
	for name, server := range map[string]*testserver.SSH{"first": first, "second": second, "target": target} {
		config += fmt.Sprintf("Host %s\n  HostName 127.0.0.1\n  Port %d\n  User %s\n  %s", name, server.Port, server.User, identity(server))
		if name == "target" {
			config += "  ProxyJump first,second\n"
		}
	}
	config += "Host loop\n  ProxyJump loop\n"
	home(t, config, first, second, target)
	logged := len(second.Log())
	source, _ := open(t, Config{URL: parseURL(t, mariaDB(t).URL("shop")), SSH: "target"})
	expect(t, dumpText(t, source), "-- Dump completed")
	if len(source.tunnel.(*tunnel).clients) != 3 {
		t.Errorf("%d connections", len(source.tunnel.(*tunnel).clients))
	}
	expect(t, second.Log()[logged:], "Accepted publickey")
	_ = source.Close()
	expectError(t, openError(t, Config{Command: "true", SSH: "loop"}), ErrSSHConfig, "lead in a circle")
	second.Kill()
	expectError(t, openError(t, Config{Command: "true", SSH: "target"}), ErrUnreachable, "jump host second")
}

func TestSSHHostKeyChanged(t *testing.T) {
	server := ownSSHD(t)
	dir := home(t, identity(server), server)
	if err := server.ChangeHostKey(); err != nil {
		t.Fatal(err)
	}
	err := openError(t, Config{Command: "true", SSH: server.Address()})
	var changed *HostKeyChangedError
	if !errors.As(err, &changed) {
		t.Fatalf("error %v", err)
	}
	if changed.File != filepath.Join(dir, ".ssh", "known_hosts") || changed.Line != 1 || changed.Known == changed.Shown || !strings.HasPrefix(changed.Shown, "SHA256:") {
		t.Errorf("%+v", changed)
	}
	expect(t, err.Error(), fmt.Sprintf("connect to %s by ssh: the host key of 127.0.0.1:%d changed: it shows SHA256:", server.Address(), server.Port))
}

func TestSSHKeys(t *testing.T) {
	server := sshd(t)
	config := Config{Command: "echo done", SSH: server.Address()}
	refusal := func(t *testing.T, text string) *SSHKeyError {
		t.Helper()
		err := openError(t, config)
		var refused *SSHKeyError
		if !errors.As(err, &refused) {
			t.Fatalf("error %v", err)
		}
		expect(t, err.Error(), text)
		return refused
	}
	t.Run("no agent", func(t *testing.T) {
		home(t, "", server)
		if refused := refusal(t, "no usable key (no ssh-agent)"); refused.Agent {
			t.Errorf("%+v", refused)
		}
	})
	t.Run("agent without keys", func(t *testing.T) {
		home(t, "", server)
		sshAgent(t)
		if refused := refusal(t, "no usable key (the ssh-agent has none)"); !refused.Agent {
			t.Errorf("%+v", refused)
		}
	})
	t.Run("agent", func(t *testing.T) {
		home(t, "", server)
		sshAgent(t, server.ClientKey)
		source, _ := open(t, config)
		expect(t, dumpText(t, source), "done")
	})
	t.Run("IdentityAgent", func(t *testing.T) {
		dir := home(t, "", server)
		agent := sshAgent(t, server.ClientKey)
		write(t, filepath.Join(dir, ".ssh", "config"), "IdentityAgent "+agent.Socket+"\n")
		t.Setenv("SSH_AUTH_SOCK", "/nowhere")
		source, _ := open(t, config)
		expect(t, dumpText(t, source), "done")
	})
	t.Run("wrong keys", func(t *testing.T) {
		dir := home(t, "", server)
		wrong := filepath.Join(dir, "wrong")
		if _, err := testserver.NewKey(wrong); err != nil {
			t.Fatal(err)
		}
		sshAgent(t, wrong)
		if refused := refusal(t, "the server accepts none of the keys "); len(refused.Tried) != 1 {
			t.Errorf("%+v", refused)
		}
		write(t, filepath.Join(dir, ".ssh", "config"), "IdentitiesOnly yes\n")
		refusal(t, "no usable key (IdentitiesOnly rules out those of the ssh-agent)")
	})
	t.Run("many keys, the right one named", func(t *testing.T) {
		dir := home(t, identity(server), server)
		var keys []string
		for i := range 8 { // more than a server lets one try
			key := filepath.Join(dir, fmt.Sprint("key", i))
			if _, err := testserver.NewKey(key); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		sshAgent(t, append(keys, server.ClientKey)...)
		source, _ := open(t, config)
		expect(t, dumpText(t, source), "done")
		write(t, filepath.Join(dir, ".ssh", "config"), "")
		if refused := refusal(t, "the server accepts none of the keys "); refused.AgentKeys != 9 {
			t.Errorf("%+v", refused)
		}
	})
	t.Run("passphrase", func(t *testing.T) {
		dir := home(t, "", server)
		locked := filepath.Join(dir, ".ssh", "id_ed25519")
		if _, err := testserver.NewKeyWithPassphrase(locked, "open sesame"); err != nil {
			t.Fatal(err)
		}
		notes := collect(&config)
		if refused := refusal(t, "a passphrase protects "+locked); !slices.Equal(refused.Locked, []string{locked}) {
			t.Errorf("%+v", refused)
		}
		if len(*notes) != 1 || !strings.Contains((*notes)[0], "ssh-add "+locked) {
			t.Errorf("notes %q", *notes)
		}
	})
}

func TestSSHRefusals(t *testing.T) {
	server := sshd(t)
	home(t, identity(server), server)
	expectError(t, openError(t, Config{Command: "true", SSH: "no-such-host.invalid"}), ErrUnreachable, "connect to no-such-host.invalid by ssh: cannot be reached")
	expectError(t, openError(t, Config{Command: "true", SSH: "127.0.0.1:1"}), ErrUnreachable, "connection refused")
	expectError(t, openError(t, Config{Command: "true", SSH: "-oProxyCommand=x"}), ErrSSHConfig, "is not [user@]host[:port]")
	denies := ownSSHD(t, "AllowTcpForwarding no")
	home(t, identity(denies), denies)
	expectError(t, openError(t, Config{URL: parseURL(t, mariaDB(t).URL("shop")), SSH: denies.Address()}), ErrForwardingDenied, "seen from")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := openSource(ctx, Config{Command: "true", SSH: denies.Address()}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
