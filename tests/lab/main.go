// Command lab runs a command on a machine with a real DDEV:
//
//	go run ./tests/lab bats tests
//	go run ./tests/lab -engine go test ./tests/deploy
//
// The second form needs a Docker engine alone.
//
// If `ddev` is on the PATH and a Docker engine answers, it runs the command directly. Otherwise it first sets up both,
// which needs root and Debian: an engine from Debian's packages, DDEV from its Go module, the images of a DDEV project
// from Debian's packages, and an account, because DDEV refuses to run as root. It uses no container registry. It keeps
// what it has built in one folder and reuses it; it leaves no process running.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed) && failed.Exited():
		os.Exit(failed.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

// engineOnly lets the command run as it is, on a machine with a Docker engine and without DDEV.
const engineOnly = "-engine"

func run(ctx context.Context, command []string) (err error) {
	if len(command) > 1 && command[0] == engineOnly {
		return withEngine(ctx, command[1:])
	}
	if len(command) == 0 {
		return errors.New("name the command that is to run where DDEV is")
	}
	if haveDDEV(ctx) {
		return attached(exec.CommandContext(ctx, command[0], command[1:]...)).Run()
	}
	if os.Getuid() != 0 {
		return errors.New("there is no ddev on the PATH, or no Docker engine answers; setting them up needs root")
	}
	lab, err := prepare(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.close()) }()
	return lab.run(ctx, command)
}

// withEngine runs a command while a Docker engine answers that has the base of all images.
func withEngine(ctx context.Context, command []string) (err error) {
	if !answers(ctx) {
		if os.Getuid() != 0 {
			return errors.New("no Docker engine answers; starting one needs root")
		}
		l, err := begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = l.engine.stop() }()
		if err := makeBase(ctx); err != nil {
			return err
		}
	}
	return attached(exec.CommandContext(ctx, command[0], command[1:]...)).Run()
}

// haveDDEV reports whether DDEV and Docker are already there.
func haveDDEV(ctx context.Context) bool {
	if _, err := exec.LookPath("ddev"); err != nil || os.Getuid() == 0 {
		return false
	}
	return exec.CommandContext(ctx, "docker", "info").Run() == nil
}

// attached gives a command this process's standard streams, and interrupts it when the context ends.
func attached(command *exec.Cmd) *exec.Cmd {
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	return command
}

// do runs a command of the setup and shows its output only if it fails.
func do(ctx context.Context, command *exec.Cmd) error {
	if output, err := command.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s: %w\n%s", command, err, output)
	}
	return nil
}

// output returns what a command of the setup prints.
func output(ctx context.Context, dir, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir = dir
	text, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	return strings.TrimSpace(string(text)), nil
}
