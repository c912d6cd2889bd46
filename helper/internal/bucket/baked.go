package bucket

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Beside a dump there may be objects with its tables as files, one for each series of servers that somebody wanted. They
// may be missing, and they go with their dump. One that lies there without its dump is an orphan: the dump was deleted by
// other tools, or while the object was being made.

// Contents is what a listing finds of a project.
type Contents struct {
	Dumps   []Object // as Dumps gives them, with their Baked
	Orphans []Object // tables as files whose dump is gone
	Others  Others   // of other projects
}

// Baked looks for the tables as files of the dump with that key, for servers of a series, by one request. The kind of
// error is ErrNoSuchKey where there are none; also where that cannot be told from their not being for everybody, as S3
// does without permission to list.
func (b *Bucket) Baked(ctx context.Context, dump, series string) (Object, error) {
	found, err := b.Head(ctx, Beside(dump, series))
	var failure *Error
	if errors.As(err, &failure) && failure.Kind == ErrAccessDenied {
		return Object{}, &Error{Op: failure.Op, Target: failure.Target, Kind: ErrNoSuchKey, Err: err}
	}
	return found, err
}

// AllBaked lists the tables as files of the dump with that key, by series.
func (b *Bucket) AllBaked(ctx context.Context, dump string) ([]Object, error) {
	prefix := dump + "."
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix})
	var found []Object
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, b.fail(ctx, "list", "s3:ListBucket", prefix, err)
		}
		for _, o := range page.Contents {
			// What begins like this dump may be another one's.
			if object := b.listed(o); object.Series != "" && object.Key == Beside(dump, object.Series) {
				found = append(found, object)
			}
		}
	}
	slices.SortFunc(found, bySeries)
	return found, nil
}

func bySeries(x, y Object) int { return strings.Compare(x.Series, y.Series) }

// deleteBaked removes what lies beside a dump, before the dump: who dies in between leaves nothing that has no dump. Where it
// may not be listed it stays, as an orphan.
func (b *Bucket) deleteBaked(ctx context.Context, dump string) error {
	beside, err := b.AllBaked(ctx, dump)
	if errors.Is(err, ErrAccessDenied) {
		return nil
	}
	for _, object := range beside {
		if err := b.Delete(ctx, object); err != nil {
			return err
		}
	}
	return err
}

// AcquireBake takes the lease for making the tables as files of a dump, which is one for all dumps of the project and one
// series of servers. It waits as Acquire does; the Result, where there is one, is the key of what somebody else has made of
// this very dump meanwhile. Without one it may be there all the same, if others had the lease in between: look again. Release takes
// the key of what was made.
func (b *Bucket) AcquireBake(ctx context.Context, dump, series string, opts LeaseOptions) (*Lease, error) {
	for {
		lease, err := b.acquire(ctx, b.bakeLeaseKey(series), opts)
		if err != nil || lease.Result() == "" || lease.Result() == Beside(dump, series) {
			return lease, err
		}
		// Of another dump: this one's turn comes after all.
	}
}

func (b *Bucket) bakeLeaseKey(series string) string {
	return b.stateKey("bake-" + series + ".lease.json")
}
