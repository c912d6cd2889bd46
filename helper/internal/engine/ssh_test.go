package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sshtunnel"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

var sshServer = sync.OnceValues(func() (*testserver.SSH, error) {
	return testserver.SSHD(filepath.Join(sourcetest.ServersDir, "sshd"))
})

func sshd(t *testing.T) *testserver.SSH {
	t.Helper()
	server, err := sshServer()
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.RememberStop(server.Kill)
	return server
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

func TestSSHDatabases(t *testing.T) {
	server := sshd(t)
	sourcetest.Home(t, sourcetest.Identity(server), server)
	c, err := sourcetest.Certs()
	if err != nil {
		t.Fatal(err)
	}
	// The names are resolved by the SSH host.
	maria := strings.Replace(sourcetest.MariaDB(t).URL("shop"), "127.0.0.1", "localhost", 1)
	postgres := strings.Replace(sourcetest.PostgreSQL(t).URL("shop"), "127.0.0.1", "localhost", 1)
	for _, url := range []string{
		maria, maria + "?tls=off", maria + "?tls=on", sourcetest.MariaDB(t).URL("shop") + "?socket=" + sourcetest.MariaDB(t).Socket,
		postgres, postgres + "?tls=off", postgres + "?tls=verify&ca=" + c.CA,
	} {
		for _, client := range []bool{true, false} {
			source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, url), SSH: server.Address(), Client: client})
			text := sourcetest.DumpText(t, source)
			if !strings.Contains(text, "-- Dump completed") && !strings.Contains(text, "database dump complete") {
				t.Errorf("%s: no closing line", url)
			}
		}
	}
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, maria+"?tls=verify&ca="+c.CA), SSH: server.Address()}), source.ErrTLSThroughSSH, "DUMP_SSH")
	refused := sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, "mysql://u@localhost:1/db"), SSH: server.Address()})
	sourcetest.ExpectError(t, refused, source.ErrUnreachable, "localhost:1, seen from "+server.Address())
	unknown := sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, "postgres://u@no-such-host.invalid/db"), SSH: server.Address()})
	sourcetest.ExpectError(t, unknown, source.ErrUnreachable, "no-such-host.invalid:5432, seen from "+server.Address())
}

func TestSSHCommand(t *testing.T) {
	server := sshd(t)
	sourcetest.Home(t, sourcetest.Identity(server), server)
	src, _ := sourcetest.Open(t, source.Config{Command: "cat; echo $SSH_CONNECTION; echo '-- Dump completed'", SSH: server.Address()})
	sourcetest.Expect(t, sourcetest.DumpText(t, src), fmt.Sprint(" 127.0.0.1 ", server.Port, "\n-- Dump completed\n"))

	src, _ = sourcetest.Open(t, source.Config{Command: "echo rows; echo lost >&2; exit 3", SSH: server.Address()})
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var failed *source.ClientError
	if err := sourcetest.Rest(dump); !errors.As(err, &failed) || err.Error() != "command failed (exit status 3): lost" {
		t.Errorf("error %v", err)
	}
	_ = dump.Close()

	src, _ = sourcetest.Open(t, source.Config{Command: "echo rows; kill -9 $$", SSH: server.Address()})
	if dump, err = src.Dump(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := sourcetest.Rest(dump); !errors.As(err, &failed) || failed.Status != "killed by signal KILL" {
		t.Errorf("error %v", err)
	}
	_ = dump.Close()

	ctx, cancel := context.WithCancel(t.Context())
	src, _ = sourcetest.Open(t, source.Config{Command: "echo rows; while kill -0 $PPID; do sleep 0.2; done", SSH: server.Address()})
	if dump, err = src.Dump(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(dump, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := sourcetest.Rest(dump); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	_ = dump.Close()
}

// A command on the other machine that prints nothing is ended there, with the programs that it has started.
func TestSSHSilentCommand(t *testing.T) {
	server := sshd(t)
	sourcetest.Home(t, sourcetest.Identity(server), server)
	file := filepath.Join(t.TempDir(), "shell")
	src, _ := sourcetest.Open(t, source.Config{
		Command: "echo $$ >" + file + "; echo rows; sleep 1000 | sleep 1000; echo more", SSH: server.Address(), CommandSilence: 2 * time.Second,
	})
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(dump, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	shell, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-shell, syscall.SIGKILL) })
	if err := syscall.Kill(-shell, 0); err != nil {
		t.Fatalf("the command does not lead a group of processes: %v", err)
	}
	var silent *source.SilentCommandError
	began := time.Now()
	if err := sourcetest.Rest(dump); !errors.As(err, &silent) || err.Error() != "the source command has printed nothing for 2s, and was ended" {
		t.Errorf("error %v", err)
	}
	if waited := time.Since(began); waited > 30*time.Second {
		t.Errorf("it took %s", waited)
	}
	// The connection is still open. Where the tests run as root, the server passes no signals on.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if syscall.Kill(-shell, 0) == syscall.ESRCH {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("something of the command is left on the other machine")
		}
	}
	if err := dump.Close(); err != nil {
		t.Error(err)
	}
}

