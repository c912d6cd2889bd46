package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// git runs git so that it cannot prompt. It gets no more of this process's environment than it needs.
func git(ctx context.Context, folder string, entry Entry, words ...string) error {
	command := exec.CommandContext(ctx, "git", words...)
	command.Dir = folder
	command.Env = append(chosen(func(name string) bool { return needed(name) || forGit(name) || entry.names(name) }),
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_DIR="+filepath.Join(folder, ".git"), "GIT_WORK_TREE="+folder)
	if os.Getenv("GIT_SSH_COMMAND") == "" {
		command.Env = append(command.Env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes")
	}
	if entry.Trust != TrustFull {
		// Whatever a server redirects to, and whatever the machine's configuration makes of a URL.
		command.Env = append(command.Env, "GIT_ALLOW_PROTOCOL=https:http:ssh:git")
	}
	// Git's children would go on, and keep the pipe open.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	var output bytes.Buffer
	command.Stderr = &output
	command.WaitDelay = time.Second
	err := command.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("git is not installed")
	}
	return fmt.Errorf("git %s: %s (%w)", words[0], telling(output.String()), err)
}

// forGit reports whether a variable configures git, or how it reaches a server.
func forGit(name string) bool {
	switch strings.ToLower(name) {
	case "http_proxy", "https_proxy", "all_proxy", "no_proxy", "krb5ccname", "krb5_config":
		return true
	}
	return strings.HasPrefix(name, "GIT_")
}

var (
	// cause matches the lines by which git, ssh and the servers of repositories say why something failed.
	cause = regexp.MustCompile(`(?i)denied|failed|failure|has changed|not found|does not exist|could not|couldn't|cannot|unable|timed out|refused|unreachable|no route|closed by|reset by|not allowed|invalid|error|fatal`)
	// routine matches lines that come with any failure, or with none.
	routine = regexp.MustCompile(`(?i)^(warning|hint)?:? *$|^(warning|hint): |could not read from remote repository|^please make sure|^and the repository exists|^could not fetch|^fatal: the remote end hung up|^fatal: early eof`)
)

// telling returns the line of git's messages that says why it failed: the first that names a cause. What follows are consequences,
// and advice.
func telling(text string) string {
	first, last := "", "it said nothing"
	for line := range strings.Lines(text) {
		line = strings.Trim(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "remote:")), "@=*# \t")
		switch {
		case line == "":
		case strings.Contains(line, "IDENTIFICATION HAS CHANGED"):
			return strings.TrimPrefix(line, "WARNING: ")
		case routine.MatchString(line):
			last = line
		case cause.MatchString(line):
			return line
		case first == "":
			first = line
		}
	}
	if first != "" {
		return first
	}
	return last
}

// mostCheckout is more than the settings of any project, with git's own files, take.
const mostCheckout = 64 << 20

var errHuge = fmt.Errorf("the settings of this repository are larger than %d MiB", mostCheckout>>20)

// limitSize ends the context when what git fetches into a folder becomes too large: a repository decides how large its files are.
func limitSize(ctx context.Context, folder string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		for clock.Sleep(ctx, 200*time.Millisecond) == nil {
			if sizeOf(folder) > mostCheckout {
				cancel(errHuge)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

func sizeOf(folder string) (size int64) {
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil // git deletes files meanwhile
	})
	return size
}
