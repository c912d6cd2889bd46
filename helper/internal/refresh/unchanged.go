package refresh

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

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
	last, err := r.Bucket.LastPublished(ctx)
	if err != nil || !last.Is(newest) { // it may be damaged
		return Result{}, err
	}
	confirmed, err := r.Bucket.Confirmation(ctx, newest)
	if err != nil {
		return Result{}, err
	}
	source, err := engine.OpenSource(ctx, r.quietSource())
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = source.Close() }()
	at := r.Bucket.Now()
	state, err := source.State(ctx)
	switch {
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case err != nil:
		r.Progress.Note(cannotTell + err.Error())
		return Result{}, nil
	}
	if state.Same(index.SourceState) || confirmed != nil && state.Same(confirmed.State) {
		var tables map[string]string
		if confirmed != nil {
			tables = confirmed.Tables
		}
		return r.confirm(ctx, newest, index, at, state.String(), tables)
	}
	if state.Doubt != "" {
		r.Progress.Note(cannotTell + state.Doubt)
	} else if index.SourceState == "" {
		r.Progress.Note(cannotTell + newest.Name + " does not record the state of staging")
	}
	return Result{}, nil
}

// confirm records that the newest dump is still like staging, unless a rule of the bucket deletes the dump before long: then the result is
// not Unchanged, and a new one is needed.
func (r *run) confirm(ctx context.Context, newest bucket.Object, index *dumpfile.Index, at time.Time, state string, tables map[string]string) (Result, error) {
	known, err := r.Bucket.Head(ctx, newest.Key)
	if err != nil {
		return Result{}, err
	}
	if !known.Expires.IsZero() && at.Sub(known.LastModified) > known.Expires.Sub(at) {
		if !r.expiring {
			r.Progress.Note(fmt.Sprintf("staging has not changed since %s, but a lifecycle rule of the bucket deletes that dump on %s: a new one is published",
				newest.Name, known.Expires.Format(time.DateOnly)))
		}
		r.expiring = true
		return Result{}, nil
	}
	r.published = r.last
	if err := r.Bucket.Confirm(ctx, known, at, state, tables); err != nil {
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
		r.Progress.Note(fmt.Sprintf("%s keeps the age of its snapshot: %s", newest.Name, err))
	}
	result := resultOf(newest, index)
	result.Unchanged = true
	return result, nil
}

// sameAsLast reports whether a dump that has been read to its end is the last one again.
func (r *run) sameAsLast(writer *dumpfile.Writer, info source.Info, index dumpfile.Index) (bool, error) {
	last := r.previous.index
	if r.Force || r.Full || r.expiring || !r.previous.newest || !r.previous.intact || !r.madeAlike(last) {
		return false, nil
	}
	if origin := last.Origin; origin.Address.Differs(Address(r.Source.URL, r.Source.SSH)) || origin.Server.Differs(r.serverOf(info)) {
		return false, nil // the same database, at another address
	}
	same, err := writer.SameAs(last)
	return same && slices.Equal(aboutSQL(index), aboutSQL(*last)), err
}

// aboutSQL is what an index says about its SQL, but for what differs between two dumps of the same database.
func aboutSQL(index dumpfile.Index) []byte {
	index.Format, index.Compression, index.Publisher, index.SnapshotTime, index.SourceState = 0, "", "", time.Time{}, ""
	index.Origin, index.RawBytes, index.Chunks = dumpfile.Origin{}, 0, nil
	index.TableStates = nil
	if index.Masking != nil {
		masking := *index.Masking
		masking.Searched = 0 // a server may begin its sample elsewhere
		index.Masking = &masking
	}
	text, _ := json.Marshal(index) // it was read, or is going to be written
	return text
}

const cannotTell = "cannot tell whether staging has changed: "

// madeAlike reports whether a new dump would be made in the same way. The settings that shape the SQL are part of the
// source's state.
func (r *run) madeAlike(index *dumpfile.Index) bool {
	masks, signedBy := "", ""
	if index.Masking != nil {
		masks = index.Masking.Rules
	}
	if index.Signature != nil {
		signedBy = index.Signature.Key
	}
	return signedBy == r.SignKey.Name() && masks == r.Source.Masks.Digest() && index.Compression == r.Compression && index.ToolVersion == r.ToolVersion && index.Project == r.Project
}

// quietSource is the source without its notes: the dump would repeat them.
func (r *run) quietSource() source.Config {
	source := r.Source
	source.Note = nil
	return source
}
