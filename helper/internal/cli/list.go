package cli

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/pull"
	"github.com/jobiqo/dump-refresh/helper/internal/refresh"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func listCommand() *cli.Command {
	return command(cli.Command{
		Name:  "list",
		Usage: "list the dumps in the bucket, newest first",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: fmt.Sprintf("show all dumps and not only the newest %d", listedDumps)},
		},
		Action: func(c *cli.Context) error {
			s, err := open(c)
			if err != nil {
				return err
			}
			return s.list(c.Context, c.Bool("all"))
		},
	})
}

// listedDumps is how many dumps are shown without --all. Each takes a request of its own.
const listedDumps = 100

// listRequests is how many of these are made at once: nearly all of the time is spent waiting.
const listRequests = 32

// listed is one dump as `list` shows it.
type listed struct {
	Key        string    `json:"key"`
	Time       time.Time `json:"time"`
	AgeSeconds int64     `json:"age_seconds"`
	// Confirmed is when staging was last found to be as in the newest dump, if that is later than Time.
	Confirmed   *time.Time `json:"confirmed,omitempty"`
	ObjectBytes int64      `json:"object_bytes"`
	Engine      string     `json:"engine,omitempty"`
	Client      string     `json:"client,omitempty"` // the program that made the dump, with its version
	Publisher   string     `json:"publisher,omitempty"`
	Ours        bool       `json:"ours"`
	Storage     string     `json:"storage_class,omitempty"`
	// Baked are the series of servers for which the dump is baked.
	Baked      []string `json:"baked,omitempty"`
	BakedBytes int64    `json:"baked_bytes,omitempty"` // of all baked objects
}

// listResult is the result of `list`.
type listResult struct {
	Version int      `json:"version"`
	Bucket  string   `json:"bucket"` // with the folder
	Dumps   []listed `json:"dumps"`
	// Local is the key of the dump that the local database holds.
	Local string `json:"local,omitempty"`
	// Future are the keys of dumps that are dated in the future.
	Future []string `json:"future,omitempty"`
	// Older counts the dumps that are not listed without --all.
	Older int `json:"older,omitempty"`
	// Others counts the dumps of other projects in the folder, by their names.
	Others bucket.Others `json:"others,omitempty"`
}

func (s *session) list(ctx context.Context, all bool) error {
	store, err := s.openBucket(ctx)
	if err != nil {
		return err
	}
	contents, err := store.Contents(ctx)
	if err != nil {
		return err
	}
	if text := contents.FutureText(); text != "" {
		s.out.Note(text)
	}
	dumps := contents.Dumps
	older := len(dumps) - listedDumps
	if older > 0 && !all {
		dumps = dumps[:listedDumps]
	}
	entries := make([]listed, len(dumps))
	requests, grouped := errgroup.WithContext(ctx)
	requests.SetLimit(listRequests)
	for i, dump := range dumps {
		entries[i] = listed{
			Key: dump.Key, Time: dump.Time, AgeSeconds: int64(clock.Age(dump.Time, contents.Now).Seconds()),
			ObjectBytes: dump.Size, Ours: dump.Ours, Storage: dump.StorageClass,
		}
		for _, baked := range dump.Baked {
			entries[i].Baked, entries[i].BakedBytes = append(entries[i].Baked, baked.Series), entries[i].BakedBytes+baked.Size
		}
		if dump.Ours {
			requests.Go(func() error { return describeDump(grouped, store, dump, &entries[i]) })
		}
	}
	if len(dumps) > 0 {
		requests.Go(func() error { return confirm(grouped, store, dumps[0], &entries[0]) })
	}
	var local string
	requests.Go(func() error {
		local = s.localDump(grouped)
		return nil
	})
	if err := requests.Wait(); err != nil {
		return err
	}
	if len(entries) == 0 {
		s.noteNone(store, contents.Others)
	}
	if len(entries) > 0 {
		s.out.Print("%s", describeList(entries))
		if confirmed := entries[0].Confirmed; confirmed != nil {
			s.out.Print("staging was still as in the newest dump %s ago\n", ui.Duration(clock.Age(*confirmed, contents.Now)))
		}
		s.remember(entries[0].Key, entries[0].ObjectBytes)
	}
	if local != "" {
		s.out.Print("%s holds %s\n", s.project.Target.Name, local)
	}
	if older > 0 && !all {
		s.out.Note(fmt.Sprintf("%s not shown; --all shows them", ui.Count(int64(older), "older dump")))
	}
	result := listResult{Version: jsonVersion, Bucket: store.String(), Dumps: entries, Local: local, Others: contents.Others}
	for _, dump := range contents.Future {
		result.Future = append(result.Future, dump.Key)
	}
	if older > 0 && !all {
		result.Older = older
	}
	return s.out.Result(result)
}

