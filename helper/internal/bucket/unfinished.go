package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// AbortUnfinished removes this project's uploads that were never completed, which are invisible and cost money. It returns how many
// there were. Only the holder of the lease may call it: it would also end a running upload of a dump. Uploads of tables as
// files stay while another process has the lease for them.
func (b *Bucket) AbortUnfinished(ctx context.Context) (int, error) {
	bakes := map[string]bool{}
	return b.abortUnfinished(ctx, func(u unfinished) (bool, error) {
		if u.series == "" {
			return true, nil
		}
		is, known := bakes[u.series]
		if !known {
			var err error
			if is, err = b.bakes(ctx, u.series); err != nil {
				return false, err
			}
			bakes[u.series] = is
		}
		return !is, nil
	})
}

// AbortUnfinishedBakes does the same for tables as files for one series of servers. Only the holder of the lease of AcquireBake may
// call it.
func (b *Bucket) AbortUnfinishedBakes(ctx context.Context, series string) (int, error) {
	return b.abortUnfinished(ctx, func(u unfinished) (bool, error) { return u.series == series, nil })
}

// bakes reports whether a process is making tables as files for a series. A holder of that lease without a sign of life for long, by
// the store's own clock, is dead. The lease is taken from it, so that it notices if it comes back.
func (b *Bucket) bakes(ctx context.Context, series string) (bool, error) {
	key := b.bakeLeaseKey(series)
	current, etag, err := b.readLease(ctx, key)
	switch {
	case errors.Is(err, ErrNoSuchKey):
		return false, nil
	case err != nil:
		return false, err
	case current.State == released:
		return false, nil
	}
	lease, err := b.Head(ctx, key)
	if err != nil {
		return false, err
	}
	now := b.Now()
	if lease.ETag != etag || !clock.IsFuture(lease.LastModified, now) && clock.Age(lease.LastModified, now) < 2*b.pace.expiry {
		return true, nil
	}
	if clock.IsFuture(lease.LastModified, now) { // then its time says nothing: watch whether it changes
		if err := clock.Sleep(ctx, b.pace.expiry); err != nil {
			return false, err
		}
		if lease, err = b.Head(ctx, key); err != nil || lease.ETag != etag {
			return true, err
		}
	}
	current.State, current.Token = released, rand.Text()
	_, err = b.writeLease(ctx, key, current, etag, true)
	if errors.Is(err, errTaken) || errors.Is(err, errUnconditional) {
		return true, nil
	}
	return false, err
}

// unfinished is an unfinished upload of this project.
type unfinished struct {
	key, id string
	series  string // of tables as files, empty for a dump's
}

// abortUnfinished aborts some of those uploads, those of dumps first.
func (b *Bucket) abortUnfinished(ctx context.Context, goes func(unfinished) (bool, error)) (int, error) {
	// All uploads are listed before the leases are read, so that later ones are not among them.
	uploads, err := b.listUnfinished(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, u := range uploads {
		goes, err := goes(u)
		if err == nil && goes {
			err = b.abort(ctx, u.key, u.id, 0)
		}
		if err != nil {
			return n, err
		}
		if goes {
			n++
		}
	}
	return n, nil
}

// listUnfinished lists this project's unfinished uploads, those of dumps first.
func (b *Bucket) listUnfinished(ctx context.Context) ([]unfinished, error) {
	prefix := b.join(b.project + "-")
	if !b.aws { // MinIO mistakes a prefix for a whole key
		prefix = ""
	}
	in := &s3.ListMultipartUploadsInput{Bucket: &b.name, Prefix: &prefix, EncodingType: types.EncodingTypeUrl}
	var uploads []unfinished
	for seen, more := newPages(), true; more; {
		page, err := b.client.ListMultipartUploads(ctx, in)
		if err != nil {
			return nil, b.fail(ctx, "list unfinished uploads in", "s3:ListBucketMultipartUploads", b.join(""), err)
		}
		in.KeyMarker, in.UploadIdMarker = decodeKey(page.NextKeyMarker, page.EncodingType), page.NextUploadIdMarker
		mark := aws.ToString(in.KeyMarker) + "\x00" + aws.ToString(in.UploadIdMarker)
		if more = aws.ToBool(page.IsTruncated); more && !seen.isNew(mark) {
			return nil, b.endless(b.join(""))
		}
		for _, found := range page.Uploads {
			key := aws.ToString(decodeKey(found.Key, page.EncodingType))
			dump, series := readBaked(base(key))
			if who, _ := b.keys.read(dump); who == ours && key == b.join(base(key)) {
				uploads = append(uploads, unfinished{key, aws.ToString(found.UploadId), series})
			}
		}
	}
	slices.SortStableFunc(uploads, func(x, y unfinished) int { return strings.Compare(x.series, y.series) })
	return uploads, nil
}
