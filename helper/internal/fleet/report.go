package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// RunReport is what came of a run: the result of `fleet refresh --json`, and, for the projects of one bucket, the object
// .dump-refresh/fleet/TIME-RANDOM.json in it. Ages and durations are in seconds.
type RunReport struct {
	Version int       `json:"version"` // 1
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	// Publisher is who ran it, as in ada@laptop.
	Publisher   string `json:"publisher"`
	ToolVersion string `json:"tool_version"`
	// Shard is I/N, empty where there is only one.
	Shard string `json:"shard,omitempty"`
	// Parallel is how many refreshes ran at once at most.
	Parallel int           `json:"parallel"`
	Counts   map[State]int `json:"counts"`
	Projects []Result      `json:"projects"`
}

// Count fills the counts in.
func (r *RunReport) Count() {
	r.Counts = map[State]int{}
	for _, result := range r.Projects {
		r.Counts[result.State]++
	}
}

// Store writes a report to each bucket of the run's projects, of those projects alone: who may read one bucket need not
// know of the others. It gives what went wrong, by bucket; the run is as good without.
func (r RunReport) Store(ctx context.Context, items []*Item) (problems []error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	var random [3]byte
	_, _ = rand.Read(random[:]) // never fails
	name := "fleet/" + r.Started.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(random[:]) + ".json"
	byPlace := map[string]*Item{}
	for _, item := range items {
		if item.bucket != nil {
			byPlace[item.Project.Place] = item
		}
	}
	results := map[string][]Result{}
	through := map[string]*Item{}
	for _, result := range r.Projects {
		if item := byPlace[result.Place]; item != nil {
			results[item.bucket.Place()] = append(results[item.bucket.Place()], result)
			through[item.bucket.Place()] = item
		}
	}
	for place, item := range through {
		part := r
		part.Projects = results[place]
		part.Count()
		text, err := json.Marshal(part)
		if err == nil {
			err = item.bucket.WriteShared(ctx, name, text)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("write the report of the run: %w", err))
		}
	}
	return problems
}
