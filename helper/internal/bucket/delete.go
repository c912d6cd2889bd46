package bucket

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Delete removes an object. In a versioned bucket it removes the version itself, to free the space. If that is not allowed, it leaves
// a marker and notes this. A missing object is no error. It removes a dump's baked objects first.
func (b *Bucket) Delete(ctx context.Context, o Object) error {
	if who, _ := b.keys.read(base(o.Key)); who == ours {
		if err := b.deleteBaked(ctx, o.Key); err != nil {
			return err
		}
	}
	_, series := readBaked(base(o.Key))
	for {
		version, err := b.deleteOnce(ctx, o)
		// A baked object may have several versions: when the newest one is deleted, the one before appears again.
		if err != nil || version == "" || series == "" || o.VersionID != "" {
			return err
		}
	}
}

// deleteOnce removes the newest version of an object and returns it. It returns none in a bucket without versions, if there is no
// object, and if it could only leave a marker.
func (b *Bucket) deleteOnce(ctx context.Context, o Object) (removed string, err error) {
	version := o.VersionID
	if version == "" {
		if version, err = b.newestVersion(ctx, o.Key); errors.Is(err, ErrNoSuchKey) {
			return "", nil
		} else if err != nil {
			return "", err
		}
	}
	in := &s3.DeleteObjectInput{Bucket: &b.name, Key: &o.Key, VersionId: optional(version)}
	out, err := b.client.DeleteObject(ctx, in)
	if version != "" && err != nil {
		if err := b.fail(ctx, "delete", "s3:DeleteObject", o.Key, err); !errors.Is(err, ErrAccessDenied) {
			return "", err
		}
		in.VersionId = nil
		out, err = b.client.DeleteObject(ctx, in)
	}
	if err != nil {
		return "", b.fail(ctx, "delete", "s3:DeleteObject", o.Key, err)
	}
	if in.VersionId == nil && aws.ToBool(out.DeleteMarker) {
		lacking := "s3:DeleteObjectVersion"
		if version == "" {
			lacking = "s3:ListBucketVersions"
		}
		b.note("deleted dumps stay as old versions, and are paid for: " + lacking + " is not allowed")
	}
	return aws.ToString(in.VersionId), nil
}

// newestVersion returns an object's current version: "" in a bucket without versions and if it may not be read. It lists
// versions, because deleting dumps must not need permission to read them.
func (b *Bucket) newestVersion(ctx context.Context, key string) (string, error) {
	now, err := b.Head(ctx, key)
	if !errors.Is(err, ErrAccessDenied) {
		return now.VersionID, err
	}
	list, err := b.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &key, MaxKeys: aws.Int32(1)})
	if err != nil || len(list.Versions) == 0 || aws.ToString(list.Versions[0].Key) != key {
		return "", nil //nolint:nilerr // a role that may not list versions may still delete
	}
	return aws.ToString(list.Versions[0].VersionId), nil
}
