package pull

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// lockFile locks a file. It waits while another process has the lock. The lock ends with the process at the latest.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	file, err := openOwn(path, os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", spaceError(err))
	}
	for {
		taken, err := tryLock(file)
		if taken {
			return func() { _ = file.Close() }, nil
		}
		if err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("lock the cache: %w", err)
		}
		if err := clock.Sleep(ctx, 100*time.Millisecond); err != nil {
			_ = file.Close()
			return nil, err
		}
	}
}

// tryLock locks a file unless it is locked already. The lock ends when the file is closed.
func tryLock(file *os.File) (taken bool, err error) {
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return err == nil, err
}
