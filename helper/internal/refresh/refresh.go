// Package refresh dumps the staging database, compresses the SQL and uploads it, all at the same time. The object becomes
// visible only when the whole dump has been checked.
package refresh

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/retention"
	"github.com/jobiqo/dump-refresh/helper/internal/signing"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Config says what to publish, and where.
type Config struct {
	Project     string
	ToolVersion string
	// Publisher names the user and machine, as in ada@laptop.
	Publisher   string
	Source      source.Config
	Bucket      *bucket.Bucket
	Compression dumpfile.Compression
	// SignKey signs the dump, if it is set.
	SignKey signing.Key
	// Level is the compression level; 0 for the default.
	Level int
	// Force reads every table and publishes in any case: whatever the age of the newest dump, and with far fewer tables or rows than it has.
	Force bool
	// Full reads and sends every byte, whatever the last dump contains.
	Full bool
	// IfOlderThan takes the newest dump if it is younger than this; 0 always makes a new one.
	IfOlderThan time.Duration
	// IfChanged takes the newest dump if staging can prove that a new one would be the same.
	IfChanged bool
	Retention retention.Rules
	Progress  dump.Progress
	// Yield is called when this refresh waits for another one. Resume is called when the other one has ended without a dump
	// and this one continues. Either may be nil.
	Yield  func(holder string)
	Resume func(context.Context) error
}

// Result is the result of a refresh.
type Result struct {
	Key string `json:"key"`
	// Published is false if an existing dump was taken instead.
	Published bool `json:"published"`
	// Unchanged is true if the newest dump was taken because staging has not changed since.
	Unchanged   bool  `json:"unchanged"`
	ObjectBytes int64 `json:"object_bytes"`
	SentBytes   int64 `json:"sent_bytes"`
	// CopiedBytes is how many of the object's bytes the store has copied from the last dump, and ReusedBytes how many bytes of SQL
	// are the same as there.
	CopiedBytes int64 `json:"copied_bytes"`
	ReusedBytes int64 `json:"reused_bytes"`
	// UnreadTables is how many tables were not read, because they provably have not changed since the last dump.
	UnreadTables int64     `json:"unread_tables"`
	RawBytes     int64     `json:"raw_bytes"`
	Tables       int64     `json:"tables"`
	Rows         int64     `json:"rows"`
	Seconds      float64   `json:"seconds"`
	SnapshotTime time.Time `json:"snapshot_time"`
	// Deleted are the keys of the dumps and baked objects that retention has deleted.
	Deleted []string `json:"deleted,omitempty"`
}

// maxTries is how often a dump starts when a table's definition changes meanwhile or when it has to give way.
const maxTries = 3

// pause is the wait before a dump that gave way starts again.
var pause = 3 * time.Second

// Run publishes a fresh dump. If it fails, it leaves neither a new object nor an unfinished upload in the bucket.
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
	// newest is the project's newest dump, by whichever tool; without a key if there is none.
	newest bucket.Object
	// last and published are what was published before, and now.
	last, published bucket.Published
	// needs finds out what the dump needs of a server.
	needs engine.NeedsReader
	// tableless says that the source has views or routines, but no tables.
	tableless bool
	// expiring means that a lifecycle rule deletes the newest dump before long.
	expiring bool
	// tableStates are those of staging's tables, before the snapshot.
	tableStates source.TableStates
	// sendAll means that nothing can be reused from the last dump.
	sendAll bool
}

// previous is the project's last dump by this tool.
type previous struct {
	object bucket.Object
	index  *dumpfile.Index // nil if there is none
	newest bool            // no other tool's dump is newer, nor is one dated in the future
	intact bool            // the object is known to be as it was published
}

func (r *run) publish(ctx context.Context) (Result, error) {
	dumps, err := r.Bucket.Dumps(ctx)
	if err != nil {
		return Result{}, err
	}
	if young, err := r.young(ctx, dumps); err != nil {
		return Result{}, err
	} else if young {
		return r.reuse(ctx, dumps[0])
	}
	if r.IfChanged && !r.Force {
		result, err := r.unchanged(ctx, dumps)
		if err != nil {
			return result, err
		}
		if result.Unchanged {
			result.Deleted = r.expire(ctx) // dumps grow old while nothing changes
			return result, nil
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
		return r.reuse(ctx, object)
	}
	r.last, r.published = lease.Last(), bucket.Published{}
	result, err := r.underLease(lease.Context(), waited)
	if r.published.Key == "" {
		r.published.Key = result.Key
	}
	if releaseErr := lease.Release(ctx, r.published); err == nil && releaseErr != nil {
		r.Progress.Note("cannot release the lease, so the next refresh waits until it expires: " + releaseErr.Error())
	}
	if err != nil || !result.Published && !result.Unchanged {
		return result, err
	}
	result.Deleted = r.expire(ctx)
	return result, nil
}

// young reports whether the newest dump is young enough.
func (r *run) young(ctx context.Context, dumps []bucket.Object) (bool, error) {
	if len(dumps) == 0 || r.Force || r.IfOlderThan == 0 {
		return false, nil
	}
	known, err := r.Bucket.Known(ctx, dumps[0])
	return clock.Younger(known, r.Bucket.Now(), r.IfOlderThan), err
}

// underLease makes the dump, unless another process has published one before this one got the lease.
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
		if young, err := r.young(ctx, dumps); err != nil {
			return Result{}, err
		} else if young {
			return r.reuse(ctx, dumps[0])
		}
	}
	return r.dump(ctx)
}

