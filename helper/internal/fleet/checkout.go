package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
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

// Checkout fetches the settings of a repository, and nothing else, into a folder below cache and returns that folder.
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
	ctx, stop := limitSize(ctx, folder)
	defer stop()
	err = fetch(ctx, folder, entry)
	if errors.Is(err, errHuge) {
		_ = os.RemoveAll(folder)
	}
	return err
}

// settingsFiles are what is read of a project that is not trusted with more. The patterns are git's.
var settingsFiles = []string{"/.ddev/config.yaml", "/.ddev/config.*.y*ml", "/.ddev/.env", "/.ddev/.env.*", "/.ddev/dump-refresh/rules.yaml"}

func fetch(ctx context.Context, folder string, entry Entry) error {
	ref := entry.Ref
	if ref == "" {
		ref = "HEAD"
	}
	wanted := settingsFiles
	if entry.Trust == TrustFull {
		wanted = []string{"/.ddev/"} // commands may use its other files
	}
	for _, words := range [][]string{
		{"init", "--quiet"},
		{"config", "remote.origin.url", entry.Git},
		// The server sends no file contents (blob:none). Git then fetches the wanted files one by one.
		{"config", "remote.origin.promisor", "true"},
		{"config", "remote.origin.partialclonefilter", "blob:none"},
		append([]string{"sparse-checkout", "set", "--no-cone"}, wanted...),
		{"fetch", "--quiet", "--depth", "1", "--filter=blob:none", "--no-tags", "origin", "--", ref},
		{"checkout", "--quiet", "--force", "--detach", "FETCH_HEAD"},
	} {
		if err := git(ctx, folder, entry, words...); err != nil {
			return err
		}
	}
	return nil
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
		if err := clock.Sleep(ctx, 100*time.Millisecond); err != nil {
			_ = file.Close()
			return nil, err
		}
	}
}
