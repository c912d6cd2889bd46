package bucket

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // what S3 compares; it guards against accidents, not against people
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/sync/semaphore"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// UploadOptions are an object's metadata and tags.
type UploadOptions struct {
	Metadata map[string]string // any text; about 2 KB in all
	Tags     map[string]string // left out, with a note, if the user may not or the store cannot tag
	// Earlier is an object in the same bucket that Copy copies from; nil without Put and Copy.
	Earlier *Object
}

// ErrAborted is what Write and Complete return after Abort.
var ErrAborted = errors.New("the upload was aborted")

// Upload sends an object of unknown size in parts. The object appears with Complete and not before. Write, Room and Complete are for
// one goroutine, Abort and Sent for any.
type Upload struct {
	b    *Bucket
	key  string
	opts UploadOptions

	caller context.Context // the caller's own
	ctx    context.Context // ends with the caller's, with the first failure and with Abort
	cancel context.CancelCauseFunc

	bufs    *buffers
	workers *semaphore.Weighted
	sending sync.WaitGroup
	sent    atomic.Int64
	copied  atomic.Int64
	cut     atomic.Bool // a part's request broke, and the server may still be processing it

	turn        sync.Mutex    // held by Write, Complete or Abort; guards the following fields
	id          string        // the multipart upload's ID; empty while there is none
	placed      int32         // how many parts come before those that are written
	first       int32         // the number of the first part that is written
	part        int32         // the number of the part being filled
	buf         []byte        // the content of the current part; nil if there is none
	stream      *streamedPart // the part that is being streamed, if any
	written     int64
	mayExist    bool   // a request was made that makes the object appear
	wrong       bool   // the object appeared, but is not what was sent
	interrupted bool   // the caller ended Complete
	etag        string // of the object, after Complete
	strays      bool   // the upload was begun more than once, perhaps: an answer was lost
	closed      bool   // completed or aborted

	mu    sync.Mutex
	parts []types.CompletedPart // the parts that the server has
}

// Upload begins an upload; nothing is sent yet. Abort must be called in the end. It does nothing after Complete.
func (b *Bucket) Upload(ctx context.Context, key string, opts UploadOptions) (*Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	first := int32(1)
	if opts.Earlier != nil {
		first += placedParts
	}
	u := &Upload{b: b, caller: ctx, key: key, opts: opts, first: first, part: first, bufs: newBuffers(b.limits),
		workers: semaphore.NewWeighted(b.limits.workers)}
	u.ctx, u.cancel = context.WithCancelCause(ctx)
	return u, nil
}

// Write adds bytes. It waits while too many are being sent. After a failure it returns that failure at once: an *Error, or the cause
// of the context's end.
func (u *Upload) Write(p []byte) (int, error) {
	u.turn.Lock()
	defer u.turn.Unlock()
	total := len(p)
	for len(p) > 0 {
		if err := u.failure(); err != nil {
			return total - len(p), err
		}
		n, err := u.take(p)
		u.written += int64(n)
		p = p[n:]
		if err != nil {
			return total - len(p), err
		}
	}
	return total, nil
}

// take takes some of p.
func (u *Upload) take(p []byte) (int, error) {
	if u.stream != nil {
		n, err := u.stream.write(p)
		if err == nil && u.stream.room == 0 {
			err = u.endStream()
		}
		return n, u.or(err)
	}
	size := u.b.limits.partSize(u.part - u.first + 1)
	switch {
	case u.part > maxParts:
		return 0, u.or(fmt.Errorf("upload %s: a dump of more than 5 TiB does not fit into an S3 object", u.b.target(u.key)))
	case u.buf == nil:
		buf, err := u.bufs.get(u.ctx, min(size, u.b.limits.maxBuffer))
		if err != nil {
			return 0, u.or(err)
		}
		u.buf = buf
	case len(u.buf) < cap(u.buf): // there is space left; filled below
	// The buffer is full and more follows, so this is not the last part.
	case size > u.b.limits.maxBuffer:
		return 0, u.or(u.beginStream(size))
	default:
		return 0, u.or(u.send())
	}
	n := min(len(p), cap(u.buf)-len(u.buf))
	u.buf = append(u.buf, p[:n]...)
	return n, nil
}

// Room is how many bytes the streamed part still needs; 0 if there is none. Complete refuses to end inside one: the server was
// promised its length.
func (u *Upload) Room() int64 {
	if u.stream == nil {
		return 0
	}
	return u.stream.room
}

// Sent is how many bytes the server has acknowledged.
func (u *Upload) Sent() int64 { return u.sent.Load() }

// Key is the key of the object.
func (u *Upload) Key() string { return u.key }

// failure returns the first failure; nil if there is none.
func (u *Upload) failure() error {
	if u.ctx.Err() == nil {
		return nil
	}
	return context.Cause(u.ctx)
}

