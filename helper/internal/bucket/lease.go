package bucket

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// A lease lets one refresh per project run at a time. There is another one for each series of servers that tables as files are made
// for. It is an object, PREFIX/.dump-refresh/NAME.lease.json, that is only written conditionally: it must not exist yet
// (If-None-Match), or must be as it was read (If-Match), so that one of several writers wins. The holder rewrites it regularly. A
// waiter watches its ETag and takes it over when it has not changed for a while by the waiter's own clock, so no two clocks are
// compared. A release is also a write, which has the result: waiters use that result, and nobody needs permission to delete.

// leaseFile is the object's content.
type leaseFile struct {
	Holder  string    `json:"holder"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"` // by the holder's clock, for people
	State   string    `json:"state"`   // held or released
	Result  string    `json:"result,omitempty"`
	// Last is what a holder has published last. Later holders keep it.
	Last  Published `json:"last,omitzero"`
	Token string    `json:"token"` // identifies one acquisition
	Beat  int       `json:"beat"`  // makes each write differ from the last
}

// Published is an object as it was when it was published. Its ETag shows whether it has been changed since.
type Published struct {
	Key  string `json:"key,omitempty"`
	ETag string `json:"etag,omitempty"` // without quotes; empty if it is unknown
}

// Is reports whether an object is that one and is unchanged.
func (p Published) Is(o Object) bool {
	return p.ETag != "" && p.Key == o.Key && p.ETag == unquotedETag(o.ETag)
}

func unquotedETag(etag string) string { return strings.Trim(etag, `"`) }

const (
	held     = "held"
	released = "released"
)

// LeaseOptions say who acquires a lease.
type LeaseOptions struct {
	Holder string              // the name that waiters see: "name@host"
	Wait   func(holder string) // called once for each holder that Acquire waits for; may be nil
}

// Lease is the right to refresh, or the result of the refresh that had it.
type Lease struct {
	b      *Bucket
	key    string
	file   leaseFile
	etag   string
	atomic bool // the store honours conditions
	result string
	last   Published

	ctx    context.Context
	cancel context.CancelCauseFunc
	ended  func()        // called by Release; may be nil
	stop   chan struct{} // closed by Release
	end    chan struct{} // closed when no renewal runs
}

// Result is the result with which the previous holder released its lease: the key of a fresh dump. If it is empty, this lease is
// held and Release must be called.
func (l *Lease) Result() string { return l.result }

// Last is what was published last under this lease, as far as it is known.
func (l *Lease) Last() Published { return l.last }

// Context is for the work under the lease. It ends when the lease is lost; the cause is then an *Error of kind ErrLeaseLost.
func (l *Lease) Context() context.Context { return l.ctx }

// Acquire takes the project's lease. While another process holds it, Acquire waits. If that process releases it with a result,
// Acquire returns a Lease with that Result, which is not held. If it releases it without one, or shows no sign of life for 30
// seconds, Acquire takes the lease over.
func (b *Bucket) Acquire(ctx context.Context, opts LeaseOptions) (*Lease, error) {
	return b.acquire(ctx, b.leaseKey(), opts)
}

// acquire takes the lease with a key.
func (b *Bucket) acquire(ctx context.Context, key string, opts LeaseOptions) (*Lease, error) {
	w := b.newWaiter(key, opts)
	etag, result, err := w.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return w.lease(ctx, etag, result, nil), nil
}

