package bucket

import "time"

// pace has all delays. Tests use shorter ones.
type pace struct {
	retry   time.Duration // before a broken fetch resumes; doubles
	backoff time.Duration // the longest delay before a request is tried again
	say     time.Duration // how long requests fail before the user is told
	hasty   time.Duration // how long requests are tried again that do not wait for the end of an outage
	outage  time.Duration // the longest outage that a lease outlasts
	cut     time.Duration // between aborting an upload with broken requests and checking that it is gone
	renew   time.Duration // between two signs of life of a lease's holder
	expiry  time.Duration // a holder without a sign of life for so long is dead
	poll    time.Duration // between two reads of another process's lease
	settle  time.Duration // for stores without conditional writes: how long two writes may overlap
}

var defaultPace = pace{
	retry:   200 * time.Millisecond,
	backoff: 20 * time.Second,
	say:     3 * time.Second,
	hasty:   2 * time.Second,
	outage:  6 * time.Minute,
	cut:     time.Second,
	renew:   10 * time.Second,
	expiry:  30 * time.Second,
	poll:    2 * time.Second,
	settle:  3 * time.Second,
}
