package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// maxState bounds what is read of a project's small objects, in bytes.
const maxState = 4 << 20

// ReadState reads one of the small objects that are kept of a project beside its dumps, and its ETag. Both are empty if
// there is none.
func (b *Bucket) ReadState(ctx context.Context, name string) (text []byte, etag string, err error) {
	key := b.stateKey(name)
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		err = b.fail(ctx, "read", "s3:GetObject", key, err)
		if errors.Is(err, ErrNoSuchKey) {
			err = nil
		}
		return nil, "", err
	}
	defer out.Body.Close()
	text, err = io.ReadAll(io.LimitReader(out.Body, maxState))
	if err != nil {
		return nil, "", b.fail(ctx, "read", "s3:GetObject", key, err)
	}
	return text, aws.ToString(out.ETag), nil
}

// WriteState writes a small object in place of the one with that ETag, or where there is none if it is empty. The
// error's kind is ErrChanged if somebody else has written it meanwhile. Stores that know no conditions write it
// nevertheless.
func (b *Bucket) WriteState(ctx context.Context, name string, text []byte, etag string) error {
	key := b.stateKey(name)
	in := &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(text), ContentMD5: contentMD5(text),
		ContentType: aws.String("application/json"), ServerSideEncryption: b.sse, SSEKMSKeyId: optional(b.kmsKeyID),
	}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &etag
	}
	_, err := b.client.PutObject(ctx, in)
	if status, _ := response(err); status == http.StatusNotImplemented || err != nil && code(err) == "NotImplemented" {
		in.IfNoneMatch, in.IfMatch, in.Body = nil, nil, bytes.NewReader(text)
		_, err = b.client.PutObject(ctx, in)
	}
	if err == nil {
		return nil
	}
	if status, _ := response(err); status == http.StatusConflict || etag != "" && status == http.StatusNotFound {
		return &Error{Op: "write", Target: b.target(key), Kind: ErrChanged, Err: err}
	}
	return b.fail(ctx, "write", "s3:PutObject", key, err)
}