// reuse returns the result for an existing dump, unless it was made of another source.
func (r *run) reuse(ctx context.Context, object bucket.Object) (Result, error) {
	index, err := r.readIndex(ctx, object)
	if err != nil {
		return Result{Key: object.Key, ObjectBytes: object.Size, SnapshotTime: object.Time}, nil //nolint:nilerr // a dump by another tool has none
	}
	if err := r.refuseOthers(ctx, object, index); err != nil {
		return Result{}, err
	}
	return resultOf(object, index), nil
}

// resultOf returns the result for a dump with an index.
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
	for lost := 0; ; lost++ {
		result, err := r.dumpSource(ctx)
		if lost == len(lostPauses) || !r.mayComeBack(err, lost > 0) || ctx.Err() != nil {
			return result, err
		}
		r.Progress.Note(strings.ReplaceAll(err.Error(), "\n", ": ") + "; trying again")
		if err := clock.Sleep(ctx, lostPauses[lost]); err != nil {
			return result, err
		}
	}
}

// mayComeBack reports whether the source is worth another try. One that was reached before may be restarting. One that was silent for long
// has kept others waiting, and a command may do more than print SQL.
func (r *run) mayComeBack(err error, reached bool) bool {
	var silent *silence.Error
	lost := errors.Is(err, source.ErrConnectionLost) || reached && errors.Is(err, source.ErrUnreachable)
	return lost && !errors.As(err, &silent) && r.Source.Command == ""
}

// lostPauses are the waits before a dump whose connection was lost begins anew. A server that restarts is back after some seconds.
var lostPauses = []time.Duration{time.Second, 3 * time.Second}

// dumpSource connects to the source and makes the dump.
func (r *run) dumpSource(ctx context.Context) (Result, error) {
	src, err := engine.OpenSource(ctx, r.Source)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = src.Close() }()
	info := src.Info()
	if err := r.refuseOther(r.previous.object, r.previous.index, info); err != nil {
		return Result{}, err
	}
	if err := r.requireContents(info); err != nil {
		return Result{}, err
	}
	for try := 1; ; try++ {
		result, err := r.dumpOnce(ctx, src)
		if !r.sendAll && cannotReuse(err) && ctx.Err() == nil {
			r.cannotCopy(err)
			try--
			continue
		}
		gaveWay := errors.Is(err, source.ErrGaveWay)
		if try == maxTries || !gaveWay && !errors.Is(err, source.ErrDefinitionChanged) {
			return result, err
		}
		if !gaveWay {
			r.Progress.Note("a table was altered during the dump; starting again")
			continue
		}
		r.Progress.Note(fmt.Sprintf("%s; starting again", err))
		if err := clock.Sleep(ctx, pause); err != nil {
			return result, err
		}
	}
}

// readPrevious finds the last dump for the gate. It lists the bucket again, because now no other process may publish.
func (r *run) readPrevious(ctx context.Context) error {
	contents, err := r.Bucket.Contents(ctx)
	if err != nil {
		return err
	}
	if len(contents.Dumps) > 0 {
		r.newest = contents.Dumps[0]
	}
	for i, object := range contents.Dumps {
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
		r.previous = previous{object: object, index: index, newest: i == 0 && len(contents.Future) == 0, intact: r.last.Is(object)}
		if r.last.Key == object.Key && r.last.ETag != "" && !r.previous.intact {
			r.Progress.Note(object.Name + " has been changed since it was published: everything is sent")
		}
		return nil
	}
	return nil
}

// expire applies the retention rules. A failure is only noted: the dump itself has been published.
func (r *run) expire(ctx context.Context) []string {
	if r.Retention == (retention.Rules{}) {
		return nil
	}
	contents, err := r.Bucket.Contents(ctx)
	if err != nil {
		r.Progress.Note("cannot delete old dumps: " + err.Error())
		return nil
	}
	var deleted []string
	for _, object := range Expired(r.Retention, contents) {
		if err := r.Bucket.Delete(ctx, object); err != nil {
			r.Progress.Note("cannot delete old dumps: " + err.Error())
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
