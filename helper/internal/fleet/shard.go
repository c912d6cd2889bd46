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

// Shard is one of several processes that have a fleet among them: number Index, from 1, of Count. The zero Shard has
// all of it.
type Shard struct{ Index, Count int }

// ParseShard reads 2/4.
func ParseShard(text string) (Shard, error) {
	first, second, _ := strings.Cut(text, "/")
	index, err := strconv.Atoi(first)
	count, err2 := strconv.Atoi(second)
	if err != nil || err2 != nil || index < 1 || index > count {
		return Shard{}, errors.New("a part of a whole is expected, from 1/4 to 4/4")
	}
	return Shard{index, count}, nil
}

// engines are what runs a job several times over, and the variables by which it tells each its number.
var engines = []struct {
	index, count string
	first        int // number of the first one
}{
	{"JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0}, // an Indexed Job of Kubernetes; the count its manifest must hand in
	{"AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", 0},
	{"CI_NODE_INDEX", "CI_NODE_TOTAL", 1}, // GitLab, and others after it
}

// ShardOf gives the shard that the environment asks for, the zero Shard if it asks for none. A count that is not 0 is
// that of the shards, whatever the environment says.
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

// settled is how old a run must be to count for the shards' shares. All shards begin within that time, and one that is
// killed and started again belongs to the same run: what they have recorded meanwhile must not change the shares.
const settled = 6 * time.Hour

// shares gives the shard of each project, without asking anybody: every shard comes to the same. Projects go, those that
// take longest first, to the shard that has the least to do. Durations are powers of two, so that it takes more than a
// history that one shard has seen a little later to make the shares differ.
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
			cmp.Compare(a.Project.Name, b.Project.Name), cmp.Compare(a.Project.Place, b.Project.Place))
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

// before gives a history without the runs that began later than a moment.
func (h History) before(moment time.Time) *History {
	h.Runs = slices.DeleteFunc(slices.Clone(h.Runs), func(run Run) bool { return run.Started.After(moment) })
	return &h
}