func TestSSHCut(t *testing.T) {
	server := sourcetest.OwnSSHD(t)
	sourcetest.Home(t, sourcetest.Identity(server), server)
	for _, config := range []source.Config{
		{URL: sourcetest.ParseURL(t, sourcetest.MariaDB(t).URL("shop")), Client: true},
		{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("shop")), Client: true},
		{Command: "yes -- rows"},
	} {
		config.SSH = server.Address()
		src, _ := sourcetest.Open(t, config)
		dump, err := src.Dump(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sourcetest.Hang(t, dump)
		server.DropConnections()
		sourcetest.ExpectError(t, sourcetest.Rest(dump), source.ErrConnectionLost, server.Address())
		if err := dump.Close(); err != nil {
			t.Error(err)
		}
		_, err = src.Dump(t.Context())
		sourcetest.ExpectError(t, err, source.ErrConnectionLost, server.Address())
	}
}

func TestSSHHostAlias(t *testing.T) {
	server := sshd(t)
	dir := sourcetest.Home(t, "", server)
	other, err := testserver.NewKey(filepath.Join(dir, "other"))
	if err != nil || other == "" {
		t.Fatal(err)
	}
	sourcetest.Write(t, filepath.Join(dir, ".ssh", "config"), fmt.Sprintf(`
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
	src, notes := sourcetest.Open(t, source.Config{Command: "echo done", SSH: "stage"})
	if got := sourcetest.DumpText(t, src); got != "done\n" {
		t.Errorf("%q", got)
	}
	if len(*notes) != 1 || !strings.HasPrefix((*notes)[0], "ignored Match blocks with unsupported conditions in ") {
		t.Errorf("notes %q", *notes)
	}
	err = sourcetest.OpenError(t, source.Config{Command: "true", SSH: "elsewhere"})
	var unknown *source.HostKeyUnknownError
	if !errors.As(err, &unknown) {
		t.Fatalf("error %v", err)
	}
	sourcetest.Expect(t, err.Error(), fmt.Sprintf("the host key of 127.0.0.1:%d is not known (it shows ssh-ed25519 SHA256:", server.Port))
	sourcetest.Expect(t, unknown.Name, "@elsewhere")
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Command: "true", SSH: "scripted"}), source.ErrSSHConfig, "ProxyCommand")
}

func TestSSHProxyJump(t *testing.T) {
	// The target is reached from the jump hosts only by name of this configuration.
	first, second, target := sshd(t), sourcetest.OwnSSHD(t), sourcetest.OwnSSHD(t)
	config := ""
	for name, server := range map[string]*testserver.SSH{"first": first, "second": second, "target": target} {
		config += fmt.Sprintf("Host %s\n  HostName 127.0.0.1\n  Port %d\n  User %s\n  %s", name, server.Port, server.User, sourcetest.Identity(server))
		if name == "target" {
			config += "  ProxyJump first,second\n"
		}
	}
	config += "Host loop\n  ProxyJump loop\n"
	sourcetest.Home(t, config, first, second, target)
	logged := len(second.Log())
	src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.MariaDB(t).URL("shop")), SSH: "target"})
	sourcetest.Expect(t, sourcetest.DumpText(t, src), "-- Dump completed")
	if len(src.Tunnel.(*sshtunnel.Tunnel).Clients) != 3 {
		t.Errorf("%d connections", len(src.Tunnel.(*sshtunnel.Tunnel).Clients))
	}
	sourcetest.Expect(t, second.Log()[logged:], "Accepted publickey")
	_ = src.Close()
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Command: "true", SSH: "loop"}), source.ErrSSHConfig, "lead in a circle")
	second.Kill()
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Command: "true", SSH: "target"}), source.ErrUnreachable, "jump host second")
}

func TestSSHHostKeyChanged(t *testing.T) {
	server := sourcetest.OwnSSHD(t)
	dir := sourcetest.Home(t, sourcetest.Identity(server), server)
	if err := server.ChangeHostKey(); err != nil {
		t.Fatal(err)
	}
	err := sourcetest.OpenError(t, source.Config{Command: "true", SSH: server.Address()})
	var changed *source.HostKeyChangedError
	if !errors.As(err, &changed) {
		t.Fatalf("error %v", err)
	}
	if changed.File != filepath.Join(dir, ".ssh", "known_hosts") || changed.Line != 1 || changed.Known == changed.Shown || !strings.HasPrefix(changed.Shown, "SHA256:") {
		t.Errorf("%+v", changed)
	}
	sourcetest.Expect(t, err.Error(), fmt.Sprintf("connect to %s by ssh: the host key of 127.0.0.1:%d changed: it shows SHA256:", server.Address(), server.Port))
}

func TestSSHKeys(t *testing.T) {
	server := sshd(t)
	config := source.Config{Command: "echo done", SSH: server.Address()}
	refusal := func(t *testing.T, text string) *source.SSHKeyError {
		t.Helper()
		err := sourcetest.OpenError(t, config)
		var refused *source.SSHKeyError
		if !errors.As(err, &refused) {
			t.Fatalf("error %v", err)
		}
		sourcetest.Expect(t, err.Error(), text)
		return refused
	}
	t.Run("no agent", func(t *testing.T) {
		sourcetest.Home(t, "", server)
		if refused := refusal(t, "no usable key (no ssh-agent)"); refused.Agent {
			t.Errorf("%+v", refused)
		}
	})
	t.Run("agent without keys", func(t *testing.T) {
		sourcetest.Home(t, "", server)
		sshAgent(t)
		if refused := refusal(t, "no usable key (the ssh-agent has none)"); !refused.Agent {
			t.Errorf("%+v", refused)
		}
	})
	t.Run("agent", func(t *testing.T) {
		sourcetest.Home(t, "", server)
		sshAgent(t, server.ClientKey)
		source, _ := sourcetest.Open(t, config)
		sourcetest.Expect(t, sourcetest.DumpText(t, source), "done")
	})
	t.Run("IdentityAgent", func(t *testing.T) {
		dir := sourcetest.Home(t, "", server)
		agent := sshAgent(t, server.ClientKey)
		sourcetest.Write(t, filepath.Join(dir, ".ssh", "config"), "IdentityAgent "+agent.Socket+"\n")
		t.Setenv("SSH_AUTH_SOCK", "/nowhere")
		source, _ := sourcetest.Open(t, config)
		sourcetest.Expect(t, sourcetest.DumpText(t, source), "done")
	})
	t.Run("wrong keys", func(t *testing.T) {
		dir := sourcetest.Home(t, "", server)
		wrong := filepath.Join(dir, "wrong")
		if _, err := testserver.NewKey(wrong); err != nil {
			t.Fatal(err)
		}
		sshAgent(t, wrong)
		if refused := refusal(t, "the server accepts none of the keys "); len(refused.Tried) != 1 {
			t.Errorf("%+v", refused)
		}
		sourcetest.Write(t, filepath.Join(dir, ".ssh", "config"), "IdentitiesOnly yes\n")
		refusal(t, "no usable key (IdentitiesOnly rules out those of the ssh-agent)")
	})
	t.Run("many keys, the right one named", func(t *testing.T) {
		dir := sourcetest.Home(t, sourcetest.Identity(server), server)
		var keys []string
		for i := range 8 { // more than a server lets one try
			key := filepath.Join(dir, fmt.Sprint("key", i))
			if _, err := testserver.NewKey(key); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		sshAgent(t, append(keys, server.ClientKey)...)
		source, _ := sourcetest.Open(t, config)
		sourcetest.Expect(t, sourcetest.DumpText(t, source), "done")
		sourcetest.Write(t, filepath.Join(dir, ".ssh", "config"), "")
		if refused := refusal(t, "the server accepts none of the keys "); refused.AgentKeys != 9 {
			t.Errorf("%+v", refused)
		}
	})
	t.Run("passphrase", func(t *testing.T) {
		dir := sourcetest.Home(t, "", server)
		locked := filepath.Join(dir, ".ssh", "id_ed25519")
		if _, err := testserver.NewKeyWithPassphrase(locked, "open sesame"); err != nil {
			t.Fatal(err)
		}
		notes := sourcetest.Collect(&config)
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
	sourcetest.Home(t, sourcetest.Identity(server), server)
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Command: "true", SSH: "no-such-host.invalid"}), source.ErrUnreachable, "connect to no-such-host.invalid by ssh: cannot be reached")
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Command: "true", SSH: "127.0.0.1:1"}), source.ErrUnreachable, "connection refused")
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{Command: "true", SSH: "-oProxyCommand=x"}), source.ErrSSHConfig, "is not [user@]host[:port]")
	denies := sourcetest.OwnSSHD(t, "AllowTcpForwarding no")
	sourcetest.Home(t, sourcetest.Identity(denies), denies)
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.MariaDB(t).URL("shop")), SSH: denies.Address()}), source.ErrForwardingDenied, "seen from")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sourcetest.OpenSource(ctx, source.Config{Command: "true", SSH: denies.Address()}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
