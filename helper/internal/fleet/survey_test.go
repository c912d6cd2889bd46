package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// A store that swallows every packet takes a minute of forty projects, not six, and says so meanwhile.
func TestSurveyOfASilentStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var projects []Project
		for i := range 100 {
			projects = append(projects, Project{Name: fmt.Sprint("p", i), Slot: fmt.Sprint("p", i), Open: func(ctx context.Context) (*bucket.Bucket, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}})
		}
		projects[99].Problem = errors.New("DUMP_SOURCE is not set")
		var notes []string
		began := time.Now()
		items, err := Survey(t.Context(), projects, Shard{}, func(line string) { notes = append(notes, line) })
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > surveyWhole {
			t.Errorf("it took %s", took)
		}
		if len(notes) < 10 || notes[0] != "asking the buckets: 0 of 100 projects so far" || !strings.HasPrefix(notes[6], "asking the buckets: 32 of 100 ") {
			t.Errorf("%q", notes)
		}
		said := map[string]int{}
		for _, item := range items {
			said[item.Why]++
			if (item.Action == Report) != (item.Project.Problem != nil) || item.Project.Problem == nil && item.Action != Refresh {
				t.Errorf("%s: %s", item.Project.Name, item.Action)
			}
		}
		if said[errSurveyLimit.Error()] != 64 || said[errSurveyWhole.Error()] != 35 {
			t.Errorf("%v", said)
		}
	})
}

// What a store that stays silent would hold up ends with one more minute, and is said as such. The others are refreshed.
func TestRunOfASilentStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := newRunner(2, 2)
		var items []*Item
		for i := range 40 {
			item := due(fmt.Sprint("silent", i), "", time.Second, func(context.Context, Turn) (Outcome, error) {
				t.Error("it was refreshed")
				return Outcome{}, nil
			})
			item.silent, item.Project.Place = true, "https://gone s3://dumps/"+item.Project.Name
			item.Project.Open = func(ctx context.Context) (*bucket.Bucket, error) {
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
			items = append(items, item)
		}
		back := due("back", "", time.Second, lasting(time.Second))
		back.silent, back.Project.Place = true, "AWS s3://dumps/back"
		back.Project.Open = func(context.Context) (*bucket.Bucket, error) { return nil, errors.New("access denied") }
		began := time.Now()
		results := r.Run(t.Context(), append(items, back, due("well", "", time.Second, lasting(time.Second))))
		if took := time.Since(began); took > secondChance+5*time.Second {
			t.Errorf("it took %s", took)
		}
		for _, result := range results {
			failed := strings.HasPrefix(result.Project, "silent")
			if failed != (result.State == Failed) || failed && (result.Error != "the store of this bucket does not answer" || result.Hint == "") {
				t.Errorf("%s: %s, %q", result.Project, result.State, result.Error)
			}
		}
		notes := 0
		for _, event := range o.events {
			if strings.HasSuffix(event, "asks its bucket again, which has not answered") {
				notes++
			}
		}
		if notes != 2 {
			t.Errorf("%d notes", notes)
		}
	})
}

// A survey ends with its context, even though the buckets do not answer.
func TestSurveyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	projects := []Project{{Name: "a", Slot: "a", Open: func(ctx context.Context) (*bucket.Bucket, error) {
		cancel(errors.New("enough"))
		<-ctx.Done()
		return nil, ctx.Err()
	}}}
	if _, err := Survey(ctx, projects, Shard{}, func(string) {}); err == nil || err.Error() != "enough" {
		t.Error(err)
	}
}

// The same holds for the status, which says of each project whether its store was asked.
func TestLookAtASilentStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var projects []Project
		for i := range 100 {
			projects = append(projects, Project{Name: fmt.Sprint("p", i), Slot: fmt.Sprint("p", i), Open: func(ctx context.Context) (*bucket.Bucket, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}})
		}
		notes := 0
		var mu sync.Mutex
		began := time.Now()
		hinted := 0
		found, err := Look(t.Context(), projects, func(err error) string {
			if errors.Is(err, ErrStoreSilent) {
				mu.Lock()
				hinted++
				mu.Unlock()
			}
			return ""
		}, func(string) { notes++ })
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > surveyWhole || notes < 10 {
			t.Errorf("it took %s, with %d notes", took, notes)
		}
		if hinted != 100 {
			t.Errorf("%d hints", hinted)
		}
		said := map[string]int{}
		for _, p := range found {
			said[string(p.Verdict)+": "+p.Error]++
		}
		if said["unreachable: "+errNoAnswer.Error()] != 64 || said["unreachable: "+errSurveyWhole.Error()] != 36 {
			t.Errorf("%v", said)
		}
	})
}
