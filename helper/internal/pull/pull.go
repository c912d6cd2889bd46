// Package pull is the way down: a dump is fetched from the bucket, loaded beside the local database,
// compared, and takes its place in one step. Until then the local database is not touched.
package pull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/localdb"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// What keeps a dump from being pulled, apart from what bucket, dumpfile and localdb say.
var (
	// ErrNoneBefore means that there is no dump from before the time that was asked for.
	ErrNoneBefore = errors.New("no dump is as old as that")
	// ErrTooOld means that the newest dump is older than allowed and cannot be refreshed from here.
	ErrTooOld = errors.New("the newest dump is too old")
	// ErrTargetSpace means that the disk of the local database has no room for a second copy.
	ErrTargetSpace = errors.New("not enough space for the local database")
	// ErrIncomplete means that the dump does not end as dumps do, or holds other rows than its index says.
	ErrIncomplete = errors.New("the dump is incomplete")
	// ErrNotSQL means that the object holds something else than a dump.
	ErrNotSQL = errors.New("the object is not an SQL dump")
)

// WrongEngineError means that the dump is for another family of database.
type WrongEngineError struct{ Key, Dump, Target string }

func (e *WrongEngineError) Error() string {
	return fmt.Sprintf("%s is a %s dump, the local database is %s", e.Key, e.Dump, e.Target)
}

// Progress is told how far a pull has come.
type Progress interface {
	// Phase begins a stretch of work of about total bytes, 0 if nobody knows.
	Phase(name string, total int64)
	// Advance says that n more bytes of it are done.
	Advance(n int64)
	// Note says one line.
	Note(line string)
}

// Config says what to pull, and into what.
type Config struct {
	Bucket *bucket.Bucket
	// BucketName tells the dumps of different buckets apart in the cache.
	BucketName string
	Target     dburl.URL
	// Key names a dump; AsOf takes the newest one that is not younger. Without either it is the newest.
	Key  string
	AsOf time.Time
	// MaxAge refreshes first where the newest dump is older; 0 takes any.
	MaxAge time.Duration
	// Refresh publishes a fresh dump; nil where that is not possible.
	Refresh func(context.Context) error
	// CacheDir is where fetched dumps are kept, for all projects.
	CacheDir string
	// Force goes on where space looks too short.
	Force    bool
	Progress Progress
}

// Result says what came of a pull.
type Result struct {
	Key          string    `json:"key"`
	FetchedBytes int64     `json:"fetched_bytes"`
	CachedBytes  int64     `json:"cached_bytes"`
	LoadedBytes  int64     `json:"loaded_bytes"`
	Tables       int64     `json:"tables"`
	Rows         int64     `json:"rows"`
	Seconds      float64   `json:"seconds"`
	SnapshotTime time.Time `json:"snapshot_time"`
}

// Run brings a dump into the local database. Whatever goes wrong, the local database is as it was.
func Run(ctx context.Context, config Config) (Result, error) {
	began := time.Now()
	r := &run{Config: config}
	err := r.pull(ctx)
	r.result.Seconds = time.Since(began).Seconds()
	return r.result, err
}

type run struct {
	Config
	object      bucket.Object
	compression dumpfile.Compression
	index       *dumpfile.Index // nil for a dump that others made
	dialect     sqltext.Dialect
	result      Result
}

func (r *run) pull(ctx context.Context) error {
	if err := r.choose(ctx); err != nil {
		return err
	}
	r.result.Key, r.result.SnapshotTime = r.object.Key, r.object.Time
	r.Progress.Note(fmt.Sprintf("pulling %s", r.object.Name))
	if err := r.inspect(ctx); err != nil {
		return err
	}
	database, err := localdb.Open(ctx, localdb.Config{URL: r.Target, Note: r.Progress.Note})
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	if err := r.preflight(ctx, database); err != nil {
		return err
	}
	cache, err := newCache(r.CacheDir, r.BucketName, r.object, r.Progress)
	if err != nil {
		return err
	}
	file, fetched, err := cache.obtain(ctx, r.Bucket, r.object)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	r.result.FetchedBytes, r.result.CachedBytes = fetched, r.object.Size-fetched
	if err := r.replace(ctx, database, file); err != nil {
		return err
	}
	cache.sweep()
	return nil
}

