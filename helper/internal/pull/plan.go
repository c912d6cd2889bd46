package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Plan is a pull that has not started. It must be closed.
type Plan struct {
	Config
	// Needed is false if the local database is new enough or must stay as it is.
	Needed bool
	// Offline means that the bucket cannot be reached and that IfNewer accepts this.
	Offline bool
	// NoDump is the bucket's error if it has no dump yet and IfNewer accepts this.
	NoDump *bucket.Error
	// RefreshFirst means that a pull would publish a fresh dump first and take it instead of Dump. It is set in a dry run only.
	RefreshFirst bool
	// Dump is the chosen dump; zero if there is none yet.
	Dump bucket.Object
	// State is the local database's.
	State
	// Newer means, with IfNewer, that the dump is newer than the local database. The pull may still be unneeded: see Stays.
	Newer bool

	token string // for the provenance that the swap records; "" if Remember is nil

	bucket   *bucket.Bucket
	database target.Database
	// Inspect sets these.
	compression dumpfile.Compression
	index       *dumpfile.Index // nil for a dump by another tool
	dialect     sqltext.Dialect
	files       *Files // nil if the dump has no tables as files
	// narrowed means that tables which have not changed are left out of index. whole is then the index of the dump if all of it is fetched.
	narrowed bool
	only     func(table string) bool // the tables that are loaded for undo
	whole    *dumpfile.Index
	// lacks are the tables that the local server will not take by what the index says, while others are yet to be found.
	lacks *target.TablesError
}

