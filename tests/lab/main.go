// Command lab runs a command where the real DDEV is:
//
//	go run ./tests/lab bats tests
//
// Where `ddev` is on the PATH and a Docker engine answers, that is right here. Elsewhere it sets both up,
// which needs root and Debian: an engine from Debian's packages, DDEV from its Go module, the images that
// a project consists of from Debian's packages, and an account, because DDEV refuses to run as root. No
// container registry is asked. What has been made stays in one folder and is used again; no process stays.
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

func run(ctx context.Context, command []string) (err error) {
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

// haveDDEV says whether everything is there already.
func haveDDEV(ctx context.Context) bool {
	if _, err := exec.LookPath("ddev"); err != nil || os.Getuid() == 0 {
		return false
	}
	return exec.CommandContext(ctx, "docker", "info").Run() == nil
}

// attached gives a command this process's standard streams, and ends it gently with the context.
func attached(command *exec.Cmd) *exec.Cmd {
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	return command
}

// do runs a command of the set-up, whose output is shown only if it fails.
func do(ctx context.Context, command *exec.Cmd) error {
	if output, err := command.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s: %w\n%s", command, err, output)
	}
	return nil
}

// output gives what a command of the set-up prints.
func output(ctx context.Context, dir, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir = dir
	text, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	return strings.TrimSpace(string(text)), nil
}
