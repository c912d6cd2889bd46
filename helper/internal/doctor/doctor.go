// Package doctor tries everything that a refresh and a pull will need, one after the other, and says
// of each whether it works. It changes nothing but a probe object of a few bytes and a scratch database beside the local one,
// which it removes.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Status is what came of a check.
type Status string

// The outcomes of a check. Only Failed keeps something from working; Warning says what should be
// better, Skipped what is not set up and hence was not tried.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Check is one thing that was tried.
type Check struct {
	Name   string
	Status Status
	// Text says what was found.
	Text string
	// Hint says what to do; where it is empty, Err tells.
	Hint string
	// Err is why the check failed or warns, if an error said so.
	Err error
}

// Config says what is to be tried. Each part may be missing.
type Config struct {
	// OpenBucket opens the project's bucket.
	OpenBucket func(context.Context) (*bucket.Bucket, error)
	// Source gives the staging database; nil where none is set.
	Source func(context.Context) (source.Config, error)
	// Target is the local database; nil where none is set.
	Target *dburl.URL
	// TargetError is why the local database cannot be asked; nil where it can.
	TargetError error
	// Contents says what the local database holds.
	Contents func(context.Context, target.Database) (string, error)
	// Earlier says which earlier databases are kept beside it, "" for none.
	Earlier func(context.Context, target.Database) (string, error)
	// WithoutRows says of its tables whether their rows do not count: see [localdb.Config].
	WithoutRows func(table string) bool
	// Report is told of each check when it is done.
	Report func(Check)
}

// Run makes all checks. One that fails leaves out only those that depend on it. Its error is the end of
// the context.
func Run(ctx context.Context, config Config) error {
	d := &doctor{Config: config}
	d.bucket(ctx)
	d.staging(ctx)
	d.local(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

type doctor struct {
	Config
	baked []bucket.Object // that lie beside the newest dump
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

// clockWarning is how far off a clock may be before it is worth a word; S3 itself refuses requests
// beyond 15 minutes.
const clockWarning = time.Minute

func (d *doctor) clock(store *bucket.Bucket) {
	offset, known := store.ClockOffset()
	switch {
	case !known:
		d.skip("clock", "no server has answered")
	case offset.Abs() > clockWarning:
		d.warn("clock", fmt.Sprintf("this machine's clock differs from the server's by %s", offset.Round(time.Second).Abs()),
			"set the clock, S3 refuses requests that are off by more than 15 minutes; after WSL2 has slept: sudo hwclock -s")
	default:
		d.ok("clock", "within %s of the server's", clockWarning)
	}
}

func (d *doctor) newest(ctx context.Context, store *bucket.Bucket) {
	newest, err := store.Newest(ctx)
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
	age := time.Since(newest.Time).Round(time.Minute)
	compression, _ := dumpfile.ByName(newest.Name)
	_, err = dumpfile.ReadIndex(store.ReaderAt(ctx, newest), newest.Size, compression)
	if err != nil && !errors.Is(err, dumpfile.ErrNoIndex) {
		d.fail("newest dump", fmt.Errorf("%s: %w", newest.Name, err))
		return
	}
	d.ok("newest dump", "%s, %s old", newest.Name, age)
}

// put tries what only a refresh needs: that it is denied is no failure for who only pulls.
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
			d.skip(probe.name, "not allowed, and only needed to refresh")
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
			"`dump-helper bucket setup` adds a lifecycle rule, without which what retention deletes stays for good")
	}
	if settings.Public == bucket.Yes {
		d.warn("public access", "anybody may read this bucket", "`dump-helper bucket setup` blocks that: a dump holds personal data")
	}
}

func (d *doctor) staging(ctx context.Context) {
	if d.Source == nil {
		d.skip("staging", "DUMP_SOURCE is not set, which only a refresh needs")
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
		d.ok("staging", "a command, which only a refresh runs")
	case len(info.Tables) == 0:
		d.warn("staging", fmt.Sprintf("%s %s, without any table", info.Engine, info.Version),
			"check the database's name in DUMP_SOURCE, and that the account may see its tables")
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
		d.skip("local database", "DUMP_TARGET is not set, which only a pull needs")
		return
	}
	database, err := engine.OpenTarget(ctx, target.Config{URL: *d.Target, WithoutRows: d.WithoutRows})
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
	d.contents(ctx, database)
	d.earlier(ctx, database)
	if info.Engine != "postgres" {
		d.files(ctx, database)
	}
}

// contents says what is in the local database, and whether a pull that nobody has asked for would leave it there.
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

// earlier says which earlier databases take room.
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

// files says whether a pull could take tables as files. That it could not is no fault: it loads SQL then.
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
	d.ok(name, "the local server takes those for %s, the newest dump %s", server.Series(), has)
}
