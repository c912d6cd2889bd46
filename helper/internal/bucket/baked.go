package bucket

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// A dump may have baked objects beside it: its tables as files, one object for each series of servers. They may be missing, and
// they are deleted with their dump. A baked object without its dump is an orphan: another tool deleted the dump, or the dump was
// deleted while the object was made.

// Baked looks for the tables as files of a dump, by its key, for a series of servers. It takes one request. If there are none,
// the kind of error is ErrNoSuchKey. Without permission to list, S3 returns the same for objects that may not be read.
func (b *Bucket) Baked(ctx context.Context, dump, series string) (Object, error) {
	found, err := b.Head(ctx, Beside(dump, series))
	var failure *Error
	if errors.As(err, &failure) && failure.Kind == ErrAccessDenied {
		return Object{}, &Error{Op: failure.Op, Target: failure.Target, Kind: ErrNoSuchKey, Err: err}
	}
	return found, err
}

// AllBaked lists a dump's tables as files, by its key, in the order of series.
func (b *Bucket) AllBaked(ctx context.Context, dump string) ([]Object, error) {
	var found []Object
	for o, err := range b.objects(ctx, dump+".", "") {
		if err != nil {
			return nil, err
		}
		// The key may also begin with the key of another dump.
		if object := b.listed(o); object.Series != "" && object.Key == Beside(dump, object.Series) {
			found = append(found, object)
		}
	}
	slices.SortFunc(found, bySeries)
	return found, nil
}

func bySeries(x, y Object) int { return strings.Compare(x.Series, y.Series) }

// deleteBaked removes the baked objects of a dump before the dump itself, so that an interruption leaves no orphan. Without
// permission to list, they stay as orphans.
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

// AcquireBake takes the lease for making tables as files. There is one for each project and series of servers. It waits as Acquire
// does. The lease may have a Result: the key of what another process has baked from the same dump meanwhile. Without a Result
// the object may still exist, because other processes may have had the lease in between: look again. Release takes the key of
// the new object.
func (b *Bucket) AcquireBake(ctx context.Context, dump, series string, opts LeaseOptions) (*Lease, error) {
	for {
		lease, err := b.acquire(ctx, b.bakeLeaseKey(series), opts)
		if err != nil || lease.Result() == "" || lease.Result() == Beside(dump, series) {
			return lease, err
		}
		// The result is for another dump: wait for the turn of this one.
	}
}

func (b *Bucket) bakeLeaseKey(series string) string {
	return b.stateKey("bake-" + series + ".lease.json")
}
