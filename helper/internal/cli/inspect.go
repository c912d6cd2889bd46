package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/pull"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func inspectCommand() *cli.Command {
	return command(cli.Command{
		Name:      "inspect",
		Usage:     "show what a dump contains, without downloading it",
		ArgsUsage: "[KEY]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "diff", Usage: "show in which tables and rows the dump differs from the dump `EARLIER`"},
		},
		Action: func(c *cli.Context) error {
			s, err := open(c)
			if err != nil {
				return err
			}
			if c.IsSet("diff") {
				return s.diff(c.Context, c.String("diff"), c.Args().First())
			}
			return s.inspect(c.Context, c.Args().First())
		},
	})
}

// dump finds the object with the key, a dump or a baked object, or the newest dump if the key is empty. It also returns the
// index, which is nil for a foreign dump.
func (s *session) dump(ctx context.Context, key string) (*bucket.Bucket, bucket.Object, *dumpfile.Index, error) {
	store, err := s.openBucket(ctx)
	if err != nil {
		return nil, bucket.Object{}, nil, err
	}
	if key == "" {
		newest, err := store.Newest(ctx)
		if err != nil {
			return nil, bucket.Object{}, nil, err
		}
		key = newest.Key
	}
	object, err := store.Find(ctx, key)
	if err != nil {
		return nil, bucket.Object{}, nil, err
	}
	index, err := dumpfile.ReadIndex(store.ReaderAt(ctx, object), object.Size, compressionOf(object))
	if errors.Is(err, dumpfile.ErrNoIndex) && object.Series == "" {
		return store, object, nil, nil
	}
	if err == nil && !isNamedRight(object, index) {
		err = errMisnamed
	}
	if err != nil {
		return nil, bucket.Object{}, nil, fmt.Errorf("read %s: %w", object.Name, unusable(object, err))
	}
	return store, object, index, nil
}

// isNamedRight reports whether the index matches the object's name: a dump, or a baked object of that dump for those servers.
func isNamedRight(object bucket.Object, index *dumpfile.Index) bool {
	baked := index.Baked
	if baked == nil || object.Series == "" {
		return baked == nil && object.Series == ""
	}
	return baked.Dump == bucket.DumpOf(object.Name) && strings.HasPrefix(baked.Engine+"-"+baked.Version+".", object.Series+".")
}

// errMisnamed means that an object's name and its index disagree.
var errMisnamed = fmt.Errorf("the dump is %w: its content does not match its name", dumpfile.ErrCorrupt)

// errUnusable means that a baked object is damaged. The dump has the same data.
var errUnusable = errors.New("the baked object cannot be used")

// unusable turns an error in a baked object itself into errUnusable.
func unusable(object bucket.Object, err error) error {
	for _, wrong := range []error{dumpfile.ErrNoIndex, dumpfile.ErrCorrupt, dumpfile.ErrTruncated, pull.ErrIncomplete, pull.ErrNotSQL} {
		if object.Series != "" && errors.Is(err, wrong) {
			return fmt.Errorf("%w: %w", errUnusable, err)
		}
	}
	return err
}

// compressionOf returns an object's compression, according to its name.
func compressionOf(object bucket.Object) dumpfile.Compression {
	if object.Series != "" {
		return dumpfile.Zstd
	}
	compression, _ := dumpfile.ByName(object.Name)
	return compression
}

func (s *session) inspect(ctx context.Context, key string) error {
	store, object, index, err := s.dump(ctx, key)
	if err != nil {
		return err
	}
	s.out.Print("%s", describeObject(object, store.Now()))
	if index == nil {
		s.out.Print("another tool made this dump, so it has no index; dump-helper verify reads all of it\n")
		return s.out.Result(map[string]any{"key": object.Key, "object_bytes": object.Size, "time": object.Time})
	}
	s.out.Print("%s", describeIndex(index))
	// The list of chunks is for programs that read objects themselves.
	brief := *index
	brief.Chunks = nil
	result := map[string]any{"key": object.Key, "object_bytes": object.Size, "time": object.Time, "index": brief, "chunks": len(index.Chunks)}
	if tables := storedTables(index); tables != nil {
		result["tables"] = tables
	}
	if object.Series != "" {
		result["series"] = object.Series
	}
	return s.out.Result(result)
}

func describeObject(object bucket.Object, now time.Time) string {
	age := ui.Duration(clock.Age(object.Time, now)) + " old"
	if clock.IsFuture(object.Time, now) {
		age = "dated in the future"
	}
	text := fmt.Sprintf("%s\n%s, %s", object.Key, ui.Bytes(object.Size), age)
	if object.StorageClass != "" && object.StorageClass != "STANDARD" {
		text += ", storage class " + object.StorageClass
	}
	return text + "\n"
}

