package bucket

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A store that has answered before will answer again: what has taken hours must not end because a gateway restarts. So each
// request outlasts an outage of five minutes. A store that has never answered may not exist; there a few tries must do.

const (
	callAttempts = 4
	// outageAttempts take more than five minutes: the delays double up to 20 seconds.
	outageAttempts = 24
)

type hastyKey struct{}

// Hasty returns a context whose requests do not wait for the end of an outage.
func Hasty(ctx context.Context) context.Context { return context.WithValue(ctx, hastyKey{}, true) }

// retryer decides which requests are tried again, and when.
type retryer struct {
	*retry.Standard
	b        *Bucket
	attempts int  // of a store that has not answered yet
	patient  bool // whether it has answered or not
}

func (b *Bucket) newRetryer(attempts int) retryer {
	if attempts == 0 {
		attempts = callAttempts
	}
	return retryer{b: b, attempts: attempts, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = slices.Insert(slices.Clone(retry.DefaultRetryables), 1, retry.IsErrorRetryable(retry.IsErrorRetryableFunc(mayPass)))
		o.RateLimiter = ratelimit.None // an outage takes many tries, of several workers
	})}
}

// patient is for requests that may be the first ones and must not fail for a small disturbance.
func (b *Bucket) patient(o *s3.Options) {
	if r, ok := o.Retryer.(retryer); ok {
		r.patient = true
		o.Retryer = r
	}
}

// MaxAttempts is how often a request is tried.
func (r retryer) MaxAttempts() int {
	if r.patient || r.b.outages.proven.Load() {
		return max(r.attempts, outageAttempts)
	}
	return r.attempts
}

// RetryDelay is the pause after an attempt, which counts from 1.
func (r retryer) RetryDelay(attempt int, _ error) (time.Duration, error) {
	return r.b.pause(max(attempt, 1)), nil // the SDK's next way to retry counts from 0
}

// pause is the delay after a failed try, which counts from 1. It varies, so that many clients do not return at the same moment.
func (b *Bucket) pause(try int) time.Duration {
	delay := b.pace.backoff
	if try < 20 {
		delay = min(b.pace.retry<<(try-1), delay)
	}
	return delay + time.Duration(rand.Int64N(int64(delay)/4+1))
}

// GetRetryToken is called before each further try. It says what is waited for if that takes long.
func (r retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	lasts := r.b.failed(ctx, awsmiddleware.GetOperationName(ctx), err)
	if ctx.Value(hastyKey{}) != nil && lasts > r.b.pace.hasty {
		return nil, errHasty
	}
	return func(error) error { return nil }, nil
}

// GetAttemptToken makes it a RetryerV2 without a limit.
func (r retryer) GetAttemptToken(context.Context) (func(error) error, error) {
	return func(error) error { return nil }, nil
}

var errHasty = errors.New("no time to wait")

// transient are the codes of errors that pass, besides those that the SDK knows. Those about digests and bodies mean that a request
// was damaged on its way.
var transient = []string{
	"TooManyRequests", "BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch", "OperationAborted", "InternalError",
	"ServiceUnavailable", "RequestTimeout",
}

// mayPass decides about an error that the SDK would not try again.
func mayPass(err error) aws.Ternary {
	var answer *garbled
	if errors.As(err, &answer) || isCut(err) {
		return aws.TrueTernary
	}
	status, _ := response(err)
	switch {
	case slices.Contains(transient, code(err)), status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return aws.TrueTernary
	case status == http.StatusNotImplemented, status == http.StatusHTTPVersionNotSupported, status == http.StatusInsufficientStorage:
		return aws.FalseTernary
	case status >= 500:
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// outages remembers which operations fail at present, and since when.
type outages struct {
	proven  atomic.Bool // the store has answered as one
	mutex   sync.Mutex
	failing map[string]streak // by operation
	waiting string            // the operation of which the user was told
}

// streak is a row of failures of an operation.
type streak struct{ since, last time.Time }

// failed takes note of a failed try, and returns how long the operation has been failing. It tells the user once.
func (b *Bucket) failed(ctx context.Context, operation string, err error) time.Duration {
	b.outages.mutex.Lock()
	defer b.outages.mutex.Unlock()
	if b.outages.failing == nil {
		b.outages.failing = map[string]streak{}
	}
	now := time.Now()
	found, before := b.outages.failing[operation]
	if !before || now.Sub(found.last) > 2*(b.pace.backoff+idleTime) { // that was another outage
		found.since = now
	}
	found.last = now
	b.outages.failing[operation] = found
	lasts := now.Sub(found.since)
	if b.outages.waiting == "" && b.outages.proven.Load() && lasts >= b.pace.say && ctx.Value(hastyKey{}) == nil {
		b.outages.waiting = operation
		b.tell(b.fail(ctx, "waiting for", "", b.join(""), err).Error())
	}
	return lasts
}

// answered takes note of an answer.
func (b *Bucket) answered(operation string) {
	b.outages.proven.Store(true)
	b.outages.mutex.Lock()
	defer b.outages.mutex.Unlock()
	if b.outages.waiting == operation {
		b.outages.waiting = ""
		b.tell(fmt.Sprintf("%s answers again after %s", b, time.Since(b.outages.failing[operation].since).Round(time.Second)))
	}
	delete(b.outages.failing, operation)
}
