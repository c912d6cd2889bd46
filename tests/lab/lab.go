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

// folder is where all that a lab makes is kept, if DUMP_LAB does not say otherwise. The account must be
// able to read it, which it could not do in root's home.
const folder = "/var/lib/dump-refresh-lab"

// account is who runs DDEV.
const account = "dump-refresh-lab"

// lab is a machine with a real DDEV.
type lab struct {
	dir     string
	user    *user.User
	engine  *engine
	version string // of the checkout
}

// prepare sets a lab up, or as much of it as is not there yet.
func prepare(ctx context.Context) (made *lab, err error) {
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
	// bats-assert and its like are what add-ons' tests are written with; docker-buildx is newer than in
	// Debian's release because DDEV insists on that.
	packages := []string{"docker.io/trixie", "docker-cli/trixie", "docker-buildx/forky", "iptables", "mmdebstrap",
		"bats", "bats-assert", "bats-support", "bats-file", "git", "jq", "make"}
	if err := attached(exec.CommandContext(ctx, "tests/packages.sh", packages...)).Run(); err != nil {
		return nil, fmt.Errorf("install packages: %w", err)
	}
	if err := l.installPrograms(ctx); err != nil {
		return nil, err
	}
	if l.engine, err = startEngine(ctx, l.dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = l.engine.stop()
		}
	}()
	if err := makeImages(ctx, l.dir); err != nil {
		return nil, err
	}
	if err := l.makeAccount(ctx); err != nil {
		return nil, err
	}
	return l, l.copyCheckout(ctx)
}

// installPrograms puts DDEV, and what tests want beside it, where the account can run them.
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

// makeAccount makes the account, which may talk to the Docker engine.
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
	// Neither the router nor the agent is needed, and there are no images for them.
	return do(ctx, l.command(ctx, l.user.HomeDir, "ddev", "config", "global", "--omit-containers=ddev-router,ddev-ssh-agent",
		"--performance-mode=none", "--instrumentation-opt-in=false"))
}

// copyCheckout gives the account the files of this checkout, as they are.
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

// command is one that the account runs.
func (l *lab) command(ctx context.Context, dir, name string, arguments ...string) *exec.Cmd {
	// By way of runuser: it looks the account's groups up.
	c := exec.CommandContext(ctx, "runuser", append([]string{"--user", account, "--", name}, arguments...)...)
	c.Dir = dir
	c.Env = []string{
		"HOME=" + l.user.HomeDir, "USER=" + account, "LOGNAME=" + account,
		"PATH=" + filepath.Join(l.dir, "bin") + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
		"LANG=C.UTF-8", "TERM=" + os.Getenv("TERM"),
		"DUMP_TEST_TOOLS=" + filepath.Join(l.dir, "bin"),
		"DDEV_NO_INSTRUMENTATION=true", "DDEV_NONINTERACTIVE=true",
		"VERSION=" + l.version, // the copy of the checkout has no history to ask
	}
	return c
}

// close ends everything that runs.
func (l *lab) close() error { return l.engine.stop() }

// alive says whether a process exists.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// readPID reads the process id that a file holds, 0 if there is none.
func readPID(path string) int {
	text, _ := os.ReadFile(path)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}