// lease returns the lease that the waiter has taken, and keeps it; or the one with the result that it waited for. Ended is called when the lease
// is no longer held.
func (w *waiter) lease(ctx context.Context, etag, result string, ended func()) *Lease {
	l := &Lease{b: w.b, key: w.key, file: w.mine, etag: etag, result: result, last: w.mine.Last, atomic: !w.plain, ended: ended, stop: make(chan struct{}), end: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	if result != "" {
		close(l.end)
	} else {
		go l.keep()
	}
	return l
}

// waiter acquires one lease.
type waiter struct {
	b     *Bucket
	key   string
	opts  LeaseOptions
	mine  leaseFile
	plain bool // the store ignores conditions

	seen    string    // the ETag of the current holder's lease
	since   time.Time // when it was first seen, monotonic
	looked  time.Time // when it was last seen
	waited  bool      // whether it waited for a living holder
	holders map[string]bool
}

func (b *Bucket) newWaiter(key string, opts LeaseOptions) waiter {
	return waiter{b: b, key: key, opts: opts, mine: newLeaseFile(opts.Holder)}
}

// newLeaseFile is the content of a lease that is to be taken.
func newLeaseFile(holder string) leaseFile {
	host, _ := os.Hostname()
	return leaseFile{Holder: holder, Host: host, Started: time.Now().UTC().Truncate(time.Second), State: held, Token: rand.Text()}
}

// once tries to take the lease, once. errTaken means that somebody else has it.
func (w *waiter) once(ctx context.Context) (etag string, err error) {
	current, etag, err := w.b.readLease(ctx, w.key)
	denied := errors.Is(err, ErrAccessDenied) // S3 may return this for a missing object
	switch {
	case errors.Is(err, ErrNoSuchKey), denied:
		etag = ""
	case err != nil:
		return "", err
	case current.State == held && !w.dead(etag):
		return "", errTaken
	}
	old := err
	if etag, err = w.take(ctx, etag); !errors.Is(err, errTaken) {
		return etag, err
	}
	if denied {
		return "", old
	}
	// Perhaps an earlier try of the same write succeeded, but its answer was lost.
	current, etag, err = w.b.readLease(ctx, w.key)
	if err == nil && current.Token != w.mine.Token {
		err = errTaken
	}
	return etag, err
}

// acquire returns the ETag of the lease that it took, or the result that it waited for.
func (w *waiter) acquire(ctx context.Context) (etag, result string, err error) {
	// Usually there is a lease from last time. Still, not reading it first spares the first users the permission to read, and
	// distinguishes a missing lease from one that may not be read.
	etag, err = w.take(ctx, "")
	for vain := 0; errors.Is(err, errTaken); {
		// Somebody else may have been faster, but not each time.
		if vain++; vain > mostVainWrites {
			return "", "", &Error{Op: "take", Target: w.b.target(w.key), Kind: ErrContradiction}
		} else if vain > 2 {
			if err = clock.Sleep(ctx, w.b.pace.poll); err != nil {
				break
			}
		}
		var current leaseFile
		current, etag, err = w.b.readLease(ctx, w.key)
		if errors.Is(err, ErrNoSuchKey) {
			etag, err = w.take(ctx, "")
			continue
		}
		if err != nil {
			return "", "", err
		}
		w.mine.Last = current.Last
		switch {
		case current.Token == w.mine.Token: // an earlier try succeeded, but its answer was lost
			return etag, "", nil
		case current.State == released && w.waited && current.Result != "":
			return "", current.Result, nil
		case current.State == released || w.dead(etag):
			etag, err = w.take(ctx, etag)
		default:
			vain = 0
			w.report(current.Holder)
			err = clock.Sleep(ctx, w.b.pace.poll)
			if err == nil {
				err = errTaken
			}
		}
	}
	return etag, "", err
}

// mostVainWrites is how often the condition of a write may fail although no living holder has the lease.
const mostVainWrites = 8

// dead reports whether a lease has not changed for too long. After an outage the watch begins anew: its holder could not show a
// sign of life either.
func (w *waiter) dead(etag string) bool {
	now := time.Now()
	if etag != w.seen || now.Sub(w.looked) > w.b.pace.expiry/2 {
		w.seen, w.since = etag, now
	}
	w.looked = now
	return now.Sub(w.since) > w.b.pace.expiry
}

// report passes each holder to opts.Wait once.
func (w *waiter) report(holder string) {
	w.waited = true
	if w.holders == nil {
		w.holders = map[string]bool{}
	}
	if !w.holders[holder] && w.opts.Wait != nil {
		w.opts.Wait(holder)
	}
	w.holders[holder] = true
}

// errTaken means that a write's condition did not hold.
var errTaken = errors.New("somebody else has the lease")

// take writes the lease over the one with the ETag old, or as a new one.
func (w *waiter) take(ctx context.Context, old string) (string, error) {
	if w.plain {
		return w.takePlainly(ctx)
	}
	etag, err := w.write(ctx, old, true)
	if err != nil {
		if errors.Is(err, errUnconditional) {
			return w.takePlainly(ctx)
		}
		return "", err
	}
	select {
	case <-ctx.Done():
		return etag, nil // to be released
	default:
	}
	// The same write must fail now. Some stores ignore conditions.
	_, err = w.write(ctx, old, true)
	switch {
	case err == nil:
		return w.settle(ctx)
	case errors.Is(err, errTaken):
		return etag, nil
	}
	return "", err
}

// takePlainly is for stores without conditions: it writes, gives competing writers the time to overwrite, and checks who was last.
func (w *waiter) takePlainly(ctx context.Context) (string, error) {
	w.plain = true
	current, etag, err := w.b.readLease(ctx, w.key)
	switch {
	case err == nil && current.State == held && !w.dead(etag):
		return "", errTaken
	case err != nil && !errors.Is(err, ErrNoSuchKey):
		return "", err
	}
	w.mine.Last = current.Last
	if _, err := w.write(ctx, "", false); err != nil {
		return "", err
	}
	return w.settle(ctx)
}

// write writes the lease. A write that has begun continues after the context has ended.
func (w *waiter) write(ctx context.Context, old string, conditional bool) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	longer, cancel := lingering(ctx) // the write may succeed, and a lease that nobody knows of would delay the next refresh
	defer cancel()
	return w.b.writeLease(longer, w.key, w.mine, old, conditional)
}

