// Package pull fetches a dump from the bucket, loads it beside the local database, compares it, and swaps it in with one
// step. Until then the local database is not touched.
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
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/signing"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// The errors of a pull, besides those of the packages bucket, dumpfile and target.
var (
	// ErrNoneBefore means that no dump is as old as the requested time.
	ErrNoneBefore = errors.New("no dump is as old as that")
	// ErrTooOld means that the newest dump is older than allowed and cannot be refreshed from here.
	ErrTooOld = errors.New("the newest dump is too old")
	// ErrTargetSpace means that the disk of the local database has no space for a second copy.
	ErrTargetSpace = errors.New("not enough space for the local database")
	// ErrIncomplete means that the dump has no proper end or other rows than its index says.
	ErrIncomplete = errors.New("the dump is incomplete")
	// ErrNotSQL means that the object is something else than a dump.
	ErrNotSQL = errors.New("the object is not an SQL dump")
)

// PartError is ErrIncomplete for a dump that is whole as its tool wrote it, but a part of one.
type PartError struct {
	Part string // a sentence that says which part
}

func (e *PartError) Error() string { return fmt.Sprintf("%v: %s", ErrIncomplete, e.Part) }

func (e *PartError) Unwrap() error { return ErrIncomplete }

// EarlierRoomError is ErrTargetSpace where earlier databases could be dropped.
type EarlierRoomError struct {
	Bytes []int64 // the size of each, the one that was replaced last first; -1 if the server does not tell
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

// WrongEngineError means that the dump is for another family of servers.
type WrongEngineError struct{ Key, Dump, Target string }

func (e *WrongEngineError) Error() string {
	return fmt.Sprintf("%s is a %s dump, the local database is %s", e.Key, e.Dump, e.Target)
}

// Config says what to pull, and into what.
type Config struct {
	// OpenBucket opens the bucket with the dumps.
	OpenBucket func(context.Context) (*bucket.Bucket, error)
	// BucketName distinguishes the dumps of different buckets in the cache.
	BucketName string
	Target     dburl.URL
	// Key names a dump. AsOf selects the newest dump from that time or before. Without either the newest dump is pulled.
	Key  string
	AsOf time.Time
	// MaxAge makes a refresh come first if the newest dump is older; 0 accepts any age.
	MaxAge time.Duration
	// Refresh publishes a fresh dump; nil if that is not possible.
	Refresh func(context.Context) error
	// IfNewer pulls only if the local database is empty or older than the newest dump. A bucket without a dump is no error
	// then. Nor is a bucket that cannot be reached, unless the local database is empty.
	IfNewer bool
	// DiscardChanges lets IfNewer replace a local database that was changed since it was pulled. It also lets a pull drop
	// earlier databases beyond Keep that were changed.
	DiscardChanges bool
	// Tokens are the tokens that the local database's provenance may have unless somebody has replaced the server's files.
	// Remember stores new ones in their place. If it is nil, neither tokens nor fingerprints are kept.
	Tokens   []string
	Remember func(tokens ...string) error
	// WithoutRows reports whether the project publishes a table without its rows. Changes in such a table do not count. It may
	// be nil.
	WithoutRows func(table string) bool
	// Keep is how many earlier databases are left after a pull: see [target.Config].
	Keep int
	// RequireMasked refuses dumps of which nothing is masked. Masks says that the project's rules mask columns.
	RequireMasked, Masks bool
	// VerifyKeys are the keys of which one must have signed the dump, as one of this project; empty if any dump may be pulled.
	VerifyKeys []signing.PublicKey
	Project    string
	// DryRun makes a plan that will not be run. Nothing is published for it.
	DryRun bool
	// CacheDir is where all projects keep fetched dumps.
	CacheDir string
	// Selection is the part of the dump that is pulled.
	Selection Selection
	// Threads limits the connections that load rows; 0 means as many as this machine can use.
	Threads int
	// Strict fails if the local server does not take all of the dump as it is.
	Strict bool
	// InOrder adds the rows of a table in order: see [target.Config].
	InOrder bool
	// OnlySQL ignores tables as files.
	OnlySQL bool
	// Full loads all tables, even those that have not changed.
	Full bool
	// Force continues despite too little space, and with a dump that may be cut off and is far smaller than the local
	// database.
	Force bool
	// Accept asks the user whether to load such a dump. It returns nil for yes, and the given or another error for no. If it
	// is nil, the answer is no.
	Accept   func(context.Context, *GateError) error
	Progress dump.Progress
}

// Result is the result of a pull.
type Result struct {
	// Key is the chosen dump's; "" if there is none or the bucket could not be reached.
	Key string `json:"key"`
	// Replaced is false if the local database was new enough.
	Replaced bool `json:"replaced"`
	// Announced is true if the dump is newer than the local database but was not pulled. Reason says why.
	Announced bool   `json:"announced"`
	Reason    Reason `json:"reason,omitempty"`
	// Held is true if the user holds the local database.
	Held bool `json:"held"`
	// Undo is the command that brings back the replaced database; "" if none was replaced.
	Undo string `json:"undo,omitempty"`
	// Earlier is how many earlier databases are kept, and EarlierBytes their size as far as the server tells. Both are 0 if
	// nothing was replaced.
	Earlier      int   `json:"earlier,omitempty"`
	EarlierBytes int64 `json:"earlier_bytes,omitempty"`
	// Part is true if some tables of the local database stayed as they were. The counts are those of the pulled tables.
	Part bool `json:"part,omitempty"`
	// Files is true if FileTables tables came as files. NoFiles says why none did although the dump has some.
	Files      bool   `json:"files"`
	FileTables int64  `json:"file_tables,omitempty"`
	NoFiles    string `json:"no_files,omitempty"`
	// UnchangedTables stayed where they were, because the dump has them as they were. Their rows take UnchangedBytes of SQL.
	UnchangedTables int64     `json:"unchanged_tables,omitempty"`
	UnchangedBytes  int64     `json:"unchanged_bytes,omitempty"`
	FetchedBytes    int64     `json:"fetched_bytes"`
	CachedBytes     int64     `json:"cached_bytes"`
	LoadedBytes     int64     `json:"loaded_bytes"`
	Tables          int64     `json:"tables"`
	Rows            int64     `json:"rows"`
	Seconds         float64   `json:"seconds"`
	SnapshotTime    time.Time `json:"snapshot_time,omitzero"`
}

// Run replaces the local database with the plan's dump, if that is needed. If it fails, the local database is as it was.
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
	stats, done, err := p.onlyChanged(ctx, cache, result)
	if err == nil && !done {
		stats, err = p.byFilesOrSQL(ctx, cache, result)
	}
	if err != nil {
		return err
	}
	result.Replaced = true
	result.LoadedBytes = stats.Bytes
	if !done {
		result.Tables, result.Rows = int64(len(stats.Tables)), stats.Rows
	}
	if result.Part = p.Selection.IsPart(); result.Part {
		result.Tables = p.Tables()
	}
	cache.sweep()
	return nil
}

