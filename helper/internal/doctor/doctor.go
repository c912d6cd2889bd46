// Package doctor checks everything that a refresh and a pull need, one thing after the other. It only writes a probe object of
// a few bytes and a scratch database beside the local one, and removes both.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Status is the outcome of a check.
type Status string

// The outcomes of a check. Failed means that something does not work, Warning that it should be better, Skipped that it is
// not set up and was not checked.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Check is the result of one check.
type Check struct {
	Name   string
	Status Status
	// Text says what was found.
	Text string
	// Hint says what to do. If it is empty, Err implies it.
	Hint string
	// Err is the error behind a failure or a warning, if there is one.
	Err error
}

// Config says what to check. Each part may be missing.
type Config struct {
	// OpenBucket opens the project's bucket.
	OpenBucket func(context.Context) (*bucket.Bucket, error)
	// Source returns the staging database's configuration; nil if none is set.
	Source func(context.Context) (source.Config, error)
	// Target is the local database; nil if none is set.
	Target *dburl.URL
	// TargetError is why the local database cannot be used; nil if it can.
	TargetError error
	// Contents describes the contents of the local database.
	Contents func(context.Context, target.Database) (string, error)
	// Earlier describes the earlier databases that are kept; "" for none.
	Earlier func(context.Context, target.Database) (string, error)
	// WithoutRows reports whether changes to a table's rows do not count: see [target.Config].
	WithoutRows func(table string) bool
	// KeepsAll means that no setting limits how many dumps are kept, or how long.
	KeepsAll bool
	// Report is called with each check when it is done.
	Report func(Check)
}

