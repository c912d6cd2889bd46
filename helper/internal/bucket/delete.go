package bucket

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Delete removes an object. In a versioned bucket it removes the version itself, so that the storage is freed;
// where that is not allowed it leaves a marker and notes so. A missing object is no error.
func (b *Bucket) Delete(ctx context.Context, o Object) error {
	version := o.VersionID
	if version == "" {
		now, err := b.Head(ctx, o.Key)
		switch {
		case errors.Is(err, ErrNoSuchKey):
			return nil
		case err != nil && !errors.Is(err, ErrAccessDenied): // who may not look may still delete
			return err
		}
		version = now.VersionID
	}
	in := &s3.DeleteObjectInput{Bucket: &b.name, Key: &o.Key, VersionId: optional(version)}
	_, err := b.client.DeleteObject(ctx, in)
	if err == nil {
		return nil
	}
	err = b.fail(ctx, "delete", "s3:DeleteObject", o.Key, err)
	if version == "" || !errors.Is(err, ErrAccessDenied) {
		return err
	}
	in.VersionId = nil
	if _, err := b.client.DeleteObject(ctx, in); err != nil {
		return b.fail(ctx, "delete", "s3:DeleteObject", o.Key, err)
	}
	b.note("deleted dumps stay as old versions, and are paid for: s3:DeleteObjectVersion is not allowed")
	return nil
}

// AbortUnfinished removes the parts of this project's uploads that were never completed, which nobody sees
// and somebody pays for, and says how many there were. Only the holder of the lease may call it: it
// would end a running upload as well.
func (b *Bucket) AbortUnfinished(ctx context.Context) (int, error) {
	prefix := b.join(b.project + "-")
	if !b.aws { // MinIO takes a prefix for a whole key
		prefix = ""
	}
	pages := s3.NewListMultipartUploadsPaginator(b.client, &s3.ListMultipartUploadsInput{Bucket: &b.name, Prefix: &prefix})
	n := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return n, b.fail(ctx, "list unfinished uploads in", "s3:ListBucketMultipartUploads", b.join(""), err)
		}
		for _, up := range page.Uploads {
			key := aws.ToString(up.Key)
			if who, _ := b.keys.read(base(key)); who != ours || key != b.join(base(key)) {
				continue
			}
			if err := b.abort(ctx, key, aws.ToString(up.UploadId), 0); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}
