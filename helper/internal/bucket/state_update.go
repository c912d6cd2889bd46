package bucket

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// updateTries is how often a change is tried when other writers are faster.
const updateTries = 8

// UpdateState changes what WriteState wrote under a name. Concurrent changes do not undo each other: if another writer was faster,
// change is called again with the new content. It gets nil if there is nothing, and returns nil to change nothing. On stores
// without conditions the last writer wins.
func (b *Bucket) UpdateState(ctx context.Context, name string, change func(text []byte) ([]byte, error)) error {
	return b.update(ctx, b.stateKey(name), change)
}

// UpdateShared does the same for WriteShared.
func (b *Bucket) UpdateShared(ctx context.Context, name string, change func(text []byte) ([]byte, error)) error {
	return b.update(ctx, sharedKey(name), change)
}

func (b *Bucket) update(ctx context.Context, key string, change func(text []byte) ([]byte, error)) error {
	for try := 1; ; try++ {
		text, etag, unread := b.readSmall(ctx, key)
		denied := errors.Is(unread, ErrAccessDenied) // S3 may return this for a missing object
		if unread != nil && !denied && !errors.Is(unread, ErrNoSuchKey) {
			return unread
		}
		changed, err := change(text)
		if err != nil || changed == nil {
			return err
		}
		err = b.writeOver(ctx, key, changed, etag)
		if errors.Is(err, ErrChanged) && denied {
			return unread
		}
		if !errors.Is(err, ErrChanged) || try == updateTries {
			return err
		}
		if err := clock.Sleep(ctx, b.pace.retry); err != nil {
			return err
		}
	}
}

// writeOver replaces a small object with that ETag, or makes one if the ETag is empty. If that is not what is there, the kind of
// error is ErrChanged.
func (b *Bucket) writeOver(ctx context.Context, key string, text []byte, etag string) error {
	conditional := b.small(key, text)
	if etag == "" {
		conditional.IfNoneMatch = aws.String("*")
	} else {
		conditional.IfMatch = &etag
	}
	_, err := b.client.PutObject(ctx, conditional, once)
	if err == nil {
		return nil
	}
	status, _ := response(err)
	switch {
	case status == http.StatusNotImplemented:
		return b.writeSmall(ctx, key, text)
	case status == http.StatusConflict, status == http.StatusPreconditionFailed, status == http.StatusNotFound && etag != "":
		return &Error{Op: "write", Target: b.target(key), Kind: ErrChanged, Err: err}
	}
	return b.fail(ctx, "write", "s3:PutObject", key, err)
}
