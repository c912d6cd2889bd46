package refresh

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/gate"
	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// ErrIncomplete means that the source reported success but its text has no proper end.
var ErrIncomplete = errors.New("the dump is incomplete")

// The names of metadata that `list` reads.
const (
	MetaEngine        = "dump-engine"
	MetaEngineVersion = "dump-engine-version"
	MetaClient        = "dump-client"
	MetaProject       = "dump-project"
	MetaToolVersion   = "dump-tool-version"
	MetaPublisher     = "dump-publisher"
	MetaSnapshotTime  = "dump-snapshot-time"
)

// dumpOnce makes one dump. Reading, compression and upload run at the same time, each at the pace of the next.
func (r *run) dumpOnce(ctx context.Context, source *source.Source) (result Result, err error) {
	r.Progress.Phase("dumping", r.expected())
	// The state is read before the snapshot: what changes in between is in the dump and counts as a change next time. The
	// dump can do without it.
	state, err := source.State(ctx)
	if err != nil && ctx.Err() == nil {
		r.Progress.Note("the next refresh cannot tell whether staging has changed: " + err.Error())
	}
	r.tableStates, err = source.TableStates(ctx)
	if err != nil && ctx.Err() == nil {
		r.Progress.Note("the next refresh reads every table: " + err.Error())
	}
	known := r.known(ctx)
	r.Source.Leaks.Reset()
	began := r.Bucket.Now()
	dump, err := source.DumpSince(ctx, known.states)
	if err != nil {
		return Result{}, err
	}
	taken := r.afterNewest(r.date(dump.SnapshotTime, began))
	defer func() {
		// If the dump failed, this error is only a consequence.
		_ = dump.Close()
	}()
	if dump.How != "" {
		r.Progress.Note(dump.How)
	}
	info, text := source.Info(), bufio.NewReaderSize(dump, 64<<10)
	if !dump.Chunked() {
		info = identify(info, text)
	}
	key := r.Bucket.NewKey(taken, r.Compression.Ending())
	options := r.describe(info, taken)
	if dump.Chunked() {
		options.Earlier = r.earlier()
	}
	upload, err := r.Bucket.Upload(ctx, key, options)
	if err != nil {
		return Result{}, err
	}
	writer, err := dumpfile.NewWriter(ctx, upload, r.Compression, r.Level, 0)
	if err != nil {
		return Result{}, err
	}
	if r.SignKey.IsSet() {
		writer.SignWith(r.SignKey)
	}
	defer func() {
		// The upload ends first, so that no Write waits when the writer ends.
		if err := upload.Abort(); err != nil {
			r.Progress.Note("parts of the upload may be left in the bucket; the next refresh removes them: " + err.Error())
		}
		writer.Abort()
	}()
	if options.Earlier != nil {
		switch err := upload.TryCopy(); { // a store that cannot copy should say so before the dump is made, not afterwards
		case ctx.Err() != nil:
			return Result{}, context.Cause(ctx)
		case err != nil && len(dump.Unread) > 0:
			return Result{}, err
		case err != nil:
			r.cannotCopy(err)
		default:
			writer.Reuse(dumpfile.Earlier{Index: r.previous.index, Object: r.Bucket.ReaderAt(ctx, r.previous.object)}, upload, bucket.LeastPart)
		}
	}
	r.needs = engine.ReadNeeds(sqltext.DialectOf(info.Engine))
	var stats sqltext.Stats
	var textRows map[string]int64
	if dump.Chunked() {
		stats, textRows, err = r.chunks(ctx, dump, known, info, writer)
	} else {
		stats, err = r.stream(sqltext.NewSplitter(text, sqltext.DialectOf(info.Engine)), writer)
	}
	if err != nil {
		return Result{}, r.first(ctx, err)
	}
	if err := r.Source.Leaks.Err(); err != nil {
		return Result{}, err
	}
	index := r.index(info, taken, stats, textRows)
	index.SourceState, index.TableStates = state.String(), r.recorded()
	if err := r.gate(index, stats); err != nil {
		return Result{}, err
	}
	if dump.Chunked() {
		if same, err := r.sameAsLast(writer, info, index); err != nil {
			return Result{}, r.first(ctx, err)
		} else if same {
			result, err := r.confirm(ctx, r.previous.object, r.previous.index, taken, index.SourceState, r.recorded())
			result.UnreadTables = int64(len(dump.Unread))
			if err != nil || result.Unchanged {
				return result, err
			}
		}
	}
	if err := writer.Close(index); err != nil {
		return Result{}, r.first(ctx, err)
	}
	r.Progress.Phase("finishing the upload", 0)
	if err := upload.Complete(ctx); err != nil {
		return Result{}, err
	}
	r.published = upload.Published()
	return Result{
		Key: key, Published: true, ObjectBytes: writer.Written(), SentBytes: upload.Sent(),
		CopiedBytes: upload.Copied(), ReusedBytes: writer.Reused(), UnreadTables: int64(len(dump.Unread)),
		RawBytes: stats.Bytes, Tables: int64(len(stats.Tables)), Rows: stats.Rows, SnapshotTime: taken,
	}, nil
}

