// Package clock judges times that come from other machines: the names of dumps, a store's answers, a staging server, a
// record on the local server. Their clocks differ, and some are wrong by hours or years. A time that lies in the future
// says that a clock is wrong; it says nothing about what is newest, how old something is, or what may be deleted.
package clock

import (
	"context"
	"sync"
	"time"
)

// Tolerance is how far the clocks of well-kept machines may differ. A time within it is no sign of a wrong clock.
const Tolerance = time.Minute

// A Clock tells the time of a server, by this machine's clock and the difference that the server's answers show. It is
// safe for concurrent use. The zero value is this machine's clock.
type Clock struct {
	mutex  sync.Mutex
	offset time.Duration
	known  bool
}

// Measure takes a time that the server has just sent. It reports whether it is the first one.
func (c *Clock) Measure(server time.Time) (first bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	first = !c.known
	c.offset, c.known = time.Until(server), true
	return first
}

// Offset is the server's time minus this machine's, positive if this machine's clock is slow; false if no server has
// sent a time yet.
func (c *Clock) Offset() (time.Duration, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.offset, c.known
}

// Now is the present time by the server's clock, in UTC. It has no monotonic reading, as that is another clock's.
func (c *Clock) Now() time.Time {
	offset, _ := c.Offset()
	return time.Now().Add(offset).Round(0).UTC()
}

// Sleep waits. If the context ends first, Sleep returns its cause.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// IsFuture reports whether a time is later than now by more than good clocks differ.
func IsFuture(t, now time.Time) bool { return t.Sub(now) > Tolerance }

// Age is how long ago a time was. It is not negative: a time that is slightly ahead is now.
func Age(t, now time.Time) time.Duration { return max(0, now.Sub(t)) }

// Younger reports whether a time is known to be less than a duration ago. A time in the future is not.
func Younger(t, now time.Time, than time.Duration) bool {
	return !IsFuture(t, now) && Age(t, now) < than
}

// Within returns a time that another clock gave for something that happened between from and to. If it cannot be, that
// clock is wrong: Within returns from instead, and by how much the clock is wrong, positive if it is ahead.
func Within(t, from, to time.Time) (right time.Time, wrong time.Duration) {
	switch {
	case IsFuture(t, to):
		return from, t.Sub(to)
	case from.Sub(t) > Tolerance:
		return from, t.Sub(from)
	}
	return t, 0
}
