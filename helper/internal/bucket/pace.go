package bucket

import "time"

// pace is how long things wait. Tests use a faster one.
type pace struct {
	retry   time.Duration // before a broken fetch goes on; doubles
	backoff time.Duration // the most that is waited before a transfer is tried again
	cut     time.Duration // after aborting an upload whose requests were cut, before looking at it
	renew   time.Duration // between two signs of life of a lease's holder
	expiry  time.Duration // a holder without one for so long is dead
	poll    time.Duration // between two looks at somebody else's lease
	settle  time.Duration // for stores without conditional writes: how long two writers may cross
}

var defaultPace = pace{
	retry:   100 * time.Millisecond,
	backoff: 20 * time.Second,
	cut:     time.Second,
	renew:   10 * time.Second,
	expiry:  30 * time.Second,
	poll:    2 * time.Second,
	settle:  3 * time.Second,
}
