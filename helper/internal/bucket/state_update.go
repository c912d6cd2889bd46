package bucket

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// updateTries bounds how often a change is made again because somebody else was faster.
const updateTries = 8

// UpdateState changes what WriteState wrote under a name, so that of several who do so at once none undoes what another
// has done: change is called again, with what is there then, if somebody was faster. It gets nil where there is
// nothing, and gives nil to leave things as they are. On stores that know no conditions the last one wins.
func (b *Bucket) UpdateState(ctx context.Context, name string, change func(text []byte) ([]byte, error)) error {
	return b.update(ctx, b.stateKey(name), change)
}

// UpdateShared does the same with what WriteShared wrote.
func (b *Bucket) UpdateShared(ctx context.Context, name string, change func(text []byte) ([]byte, error)) error {
	return b.update(ctx, sharedKey(name), change)
}

func (b *Bucket) update(ctx context.Context, key string, change func(text []byte) ([]byte, error)) error {
	for try := 1; ; try++ {
		text, etag, unread := b.readSmall(ctx, key)
		denied := errors.Is(unread, ErrAccessDenied) // which is what S3 may say of an object that is not there
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
		if err := b.sleep(ctx, b.pace.retry); err != nil {
			return err
		}
	}
}

// writeOver writes a small object in place of the one with that ETag, or where there is none if it is empty. The
// error's kind is ErrChanged if that is not what is there.
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