// or returns the first failure instead of err, which may be only a consequence.
func (u *Upload) or(err error) error {
	if err == nil {
		return nil
	}
	u.cancel(err) // the first one counts
	return u.failure()
}

// open begins the multipart upload unless it has begun.
func (u *Upload) open() error {
	if u.id != "" {
		return nil
	}
	// Not cancelled with the upload at once: otherwise the server might begin an upload whose ID is lost.
	ctx, cancel := lingering(u.ctx)
	defer cancel()
	in := &s3.CreateMultipartUploadInput{
		Bucket: &u.b.name, Key: &u.key, ContentType: aws.String(contentType(u.key)),
		Metadata: encodeMetadata(u.opts.Metadata), ServerSideEncryption: u.b.sse, SSEKMSKeyId: optional(u.b.kmsKeyID),
	}
	return u.tagged(func(tags *string) error {
		in.Tagging = tags
		out, err := u.b.client.CreateMultipartUpload(ctx, in)
		if err != nil {
			u.strays = u.strays || apiError(err) == nil
			return u.b.fail(u.ctx, "begin upload of", "s3:PutObject", u.key, err)
		}
		if attempts, ok := retry.GetAttemptResults(out.ResultMetadata); !ok || len(attempts.Results) > 1 {
			u.strays = true
		}
		u.id = aws.ToString(out.UploadId)
		return nil
	})
}

// tagged makes a request with tags; if they are rejected, without.
func (u *Upload) tagged(request func(tags *string) error) error {
	if len(u.opts.Tags) == 0 {
		return request(nil)
	}
	values := url.Values{}
	for k, v := range u.opts.Tags {
		values.Set(k, tagValue(v))
	}
	err := request(aws.String(values.Encode()))
	if !errors.Is(err, ErrAccessDenied) && !errors.Is(err, ErrRejected) {
		return err
	}
	if without := request(nil); without != nil {
		return without
	}
	u.b.note("the dump has no tags: tagging is not allowed (s3:PutObjectTagging) or not supported")
	return nil
}

// tagValue makes a valid tag value of a text: at most 256 letters, digits, spaces and + - = . _ : / @. Versions of servers
// contain other characters.
func tagValue(text string) string {
	const most = 256
	value := []rune(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" +-=._:/@", r) {
			return r
		}
		return '_'
	}, text))
	return string(value[:min(len(value), most)])
}

// send hands the filled buffer to a worker.
func (u *Upload) send() error {
	if err := u.open(); err != nil {
		return err
	}
	if err := u.workers.Acquire(u.ctx, 1); err != nil {
		return err
	}
	buf, number := u.buf, u.part
	u.buf, u.part = nil, u.part+1
	u.sending.Go(func() {
		defer u.workers.Release(1)
		defer u.bufs.put(buf)
		out, err := u.b.putPart(u.ctx, &s3.UploadPartInput{
			Bucket: &u.b.name, Key: &u.key, UploadId: &u.id, PartNumber: &number,
		}, buf)
		if err != nil {
			u.cut.Store(true)
			u.cancel(u.b.fail(u.ctx, fmt.Sprintf("upload part %d of", number), "s3:PutObject", u.key, err))
			return
		}
		u.sent.Add(int64(len(buf)))
		u.done(number, out.ETag)
	})
	return nil
}

// putPart sends a part. Its SHA-256 is in the signature, which the server checks. An MD5 as well would cost as much again, so it is
// only sent to buckets that require it, as those with object lock do.
func (b *Bucket) putPart(ctx context.Context, in *s3.UploadPartInput, part []byte) (*s3.UploadPartOutput, error) {
	if b.wantsMD5.Load() {
		in.ContentMD5 = contentMD5(part)
	}
	in.Body = bytes.NewReader(part)
	out, err := b.client.UploadPart(ctx, in, b.patient, s3.WithAPIOptions(signPayload))
	if err == nil || in.ContentMD5 != nil || !insistsOnMD5(err) {
		return out, err
	}
	b.wantsMD5.Store(true)
	return b.putPart(ctx, in, part)
}

// signPayload puts the payload's SHA-256 into the signature, which the SDK omits with TLS.
func signPayload(stack *middleware.Stack) error {
	_, err := stack.Finalize.Swap((&v4.ComputePayloadSHA256{}).ID(), &v4.ComputePayloadSHA256{})
	return err
}

// insistsOnMD5 reports whether a request was rejected because it has no Content-MD5.
func insistsOnMD5(err error) bool {
	api := apiError(err)
	return api != nil && strings.Contains(api.ErrorMessage(), "Content-MD5")
}

// done records a part that the server has.
func (u *Upload) done(number int32, etag *string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.parts = append(u.parts, types.CompletedPart{PartNumber: &number, ETag: etag})
}

