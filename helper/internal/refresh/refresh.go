// Package refresh is the way up: the staging database's SQL is compressed and sent to the bucket while
// it is dumped, and becomes a visible object only when all of it is known to be right.
package refresh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Progress is told how far a refresh has come.
type Progress interface {
	// Phase begins a stretch of work of about total bytes, 0 if nobody knows.
	Phase(name string, total int64)
	// Advance says that n more bytes of it are done.
	Advance(n int64)
	// Note says one line.
	Note(line string)
}

// Config says what to publish, and where.
type Config struct {
	Project     string
	ToolVersion string
	// Publisher is who makes the dump, as in ada@laptop.
	Publisher   string
	Source      source.Config
	Bucket      *bucket.Bucket
	Compression dumpfile.Compression
	// Level is the compression's own, 0 for the usual one.
	Level int
	// Force publishes a dump with far fewer tables or rows than the last one.
	Force bool
	// IfOlderThan leaves everything as it is where the newest dump is younger; 0 always refreshes.
	IfOlderThan time.Duration
	// IfChanged leaves everything as it is where staging can tell that the newest dump still is what a new one would be.
	IfChanged bool
	Retention Retention
	Progress  Progress
	// Yield is called when somebody else's refresh is waited for; Resume when that has ended without a dump, so that this
	// one goes on after all. Either may be nil.
	Yield  func(holder string)
	Resume func(context.Context) error
}

// Result says what came of a refresh.
type Result struct {
	Key string `json:"key"`
	// Published is false where somebody else's dump, or one that is fresh enough, was taken instead.
	Published bool `json:"published"`
	// Unchanged is true where the newest dump was taken because staging has not changed since.
	Unchanged    bool      `json:"unchanged"`
	ObjectBytes  int64     `json:"object_bytes"`
	SentBytes    int64     `json:"sent_bytes"`
	RawBytes     int64     `json:"raw_bytes"`
	Tables       int64     `json:"tables"`
	Rows         int64     `json:"rows"`
	Seconds      float64   `json:"seconds"`
	SnapshotTime time.Time `json:"snapshot_time"`
	// Deleted are the keys that retention removed, of dumps and of what lay beside them.
	Deleted []string `json:"deleted,omitempty"`
}

// tries is how often a dump is begun when a table's definition changes under it, or somebody waits for it.
const tries = 3

// pause is how long is waited before a dump begins anew that was in somebody's way.
var pause = 3 * time.Second

// Run publishes a fresh dump. Whatever goes wrong, the bucket holds neither a new object nor an
// unfinished upload when it returns.
func Run(ctx context.Context, config Config) (Result, error) {
	began := time.Now()
	r := &run{Config: config}
	result, err := r.publish(ctx)
	result.Seconds = time.Since(began).Seconds()
	return result, err
}

type run struct {
	Config
	previous previous
}

// previous is the project's last dump by this tool.
type previous struct {
	object bucket.Object
	index  *dumpfile.Index // nil where there is none
}

func (r *run) publish(ctx context.Context) (Result, error) {
	dumps, err := r.Bucket.Dumps(ctx)
	if err != nil {
		return Result{}, err
	}
	if r.young(dumps) {
		return r.reuse(ctx, dumps[0]), nil
	}
	if r.IfChanged {
		result, err := r.unchanged(ctx, dumps)
		if err != nil || result.Unchanged {
			return result, err
		}
	}
	waited := false
	lease, err := r.Bucket.Acquire(ctx, bucket.LeaseOptions{Holder: r.Publisher, Wait: func(holder string) {
		r.Progress.Note("waiting for the refresh by " + holder)
		if r.Yield != nil && !waited {
			r.Yield(holder)
		}
		waited = true
	}})
	if err != nil {
		return Result{}, err
	}
	if lease.Result() != "" {
		object, err := r.Bucket.Head(ctx, lease.Result())
		if err != nil {
			return Result{}, err
		}
		return r.reuse(ctx, object), nil
	}
	result, err := r.underLease(lease.Context(), waited)
	if releaseErr := lease.Release(ctx, result.Key); err == nil && releaseErr != nil {
		r.Progress.Note("the lease could not be given back, the next refresh will wait for it a while: " + releaseErr.Error())
	}
	if err != nil || !result.Published {
		return result, err
	}
	result.Deleted = r.expire(ctx)
	return result, nil
}

