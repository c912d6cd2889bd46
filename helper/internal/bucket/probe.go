package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Probes show what works before anything depends on it.

// Answer is what is known about a setting of the bucket.
type Answer int

// Unknown is the answer if the store has no such setting or the user may not read it.
const (
	Unknown Answer = iota
	Yes
	No
)

func (a Answer) String() string { return [...]string{"unknown", "yes", "no"}[a] }

// Credentials describes where the credentials come from: "AWS_ACCESS_KEY_ID", "profile shop (SSO)".
func (b *Bucket) Credentials() string { return b.access.source }

// CanList checks whether the prefix may be listed. It returns nil or the reason.
func (b *Bucket) CanList(ctx context.Context) error {
	prefix := b.join("")
	_, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(1)})
	if err != nil {
		return b.fail(ctx, "list", "s3:ListBucket", prefix, err)
	}
	return nil
}

// CanGet checks whether a dump may be read, by reading its first byte.
func (b *Bucket) CanGet(ctx context.Context, o Object) error {
	r := b.ranged(ctx, o, 0, min(1, o.Size))
	defer r.Close()
	if _, err := r.Read(make([]byte, 1)); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// CanPut checks whether objects may be written under the prefix, by writing a tiny one beside the dumps.
func (b *Bucket) CanPut(ctx context.Context) error {
	key := b.stateKey("probe")
	in := &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader([]byte("probe\n")),
		ContentMD5: contentMD5([]byte("probe\n")), ServerSideEncryption: b.sse, SSEKMSKeyId: optional(b.kmsKeyID)}
	if _, err := b.client.PutObject(ctx, in); err != nil {
		return b.fail(ctx, "put", "s3:PutObject", key, err)
	}
	b.removeProbe(ctx, key)
	return nil
}

// CanUpload checks whether dumps of several parts may be written. With KMS these need kms:Decrypt as well as kms:GenerateDataKey.
func (b *Bucket) CanUpload(ctx context.Context) error {
	u, err := b.Upload(ctx, b.stateKey("probe"), UploadOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = u.Abort() }()
	if err := u.open(); err != nil {
		return err
	}
	if _, err := u.Write([]byte("probe\n")); err != nil {
		return err
	}
	if err := u.Complete(ctx); err != nil {
		return err
	}
	b.removeProbe(ctx, u.Key())
	return nil
}

// removeProbe deletes a probe. If it may not, the next probe overwrites it.
func (b *Bucket) removeProbe(ctx context.Context, key string) {
	if err := b.Delete(ctx, Object{Key: key}); err != nil {
		b.note("a probe of a few bytes stays in the bucket: " + b.target(key))
	}
}

// Settings are what the bucket does by itself.
type Settings struct {
	AbortsUnfinished Answer // a lifecycle rule removes unfinished uploads under the prefix
	Versioned        Answer // deleted and overwritten objects stay as versions
	ExpiresVersions  Answer // a lifecycle rule removes such versions under the prefix
	Public           Answer // anybody may read it
}

// Settings reads the bucket's settings. Those that may not be read or that the store does not have are Unknown. It only fails if
// the bucket cannot be used at all.
func (b *Bucket) Settings(ctx context.Context) (Settings, error) {
	var s Settings
	dumps := b.join(b.project + "-")
	life, err := b.lifecycle(ctx)
	if err == nil {
		_, aborts := life.aborting(dumps)
		_, expires := life.expiring(dumps)
		s.AbortsUnfinished, s.ExpiresVersions = answer(aborts), answer(expires)
	} else if err := b.unless(ctx, err); err != nil {
		return s, err
	}
	versioned, err := b.versioned(ctx)
	if err == nil {
		s.Versioned = answer(versioned)
	} else if err := b.unless(ctx, err); err != nil {
		return s, err
	}
	if s.Public, err = b.public(ctx); err != nil {
		if err := b.unless(ctx, err); err != nil {
			return s, err
		}
	}
	return s, nil
}

// versioned reports whether deleted and overwritten objects stay as versions. The error is the SDK's.
func (b *Bucket) versioned(ctx context.Context) (bool, error) {
	out, err := b.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.name})
	return err == nil && out.Status == types.BucketVersioningStatusEnabled, err
}

// public reports whether the bucket's policy lets anybody in. The error is the SDK's.
func (b *Bucket) public(ctx context.Context) (Answer, error) {
	out, err := b.client.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: &b.name})
	switch {
	case code(err) == "NoSuchBucketPolicy":
		return No, nil
	case err != nil || out.PolicyStatus == nil:
		return Unknown, err
	}
	return answer(aws.ToBool(out.PolicyStatus.IsPublic)), nil
}

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// unless returns only errors that make further requests pointless.
func (b *Bucket) unless(ctx context.Context, err error) error {
	err = b.fail(ctx, "look at", "", "", err)
	for _, k := range []Kind{ErrAccessDenied, ErrRejected, ErrNoSuchKey, ErrUnavailable, ErrEndpoint} {
		if errors.Is(err, k) {
			return nil
		}
	}
	return err
}