// Prepare chooses the dump and decides whether to pull it. It changes nothing locally and fetches nothing.
func Prepare(ctx context.Context, config Config) (*Plan, error) {
	p := &Plan{Config: config, Needed: true}
	if config.Remember != nil {
		p.token = NewToken()
	}
	var err error
	p.database, err = engine.OpenTarget(ctx, p.targetConfig())
	if err != nil {
		return nil, err
	}
	p.Selection.folds = p.database.Info().FoldsNames
	if err := p.decide(ctx); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// targetConfig says how the local database is opened.
func (p *Plan) targetConfig() target.Config {
	return target.Config{
		URL: p.Target, Threads: p.Threads, InOrder: p.InOrder, Note: p.Progress.Note, Part: p.Selection.part(targetDialect(p.Target) == sqltext.Postgres),
		Strict: p.Strict, Keep: p.Keep, KeepChanged: !p.DiscardChanges, Token: p.token, Choice: p.choice(), WithoutRows: p.withoutRows,
	}
}

// Tables counts the tables that are pulled. Inspect must have found an index.
func (p *Plan) Tables() int64 { return p.Selection.count(p.index) }

// Close ends the connections to the local database.
func (p *Plan) Close() error { return p.database.Close() }

func (p *Plan) decide(ctx context.Context) (err error) {
	if p.Contents, err = p.database.Contents(ctx); err != nil {
		return err
	}
	if p.IfNewer || p.DryRun {
		p.Stays = p.ownReason(p.Contents)
	}
	if p.Offline, err = p.find(ctx); p.Offline {
		p.Needed = false
		return nil
	}
	if p.IfNewer && err == nil {
		if err := p.decideToStay(ctx); err != nil || p.Stays != "" {
			return err
		}
	}
	none := errors.Is(err, bucket.ErrEmpty)
	if p.IfNewer && none && !p.mayRefresh() && errors.As(err, &p.NoDump) {
		p.Needed = false // a new project must start although it has no dump yet
		return nil
	}
	if p.MaxAge > 0 && (err == nil || none) {
		err = p.freshen(ctx, err)
	}
	if err == nil && p.IfNewer {
		p.Newer = p.RefreshFirst || isOlder(p.Contents, p.Dump, p.bucket.Now())
		p.Needed = p.Newer
	}
	return err
}

// mayRefresh reports whether the plan may publish a fresh dump.
func (p *Plan) mayRefresh() bool { return p.MaxAge > 0 && p.Refresh != nil }

// decideToStay decides, before a dump is published for the plan, whether the local database must stay as it is. It looks for
// changes only if the database would be replaced.
func (p *Plan) decideToStay(ctx context.Context) error {
	p.Newer = isOlder(p.Contents, p.Dump, p.bucket.Now())
	replaces := p.Newer
	if p.Stays == "" && !replaces && p.MaxAge > 0 {
		young, err := p.isYoung(ctx)
		if err != nil {
			return err
		}
		replaces = !young
	}
	if p.Stays == "" && replaces {
		changed, err := p.changed(ctx)
		if err != nil {
			return err
		}
		if changed {
			p.Stays = Changed
		}
	}
	p.Needed = p.Stays == ""
	return nil
}

// withoutRows reports whether a table comes without its rows. The dump's index says so; if there is none, or it lacks the
// table, the project's rules do.
func (p *Plan) withoutRows(table string) bool {
	postgres := targetDialect(p.Target) == sqltext.Postgres
	is := func(name string) bool { return slices.Contains(namesOf(table, postgres), name) }
	if p.index != nil && slices.ContainsFunc(p.index.Tables, func(t dumpfile.Table) bool { return is(t.Name) }) {
		return slices.ContainsFunc(p.index.Rules.StructureOnly, is)
	}
	return p.WithoutRows != nil && p.WithoutRows(table)
}

// offlinePatience is how long a pull with IfNewer waits for the bucket if there is a local database to work with.
const offlinePatience = 5 * time.Second

// find chooses the dump. Offline means that the bucket cannot be reached and that the local database will do.
func (p *Plan) find(ctx context.Context) (offline bool, err error) {
	if !p.IfNewer || p.Contents.Empty {
		return false, p.choose(ctx)
	}
	hurried, cancel := context.WithTimeout(ctx, offlinePatience)
	defer cancel()
	err = p.choose(hurried)
	tooSlow := err != nil && hurried.Err() != nil && ctx.Err() == nil
	return tooSlow || errors.Is(err, bucket.ErrUnreachable), err
}

// choose finds the requested dump in the bucket.
func (p *Plan) choose(ctx context.Context) (err error) {
	if p.bucket, err = p.OpenBucket(ctx); err != nil {
		return err
	}
	switch {
	case p.Key != "":
		p.Dump, err = p.bucket.Find(ctx, p.Key)
		if err == nil && p.Dump.Series != "" {
			err = fmt.Errorf("%w: %s has the tables of %s as files", ErrNotSQL, p.Dump.Name, bucket.DumpOf(p.Dump.Name))
		}
	case !p.AsOf.IsZero():
		p.Dump, err = p.newestAsOf(ctx)
	default:
		p.Dump, err = p.bucket.Newest(ctx)
	}
	return err
}

func (p *Plan) newestAsOf(ctx context.Context) (bucket.Object, error) {
	dumps, err := p.bucket.Dumps(ctx)
	if err != nil {
		return bucket.Object{}, err
	}
	for _, dump := range dumps {
		if !dump.Time.After(p.AsOf) {
			return dump, nil
		}
	}
	return bucket.Object{}, fmt.Errorf("%w: %s holds none from %s or before", ErrNoneBefore, p.bucket, p.AsOf.Format(time.RFC3339))
}

// freshen publishes a fresh dump if the newest one is too old or if there is none; found is the error that says so.
func (p *Plan) freshen(ctx context.Context, found error) error {
	if found == nil {
		if young, err := p.isYoung(ctx); young || err != nil {
			return err
		}
	}
	switch {
	case p.Refresh == nil && found != nil:
		return found
	case p.Refresh == nil:
		return fmt.Errorf("%w: %s is from %s", ErrTooOld, p.Dump.Name, p.Dump.Time.Format(time.RFC3339))
	case p.DryRun:
		p.RefreshFirst = true
		return nil
	}
	if err := p.Refresh(ctx); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	var err error
	p.Dump, err = p.bucket.Newest(ctx)
	return err
}

// isYoung reports whether staging was as in the chosen dump at a time that is not longer ago than MaxAge.
func (p *Plan) isYoung(ctx context.Context) (bool, error) {
	known, err := p.bucket.Known(ctx, p.Dump)
	return clock.Younger(known, p.bucket.Now(), p.MaxAge+time.Nanosecond), err
}

// isOlder reports whether a database is empty or older than a dump. Comparing keys is not enough: other tools overwrite the
// same key each night. But a record with a time in the future cannot be compared: it is of a dump that was dated by a wrong clock.
func isOlder(held target.Contents, dump bucket.Object, now time.Time) bool {
	since := held.Created
	if held.Dump.Key != "" {
		since = held.Dump.Time
	}
	if clock.IsFuture(since, now) {
		return held.Empty || held.Dump.Key != dump.Key
	}
	// S3 returns the same object's time with fractions of a second in one answer and without in another.
	return held.Empty || since.Truncate(time.Second).Before(dump.Time.Truncate(time.Second))
}
