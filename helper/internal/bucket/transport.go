package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// idleTime is how long a connection may be idle before its request is ended and tried again. A request that makes progress may take
// any time: a fixed limit would end long transfers over slow lines.
const idleTime = 60 * time.Second

// completeTime is the same for a request that the server processes for long without sending anything.
const completeTime = 15 * time.Minute

// errIdle ends an idle request. The SDK tries again, as after any broken connection.
var errIdle = errors.New("no data was sent or received for too long")

type idleKey struct{}

// withIdle changes the idle time of requests with ctx.
func withIdle(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, idleKey{}, d)
}

// newTransport returns what holds the connections of S3 requests. base is the SDK's client if the user has their own certificates
// (AWS_CA_BUNDLE), else nil.
func newTransport(base aws.HTTPClient) aws.HTTPClient {
	inner, ok := base.(*awshttp.BuildableClient)
	if !ok {
		inner = awshttp.NewBuildableClient()
	}
	return inner.WithDialerOptions(func(d *net.Dialer) {
		d.Timeout = 10 * time.Second
	}).WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = 16
		t.WriteBufferSize = 64 << 10
		t.ReadBufferSize = 64 << 10
	})
}

// httpClient ends idle requests, keeps to the rate limit and hands on the date of each answer.
type httpClient struct {
	inner   aws.HTTPClient
	measure func(date string)
	limit   *RateLimit // nil if there is none
}

func (c *httpClient) Do(req *http.Request) (*http.Response, error) {
	idle := idleTime
	if d, ok := req.Context().Value(idleKey{}).(time.Duration); ok {
		idle = d
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &watch{ctx: ctx, idle: idle, cancel: cancel}
	w.timer = time.AfterFunc(idle, func() { cancel(errIdle) })
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &watchedRequest{c.limit.limit(ctx, req.Body), w}
	}
	resp, err := c.inner.Do(req)
	w.timer.Stop()
	if err != nil {
		err = w.classify(err)
		cancel(nil)
		return nil, err
	}
	c.measure(resp.Header.Get("Date"))
	resp.Body = c.limit.limit(ctx, &watchedResponse{resp.Body, w}) // outside of the watch, which must see only the server
	return resp, nil
}

// watch cancels an idle request.
type watch struct {
	ctx    context.Context
	idle   time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

// classify replaces the cancellation that the watch caused with errIdle.
func (w *watch) classify(err error) error {
	if errors.Is(context.Cause(w.ctx), errIdle) {
		return fmt.Errorf("%w (%s)", errIdle, w.idle)
	}
	return err
}

// watchedRequest watches a body that is sent. The time that its source needs does not count.
type watchedRequest struct {
	io.ReadCloser
	w *watch
}

func (r *watchedRequest) Read(p []byte) (int, error) {
	r.w.timer.Stop()
	n, err := r.ReadCloser.Read(p)
	r.w.timer.Reset(r.w.idle)
	return n, err
}

// watchedResponse watches a body that is received. The time that its reader needs does not count.
type watchedResponse struct {
	io.ReadCloser
	w *watch
}

func (r *watchedResponse) Read(p []byte) (int, error) {
	r.w.timer.Reset(r.w.idle)
	n, err := r.ReadCloser.Read(p)
	r.w.timer.Stop()
	if err != nil && err != io.EOF {
		err = r.w.classify(err)
	}
	return n, err
}

func (r *watchedResponse) Close() error {
	err := r.ReadCloser.Close()
	r.w.timer.Stop()
	r.w.cancel(nil)
	return err
}
