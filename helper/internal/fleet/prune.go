package fleet

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Pruned is what a project's retention deletes. Sizes are in bytes.
type Pruned struct {
	Project string `json:"project"`
	Slot    string `json:"slot"`
	// Deleted are the keys of the dumps and of the objects that were baked from them, Dumps counts the dumps.
	Deleted    []string `json:"deleted"`
	Dumps      int      `json:"dumps"`
	FreedBytes int64    `json:"freed_bytes"`
	// Kept counts the dumps that stay. KeepsAll means that the project has no retention, and nobody has counted them.
	Kept     int  `json:"kept"`
	KeepsAll bool `json:"keeps_all,omitempty"`
	// Error and Hint say why it could not be done.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// prunedAtOnce limits in how many folders dumps are deleted at once.
const prunedAtOnce = 8

// Prune deletes what each project's retention does not keep, or only finds it. An error of one project is in its result and does not affect
// the others. The returned error is that of the context.
func Prune(ctx context.Context, projects []Project, dryRun bool, hint func(error) string, say func(*Project, string)) ([]Pruned, error) {
	found := make([]Pruned, len(projects))
	var group errgroup.Group
	group.SetLimit(prunedAtOnce)
	for i := range projects {
		project := &projects[i]
		group.Go(func() error {
			if ctx.Err() == nil {
				found[i] = pruneOne(ctx, project, dryRun, hint, func(line string) { say(project, line) })
			}
			return nil
		})
	}
	_ = group.Wait()
	if ctx.Err() != nil {
		return found, context.Cause(ctx)
	}
	return found, nil
}

func pruneOne(ctx context.Context, project *Project, dryRun bool, hint func(error) string, say func(string)) Pruned {
	pruned, err := prune(ctx, project, dryRun, say)
	pruned.Project, pruned.Slot = project.Name, project.Slot
	if err != nil {
		pruned.Error, pruned.Hint = err.Error(), hint(err)
	}
	return pruned
}

// prune does it for one project, unless the dumps in its place are known to be another one's.
func prune(ctx context.Context, project *Project, dryRun bool, say func(string)) (pruned Pruned, err error) {
	if project.Problem != nil {
		return pruned, project.Problem
	}
	err = guarded(func() error {
		store, err := project.Open(ctx)
		if err != nil {
			return err
		}
		history, err := ReadHistory(ctx, store)
		if err != nil {
			return err
		}
		if history.Source.Differs(project.Source) {
			return ErrOtherSource
		}
		pruned, err = project.Prune(ctx, dryRun, say)
		return err
	})
	return pruned, err
}