// localPatience is how long a listing waits for the local server.
const localPatience = 3 * time.Second

// localDump returns the key of the dump that the local database holds. A listing is about the bucket: it is "" where the local server does not say.
func (s *session) localDump(ctx context.Context) string {
	if s.requireTarget(ctx) != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, localPatience)
	defer cancel()
	key, err := pull.Holds(ctx, s.local())
	if err != nil {
		return ""
	}
	return key
}

// noteNone says that the project has no dump, and which projects in the same folder have some.
func (s *session) noteNone(store *bucket.Bucket, others bucket.Others) {
	s.out.Note(s.noDump(store.String(), others))
	if len(others) > 0 {
		s.out.Note("hint: " + inWords(emptyHint(others)))
	}
}

// noDump is "no dump in s3://bucket/folder/", with the dumps of other projects that are there.
func (s *session) noDump(folder string, others bucket.Others) string {
	if len(others) == 0 {
		return "no dump in " + folder
	}
	return "no dump of " + s.project.DumpsOf + " in " + folder + ", but " + others.String()
}

// describeList has a column for baked objects only if there are any.
func describeList(entries []listed) string {
	baked := slices.ContainsFunc(entries, func(entry listed) bool { return entry.Baked != nil })
	rows := [][]string{{"AGE", "SIZE", "ENGINE", "PUBLISHED BY", "KEY"}}
	if baked {
		rows[0] = []string{"AGE", "SIZE", "ENGINE", "PUBLISHED BY", "BAKED FOR", "KEY"}
	}
	for _, entry := range entries {
		by := orDash(entry.Publisher)
		if !entry.Ours {
			by = "another tool"
		}
		row := []string{
			ui.Duration(time.Duration(entry.AgeSeconds) * time.Second), ui.Bytes(entry.ObjectBytes), orDash(entry.Engine), by, entry.Key,
		}
		if baked {
			servers := "-"
			if entry.Baked != nil {
				servers = strings.Join(entry.Baked, ", ") + " (" + ui.Bytes(entry.BakedBytes) + ")"
			}
			row = slices.Insert(row, len(row)-1, servers)
		}
		rows = append(rows, row)
	}
	return ui.Table(rows)
}

// describeDump adds what needs a request for each dump. That request may be denied to users who may list; then the listing
// lacks these columns.
func describeDump(ctx context.Context, store *bucket.Bucket, dump bucket.Object, entry *listed) error {
	object, err := store.Head(ctx, dump.Key)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	entry.Engine, entry.Publisher = object.Metadata[refresh.MetaEngine], object.Metadata[refresh.MetaPublisher]
	entry.Client = object.Metadata[refresh.MetaClient]
	// Leave out the build: Debian's version is 11.8.3-MariaDB-0+deb13u1.
	if version, _, _ := strings.Cut(object.Metadata[refresh.MetaEngineVersion], "-"); version != "" && entry.Engine != "" {
		entry.Engine += " " + version
	}
	return nil
}

// confirm adds when staging was last found to be as in the newest dump.
func confirm(ctx context.Context, store *bucket.Bucket, newest bucket.Object, entry *listed) error {
	found, err := store.Confirmation(ctx, newest)
	if found != nil {
		entry.Confirmed = &found.Time
	}
	return err
}

// remember stores the newest dump and its size in bytes for `ddev describe`.
func (s *session) remember(key string, size int64) {
	if err := s.project.RememberNewest(path.Base(key) + ", " + ui.Bytes(size)); err != nil {
		s.out.Note(err.Error())
	}
}