// choose finds the dump that is asked for.
func (r *run) choose(ctx context.Context) (err error) {
	if r.Key != "" {
		r.object, err = r.Bucket.Find(ctx, r.Key)
		return err
	}
	if !r.AsOf.IsZero() {
		dumps, err := r.Bucket.Dumps(ctx)
		if err != nil {
			return err
		}
		for _, dump := range dumps {
			if !dump.Time.After(r.AsOf) {
				r.object = dump
				return nil
			}
		}
		return fmt.Errorf("%w: %s holds none from %s or before", ErrNoneBefore, r.Bucket, r.AsOf.Format(time.RFC3339))
	}
	r.object, err = r.Bucket.Newest(ctx)
	if r.MaxAge == 0 || err != nil && !errors.Is(err, bucket.ErrEmpty) {
		return err
	}
	age := time.Since(r.object.Time)
	if err == nil && age <= r.MaxAge {
		return nil
	}
	if r.Refresh == nil {
		if err != nil {
			return err
		}
		return fmt.Errorf("%w: %s is from %s", ErrTooOld, r.object.Name, r.object.Time.Format(time.RFC3339))
	}
	if err := r.Refresh(ctx); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	r.object, err = r.Bucket.Newest(ctx)
	return err
}

// inspect reads the dump's index, or the beginning of a dump without one, before anything is fetched.
func (r *run) inspect(ctx context.Context) error {
	var known bool
	if r.compression, known = dumpfile.ByName(r.object.Name); !known {
		return fmt.Errorf("%w: %s does not end as the names of dumps do", ErrNotSQL, r.object.Name)
	}
	object := r.Bucket.ReaderAt(ctx, r.object)
	index, err := dumpfile.ReadIndex(object, r.object.Size, r.compression)
	switch {
	case err == nil:
		r.index = index
	case !errors.Is(err, dumpfile.ErrNoIndex):
		return fmt.Errorf("read %s: %w", r.object.Name, err)
	}
	if index != nil && index.Engine != "" {
		return r.checkEngine(index.Engine)
	}
	head, err := r.head(object)
	if err != nil {
		return fmt.Errorf("read %s: %w", r.object.Name, err)
	}
	r.dialect = targetDialect(r.Target)
	if found, ok := sqltext.Detect(head); ok && found != r.dialect {
		return &WrongEngineError{r.object.Name, found.String(), r.dialect.String()}
	}
	return r.checkText(head)
}

// checkEngine compares the family of the dump's server with the target's.
func (r *run) checkEngine(engine string) error {
	r.dialect = targetDialect(r.Target)
	if found := sqltext.DialectOf(engine); found != r.dialect {
		return &WrongEngineError{r.object.Name, found.String(), r.dialect.String()}
	}
	return nil
}

func targetDialect(target dburl.URL) sqltext.Dialect {
	if target.Engine == dburl.Postgres {
		return sqltext.Postgres
	}
	return sqltext.MySQL
}

// headSize is how much of a dump's text is looked at to tell what it is, in bytes.
const headSize = 16 << 10

// head gives the beginning of the dump's text.
func (r *run) head(object io.ReaderAt) ([]byte, error) {
	reader, err := dumpfile.NewReader(io.NewSectionReader(object, 0, r.object.Size), r.compression)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close() }()
	head := make([]byte, headSize)
	n, err := io.ReadFull(reader, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return head[:n], nil
}

// checkText refuses what does not begin as SQL does: an error page, a message of the shell. The
// beginning may end anywhere, so that an end in a statement tells nothing.
func (r *run) checkText(head []byte) error {
	splitter := sqltext.NewSplitter(bytes.NewReader(head), r.dialect)
	piece, err := splitter.Next()
	for err == nil && (piece.Kind == sqltext.Filler || piece.Kind == sqltext.Command) {
		piece, err = splitter.Next()
	}
	if err == io.EOF && len(head) < headSize {
		return fmt.Errorf("%s: %w: it holds no statement", r.object.Name, ErrNotSQL)
	}
	if err = notSQL(err); errors.Is(err, ErrNotSQL) {
		return fmt.Errorf("%s: %w", r.object.Name, err)
	}
	return nil
}