func (p *Plan) byFilesOrSQL(ctx context.Context, cache *cache, result *Result) (sqltext.Stats, error) {
	stats, done, err := p.byFiles(ctx, cache, result)
	if err == nil && !done {
		stats, err = p.fetchAndLoad(ctx, cache, p.dump(), result)
	}
	return stats, err
}

// dump returns the chosen dump as the source of a load.
func (p *Plan) dump() source { return source{p.Dump, p.compression, p.index, p.whole} }

// fetchAndLoad fetches an object, loads it and swaps it in. It tries once more if the copy was damaged, in the cache or on its way.
func (p *Plan) fetchAndLoad(ctx context.Context, cache *cache, from source, result *Result) (sqltext.Stats, error) {
	stats, again, err := p.fetchAndLoadOnce(ctx, cache, from, result)
	if again {
		stats, again, err = p.fetchAndLoadOnce(ctx, cache, from, result)
	}
	if again {
		err = fmt.Errorf("%w, twice: %w", errArrivedDamaged, err)
	}
	return stats, err
}

// errArrivedDamaged means that a dump was changed on its way.
var errArrivedDamaged = &bucket.Error{Op: "fetch", Target: "the dump", Kind: bucket.ErrGarbled}

// fetchAndLoadOnce does this once. Again means that the copy was damaged and has been removed, and that the store has the right one.
func (p *Plan) fetchAndLoadOnce(ctx context.Context, cache *cache, from source, result *Result) (stats sqltext.Stats, again bool, err error) {
	e, err := p.fetch(ctx, cache, from)
	if err != nil {
		return stats, false, err
	}
	defer e.close()
	result.FetchedBytes, result.CachedBytes = e.fetched, e.kept
	stats, err = p.loadAndSwap(ctx, from, e)
	if err == nil || ctx.Err() != nil {
		return stats, false, err
	}
	damaged := e.isDamagedBy(err)
	doubtful := from.index == nil && e.isWhole() && !e.verified && isOfText(err)
	if !damaged && !doubtful {
		return stats, false, err
	}
	_ = e.abandon() // releases its lock
	switch failed := cache.discard(ctx, e); {
	case failed != nil:
		return stats, false, err
	case e.fetched == 0 && damaged:
		cache.noteDamage(from.object)
		return stats, true, err
	case e.fetched == 0:
		p.Progress.Note(fmt.Sprintf("nobody knows whether the cached copy of %s is right, fetching it again", from.object.Name))
		return stats, true, err
	case p.isRightInStore(ctx, from, err):
		p.Progress.Note(fmt.Sprintf("%s has arrived damaged, fetching it again", from.object.Name))
		return stats, true, err
	}
	return stats, false, err
}

// isOfText reports whether an error may come from a wrong byte in a dump's text.
func isOfText(err error) bool {
	var refused *target.LoadError
	return errors.Is(err, ErrNotSQL) || errors.Is(err, ErrIncomplete) || errors.Is(err, target.ErrIncomplete) || errors.As(err, &refused)
}

