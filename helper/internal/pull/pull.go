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
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
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

// EarlierRoomError is ErrTargetSpace where there are earlier databases that could go.
type EarlierRoomError struct {
	Bytes []int64 // that each takes, the one that was replaced last first; -1 where the server does not tell
	Err   error
}

func (e *EarlierRoomError) Error() string {
	var all int64
	for _, bytes := range e.Bytes {
		all += max(bytes, 0)
	}
	return fmt.Sprintf("%v; earlier databases take %d MB", e.Err, all/1_000_000)
}

func (e *EarlierRoomError) Unwrap() error { return e.Err }

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
	// OpenBucket opens the bucket that the dumps are in.
	OpenBucket func(context.Context) (*bucket.Bucket, error)
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
	// IfNewer pulls only if the local database is empty or older than the newest dump. A bucket without a dump is no error
	// then. Nor is a bucket that cannot be reached, unless the local database is empty.
	IfNewer bool
	// DiscardChanges lets IfNewer replace a local database that was changed since it was pulled, and drops earlier databases that are more
	// than Keep although they were changed.
	DiscardChanges bool
	// Tokens are those that the record beside the local database may have if nobody has replaced the server's files since; Remember
	// takes others in their place. Where it is nil nothing of that is kept, and what the local database was like is not either.
	Tokens   []string
	Remember func(tokens ...string) error
	// WithoutRows says of a table whether the project publishes it without its rows: what is in those is nobody's work. It may be nil.
	WithoutRows func(table string) bool
	// Keep is how many earlier databases are left after a pull: see [localdb.Config].
	Keep int
	// DryRun makes a plan that will not be run: nothing is published for it.
	DryRun bool
	// CacheDir is where fetched dumps are kept, for all projects.
	CacheDir string
	// Selection is what is pulled of the dump.
	Selection Selection
	// Threads is how many connections load rows at most; 0 means as many as this machine has use for.
	Threads int
	// InOrder adds the rows of a table one after the other: see [localdb.Config].
	InOrder bool
	// OnlySQL leaves alone what lies beside the dump.
	OnlySQL bool
	// Force goes on where space looks too short, and where a dump that may be cut off holds far less than the local database.
	Force bool
	// Accept is asked whether that dump is to be taken all the same; it gives the error that it was handed, or another one,
	// where it is not. Without it none is.
	Accept   func(context.Context, *GateError) error
	Progress Progress
}

// Result says what came of a pull.
type Result struct {
	// Key is the chosen dump's; "" if there is none or the bucket could not be reached.
	Key string `json:"key"`
	// Replaced is false where the local database was new enough.
	Replaced bool `json:"replaced"`
	// Announced is true where the dump is newer than the local database, and yet was not pulled: because of Reason.
	Announced bool   `json:"announced"`
	Reason    Reason `json:"reason,omitempty"`
	// Held is true where the user holds the local database.
	Held bool `json:"held"`
	// Undo is the command that brings back what was replaced; "" where nothing was.
	Undo string `json:"undo,omitempty"`
	// Earlier is how many earlier databases are kept, which take EarlierBytes as far as the server tells; 0 where nothing was replaced.
	Earlier      int   `json:"earlier,omitempty"`
	EarlierBytes int64 `json:"earlier_bytes,omitempty"`
	// Part is true where tables of the local database stay as they are; the counts are of what comes.
	Part bool `json:"part,omitempty"`
	// Files is true where tables have come as files, FileTables of them; NoFiles says why none have though there were files.
	Files        bool      `json:"files"`
	FileTables   int64     `json:"file_tables,omitempty"`
	NoFiles      string    `json:"no_files,omitempty"`
	FetchedBytes int64     `json:"fetched_bytes"`
	CachedBytes  int64     `json:"cached_bytes"`
	LoadedBytes  int64     `json:"loaded_bytes"`
	Tables       int64     `json:"tables"`
	Rows         int64     `json:"rows"`
	Seconds      float64   `json:"seconds"`
	SnapshotTime time.Time `json:"snapshot_time,omitzero"`
}

// Run brings the plan's dump into the local database, if that is needed. Whatever goes wrong, the local
// database is as it was.
func (p *Plan) Run(ctx context.Context) (Result, error) {
	began := time.Now()
	result := Result{Key: p.Dump.Key, SnapshotTime: p.Dump.Time}
	if !p.Needed {
		return result, nil
	}
	err := p.pull(ctx, &result)
	if errors.Is(err, errStays) {
		p.Needed, p.Newer, err = false, true, nil
	}
	result.Seconds = time.Since(began).Seconds()
	return result, err
}

func (p *Plan) pull(ctx context.Context, result *Result) error {
	p.Progress.Note(fmt.Sprintf("pulling %s", p.Dump.Name))
	if _, err := p.Inspect(ctx); err != nil {
		return err
	}
	cache, err := newCache(p.CacheDir, p.BucketName, p.Dump, p.Progress)
	if err != nil {
		return err
	}
	stats, done, err := p.byFiles(ctx, cache, result)
	if err == nil && !done {
		stats, err = p.bring(ctx, cache, p.dump(), result)
	}
	if err != nil {
		return err
	}
	result.Replaced = true
	result.LoadedBytes, result.Tables, result.Rows = stats.Bytes, int64(len(stats.Tables)), stats.Rows
	if result.Part = p.Selection.IsPart(); result.Part {
		result.Tables = p.Tables()
	}
	cache.sweep()
	return nil
}

