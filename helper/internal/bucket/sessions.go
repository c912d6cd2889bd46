package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Sessions shares what buckets with equal settings have in common: the AWS settings, the credentials and the connections. Of many
// projects, only the first one reads files, runs a program or asks AWS for credentials. A nil *Sessions shares nothing.
type Sessions struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]*session
}

// session is what settings lead to.
type session struct {
	config aws.Config
	access access
	inner  aws.HTTPClient
	err    error
	done   chan struct{} // closed when all of these are set
	ended  time.Time
}

const (
	// signInLimit is how long it may take to get credentials.
	signInLimit = 30 * time.Second
	// failureLasts is how long a failure is the answer for others, too.
	failureLasts = 15 * time.Second
)

var errSignInLimit = errors.New("no credentials within " + signInLimit.String())

// session returns the one for certain settings. It starts it if there is none, and waits until it is there, or ctx ends.
func (s *Sessions) session(ctx context.Context, environment map[string]string, region string) (*session, error) {
	if s == nil {
		alone := &session{done: make(chan struct{})}
		alone.open(ctx, environment, region)
		return alone, alone.err
	}
	text, err := json.Marshal([]any{environment, region}) // maps in the order of their keys
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256(text)
	s.mu.Lock()
	found := s.known[key]
	if found == nil || found.isOutdated() {
		found = &session{done: make(chan struct{})}
		if s.known == nil {
			s.known = map[[sha256.Size]byte]*session{}
		}
		s.known[key] = found
		go func() {
			// Others need the result, too, when the first who asks no longer waits.
			ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), signInLimit, errSignInLimit)
			defer cancel()
			found.open(ctx, environment, region)
		}()
	}
	s.mu.Unlock()
	select {
	case <-found.done:
		return found, found.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (f *session) open(ctx context.Context, environment map[string]string, region string) {
	defer close(f.done)
	if f.config, f.access, f.err = loadAccess(ctx, environment, region); f.err == nil {
		f.inner = newTransport(f.config.HTTPClient)
	}
	f.ended = time.Now()
}

// isOutdated reports whether it failed some time ago.
func (f *session) isOutdated() bool {
	select {
	case <-f.done:
		return f.err != nil && time.Since(f.ended) > failureLasts
	default:
		return false
	}
}