// isRightInStore reports whether the chunk that an error complains of is right when it is fetched anew.
func (p *Plan) isRightInStore(ctx context.Context, from source, err error) bool {
	var damaged *dumpfile.DamagedError
	if from.index == nil || !errors.As(err, &damaged) {
		return false
	}
	for i, chunk := range from.index.Chunks {
		if chunk.Offset <= damaged.Offset && damaged.Offset < chunk.Offset+chunk.Size {
			decoder, err := dumpfile.NewChunkDecoder(from.index)
			if err != nil {
				return false
			}
			defer decoder.Close()
			_, err = decoder.Read(p.bucket.ReaderAt(ctx, from.object), i)
			return err == nil
		}
	}
	return false
}

// fetch fetches an object, or its selected part.
func (p *Plan) fetch(ctx context.Context, cache *cache, from source) (*entry, error) {
	r := request{store: p.bucket, object: from.object, checked: from.index != nil}
	if !from.inChunks() {
		r.advance = p.Progress.Advance
	}
	switch {
	case from.whole != nil:
		r.index = from.whole
		return cache.fetch(ctx, r)
	case p.Selection.isAll() && !p.narrowed:
		r.index = from.index
		return cache.fetch(ctx, r)
	}
	list, bytes := ranges(from.index)
	return cache.fetchPart(ctx, r, list, bytes)
}

// Inspect reads and returns the chosen dump's index. A dump by another tool has none: Inspect reads its beginning and
// returns nil. It also looks for tables as files. It fails early if the pull is known to fail, before anything is fetched or
// changed.
func (p *Plan) Inspect(ctx context.Context) (*dumpfile.Index, error) {
	if err := p.database.Check(ctx); err != nil {
		return nil, err
	}
	if err := p.inspect(ctx); err != nil {
		return nil, err
	}
	if p.index != nil {
		if err := p.takes(ctx); err != nil {
			return nil, p.notLoaded(p.Dump.Name, err)
		}
	}
	if err := p.lookForFiles(ctx); err != nil {
		return nil, err
	}
	if p.files != nil && p.files.Refused == nil {
		return p.index, nil // a pull that falls back to SQL checks the space then
	}
	return p.index, p.preflight(ctx, p.dump())
}

// takes compares what the index says of the dump's needs with the local server. If that lacks something, the load makes the tables all the same,
// before anything is fetched: it finds what else the server refuses, and all of it is told at once.
func (p *Plan) takes(ctx context.Context) error {
	err := p.database.Takes(ctx, p.index.Needs)
	if errors.As(err, &p.lacks) && !p.DryRun && p.dump().inChunks() {
		return nil
	}
	return err
}

func (p *Plan) inspect(ctx context.Context) error {
	var known bool
	object := p.bucket.ReaderAt(ctx, p.Dump)
	if p.compression, known = dumpfile.ByName(p.Dump.Name); !known {
		return p.misnamed(object)
	}
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
	if err := CheckSignature(index, p.Dump.Name, p.Project, p.VerifyKeys); err != nil {
		return err
	}
	if err := p.judgeMasking(index); err != nil {
		return err
	}
	if index != nil && index.Engine != "" {
		if err := p.checkEngine(index.Engine); err != nil {
			return err
		}
		p.noteOlder(index.EngineVersion)
		return nil
	}
	head, err := p.head(object)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.Dump.Name, err)
	}
	p.dialect = targetDialect(p.Target)
	if found, ok := sqltext.Detect(head); ok && found != p.dialect {
		return &WrongEngineError{p.Dump.Name, found.String(), p.dialect.String()}
	}
	if found := dumpedFrom.FindSubmatch(head); found != nil {
		p.noteOlder(string(found[1]))
	}
	return p.checkText(head)
}

// misnamed returns the error about an object that does not have a dump's name.
func (p *Plan) misnamed(object io.ReaderAt) error {
	p.compression = dumpfile.None
	var archive *dumpfile.ArchiveError
	if _, err := p.head(object); errors.As(err, &archive) {
		return fmt.Errorf("read %s: %w", p.Dump.Name, err)
	}
	return fmt.Errorf("%w: %s does not have the ending of a dump's name", ErrNotSQL, p.Dump.Name)
}

// sameNames fails if the dump has tables whose names the local server cannot tell apart.
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

// headSize is how much of a dump's text is read to recognize it, in bytes.
const headSize = 16 << 10

// head returns the beginning of the dump's text.
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

// checkText fails if the text is not SQL but, say, an error page or a message of the shell. The head may end in the middle
// of a statement.
func (p *Plan) checkText(head []byte) error {
	splitter := sqltext.NewSplitter(bytes.NewReader(head), p.dialect)
	piece, err := splitter.Next()
	for err == nil && (piece.Kind == sqltext.Filler || piece.Kind == sqltext.Command) {
		piece, err = splitter.Next()
	}
	if err == io.EOF && len(head) < headSize {
		return fmt.Errorf("%s: %w: it has no statement", p.Dump.Name, ErrNotSQL)
	}
	if err = notSQL(err); errors.Is(err, ErrNotSQL) {
		return fmt.Errorf("%s: %w", p.Dump.Name, err)
	}
	return nil
}