// date returns when a snapshot was taken, by the store's clock if the source's is wrong: all dumps of a project must have
// their times from clocks that agree. began is just before it.
func (r *run) date(snapshot, began time.Time) time.Time {
	taken, wrong := clock.Within(snapshot, began, r.Bucket.Now())
	if wrong == 0 {
		return taken
	}
	whose, how := "staging's clock", "ahead of"
	if r.Source.URL == nil {
		whose = "this machine's clock"
	}
	if wrong < 0 {
		how = "behind"
	}
	r.Progress.Note(fmt.Sprintf("%s is %s %s the bucket's: the dump is dated by the bucket's clock", whose, wrong.Abs().Round(time.Second), how))
	return taken
}

// afterNewest returns a time that is later than the newest dump's by the whole seconds of keys: what is published last is the newest dump,
// whichever clocks dated both.
func (r *run) afterNewest(taken time.Time) time.Time {
	earlier := r.newest.Time.Sub(taken.Truncate(time.Second))
	if r.newest.Key == "" || earlier < 0 {
		return taken
	}
	if earlier > time.Second {
		r.Progress.Note(fmt.Sprintf("%s is dated %s later than this dump's snapshot: this dump is dated after it", r.newest.Name, earlier))
	}
	return r.newest.Time.Add(time.Second)
}