// settle checks whether an unconditional write was the last one.
func (w *waiter) settle(ctx context.Context) (string, error) {
	w.plain = true
	w.b.note("this store ignores conditional writes: two refreshes that begin in the same second may both run")
	_ = clock.Sleep(ctx, w.b.pace.settle) // after an interruption the caller releases the lease if it owns it
	ctx, cancel := detached(ctx)
	defer cancel()
	current, etag, err := w.b.readLease(ctx, w.key)
	if err != nil {
		return "", err
	}
	if current.Token != w.mine.Token {
		return "", errTaken
	}
	return etag, nil
}

// keep renews the lease until it is released or lost. Only its own ETag decides whether it is lost. While the store cannot be
// reached, nobody else can take the lease; somebody else who can reach it may take it, and the next renewal shows that.
func (l *Lease) keep() {
	defer close(l.end)
	alive := time.Now()
	for {
		select {
		case <-l.stop:
			return
		case <-l.ctx.Done():
			return
		case <-time.After(l.b.pace.renew):
		}
		err := l.renew()
		switch {
		case err == nil:
			alive = time.Now()
		case errors.Is(err, errTaken):
			l.cancel(&Error{Op: "keep", Target: l.b.target(l.key), Kind: ErrLeaseLost, Err: err})
			return
		case time.Since(alive) > l.b.pace.outage:
			l.cancel(fmt.Errorf("keep the lease: %w", err))
			return
		}
	}
}

// renew shows a sign of life. errTaken means that the lease belongs to another process.
func (l *Lease) renew() error {
	ctx, cancel := context.WithTimeout(l.ctx, l.b.pace.renew)
	defer cancel()
	next := l.file
	next.Beat++
	err := l.write(ctx, next)
	if err != nil && ctx.Err() != nil && l.ctx.Err() == nil { // it took too long, which is no cause
		err = &Error{Op: "renew", Target: l.b.target(l.key), Kind: ErrUnreachable, Err: err, message: "no answer within " + l.b.pace.renew.String()}
	}
	return err
}