// Complete makes the object appear and checks its size. After an error, the object does not exist once Abort was called, unless
// nobody could tell: what may be complete stays.
func (u *Upload) Complete(ctx context.Context) error {
	u.turn.Lock()
	defer u.turn.Unlock()
	if err := u.failure(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { u.cancel(context.Cause(ctx)) })
	defer stop()
	if err := u.or(u.complete()); err != nil {
		u.interrupted = ctx.Err() != nil || u.caller.Err() != nil || errors.Is(err, ErrAborted)
		return err
	}
	u.closed = true
	u.removeStrays(ctx)
	return nil
}

func (u *Upload) complete() error {
	switch {
	case u.stream != nil:
		return fmt.Errorf("complete %s: a part of fixed length lacks %d bytes", u.b.target(u.key), u.Room())
	case u.written == 0:
		return fmt.Errorf("complete %s: nothing was written", u.b.target(u.key))
	case u.id == "":
		if err := u.putWhole(); err != nil {
			return err
		}
	default:
		if err := u.putTogether(); err != nil {
			return err
		}
	}
	return u.check()
}

// putWhole sends a small dump in one request.
func (u *Upload) putWhole() error {
	in := &s3.PutObjectInput{
		Bucket: &u.b.name, Key: &u.key, ContentType: aws.String(contentType(u.key)), ContentMD5: contentMD5(u.buf),
		Metadata: encodeMetadata(u.opts.Metadata), ServerSideEncryption: u.b.sse, SSEKMSKeyId: optional(u.b.kmsKeyID),
	}
	u.mayExist = true
	err := u.tagged(func(tags *string) error {
		in.Tagging, in.Body = tags, bytes.NewReader(u.buf)
		if _, err := u.b.client.PutObject(u.ctx, in, u.b.patient); err != nil {
			return u.settle("put", err)
		}
		return nil
	})
	if err == nil {
		u.sent.Store(u.written)
	}
	return err
}

// putTogether sends the last part, waits for all parts, and completes the upload.
func (u *Upload) putTogether() error {
	if len(u.buf) > 0 {
		if err := u.send(); err != nil {
			return err
		}
	}
	u.sending.Wait()
	if err := u.failure(); err != nil {
		return err
	}
	slices.SortFunc(u.parts, func(x, y types.CompletedPart) int { return cmp.Compare(*x.PartNumber, *y.PartNumber) })
	u.mayExist = true
	_, err := u.b.client.CompleteMultipartUpload(withIdle(u.ctx, completeTime), &s3.CompleteMultipartUploadInput{
		Bucket: &u.b.name, Key: &u.key, UploadId: &u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts},
	}, u.b.patient)
	if err != nil {
		err = u.settle("complete", err)
		if u.copied.Load() > 0 && errors.Is(err, ErrRejected) { // some stores want parts of one size
			err = fmt.Errorf("%w: %w", ErrNotCopied, err)
		}
		return err
	}
	return nil
}

// Published returns the object after Complete.
func (u *Upload) Published() Published { return Published{u.key, u.etag} }

// Abort ends an upload that was not completed and removes its parts from the server. It works after the context has ended and takes
// at most half a minute. It may be called at any time and more than once.
func (u *Upload) Abort() error {
	u.cancel(ErrAborted) // ends a running Write or Complete
	u.turn.Lock()
	defer u.turn.Unlock()
	if u.closed {
		return nil
	}
	u.sending.Wait() // a part that arrives after the abort would stay
	ctx, cancel := detached(u.ctx)
	defer cancel()
	var err error
	if u.id != "" {
		var pause time.Duration
		if u.cut.Load() {
			pause = u.b.pace.cut
		}
		err = u.b.abort(ctx, u.key, u.id, pause)
	}
	if u.mayExist && (u.wrong || u.interrupted) {
		err = errors.Join(err, u.b.Delete(ctx, Object{Key: u.key}))
	}
	u.closed = err == nil
	u.removeStrays(ctx)
	return err
}

// abort aborts a multipart upload and checks after a pause that it is gone: a server that still processes a part whose request broke
// may bring the upload back.
func (b *Bucket) abort(ctx context.Context, key, id string, pause time.Duration) error {
	for range 5 {
		_, err := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: &key, UploadId: &id})
		if err != nil && code(err) != "NoSuchUpload" {
			return b.fail(ctx, "abort upload of", "s3:AbortMultipartUpload", key, err)
		}
		if err := clock.Sleep(ctx, pause); err != nil {
			break
		}
		if _, err = b.client.ListParts(ctx, &s3.ListPartsInput{Bucket: &b.name, Key: &key, UploadId: &id}); err != nil {
			return nil //nolint:nilerr // the object is gone, or this role may not see it
		}
		pause = max(2*pause, b.pace.retry)
	}
	return &Error{Op: "abort upload of", Target: b.target(key), Kind: ErrRejected, message: "parts keep arriving"}
}

// contentMD5 makes the server check the content; buckets with object lock require it.
func contentMD5(p []byte) *string {
	sum := md5.Sum(p) //nolint:gosec // as above
	return aws.String(base64.StdEncoding.EncodeToString(sum[:]))
}

// optional returns nil for an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
