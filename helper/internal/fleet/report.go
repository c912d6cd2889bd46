package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// RunReport is the report of a run: the output of `fleet refresh --json`. Each bucket gets the part about its own projects
// as .dump-refresh/fleet/TIME-RANDOM.json. Ages and durations are in seconds.
type RunReport struct {
	Version int       `json:"version"` // 1
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	// Publisher is who ran it, as in ada@laptop.
	Publisher   string `json:"publisher"`
	ToolVersion string `json:"tool_version"`
	// Shard is I/N, empty if there is only one.
	Shard string `json:"shard,omitempty"`
	// Parallel is the most refreshes that ran at once.
	Parallel int           `json:"parallel"`
	Counts   map[State]int `json:"counts"`
	Projects []Result      `json:"projects"`
}

// Count fills in the counts.
func (r *RunReport) Count() {
	r.Counts = map[State]int{}
	for _, result := range r.Projects {
		r.Counts[result.State]++
	}
}

// Store writes a report to each bucket, about the projects of that bucket only: those who may read one bucket need not know
// about the others. It returns one error for each bucket that failed. The run itself does not depend on it.
func (r RunReport) Store(ctx context.Context, items []*Item) (problems []error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	var random [3]byte
	_, _ = rand.Read(random[:]) // never fails
	name := "fleet/" + r.Started.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(random[:]) + ".json"
	bySlot := map[string]*Item{}
	for _, item := range items {
		if item.bucket != nil && !item.silent {
			bySlot[item.Project.Slot] = item
		}
	}
	results := map[string][]Result{}
	through := map[string]*Item{}
	for _, result := range r.Projects {
		if item := bySlot[result.Slot]; item != nil {
			results[item.bucket.Location()] = append(results[item.bucket.Location()], result)
			through[item.bucket.Location()] = item
		}
	}
	for root, item := range through {
		part := r
		part.Projects = results[root]
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
