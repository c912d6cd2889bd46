package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

func TestShardOfTheEnvironment(t *testing.T) {
	for _, test := range []struct {
		environment map[string]string
		count       int
		want        string // an error's beginning with "error"
	}{
		{nil, 0, ""},
		{map[string]string{"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETIONS": "4"}, 0, "1/4"},
		{map[string]string{"JOB_COMPLETION_INDEX": "3"}, 4, "4/4"},
		{map[string]string{"JOB_COMPLETION_INDEX": "3"}, 0, `error: JOB_COMPLETION_INDEX is "3", so JOB_COMPLETIONS or --shards must be the number of shards (got "")`},
		{map[string]string{"AWS_BATCH_JOB_ARRAY_INDEX": "9", "AWS_BATCH_JOB_ARRAY_SIZE": "10"}, 0, "10/10"},
		{map[string]string{"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "3"}, 0, "1/3"},
		{map[string]string{"CI_NODE_INDEX": "4", "CI_NODE_TOTAL": "3"}, 0, `error: CI_NODE_INDEX is "4", so CI_NODE_TOTAL or --shards must be the number of shards (got "3")`},
	} {
		shard, err := ShardOf(func(name string) string { return test.environment[name] }, test.count)
		got := shard.String()
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != test.want {
			t.Errorf("%v: got %s", test.environment, got)
		}
	}
	for _, text := range []string{"", "1", "0/3", "4/3", "a/b", "1/3/5"} {
		if shard, err := ParseShard(text); err == nil {
			t.Errorf("%q is %s", text, shard)
		}
	}
}

// timed makes projects that took so many seconds yesterday.
func timed(now time.Time, seconds ...float64) []*Item {
	items := make([]*Item, len(seconds))
	for i, s := range seconds {
		items[i] = &Item{Project: &Project{Name: fmt.Sprintf("p%03d", i), Store: fmt.Sprintf("s3://b/p%03d", i)}}
		if s > 0 {
			run := Run{Started: now.Add(-24 * time.Hour), Seconds: s}
			run.State = Published
			items[i].history.Add(run)
		}
	}
	return items
}

func TestSharesAreBalancedAndStable(t *testing.T) {
	now := time.Now()
	random := rand.New(rand.NewPCG(1, 2))
	seconds := make([]float64, 200)
	for i := range seconds {
		seconds[i] = 1 + 300*random.Float64()*random.Float64()
	}
	seconds[7] = 0 // nobody knows
	items := timed(now, seconds...)
	first := shares(items, 4, now)
	load := make([]float64, 5)
	for item, shard := range first {
		var n int
		_, _ = fmt.Sscanf(item.Project.Name, "p%d", &n)
		load[shard] += seconds[n]
	}
	for shard := 1; shard <= 4; shard++ {
		if mean := (load[1] + load[2] + load[3] + load[4]) / 4; load[shard] < 0.8*mean || load[shard] > 1.2*mean {
			t.Errorf("shard %d has %.0f s of %.0f", shard, load[shard], load)
		}
	}
	// A shard that begins later sees them in another order, with runs of the last minutes, and durations that differ a little.
	later := timed(now, seconds...)
	for _, item := range later {
		run := Run{Started: now.Add(-time.Minute), Seconds: 5000}
		run.State = Published
		item.history.Add(run)
		if n := item.history.Runs[0].Seconds; n > 0 && n < 2 {
			item.history.Runs[0].Seconds = n + 0.0001
		}
	}
	random.Shuffle(len(later), func(i, j int) { later[i], later[j] = later[j], later[i] })
	byName := map[string]int{}
	for item, shard := range shares(later, 4, now.Add(5*time.Minute)) {
		byName[item.Project.Name] = shard
	}
	for item, shard := range first {
		if byName[item.Project.Name] != shard {
			t.Errorf("%s is in shard %d and %d", item.Project.Name, shard, byName[item.Project.Name])
		}
	}
}

// fleetOf is what ten shards share: who holds each project's lease, and what was published.
type fleetOf struct {
	mu      sync.Mutex
	holders map[string]context.Context // the shard's, by project
	dumps   map[string]int
}

// refresh waits for the lease, of which it takes the holder for dead half a minute after its end.
func (f *fleetOf) refresh(shard context.Context, name string, takes time.Duration) func(context.Context, Turn) (Outcome, error) {
	return func(ctx context.Context, turn Turn) (Outcome, error) {
		for yielded := false; ; {
			f.mu.Lock()
			holder := f.holders[name]
			free, fresh := holder == nil || holder.Err() != nil, f.dumps[name] > 0
			if free && !fresh {
				f.holders[name] = shard
			}
			f.mu.Unlock()
			switch {
			case fresh:
				return Outcome{State: Fresh}, nil
			case free:
				err := clock.Sleep(ctx, takes)
				f.mu.Lock()
				defer f.mu.Unlock()
				if err != nil {
					return Outcome{}, err // killed: the lease stays
				}
				f.dumps[name]++
				f.holders[name] = nil
				return Outcome{State: Published}, nil
			}
			if !yielded {
				turn.Yield("another shard")
				yielded = true
			}
			if err := clock.Sleep(ctx, 30*time.Second); err != nil {
				return Outcome{}, err
			}
		}
	}
}

// Three of ten shards are killed at some moment. The others refresh what those have left, each project once, and say so.
func TestDeadShardsAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count, projects = 10, 120
		random := rand.New(rand.NewPCG(5, 6))
		f := &fleetOf{holders: map[string]context.Context{}, dumps: map[string]int{}}
		takes := make([]time.Duration, projects)
		for i := range takes {
			takes[i] = time.Second + time.Duration(random.ExpFloat64()*float64(time.Minute))
		}
		dead := random.Perm(count)[:3]
		results := make([][]Result, count)
		var group sync.WaitGroup
		for index := range count {
			ctx, kill := context.WithCancel(t.Context())
			defer kill()
			if slices.Contains(dead, index) {
				time.AfterFunc(time.Duration(random.Int64N(int64(4*time.Minute))), kill)
			}
			var items []*Item
			for i, d := range takes {
				name := fmt.Sprintf("p%03d", i)
				item := due(name, "", d, f.refresh(ctx, name, d))
				if item.Shard = i%count + 1; item.Shard != index+1 {
					item.Action = Leave
				}
				items = append(items, item)
			}
			r, _ := newRunner(2, 2)
			r.Shard = Shard{index + 1, count}
			r.still = func(_ context.Context, item *Item) bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.dumps[item.Project.Name] == 0
			}
			group.Go(func() { results[index] = r.Run(ctx, items) })
		}
		group.Wait()
		for i := range projects {
			if name := fmt.Sprintf("p%03d", i); f.dumps[name] != 1 {
				t.Errorf("%s was published %d times", name, f.dumps[name])
			}
		}
		for index, list := range results {
			for _, result := range list {
				if good := result.State.Good(); !good && !slices.Contains(dead, index) {
					t.Errorf("shard %d: %s is %s", index+1, result.Project, result.State)
				}
			}
		}
	})
}
