package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// command is the program under test with arguments and its own environment.
func (s *stage) command(ctx context.Context, words ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, s.helper, words...)
	command.Dir = s.dir
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "AWS_") && !strings.HasPrefix(entry, "DUMP_") && !strings.HasPrefix(entry, "CI_NODE_") {
			command.Env = append(command.Env, entry)
		}
	}
	command.Env = append(command.Env, s.s3.Owner().Environ()...)
	command.Env = append(command.Env, "DUMP_S3_ENDPOINT="+s.s3.Endpoint, "DUMP_S3_REGION="+s.s3.Region, "DUMP_CACHE_DIR="+s.dir+"/cache",
		"AWS_EC2_METADATA_DISABLED=true")
	return command
}

// ran is the output of a run, and what it used.
type ran struct {
	stdout, stderr string
	code           int
	seconds        float64
	memory         int64 // peak, in bytes
}

// program runs the program under test to its end.
func (s *stage) program(ctx context.Context, words ...string) (ran, error) {
	return s.programWith(ctx, nil, words...)
}

// programWith does so with more variables in its environment.
func (s *stage) programWith(ctx context.Context, environment []string, words ...string) (ran, error) {
	var stdout, stderr bytes.Buffer
	command := s.command(ctx, words...)
	command.Env = append(command.Env, environment...)
	command.Stdout, command.Stderr = &stdout, &stderr
	began := time.Now()
	err := command.Run()
	result := ran{stdout: stdout.String(), stderr: stderr.String(), seconds: time.Since(began).Seconds()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return result, err
	}
	result.code = command.ProcessState.ExitCode()
	result.memory = command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	return result, nil
}

// wanted checks the exit code.
func (r ran) wanted(code int) error {
	if r.code == code {
		return nil
	}
	return fmt.Errorf("exit code %d instead of %d:\n%s%s", r.code, code, r.stdout, r.stderr)
}

// report is the output of `fleet refresh --json`.
type report struct {
	Seconds  float64 `json:"seconds"`
	Projects []struct {
		Project string  `json:"project"`
		Slot    string  `json:"slot"`
		State   string  `json:"state"`
		Seconds float64 `json:"seconds"`
		Error   string  `json:"error"`
		Hint    string  `json:"hint"`
	} `json:"projects"`
}

func (r ran) report() (report, error) {
	var found report
	err := json.NewDecoder(strings.NewReader(r.stdout)).Decode(&found)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("no report:\n%s", r.stderr)
	}
	return found, err
}
