package bucket

import (
	"bytes"
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// State is kept in small JSON objects that are not dumps: a project's below its prefix, that of several projects below .dump-refresh/
// in the bucket. They are overwritten, never deleted, and never listed as dumps.

// mostState bounds the size of a small object, in bytes.
const mostState = 4 << 20

// ReadState reads what WriteState wrote under a name. If there is nothing, the kind of error is ErrNoSuchKey; without permission to
// list, S3 returns ErrAccessDenied.
func (b *Bucket) ReadState(ctx context.Context, name string) ([]byte, error) {
	text, _, err := b.readSmall(ctx, b.stateKey(name))
	return text, err
}

// WriteState writes PREFIX/.dump-refresh/PROJECT.NAME. The last of several writers wins.
func (b *Bucket) WriteState(ctx context.Context, name string, text []byte) error {
	return b.writeSmall(ctx, b.stateKey(name), text)
}

// WriteShared writes .dump-refresh/NAME, which all projects in the bucket share.
func (b *Bucket) WriteShared(ctx context.Context, name string, text []byte) error {
	return b.writeSmall(ctx, sharedKey(name), text)
}

func sharedKey(name string) string { return ".dump-refresh/" + name }

// Location identifies the S3 bucket: it is equal for all Buckets in the same one.
func (b *Bucket) Location() string {
	return aws.ToString(b.client.Options().BaseEndpoint) + " " + b.name
}

// readSmall reads a small object and its ETag.
func (b *Bucket) readSmall(ctx context.Context, key string) ([]byte, string, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return nil, "", b.fail(ctx, "read", "s3:GetObject", key, err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(io.LimitReader(out.Body, mostState))
	if err != nil {
		return nil, "", b.fail(ctx, "read", "s3:GetObject", key, err)
	}
	return text, aws.ToString(out.ETag), nil
}

func (b *Bucket) writeSmall(ctx context.Context, key string, text []byte) error {
	if _, err := b.client.PutObject(ctx, b.small(key, text)); err != nil {
		return b.fail(ctx, "write", "s3:PutObject", key, err)
	}
	return nil
}

// small returns the request that writes a small object.
func (b *Bucket) small(key string, text []byte) *s3.PutObjectInput {
	return &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader(text), ContentMD5: contentMD5(text),
		ContentType: aws.String("application/json"), ServerSideEncryption: b.sse, SSEKMSKeyId: optional(b.kmsKeyID)}
}
