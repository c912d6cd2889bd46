package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// folder is where a lab keeps everything, unless DUMP_LAB names another folder. The account must be able to read it,
// so it cannot be in root's home.
const folder = "/var/lib/dump-refresh-lab"

// account is the user that runs DDEV.
const account = "dump-refresh-lab"

// lab is a machine with a real DDEV.
type lab struct {
	dir     string
	user    *user.User
	engine  *engine
	version string // of the checkout
}

// begin makes the lab's folder, and starts its engine, which the caller stops.
func begin(ctx context.Context) (*lab, error) {
	version, err := output(ctx, ".", "git", "describe", "--tags", "--always", "--dirty")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: folder, version: version}
	if other := os.Getenv("DUMP_LAB"); other != "" {
		l.dir = other
	}
	if err := os.MkdirAll(filepath.Join(l.dir, "bin"), 0o755); err != nil {
		return nil, fmt.Errorf("make the lab's folder: %w", err)
	}
	// Tests of add-ons are written with bats-assert and related packages. DDEV requires a docker-buildx that is newer than
	// the one in Debian's release.
	packages := []string{"docker.io/trixie", "docker-cli/trixie", "docker-buildx/forky", "iptables", "mmdebstrap",
		"bats", "bats-assert", "bats-support", "bats-file", "git", "jq", "make"}
	if err := attached(exec.CommandContext(ctx, "tests/packages.sh", packages...)).Run(); err != nil {
		return nil, fmt.Errorf("install packages: %w", err)
	}
	l.engine, err = startEngine(ctx, l.dir)
	return l, err
}

// prepare sets up the parts of a lab that do not exist yet.
func prepare(ctx context.Context) (made *lab, err error) {
	l, err := begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = l.engine.stop()
		}
	}()
	if err := l.installPrograms(ctx); err != nil {
		return nil, err
	}
	if err := makeImages(ctx, l.dir); err != nil {
		return nil, err
	}
	if err := l.makeAccount(ctx); err != nil {
		return nil, err
	}
	return l, l.copyCheckout(ctx)
}

// installPrograms installs DDEV and the programs that its tests need where the account can run them.
func (l *lab) installPrograms(ctx context.Context) error {
	if err := attached(exec.CommandContext(ctx, "tests/tools/build.sh", "ddev", "minio")).Run(); err != nil {
		return fmt.Errorf("build ddev: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	tools := filepath.Join(cache, "dump-refresh", "tools")
	if other := os.Getenv("DUMP_TEST_TOOLS"); other != "" {
		tools = other
	}
	for _, name := range []string{"ddev", "minio", "minio.mod"} {
		if err := do(ctx, exec.CommandContext(ctx, "install", "-m", "755", filepath.Join(tools, name), filepath.Join(l.dir, "bin", name))); err != nil {
			return err
		}
	}
	return nil
}

// makeAccount creates the account and gives it access to the Docker engine.
func (l *lab) makeAccount(ctx context.Context) (err error) {
	if _, err := user.Lookup(account); err != nil {
		home := filepath.Join(l.dir, "home")
		if err := do(ctx, exec.CommandContext(ctx, "useradd", "--create-home", "--home-dir", home, "--shell", "/bin/bash", "--groups", "docker", account)); err != nil {
			return err
		}
	}
	l.user, err = user.Lookup(account)
	if err != nil {
		return err
	}
	// The tests need neither the router nor the agent, and the lab has no images for them.
	return do(ctx, l.command(ctx, l.user.HomeDir, "ddev", "config", "global", "--omit-containers=ddev-router,ddev-ssh-agent",
		"--performance-mode=none", "--instrumentation-opt-in=false"))
}

// copyCheckout gives the account a copy of this checkout, with uncommitted changes.
func (l *lab) copyCheckout(ctx context.Context) error {
	checkout := filepath.Join(l.dir, "checkout")
	if err := os.RemoveAll(checkout); err != nil {
		return err
	}
	if err := os.Mkdir(checkout, 0o755); err != nil {
		return err
	}
	script := `git ls-files -z --cached --others --exclude-standard --deduplicate |
		tar --create --null --files-from - --ignore-failed-read | tar --extract --no-same-owner --directory "$1"
		chown -R "$2:" "$1"`
	return do(ctx, exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", script, "bash", checkout, account))
}

// run runs a command as the account, in its copy of the checkout.
func (l *lab) run(ctx context.Context, command []string) error {
	return attached(l.command(ctx, filepath.Join(l.dir, "checkout"), command[0], command[1:]...)).Run()
}

// command prepares a command that runs as the account.
func (l *lab) command(ctx context.Context, dir, name string, arguments ...string) *exec.Cmd {
	// runuser sets the account's groups.
	c := exec.CommandContext(ctx, "runuser", append([]string{"--user", account, "--", name}, arguments...)...)
	c.Dir = dir
	c.Env = []string{
		"HOME=" + l.user.HomeDir, "USER=" + account, "LOGNAME=" + account,
		"PATH=" + filepath.Join(l.dir, "bin") + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
		"LANG=C.UTF-8", "TERM=" + os.Getenv("TERM"),
		"DUMP_TEST_TOOLS=" + filepath.Join(l.dir, "bin"),
		"DDEV_NO_INSTRUMENTATION=true", "DDEV_NONINTERACTIVE=true",
		"VERSION=" + l.version, // the copy of the checkout has no history
	}
	return c
}

// close stops everything that runs.
func (l *lab) close() error { return l.engine.stop() }

// alive reports whether a process exists.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// readPID reads the process ID in a file, or 0 if there is none.
func readPID(path string) int {
	text, _ := os.ReadFile(path)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}