// first returns why the context ended, if it did: other errors are its consequences.
func (r *run) first(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// expected estimates the size of the SQL by the last dump.
func (r *run) expected() int64 {
	if r.previous.index == nil {
		return 0
	}
	return r.previous.index.RawBytes
}

// stream copies the dump's text to the writer, statement by statement, so that chunks end between statements. It counts
// what it copies.
func (r *run) stream(splitter *sqltext.Splitter, writer *dumpfile.Writer) (sqltext.Stats, error) {
	var notSQL *sqltext.NotSQLError
	search := r.Source.Leaks.Text("")
	for {
		piece, err := splitter.Next()
		switch {
		case err == io.EOF:
			return splitter.Stats(), nil
		case errors.Is(err, sqltext.ErrUnterminated):
			return sqltext.Stats{}, fmt.Errorf("%w: %w", ErrIncomplete, err)
		case errors.As(err, &notSQL):
			return sqltext.Stats{}, fmt.Errorf("the output of the source is %w", err)
		case err != nil:
			return sqltext.Stats{}, err
		}
		r.needs.Meet(piece)
		_, _ = search.Write(piece.Raw) // it never fails
		if _, err := writer.Write(piece.Raw); err != nil {
			return sqltext.Stats{}, err
		}
		if !piece.Partial {
			writer.Cut()
		}
		r.Progress.Advance(int64(len(piece.Raw)))
	}
}

// identify completes the source's info: the first bytes of a command's output tell its engine.
func identify(info source.Info, text *bufio.Reader) source.Info {
	if info.Engine != "" {
		return info
	}
	head, _ := text.Peek(4096) // the next read returns the error again
	found, known := sqltext.Detect(head)
	switch {
	case !known:
	case found == sqltext.Postgres:
		info.Engine = sqltext.EnginePostgres
	case bytes.Contains(head, []byte("MariaDB")):
		info.Engine = "mariadb"
	default:
		info.Engine = "mysql"
	}
	return info
}

// requireContents fails for a database without tables.
func (r *run) requireContents(info source.Info) error {
	if info.Engine == "" || len(info.Tables) > 0 {
		return nil
	}
	r.tableless = len(info.Views) > 0 || info.Others
	switch {
	case !r.tableless:
		return ErrEmpty
	case !r.Force:
		return ErrNoTables
	}
	return nil
}

// gate decides whether a dump may be published after its source reported success.
func (r *run) gate(index dumpfile.Index, stats sqltext.Stats) error {
	switch {
	case stats.Bytes == 0:
		return fmt.Errorf("%w: the source printed nothing", ErrIncomplete)
	case stats.Header != "" && !stats.Complete:
		return fmt.Errorf("%w: the last line, which marks it as completed, is missing", ErrIncomplete)
	case stats.Header == "" && stats.Missing != "":
		return fmt.Errorf("%w: %s", ErrIncomplete, stats.Missing)
	case stats.Part != "" && stats.Tool != "dump-helper":
		return fmt.Errorf("%w: %s", ErrIncomplete, stats.Part)
	case len(stats.Tables) == 0 && !r.tableless:
		return ErrEmpty
	case r.Force || r.previous.index == nil:
		return nil
	}
	return compare(contentsOf(&index), contentsOf(r.previous.index), r.previous.object.Name)
}

func contentsOf(index *dumpfile.Index) gate.Contents {
	tables := make(map[string]int64, len(index.Tables))
	for _, table := range index.Tables {
		tables[table.Name] = table.Rows
	}
	return gate.Contents{Tables: tables, StructureOnly: slices.Concat(index.Rules.StructureOnly, index.Rules.Filtered)}
}

// index describes the dump. textRows are the rows of a dump in chunks that are in no chunk of rows.
func (r *run) index(info source.Info, snapshot time.Time, stats sqltext.Stats, textRows map[string]int64) dumpfile.Index {
	index := dumpfile.Index{
		ToolVersion: r.ToolVersion, Project: r.Project, Publisher: r.Publisher,
		Engine: info.Engine, EngineVersion: info.Version, Client: info.Client, SnapshotTime: snapshot,
		Origin: r.origin(info),
		Rules:  dumpfile.Rules{StructureOnly: info.StructureOnly, Excluded: info.Excluded, Filtered: info.Filtered, Broken: info.Broken, LeftOut: info.LeftOut},
		Rows:   stats.Rows, TextRows: textRows,
		Needs: joinNeeds(r.needs.Needs(), info.Needs),
	}
	if r.Source.Masks.Mask() {
		index.Masking = &dumpfile.Masking{Version: mask.Version, Rules: r.Source.Masks.Digest(), Key: r.Source.Masks.Key.ID(), Columns: info.Masked}
		index.Masking.Accepted = r.Source.Masks.Accepts()
		index.Masking.Searched, index.Masking.Canaries = r.Source.Leaks.Counts()
	}
	for _, name := range slices.Sorted(maps.Keys(stats.Tables)) {
		index.Tables = append(index.Tables, dumpfile.Table{Name: name, Rows: stats.Tables[name]})
	}
	return index
}

// joinNeeds returns what a dump needs by its text and by its source.
func joinNeeds(text, source *dump.Needs) *dump.Needs {
	if text == nil || source == nil {
		return cmp.Or(text, source)
	}
	text.PageSize = source.PageSize
	return text
}

// describe returns the object's metadata and tags.
func (r *run) describe(info source.Info, snapshot time.Time) bucket.UploadOptions {
	described := map[string]string{
		MetaEngine:        info.Engine,
		MetaEngineVersion: info.Version,
		MetaProject:       r.Project,
		MetaToolVersion:   r.ToolVersion,
	}
	maps.DeleteFunc(described, func(_, value string) bool { return value == "" })
	metadata := maps.Clone(described)
	if info.Client != "" {
		metadata[MetaClient] = info.Client
	}
	metadata[MetaPublisher] = r.Publisher
	metadata[MetaSnapshotTime] = snapshot.UTC().Format(time.RFC3339)
	return bucket.UploadOptions{Metadata: metadata, Tags: described}
}
