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

// Waits measures how long the sessions of a MySQL or MariaDB server wait for locks.
func Waits(t *testing.T, server *testserver.MySQL) (stop func() (longest time.Duration, whose string)) {
	return Sample(t, func() ([][]string, error) {
		return server.Query("SELECT ID, STATE, INFO FROM information_schema.PROCESSLIST" +
			" WHERE STATE LIKE 'Waiting for %' AND INFO NOT LIKE '%LIMIT 0' AND INFO NOT LIKE 'SHOW %' AND INFO NOT LIKE 'FLUSH TABLES WITH READ LOCK'")
	})
}

// Sample polls waiters for the sessions that wait for locks, until it is stopped, and returns the longest wait. The
// server's own view shows what the dump does to the site, apart from how busy the machine is.
func Sample(t *testing.T, waiters func() ([][]string, error)) (stop func() (longest time.Duration, whose string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var longest time.Duration
	var whose string
	go func() {
		defer close(done)
		since := map[string]time.Time{}
		for ctx.Err() == nil {
			rows, err := waiters()
			if err != nil {
				if ctx.Err() == nil {
					t.Errorf("ask who waits: %v", err)
				}
				return
			}
			now, waiting := time.Now(), map[string]bool{}
			for _, row := range rows {
				who := strings.Join(row, ": ")
				waiting[who] = true
				if since[who].IsZero() {
					since[who] = now
				}
				if waited := now.Sub(since[who]); waited > longest {
					longest, whose = waited, who
				}
			}
			for who := range since {
				if !waiting[who] {
					delete(since, who)
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func() (time.Duration, string) {
		cancel()
		<-done
		return longest, whose
	}
}
