// Package bucket stores dumps in an S3 bucket. It lists, uploads and fetches them, and lets one refresh per project run at a time.
// The AWS SDK's types and errors stay inside: callers see Objects and typed Errors.
package bucket

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// Config says which bucket to use and how to reach it.
type Config struct {
	Bucket  string // the bucket's name
	Prefix  string // dumps are direct children of Prefix/; slashes around it do not matter
	Project string // the project's name, which its keys begin with

	Region    string // takes precedence over AWS_REGION and the profile's region
	Endpoint  string // of an S3-compatible store; empty means AWS
	PathStyle bool   // put the bucket into the path; the default for IPs and hosts without a dot
	SSE       string // AES256, aws:kms or aws:kms:dsse; empty means the bucket's default
	KMSKeyID  string // implies aws:kms where SSE is empty

	// Environment has AWS_* settings, merged with the process's environment; nil means the process's environment alone.
	Environment map[string]string

	Sessions *Sessions // shares credentials and connections with other buckets; nil shares nothing

	RateLimit *RateLimit // limits the network traffic; nil is no limit

	Note func(string) // prints what the user should know although nothing failed; nil is silent
}

// Bucket is one project's part of a bucket. It is safe for concurrent use.
type Bucket struct {
	name, prefix, project string
	client                *s3.Client
	access                access
	clock                 *clock.Clock // the store's
	aws                   bool         // it is AWS and not a compatible store
	keys                  keyPattern
	sse                   types.ServerSideEncryption
	kmsKeyID              string
	limits                limits
	pace                  pace
	outages               outages

	wantsMD5 atomic.Bool // the bucket refuses parts without a Content-MD5
	noteFunc func(string)
	noted    sync.Map // the notes that were given; each is given once
}

// Open prepares access to a bucket and looks up the credentials. It does not call the bucket. Its errors are *Error of kind
// ErrNoCredentials, ErrNoProfile, ErrAWSFile, ErrCredentialProcess, ErrNeedsCode, ErrSSOExpired, ErrExpired or ErrUnreachable.
func Open(ctx context.Context, c Config) (*Bucket, error) {
	b := &Bucket{
		name:     c.Bucket,
		prefix:   strings.Trim(c.Prefix, "/"),
		project:  c.Project,
		keys:     newKeyPattern(c.Project),
		sse:      types.ServerSideEncryption(c.SSE),
		kmsKeyID: c.KMSKeyID,
		limits:   defaultLimits,
		pace:     defaultPace,
		noteFunc: c.Note,
	}
	if b.kmsKeyID != "" && b.sse == "" {
		b.sse = types.ServerSideEncryptionAwsKms
	}
	b.clock = new(clock.Clock)
	endpoint := c.Endpoint
	if endpoint == "" {
		endpoint = firstOf(c.Environment, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
	}
	if endpoint != "" {
		if err := checkEndpoint(endpoint); err != nil {
			return nil, err
		}
	}
	shared, err := c.Sessions.session(ctx, c.Environment, c.Region)
	if err != nil {
		return nil, err
	}
	cfg := shared.config
	b.access = shared.access
	b.aws = endpoint == "" && cfg.BaseEndpoint == nil
	http := &httpClient{inner: shared.inner, measure: b.measure, limit: c.RateLimit}
	b.client = s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.HTTPClient = http
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
		o.UsePathStyle = c.PathStyle || (o.BaseEndpoint != nil && needsPathStyle(*o.BaseEndpoint))
		// The signature has the SHA-256 of whole request bodies, which every S3 server checks. The SDK's own default, a CRC in a
		// trailer, makes some stores fail. Others store the trailer's framing as content.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
		o.RetryMaxAttempts = 0                         // or the SDK would wrap the retryer
		o.Retryer = b.newRetryer(cfg.RetryMaxAttempts) // AWS_MAX_ATTEMPTS or the profile's
		b.checkAnswers(o)
	})
	return b, nil
}

// String returns the bucket and prefix as a URL: s3://bucket/prefix/.
func (b *Bucket) String() string { return b.target(b.join("")) }

// target names a key in messages.
func (b *Bucket) target(key string) string { return "s3://" + b.name + "/" + key }

// join puts a name under the prefix.
func (b *Bucket) join(name string) string {
	if b.prefix == "" {
		return name
	}
	return b.prefix + "/" + name
}

// stateKey is the key of a state object beside the dumps.
func (b *Bucket) stateKey(name string) string {
	return b.join(".dump-refresh/" + b.project + "." + name)
}

// note passes a message to the user, once.
func (b *Bucket) note(text string) {
	if _, before := b.noted.LoadOrStore(text, true); !before {
		b.tell(text)
	}
}

// tell passes a message to the user.
func (b *Bucket) tell(text string) {
	if b.noteFunc != nil {
		b.noteFunc(text)
	}
}

// checkEndpoint rejects what is not a URL: the SDK would parse it in surprising ways.
func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return &Error{Op: "use endpoint", Target: endpoint, Kind: ErrEndpoint}
	}
	return nil
}

// needsPathStyle reports whether bucket.HOST cannot be a name: for IPs, and for names such as localhost or a container's.
func needsPathStyle(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost")
}

// lingering returns a context for a request that must not be cancelled at once when ctx ends: its answer would be lost.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(lingerTime, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() { stop(); cancel(nil) }
}

// lingerTime is how long such a request may take then.
const lingerTime = 3 * time.Second

// detached returns a context for cleaning up. It outlives the cancellation of ctx, but not for long.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}