// write writes next over the lease that is held.
func (l *Lease) write(ctx context.Context, next leaseFile) error {
	if !l.atomic {
		if current, _, err := l.b.readLease(ctx, l.key); err != nil {
			return err
		} else if current.Token != l.file.Token {
			return errTaken
		}
	}
	etag, err := l.b.writeLease(ctx, l.key, next, l.etag, l.atomic)
	if errors.Is(err, errTaken) {
		// Perhaps it was this lease's own earlier write, whose answer was lost.
		current, now, readErr := l.b.readLease(ctx, l.key)
		switch {
		case errors.Is(readErr, ErrNoSuchKey):
			return errTaken
		case readErr != nil:
			return readErr
		case current.Token != l.file.Token:
			return errTaken
		case current.Beat != next.Beat || current.State != next.State:
			l.etag, l.file = now, current
			return errors.New("the lease was renewed late") // tried again in time
		}
		etag, err = now, nil
	}
	if err != nil {
		return err
	}
	l.etag, l.file = etag, next
	return nil
}

// Release releases the lease with the dump that waiters shall use, or none. It works after the context has ended. It does nothing for a
// lease that is not held.
func (l *Lease) Release(ctx context.Context, result Published) error {
	if l.result != "" {
		return nil
	}
	select {
	case <-l.stop:
		return nil
	default:
		close(l.stop)
	}
	<-l.end
	if l.ended != nil {
		defer l.ended()
	}
	lost := context.Cause(l.ctx)
	l.cancel(context.Canceled)
	if errors.Is(lost, ErrLeaseLost) {
		return lost
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	next := l.file
	next.Beat, next.State, next.Result = next.Beat+1, released, result.Key
	if result.ETag != "" {
		next.Last = result
	}
	err := l.write(ctx, next)
	if err != nil && !errors.Is(err, errTaken) {
		err = l.write(ctx, next)
	}
	if errors.Is(err, errTaken) {
		return &Error{Op: "release", Target: l.b.target(l.key), Kind: ErrLeaseLost}
	}
	return err
}

// LastPublished reads what a refresh of the project has published last, without a lease; the zero value if nobody knows.
func (b *Bucket) LastPublished(ctx context.Context) (Published, error) {
	file, _, err := b.readLease(ctx, b.leaseKey())
	if errors.Is(err, ErrNoSuchKey) || errors.Is(err, ErrAccessDenied) {
		return Published{}, nil
	}
	return file.Last, err
}

func (b *Bucket) leaseKey() string { return b.stateKey("lease.json") }

// readLease reads the lease and its ETag. An invalid lease counts as released.
func (b *Bucket) readLease(ctx context.Context, key string) (leaseFile, string, error) {
	text, etag, err := b.readSmall(ctx, key)
	if err != nil {
		return leaseFile{}, "", err
	}
	var f leaseFile
	if json.Unmarshal(text, &f) != nil {
		f = leaseFile{State: released}
	}
	return f, etag, nil
}

// errUnconditional means that a store rejects conditions.
var errUnconditional = errors.New("conditional writes are not supported")

// writeLease writes the lease and returns its ETag. If conditional, it replaces the lease with the ETag old, or makes one if old
// is empty. errTaken means that the condition did not hold.
func (b *Bucket) writeLease(ctx context.Context, key string, f leaseFile, old string, conditional bool) (string, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	in := b.small(key, text)
	switch {
	case conditional && old == "":
		in.IfNoneMatch = aws.String("*")
	case conditional:
		in.IfMatch = &old
	}
	out, err := b.client.PutObject(ctx, in)
	if err == nil {
		return aws.ToString(out.ETag), nil
	}
	status, _ := response(err)
	switch {
	case status == 412 || status == 409 || conditional && old != "" && status == 404:
		return "", errTaken
	case conditional && (status == 501 || code(err) == "NotImplemented"):
		return "", errUnconditional
	}
	return "", b.fail(ctx, "write", "s3:PutObject", key, err)
}