// dump is the chosen dump as what is loaded.
func (p *Plan) dump() source { return source{p.Dump, p.compression, p.index} }

// bring obtains an object and puts what it holds into the local database. If what the cache held of it was not right, it
// does so once more.
func (p *Plan) bring(ctx context.Context, cache *cache, from source, result *Result) (sqltext.Stats, error) {
	stats, again, err := p.attempt(ctx, cache, from, result)
	if again {
		cache.noteDamage(from.object)
		stats, _, err = p.attempt(ctx, cache, from, result)
	}
	return stats, err
}

// attempt does so once. Again means that what the cache held was not right, and is there no more.
func (p *Plan) attempt(ctx context.Context, cache *cache, from source, result *Result) (stats sqltext.Stats, again bool, err error) {
	e, err := p.obtain(ctx, cache, from)
	if err != nil {
		return stats, false, err
	}
	defer e.close()
	result.FetchedBytes, result.CachedBytes = e.fetched, e.kept
	stats, err = p.replace(ctx, from, e)
	if err == nil || ctx.Err() != nil || !e.isDamagedBy(err) {
		return stats, false, err
	}
	_ = e.abandon() // for its lock
	return stats, cache.discard(ctx, e) == nil && e.kept > 0, err
}

// obtain gives an object, or the part of it that is selected.
func (p *Plan) obtain(ctx context.Context, cache *cache, from source) (*entry, error) {
	w := wanted{store: p.bucket, object: from.object, checked: from.index != nil}
	if !from.inChunks() {
		w.advance = p.Progress.Advance
	}
	if p.Selection.isAll() {
		return cache.obtain(ctx, w)
	}
	list, bytes := ranges(from.index)
	return cache.obtainPart(ctx, w, list, bytes)
}

// Inspect reads the chosen dump's index, which it gives, or the beginning of a dump by another tool,
// which has none, and looks for its tables as files. It refuses what can be known to fail, before anything is fetched
// or touched.
func (p *Plan) Inspect(ctx context.Context) (*dumpfile.Index, error) {
	if err := p.database.Check(ctx); err != nil {
		return nil, err
	}
	if err := p.inspect(ctx); err != nil {
		return nil, err
	}
	if err := p.lookForFiles(ctx); err != nil {
		return nil, err
	}
	if p.files != nil && p.files.Refused == nil {
		return p.index, nil // a pull that turns to SQL looks then for what that needs
	}
	return p.index, p.preflight(ctx, p.dump())
}

func (p *Plan) inspect(ctx context.Context) error {
	var known bool
	if p.compression, known = dumpfile.ByName(p.Dump.Name); !known {
		return fmt.Errorf("%w: %s does not end as the names of dumps do", ErrNotSQL, p.Dump.Name)
	}
	object := p.bucket.ReaderAt(ctx, p.Dump)
	index, err := dumpfile.ReadIndex(object, p.Dump.Size, p.compression)
	if err == nil {
		err = p.sameNames(index)
	}
	if err == nil || errors.Is(err, dumpfile.ErrNoIndex) {
		p.index, err = p.Selection.narrow(index)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", p.Dump.Name, err)
	}
	if index != nil && index.Engine != "" {
		return p.checkEngine(index.Engine)
	}
	head, err := p.head(object)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.Dump.Name, err)
	}
	p.dialect = targetDialect(p.Target)
	if found, ok := sqltext.Detect(head); ok && found != p.dialect {
		return &WrongEngineError{p.Dump.Name, found.String(), p.dialect.String()}
	}
	return p.checkText(head)
}

// sameNames refuses a dump with tables of which the local server would take one for the other.
func (p *Plan) sameNames(index *dumpfile.Index) error {
	if !p.database.Info().FoldsNames {
		return nil
	}
	names := make([]string, len(index.Tables))
	for i, table := range index.Tables {
		names[i] = table.Name
	}
	return target.SameNames(names)
}

// checkEngine compares the family of the dump's server with the target's.
func (p *Plan) checkEngine(engine string) error {
	p.dialect = targetDialect(p.Target)
	if found := sqltext.DialectOf(engine); found != p.dialect {
		return &WrongEngineError{p.Dump.Name, found.String(), p.dialect.String()}
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
func (p *Plan) head(object io.ReaderAt) ([]byte, error) {
	reader, err := dumpfile.NewReader(io.NewSectionReader(object, 0, p.Dump.Size), p.compression)
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
func (p *Plan) checkText(head []byte) error {
	splitter := sqltext.NewSplitter(bytes.NewReader(head), p.dialect)
	piece, err := splitter.Next()
	for err == nil && (piece.Kind == sqltext.Filler || piece.Kind == sqltext.Command) {
		piece, err = splitter.Next()
	}
	if err == io.EOF && len(head) < headSize {
		return fmt.Errorf("%s: %w: it holds no statement", p.Dump.Name, ErrNotSQL)
	}
	if err = notSQL(err); errors.Is(err, ErrNotSQL) {
		return fmt.Errorf("%s: %w", p.Dump.Name, err)
	}
	return nil
}
