package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// engine is a running Docker engine, either the machine's own or one that the lab has started.
type engine struct {
	process *os.Process // nil for the machine's own engine
	done    chan error
	log     string
}

const enginePatience = time.Minute

// startEngine starts a Docker engine if none answers. It keeps its images in the lab's folder.
func startEngine(ctx context.Context, dir string) (*engine, error) {
	if answers(ctx) {
		return &engine{}, nil
	}
	pidFile := filepath.Join(dir, "docker.pid")
	if pid := readPID(pidFile); pid != 0 && !alive(pid) {
		_ = os.Remove(pidFile) // left by a killed engine
	}
	e := &engine{done: make(chan error, 1), log: filepath.Join(dir, "docker.log")}
	log, err := os.Create(e.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	// Without the context, so that stop can end it cleanly after the containers.
	command := exec.Command("dockerd", "--data-root", filepath.Join(dir, "docker"), "--pidfile", pidFile)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C only reaches the lab
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start dockerd: %w", err)
	}
	e.process = command.Process
	go func() { e.done <- command.Wait() }()
	for deadline := time.Now().Add(enginePatience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		select {
		case err := <-e.done:
			return nil, fmt.Errorf("dockerd ended (%w), see %s", err, e.log)
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), e.stop())
		default:
		}
		if answers(ctx) {
			return e, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("dockerd does not answer, see %s", e.log), e.stop())
}

func answers(ctx context.Context) bool {
	return exec.CommandContext(ctx, "docker", "info").Run() == nil
}

// stop stops all containers and an engine that the lab has started.
func (e *engine) stop() error {
	if e.process == nil {
		return nil
	}
	// Otherwise the engine would wait ten seconds for each container.
	_ = exec.Command("bash", "-c", "docker ps --quiet | xargs --no-run-if-empty docker kill").Run()
	if err := e.process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop dockerd: %w", err)
	}
	select {
	case <-e.done:
		return nil
	case <-time.After(enginePatience):
		_ = e.process.Kill()
		return fmt.Errorf("dockerd did not stop, see %s", e.log)
	}
}
