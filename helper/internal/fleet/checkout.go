package fleet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// checkoutLimit limits how long fetching the .ddev of one repository may take.
const checkoutLimit = 2 * time.Minute

// A CheckoutError says that a repository could not be fetched.
type CheckoutError struct {
	URL string
	Err error
}

func (e *CheckoutError) Error() string { return "fetch " + e.URL + ": " + e.Err.Error() }

func (e *CheckoutError) Unwrap() error { return e.Err }

// Checkout fetches the .ddev folder of a repository, and nothing else, into a folder below cache and returns that folder.
// If the repository cannot be reached, it returns what was fetched last, and stale says why. Both errors are
// *CheckoutError.
func Checkout(ctx context.Context, cache string, entry Entry) (folder string, stale, err error) {
	sum := sha256.Sum256([]byte(entry.Slot()))
	folder = filepath.Join(cache, "fleet", hex.EncodeToString(sum[:8]))
	err = prepare(ctx, folder, entry)
	if err == nil {
		return folder, nil, nil
	}
	err = &CheckoutError{URL: entry.Git, Err: err}
	if _, before := os.Stat(filepath.Join(folder, ".ddev", "config.yaml")); before == nil {
		return folder, err, nil
	}
	return "", nil, err
}

// prepare brings the folder up to date.
func prepare(ctx context.Context, folder string, entry Entry) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, checkoutLimit, fmt.Errorf("not finished after %s", checkoutLimit))
	defer cancel()
	unlock, err := lockFolder(ctx, folder)
	if err != nil {
		return err
	}
	defer unlock()
	return fetch(ctx, folder, entry)
}

func fetch(ctx context.Context, folder string, entry Entry) error {
	ref := entry.Ref
	if ref == "" {
		ref = "HEAD"
	}
	for _, words := range [][]string{
		{"init", "--quiet"},
		{"config", "remote.origin.url", entry.Git},
		// The server sends no file contents (blob:none). Git then fetches the files below .ddev one by one.
		{"config", "remote.origin.promisor", "true"},
		{"config", "remote.origin.partialclonefilter", "blob:none"},
		{"sparse-checkout", "set", "--no-cone", "/.ddev/"},
		{"fetch", "--quiet", "--depth", "1", "--filter=blob:none", "--no-tags", "origin", "--", ref},
		{"checkout", "--quiet", "--force", "--detach", "FETCH_HEAD"},
	} {
		if err := git(ctx, folder, words...); err != nil {
			return err
		}
	}
	return nil
}

// git runs git so that it cannot prompt.
func git(ctx context.Context, folder string, words ...string) error {
	command := exec.CommandContext(ctx, "git", words...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_DIR="+filepath.Join(folder, ".git"),
		"GIT_WORK_TREE="+folder)
	if os.Getenv("GIT_SSH_COMMAND") == "" {
		command.Env = append(command.Env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes")
	}
	var output bytes.Buffer
	command.Stderr = &output
	command.WaitDelay = time.Second // in case a child of git keeps standard error open
	err := command.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("git is not installed")
	}
	lines := strings.Split(strings.TrimSpace(output.String()), "\n")
	return fmt.Errorf("git %s: %s (%w)", words[0], lines[len(lines)-1], err)
}

// lockFolder keeps other processes out of the folder until it is unlocked or this process ends.
func lockFolder(ctx context.Context, folder string) (unlock func(), err error) {
	file, err := os.OpenFile(folder+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = file.Close()
			return nil, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			_ = file.Close()
			return nil, context.Cause(ctx)
		}
	}
}