func describeIndex(index *dumpfile.Index) string {
	var text strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&text, "%-16s%s\n", name, value)
		}
	}
	text.WriteString("\n")
	if baked := index.Baked; baked != nil {
		line("tables as files", "of "+baked.Dump)
		line("written by", fmt.Sprintf("%s %s, in pages of %d KiB", baked.Engine, baked.Version, baked.PageSize>>10))
	}
	line("snapshot", index.SnapshotTime.UTC().Format(time.RFC3339))
	line("published by", index.Publisher)
	if index.Signature != nil {
		line("signed by", "key "+index.Signature.Key)
	}
	line("engine", strings.TrimSpace(index.Engine+" "+index.EngineVersion))
	line("client", index.Client)
	line("tool", index.ToolVersion)
	line("contents", fmt.Sprintf("%s in %s", describeContents(index, int64(len(index.Tables)), index.Rows), ui.Count(int64(len(index.Chunks)), "chunk")))
	line("without rows", strings.Join(index.Rules.StructureOnly, ", "))
	line("with some rows", strings.Join(index.Rules.Filtered, ", "))
	line("left out", strings.Join(index.Rules.Excluded, ", "))
	line("unreadable", strings.Join(index.Rules.Broken, "; "))
	line("staging's own", strings.Join(index.Rules.LeftOut, "; "))
	if index.Masking != nil {
		line("masked", strings.Join(index.Masking.Columns, "; "))
		line("accepted", strings.Join(index.Masking.Accepted, "; "))
		line("searched for", searchedFor(index.Masking))
		line("masked with", fmt.Sprintf("key %s, rules %.12s", index.Masking.Key, index.Masking.Rules))
	}
	text.WriteString("\n" + describeTables(index))
	return text.String()
}

// searchedFor says for what the SQL was searched before it was published.
func searchedFor(m *dumpfile.Masking) string {
	var what []string
	if m.Searched > 0 {
		what = append(what, ui.Count(int64(m.Searched), "masked value"))
	}
	if m.Canaries > 0 {
		what = append(what, ui.Count(int64(m.Canaries), "planted value"))
	}
	return strings.Join(what, ", ")
}

// describeMasking sums up what is masked.
func describeMasking(m *dumpfile.Masking) string {
	text := "masked: " + ui.Count(int64(len(m.Columns)), "column")
	if searched := searchedFor(m); searched != "" {
		text += "; searched for " + searched
	}
	if len(m.Accepted) > 0 {
		text += "; accepted: " + strings.Join(m.Accepted, "; ")
	}
	return text
}

// describeContents sums up an object's contents.
func describeContents(index *dumpfile.Index, tables, rows int64) string {
	text := ui.Count(tables, "table") + ", " + ui.Count(rows, "row") + ", "
	if index.Baked == nil {
		return text + ui.Bytes(index.RawBytes) + " of SQL"
	}
	files, size := storedFiles(index)
	return fmt.Sprintf("%s%s of SQL and %s in %s of %s", text, ui.Bytes(index.RawBytes-size), ui.Bytes(size),
		ui.Count(files, "file"), ui.Count(int64(len(index.Baked.Tables)), "table"))
}

func describeTables(index *dumpfile.Index) string {
	count := func(rows int64) string {
		if rows < 0 {
			return "unknown"
		}
		return fmt.Sprint(rows)
	}
	if stored := storedTables(index); stored != nil && index.Baked != nil {
		lines := [][]string{{"TABLE", "ROWS", "COMES AS", "SIZE", "STORED"}}
		for _, table := range stored {
			as := "rows"
			if table.Files > 0 {
				as = ui.Count(int64(table.Files), "file")
			}
			lines = append(lines, []string{table.Name, count(table.Rows), as, ui.Bytes(table.RawBytes), ui.Bytes(table.ObjectBytes)})
		}
		return ui.Table(lines)
	} else if stored != nil {
		lines := [][]string{{"TABLE", "ROWS", "SQL", "STORED"}}
		for _, table := range stored {
			lines = append(lines, []string{table.Name, count(table.Rows), ui.Bytes(table.RawBytes), ui.Bytes(table.ObjectBytes)})
		}
		return ui.Table(lines)
	}
	lines := [][]string{{"TABLE", "ROWS"}}
	for _, table := range index.Tables {
		lines = append(lines, []string{table.Name, count(table.Rows)})
	}
	return ui.Table(lines)
}
