package sourcetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// LongestWait is the longest time that a query of the live site may wait for a dump.
const LongestWait = time.Second

// A look at who waits follows another one after a pause, and on a machine that has time for it soon enough for longestPause.
const (
	pause        = 20 * time.Millisecond
	longestPause = 4 * pause
)

// Waits measures how long the sessions of a MySQL or MariaDB server wait for locks.
func Waits(t *testing.T, server *testserver.MySQL) (stop func() (longest time.Duration, whose string)) {
	return Sample(t, func() ([][]string, error) {
		return server.Query("SELECT ID, STATE, INFO FROM information_schema.PROCESSLIST" +
			" WHERE STATE LIKE 'Waiting for %' AND INFO NOT LIKE '%LIMIT 0' AND INFO NOT LIKE 'SHOW %' AND INFO NOT LIKE 'FLUSH TABLES WITH READ LOCK'")
	})
}

// Sample polls waiters for the sessions that wait for locks, until it is stopped, and returns the longest wait. The
// server's own view shows what the dump does to the site, apart from how busy the machine is. While the machine stands still, so does
// the clock of the sample: between two looks, no more than longestPause is counted.
func Sample(t *testing.T, waiters func() ([][]string, error)) (stop func() (longest time.Duration, whose string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var longest time.Duration
	var whose string
	go func() {
		defer close(done)
		waited := map[string]time.Duration{}
		last := time.Now()
		for ctx.Err() == nil {
			rows, err := waiters()
			if err != nil {
				if ctx.Err() == nil {
					t.Errorf("ask who waits: %v", err)
				}
				return
			}
			now, waiting := time.Now(), map[string]time.Duration{}
			for _, row := range rows {
				who := strings.Join(row, ": ")
				if before, known := waited[who]; known {
					waiting[who] = before + min(now.Sub(last), longestPause)
				} else {
					waiting[who] = 0
				}
				if waiting[who] > longest {
					longest, whose = waiting[who], who
				}
			}
			waited, last = waiting, now
			time.Sleep(pause)
		}
	}()
	return func() (time.Duration, string) {
		cancel()
		<-done
		return longest, whose
	}
}
