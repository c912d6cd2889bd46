package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shard is one of several processes that share a fleet: number Index, from 1, of Count. The zero Shard is the whole
// fleet.
type Shard struct{ Index, Count int }

// ParseShard reads 2/4.
func ParseShard(text string) (Shard, error) {
	first, second, _ := strings.Cut(text, "/")
	index, err := strconv.Atoi(first)
	count, err2 := strconv.Atoi(second)
	if err != nil || err2 != nil || index < 1 || index > count {
		return Shard{}, errors.New("a shard such as 2/4 is expected, the second of four")
	}
	return Shard{index, count}, nil
}

// engines are the systems that run a job several times in parallel, and the variables that number the jobs.
var engines = []struct {
	index, count string
	first        int // the lowest index
}{
	{"JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0}, // an Indexed Job of Kubernetes; its manifest must set the count
	{"AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", 0},
	{"CI_NODE_INDEX", "CI_NODE_TOTAL", 1}, // GitLab and others
}

// ShardOf returns the shard that the environment asks for, the zero Shard if it asks for none. A count other than 0
// overrides the environment's.
func ShardOf(getenv func(string) string, count int) (Shard, error) {
	for _, engine := range engines {
		if getenv(engine.index) == "" {
			continue
		}
		index, err := strconv.Atoi(getenv(engine.index))
		if count == 0 {
			count, _ = strconv.Atoi(getenv(engine.count))
		}
		index -= engine.first
		if err != nil || index < 0 || index >= count {
			return Shard{}, fmt.Errorf("%s is %q, so %s or --shards must be the number of shards (got %q)",
				engine.index, getenv(engine.index), engine.count, getenv(engine.count))
		}
		return Shard{index + 1, count}, nil
	}
	return Shard{}, nil
}

func (s Shard) String() string {
	if s.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// settled is how old a run must be to count when the fleet is divided. All shards of a run begin within that time, even
// one that is killed and started again: what they record meanwhile must not change the division.
const settled = 6 * time.Hour

// shares computes the shard of each project. Every shard computes the same result by itself: the longest projects come
// first, and each goes to the shard with the least to do. Durations are rounded up to powers of two, so that a small
// difference between the histories that two shards have read does not change the result.
func shares(items []*Item, count int, now time.Time) map[*Item]int {
	weights := make(map[*Item]float64, len(items))
	var known []float64
	for _, item := range items {
		if expected, ok := item.history.before(now.Add(-settled)).Expected(); ok {
			weights[item] = math.Exp2(math.Ceil(math.Log2(max(expected.Seconds(), 1))))
			known = append(known, weights[item])
		}
	}
	usual := 1.0
	if len(known) > 0 {
		usual = median(known)
	}
	order := slices.Clone(items)
	for _, item := range order {
		if weights[item] == 0 {
			weights[item] = usual
		}
	}
	slices.SortFunc(order, func(a, b *Item) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(a.Project.Store, b.Project.Store),
			cmp.Compare(a.Project.Name, b.Project.Name), cmp.Compare(a.Project.Slot, b.Project.Slot))
	})
	load := make([]float64, count)
	result := make(map[*Item]int, len(items))
	for _, item := range order {
		least := 0
		for shard := range load {
			if load[shard] < load[least] {
				least = shard
			}
		}
		load[least] += weights[item]
		result[item] = least + 1
	}
	return result
}

// before returns a history without the runs that began after a moment.
func (h History) before(moment time.Time) *History {
	h.Runs = slices.DeleteFunc(slices.Clone(h.Runs), func(run Run) bool { return run.Started.After(moment) })
	return &h
}