// Run runs all checks. If one fails, it skips only those that depend on it. It fails only if the context ends.
func Run(ctx context.Context, config Config) error {
	d := &doctor{Config: config}
	d.bucket(bucket.Hasty(ctx))
	d.staging(ctx)
	d.local(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

type doctor struct {
	Config
	baked []bucket.Object // baked from the newest dump
}

func (d *doctor) ok(name, format string, values ...any) {
	d.Report(Check{Name: name, Status: OK, Text: fmt.Sprintf(format, values...)})
}

func (d *doctor) warn(name, text, hint string) {
	d.Report(Check{Name: name, Status: Warning, Text: text, Hint: hint})
}

func (d *doctor) skip(name, text string) {
	d.Report(Check{Name: name, Status: Skipped, Text: text})
}

func (d *doctor) fail(name string, err error) {
	d.Report(Check{Name: name, Status: Failed, Text: err.Error(), Err: err})
}

func (d *doctor) bucket(ctx context.Context) {
	store, err := d.OpenBucket(ctx)
	if err != nil {
		d.fail("credentials", err)
		return
	}
	d.ok("credentials", "%s", store.Credentials())
	listErr := store.CanList(ctx)
	d.clock(store)
	if listErr != nil {
		d.fail("list", listErr)
		return
	}
	d.ok("list", "%s", store)
	d.newest(ctx, store)
	d.put(ctx, store)
	d.lifecycle(ctx, store)
}

func (d *doctor) clock(store *bucket.Bucket) {
	offset, known := store.ClockOffset()
	switch {
	case !known:
		d.skip("clock", "no server has answered")
	case offset.Abs() > clock.Tolerance:
		d.warn("clock", fmt.Sprintf("this machine's clock differs from the server's by %s", offset.Round(time.Second).Abs()),
			"set the clock: S3 refuses requests that are off by more than 15 minutes; in WSL2 after sleep: sudo hwclock -s")
	default:
		d.ok("clock", "within %s of the server's", clock.Tolerance)
	}
}

func (d *doctor) newest(ctx context.Context, store *bucket.Bucket) {
	contents, err := store.Contents(ctx)
	if err != nil {
		d.fail("newest dump", err)
		return
	}
	d.future(contents)
	newest, err := store.NewestOf(contents)
	if none := (*bucket.Error)(nil); errors.As(err, &none) && none.Kind == bucket.ErrEmpty {
		text := "none yet"
		if len(none.Others) > 0 {
			text += ", but " + none.Others.String()
		}
		d.Report(Check{Name: "newest dump", Status: Warning, Text: text, Err: err})
		return
	}
	if err != nil {
		d.fail("newest dump", err)
		return
	}
	d.baked = newest.Baked
	if err := store.CanGet(ctx, newest); err != nil {
		d.fail("get", err)
		return
	}
	d.ok("get", "allowed")
	age := clock.Age(newest.Time, store.Now()).Round(time.Minute)
	compression, _ := dumpfile.ByName(newest.Name)
	index, err := dumpfile.ReadIndex(store.ReaderAt(ctx, newest), newest.Size, compression)
	if err != nil && !errors.Is(err, dumpfile.ErrNoIndex) {
		d.fail("newest dump", fmt.Errorf("%s: %w", newest.Name, err))
		return
	}
	text := fmt.Sprintf("%s, %s old", newest.Name, age)
	if confirmed, _ := store.Confirmation(ctx, newest); confirmed != nil {
		text += fmt.Sprintf(", staging was the same %s ago", clock.Age(confirmed.Time, store.Now()).Round(time.Minute))
	}
	d.ok("newest dump", "%s", text)
	d.personal(index)
}

// personal warns of unmasked dumps that stay for ever. index is nil for a dump by another tool.
func (d *doctor) personal(index *dumpfile.Index) {
	switch {
	case index.IsMasked():
		d.ok("personal data", "%d columns are masked", len(index.Masking.Columns))
	case d.KeepsAll:
		d.warn("personal data", "the newest dump is not masked, and every dump is kept for ever",
			"set DUMP_KEEP or DUMP_KEEP_DAYS, and mask columns (docs/masking.md)")
	}
}

// future reports dumps that are dated in the future.
func (d *doctor) future(contents bucket.Contents) {
	if text := contents.FutureText(); text != "" {
		d.warn("dates", text, "set the clock that dated it, and delete the object, or rename it to its right time")
	}
}

// put checks uploads, which only a refresh needs. Being denied is no failure if only pulls are set up.
func (d *doctor) put(ctx context.Context, store *bucket.Bucket) {
	for _, probe := range []struct {
		name string
		try  func(context.Context) error
	}{{"put", store.CanPut}, {"put in parts", store.CanUpload}} {
		err := probe.try(ctx)
		switch {
		case err == nil:
			d.ok(probe.name, "allowed")
		case d.Source == nil && (errors.Is(err, bucket.ErrAccessDenied) || errors.Is(err, bucket.ErrKMSDenied)):
			d.skip(probe.name, "not allowed; only a refresh needs it")
			return
		default:
			d.fail(probe.name, err)
			return
		}
	}
}

func (d *doctor) lifecycle(ctx context.Context, store *bucket.Bucket) {
	settings, err := store.Settings(ctx)
	if err != nil {
		d.fail("bucket settings", err)
		return
	}
	switch settings.AbortsUnfinished {
	case bucket.Yes:
		d.ok("unfinished uploads", "a lifecycle rule removes them")
	case bucket.No:
		d.warn("unfinished uploads", "no lifecycle rule removes them",
			"`dump-helper bucket setup` adds one: parts of a killed refresh are invisible and cost money")
	default:
		d.skip("unfinished uploads", "the lifecycle rules cannot be read")
	}
	if settings.Versioned == bucket.Yes && settings.ExpiresVersions == bucket.No {
		d.warn("versions", "the bucket keeps every deleted dump as a version",
			"`dump-helper bucket setup` adds a lifecycle rule that removes them; without it, retention frees no space")
	}
	if settings.Public == bucket.Yes {
		d.warn("public access", "anybody may read this bucket", "`dump-helper bucket setup` blocks that: a dump holds personal data")
	}
}

func (d *doctor) staging(ctx context.Context) {
	if d.Source == nil {
		d.skip("staging", "DUMP_SOURCE is not set; only a refresh needs it")
		return
	}
	config, err := d.Source(ctx)
	if err != nil {
		d.fail("staging", err)
		return
	}
	source, err := engine.OpenSource(ctx, config)
	if err != nil {
		d.fail("staging", err)
		return
	}
	defer func() { _ = source.Close() }()
	info := source.Info()
	switch {
	case info.Engine == "":
		d.ok("staging", "a command; only a refresh runs it")
	case len(info.Tables) == 0:
		d.warn("staging", fmt.Sprintf("%s %s, without tables", info.Engine, info.Version),
			"check the database's name in DUMP_SOURCE and the account's privileges")
	default:
		d.ok("staging", "%s %s, %d tables, read by %s", info.Engine, info.Version, len(info.Tables), info.Client)
	}
}

func (d *doctor) local(ctx context.Context) {
	if d.TargetError != nil {
		d.fail("local database", d.TargetError)
		return
	}
	if d.Target == nil {
		d.skip("local database", "DUMP_TARGET is not set; only a pull needs it")
		return
	}
	database, err := engine.OpenTarget(ctx, target.Config{
		URL: *d.Target, WithoutRows: d.WithoutRows, Note: func(text string) { d.warn("local database", text, "") },
	})
	if err != nil {
		d.fail("local database", err)
		return
	}
	defer func() { _ = database.Close() }()
	if err := database.Check(ctx); err != nil {
		d.fail("local database", err)
		return
	}
	info := database.Info()
	text := fmt.Sprintf("%s %s, database %s", info.Engine, info.Version, info.Name)
	if !info.Exists {
		text += " (does not exist yet)"
	}
	if free, known := database.FreeBytes(ctx); known {
		text += fmt.Sprintf(", %d MB free", free/1_000_000)
	}
	d.ok("local database", "%s", text)
	d.confines(ctx, database)
	d.contents(ctx, database)
	d.earlier(ctx, database)
	if info.Engine != "postgres" {
		d.files(ctx, database)
	}
}

// confiner is a database whose dumps are loaded by an account that reaches nothing else, if one can be made.
type confiner interface {
	Confines(ctx context.Context) (bool, error)
}

// confines says where a dump may do what the pull's account may.
func (d *doctor) confines(ctx context.Context, database target.Database) {
	c, is := database.(confiner)
	if !is {
		return
	}
	switch able, err := c.Confines(ctx); {
	case err != nil:
		d.fail("account for loading", err)
	case !able:
		d.skip("account for loading", "DUMP_TARGET's account cannot make one; a list of statements alone keeps a dump in its database")
	default:
		d.ok("account for loading", "a pull makes one that reaches nothing but the database that it loads")
	}
}

// contents reports the contents of the local database and whether a pull with --if-newer would keep it.
func (d *doctor) contents(ctx context.Context, database target.Database) {
	const name = "local contents"
	if d.Contents == nil {
		return
	}
	text, err := d.Contents(ctx, database)
	if err != nil {
		d.fail(name, err)
		return
	}
	d.ok(name, "%s", text)
}

// earlier reports the earlier databases and their size.
func (d *doctor) earlier(ctx context.Context, database target.Database) {
	const name = "earlier databases"
	if d.Earlier == nil {
		return
	}
	switch text, err := d.Earlier(ctx, database); {
	case err != nil:
		d.fail(name, err)
	case text != "":
		d.ok(name, "%s", text)
	}
}

// files reports whether a pull could load tables as files. If not, that is no failure: it loads SQL.
func (d *doctor) files(ctx context.Context, database target.Database) {
	const name = "tables as files"
	server, err := database.TakesFiles(ctx)
	var refused *target.FilesError
	switch {
	case errors.As(err, &refused):
		d.skip(name, "a pull loads SQL: "+err.Error())
		return
	case err != nil:
		d.skip(name, err.Error())
		return
	}
	has := "has none"
	for _, object := range d.baked {
		if object.Series == server.Series() {
			has = "has them"
		}
	}
	d.ok(name, "the local server takes files for %s; the newest dump %s", server.Series(), has)
}
