package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ErrNotCopied means that the store does not make an object of ranges of another one, or that the other one is gone. An upload that
// sends everything may succeed.
var ErrNotCopied = errors.New("ranges of the last dump cannot be copied")

const (
	// placedParts is how many ranges can be put before what is written, which leaves 8,000 parts for that.
	placedParts = 2_000
	// LeastPart is S3's smallest part but for the last, in bytes.
	LeastPart = 5 * mib
	// copyPart is the longest range of one request. S3 takes up to 5 GiB, but requests run side by side.
	copyPart = 256 * mib
)

// Put adds bytes, at least 5 MiB, before everything that is written, behind what was put or copied before. It is for uploads
// with an Earlier object.
func (u *Upload) Put(p []byte) error {
	u.turn.Lock()
	defer u.turn.Unlock()
	number, err := u.place(int64(len(p)))
	if err != nil {
		return u.or(err)
	}
	out, err := u.b.putPart(u.ctx, &s3.UploadPartInput{Bucket: &u.b.name, Key: &u.key, UploadId: &u.id, PartNumber: &number}, p)
	if err != nil {
		u.cut.Store(true)
		return u.or(u.b.fail(u.ctx, fmt.Sprintf("upload part %d of", number), "s3:PutObject", u.key, err))
	}
	u.sent.Add(int64(len(p)))
	u.done(number, out.ETag)
	return nil
}

// Copy adds a range of the Earlier object, at least 5 MiB, as Put adds bytes. The server copies it in the background; Complete waits
// for that and returns its errors, which are ErrNotCopied.
func (u *Upload) Copy(offset, size int64) error {
	u.turn.Lock()
	defer u.turn.Unlock()
	pieces := (size + copyPart - 1) / copyPart
	for i := range pieces {
		from, to := offset+size*i/pieces, offset+size*(i+1)/pieces
		number, err := u.place(to - from)
		if err == nil {
			err = u.workers.Acquire(u.ctx, 1)
		}
		if err != nil {
			return u.or(err)
		}
		u.sending.Go(func() {
			defer u.workers.Release(1)
			etag, err := u.copyPart(u.ctx, number, Range{from, to - from})
			if err != nil {
				u.cut.Store(true)
				u.cancel(err)
				return
			}
			u.copied.Add(to - from)
			u.done(number, etag)
		})
	}
	return nil
}

// Copied is how many bytes the server has copied from the earlier object.
func (u *Upload) Copied() int64 { return u.copied.Load() }

// TryCopy reports whether the server can copy from the Earlier object. Nothing of what it copies gets into the upload. It does not wait for
// the end of an outage: some stores answer what they cannot do as if it would pass.
func (u *Upload) TryCopy() error {
	u.turn.Lock()
	defer u.turn.Unlock()
	if err := u.open(); err != nil {
		return u.or(err)
	}
	_, err := u.copyPart(Hasty(u.ctx), 1, Range{0, min(LeastPart, u.opts.Earlier.Size)}) // a later part 1 takes its place
	return err
}

// place returns the number of the part that comes next before what is written.
func (u *Upload) place(size int64) (int32, error) {
	switch {
	case size < LeastPart:
		return 0, fmt.Errorf("upload %s: a part of %d bytes comes before others", u.b.target(u.key), size)
	case u.placed == placedParts:
		return 0, fmt.Errorf("%w: it takes more than %d ranges", ErrNotCopied, placedParts)
	}
	if err := u.open(); err != nil {
		return 0, err
	}
	u.placed++
	u.written += size
	return u.placed, nil
}

func (u *Upload) copyPart(ctx context.Context, number int32, r Range) (etag *string, err error) {
	from := u.opts.Earlier
	source := url.PathEscape(u.b.name) + "/" + (&url.URL{Path: from.Key}).EscapedPath()
	if from.VersionID != "" {
		source += "?versionId=" + url.QueryEscape(from.VersionID)
	}
	out, err := u.b.client.UploadPartCopy(withIdle(ctx, completeTime), &s3.UploadPartCopyInput{
		Bucket: &u.b.name, Key: &u.key, UploadId: &u.id, PartNumber: &number,
		CopySource: &source, CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Size-1)),
		CopySourceIfMatch: optional(from.ETag),
	}, u.b.patient)
	if err == nil && (out.CopyPartResult == nil || out.CopyPartResult.ETag == nil) {
		err = errors.New("the answer names no part")
	}
	if err != nil {
		if u.ctx.Err() != nil {
			return nil, u.failure()
		}
		return nil, fmt.Errorf("%w: %w", ErrNotCopied, u.b.fail(u.ctx, "copy from", "s3:GetObject", from.Key, err))
	}
	return out.CopyPartResult.ETag, nil
}