// young says whether the newest dump is young enough.
func (r *run) young(dumps []bucket.Object) bool {
	return len(dumps) > 0 && time.Since(dumps[0].Time) < r.IfOlderThan
}

// underLease makes the dump, unless somebody has made one between the first look and the lease.
func (r *run) underLease(ctx context.Context, waited bool) (Result, error) {
	if waited && r.Resume != nil {
		if err := r.Resume(ctx); err != nil {
			return Result{}, err
		}
	}
	if r.IfOlderThan > 0 {
		dumps, err := r.Bucket.Dumps(ctx)
		if err != nil {
			return Result{}, err
		}
		if r.young(dumps) {
			return r.reuse(ctx, dumps[0]), nil
		}
	}
	return r.dump(ctx)
}

// reuse reports a dump that somebody else made, or that is fresh enough.
func (r *run) reuse(ctx context.Context, object bucket.Object) Result {
	index, err := r.readIndex(ctx, object)
	if err != nil {
		return Result{Key: object.Key, ObjectBytes: object.Size, SnapshotTime: object.Time}
	}
	return resultOf(object, index)
}

// resultOf reports a dump that is there.
func resultOf(object bucket.Object, index *dumpfile.Index) Result {
	return Result{
		Key: object.Key, ObjectBytes: object.Size, SnapshotTime: object.Time,
		RawBytes: index.RawBytes, Tables: int64(len(index.Tables)), Rows: index.Rows,
	}
}

func (r *run) readIndex(ctx context.Context, object bucket.Object) (*dumpfile.Index, error) {
	compression, ok := dumpfile.ByName(object.Name)
	if !ok {
		return nil, dumpfile.ErrNoIndex
	}
	return dumpfile.ReadIndex(r.Bucket.ReaderAt(ctx, object), object.Size, compression)
}

// dump makes the dump while this process holds the lease.
func (r *run) dump(ctx context.Context) (Result, error) {
	if aborted, err := r.Bucket.AbortUnfinished(ctx); err == nil && aborted > 0 {
		r.Progress.Note("removed " + unfinished(aborted))
	}
	if err := r.readPrevious(ctx); err != nil {
		return Result{}, err
	}
	src, err := engine.OpenSource(ctx, r.Source)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = src.Close() }()
	info := src.Info()
	if info.Engine != "" && len(info.Tables) == 0 {
		return Result{}, ErrEmpty
	}
	for try := 1; ; try++ {
		result, err := r.attempt(ctx, src)
		gaveWay := errors.Is(err, source.ErrGaveWay)
		if try == tries || !gaveWay && !errors.Is(err, source.ErrDefinitionChanged) {
			return result, err
		}
		if !gaveWay {
			r.Progress.Note("a table was altered meanwhile, the dump begins anew")
			continue
		}
		r.Progress.Note(fmt.Sprintf("%s; it begins anew", err))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return result, context.Cause(ctx)
		}
	}
}

// readPrevious finds the last dump, which the gate compares with. It is looked for again now that this
// process alone may publish.
func (r *run) readPrevious(ctx context.Context) error {
	dumps, err := r.Bucket.Dumps(ctx)
	if err != nil {
		return err
	}
	for _, object := range dumps {
		if !object.Ours {
			continue
		}
		index, err := r.readIndex(ctx, object)
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			r.Progress.Note(fmt.Sprintf("nothing to compare with: the index of %s: %s", object.Name, err))
			return nil
		}
		r.previous = previous{object, index}
		return nil
	}
	return nil
}

// expire applies the retention rules. That it fails does not make the dump worse: it is said, not
// returned.
func (r *run) expire(ctx context.Context) []string {
	contents, err := r.Bucket.Contents(ctx)
	if err != nil {
		r.Progress.Note("old dumps are kept: " + err.Error())
		return nil
	}
	var deleted []string
	for _, object := range r.Retention.Expired(contents, time.Now()) {
		if err := r.Bucket.Delete(ctx, object); err != nil {
			r.Progress.Note(fmt.Sprintf("%s is kept: %s", object.Name, err))
			return deleted
		}
		deleted = append(deleted, object.Key)
	}
	return deleted
}

func unfinished(uploads int) string {
	if uploads == 1 {
		return "1 unfinished upload of an earlier refresh"
	}
	return fmt.Sprintf("%d unfinished uploads of earlier refreshes", uploads)
}
