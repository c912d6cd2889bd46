package refresh

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// unchanged returns the newest dump if a new one would be the same. That costs one listing, one ranged read and a few
// queries, and needs no lease. If it cannot tell, it notes why.
func (r *run) unchanged(ctx context.Context, dumps []bucket.Object) (Result, error) {
	if len(dumps) == 0 {
		return Result{}, nil
	}
	newest := dumps[0]
	if !newest.Ours {
		r.Progress.Note("the newest dump is not one of dump-helper's: " + newest.Name)
		return Result{}, nil
	}
	index, err := r.readIndex(ctx, newest)
	switch {
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case err != nil:
		r.Progress.Note("nothing to compare with: the index of " + newest.Name + ": " + err.Error())
		return Result{}, nil
	case !r.madeAlike(index):
		r.Progress.Note("the newest dump was made with other settings, or by another version of dump-helper")
		return Result{}, nil
	}
	source, err := engine.OpenSource(ctx, r.quietSource())
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = source.Close() }()
	state, err := source.State(ctx)
	switch {
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case err != nil:
		r.Progress.Note(cannotTell + err.Error())
		return Result{}, nil
	}
	if state.Same(index.SourceState) {
		result := resultOf(newest, index)
		result.Unchanged = true
		return result, nil
	}
	if state.Doubt != "" {
		r.Progress.Note(cannotTell + state.Doubt)
	} else if index.SourceState == "" {
		r.Progress.Note(cannotTell + newest.Name + " does not record the state of staging")
	}
	return Result{}, nil
}

const cannotTell = "cannot tell whether staging has changed: "

// madeAlike reports whether a new dump would be made in the same way. The settings that shape the SQL are part of the
// source's state.
func (r *run) madeAlike(index *dumpfile.Index) bool {
	return index.Compression == r.Compression && index.ToolVersion == r.ToolVersion && index.Project == r.Project
}

// quietSource is the source without its notes: the dump would repeat them.
func (r *run) quietSource() source.Config {
	source := r.Source
	source.Note = nil
	return source
}
