package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Plan is a pull that has not begun. It must be closed.
type Plan struct {
	Config
	// Needed is false where the local database is new enough, or stays as it is because of Offline.
	Needed bool
	// Offline means that the bucket cannot be reached and that IfNewer takes this for granted.
	Offline bool
	// NoDump is the bucket's error if it has no dump yet and IfNewer accepts this.
	NoDump *bucket.Error
	// RefreshFirst means that a fresh dump would be published, and take the place of Dump: in a dry run,
	// elsewhere it has been done.
	RefreshFirst bool
	// Dump is the chosen one; zero where there is none yet that could be.
	Dump bucket.Object
	// State is that of the local database.
	State
	// Newer says, with IfNewer, that the dump is newer than what the local database holds. It is not needed all the same where there is
	// a reason for that to stay.
	Newer bool

	token string // of the record that a swap leaves; "" where nobody remembers it

	bucket   *bucket.Bucket
	database target.Database
	// What Inspect finds.
	compression dumpfile.Compression
	index       *dumpfile.Index // nil for a dump that others made
	dialect     sqltext.Dialect
	files       *Files // nil where there are none beside the dump
}

// Prepare chooses the dump and decides whether it has to be pulled. Nothing local is changed, and
// nothing is fetched.
func Prepare(ctx context.Context, config Config) (*Plan, error) {
	p := &Plan{Config: config, Needed: true}
	if config.Remember != nil {
		p.token = NewToken()
	}
	var err error
	p.database, err = engine.OpenTarget(ctx, target.Config{
		URL: config.Target, Threads: config.Threads, InOrder: config.InOrder, Note: config.Progress.Note,
		Part: config.Selection.part(targetDialect(config.Target) == sqltext.Postgres),
		Keep: config.Keep, KeepChanged: !config.DiscardChanges, Token: p.token, Choice: config.choice(), WithoutRows: p.withoutRows,
	})
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

// Tables says how many tables of a dump, which Inspect has read, are pulled.
func (p *Plan) Tables() int64 { return p.Selection.count(p.index) }

// Close ends the connections to the local database.
func (p *Plan) Close() error { return p.database.Close() }

func (p *Plan) decide(ctx context.Context) (err error) {
	if p.Held, err = p.database.Contents(ctx); err != nil {
		return err
	}
	if p.IfNewer || p.DryRun {
		p.Stays = p.ownReason(p.Held)
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
		p.Newer = p.RefreshFirst || isOlder(p.Held, p.Dump)
		p.Needed = p.Newer
	}
	return err
}

// mayRefresh reports whether the plan may publish a fresh dump.
func (p *Plan) mayRefresh() bool { return p.MaxAge > 0 && p.Refresh != nil }

// decideToStay looks, before anything is published for the plan, whether the local database stays as it is whatever there is. That it was
// changed is looked for only where it would be replaced.
func (p *Plan) decideToStay(ctx context.Context) error {
	p.Newer = isOlder(p.Held, p.Dump)
	if p.Stays == "" && (p.Newer || p.MaxAge > 0 && time.Since(p.Dump.Time) > p.MaxAge) {
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

// withoutRows says of a table whether the dump has it without its rows, as far as the dump tells, or the project publishes it so.
func (p *Plan) withoutRows(table string) bool {
	postgres := targetDialect(p.Target) == sqltext.Postgres
	is := func(name string) bool { return slices.Contains(calls(table, postgres), name) }
	if p.index != nil && slices.ContainsFunc(p.index.Tables, func(t dumpfile.Table) bool { return is(t.Name) }) {
		return slices.ContainsFunc(p.index.Rules.StructureOnly, is)
	}
	return p.WithoutRows != nil && p.WithoutRows(table)
}

// offlinePatience is how long a bucket may keep somebody waiting who has a database to work with.
const offlinePatience = 5 * time.Second

// find looks for the dump that is asked for. Offline means that the bucket cannot be reached and that
// the local database will do.
func (p *Plan) find(ctx context.Context) (offline bool, err error) {
	if !p.IfNewer || p.Held.Empty {
		return false, p.choose(ctx)
	}
	hurried, cancel := context.WithTimeout(ctx, offlinePatience)
	defer cancel()
	err = p.choose(hurried)
	tooSlow := err != nil && hurried.Err() != nil && ctx.Err() == nil
	return tooSlow || errors.Is(err, bucket.ErrUnreachable), err
}

// choose finds the dump that is asked for among those that are there.
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

// freshen publishes a fresh dump where the newest one is too old, or where there is none, as found says.
func (p *Plan) freshen(ctx context.Context, found error) error {
	switch {
	case found == nil && time.Since(p.Dump.Time) <= p.MaxAge:
		return nil
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

// isOlder says whether a database is empty, or older than a dump. Keys alone do not tell: other tools
// put each night's dump in the place of the last.
func isOlder(held target.Contents, dump bucket.Object) bool {
	since := held.Created
	if held.Dump.Key != "" {
		since = held.Dump.Time
	}
	// S3 gives the same object's time with fractions of a second in one answer and without in another.
	return held.Empty || since.Truncate(time.Second).Before(dump.Time.Truncate(time.Second))
}
