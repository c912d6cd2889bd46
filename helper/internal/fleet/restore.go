package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// Restored is the result of a check of a dump by restoring it.
type Restored struct {
	Dump string    `json:"dump"` // its key
	Time time.Time `json:"time"` // when it was checked
	// Server is what it was loaded into, as in "mariadbd 10.11.14". Tables and Rows are what was there afterwards.
	Server  string  `json:"server,omitempty"`
	Tables  int64   `json:"tables,omitempty"`
	Rows    int64   `json:"rows,omitempty"`
	Seconds float64 `json:"seconds,omitempty"` // to load it
	// Staging says what came of the comparison with staging: "the same", or why there was none.
	Staging string `json:"staging,omitempty"`
	// Error and Hint say what is wrong with the dump. Neither contains a secret.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// RestoreResult is the result of a project of which a dump was chosen.
type RestoreResult struct {
	Project string `json:"project"`
	Slot    string `json:"slot"`
	Restored
	// Skipped says why nothing was checked, which says nothing about the dump. It is not in the history.
	Skipped string `json:"skipped,omitempty"`
}

// Restorer checks dumps of a fleet by restoring them.
type Restorer struct {
	// Unfit reports whether an error says nothing about the dump: there is no server for it, or it cannot be checked in this way.
	Unfit func(error) bool
	Hint  func(error) string
	// Begin says that a dump is being restored. Its progress goes to the Lane that it returns.
	Begin func(*Project) Lane
	Note  func(*Project, string)
}

// ErrRestoreTimeLimit means that restoring a dump took longer than the time limit of a refresh.
var ErrRestoreTimeLimit = errors.New("restoring the dump took longer than its time limit")

// Run restores a dump of each of so many projects, chosen at random, one after the other: each starts a server and uses all processors. A
// project whose dump cannot be checked is replaced by another one.
func (r *Restorer) Run(ctx context.Context, projects []Project, count int) (results []RestoreResult, err error) {
	for _, i := range rand.Perm(len(projects)) {
		if count == 0 {
			break
		}
		project := &projects[i]
		result, ok := r.one(ctx, project)
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		if !ok {
			continue
		}
		results = append(results, result)
		if result.Skipped == "" {
			count--
		}
	}
	return results, nil
}

// one checks a dump of one project. It returns false if the project has none.
func (r *Restorer) one(ctx context.Context, project *Project) (RestoreResult, bool) {
	result := RestoreResult{Project: project.Name, Slot: project.Slot}
	store, object, err := chooseDump(ctx, project)
	if err != nil {
		result.Skipped, result.Hint = err.Error(), r.Hint(err)
		return result, true
	}
	if object == nil {
		return result, false
	}
	err = guarded(func() error {
		limited := ctx
		if limit := project.TimeLimit; limit > 0 {
			var cancel context.CancelFunc
			limited, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w of %s", ErrRestoreTimeLimit, limit))
			defer cancel()
		}
		lane := r.Begin(project)
		defer lane.Close()
		restored, err := project.Restore(limited, object.Key, lane)
		if err != nil && limited.Err() != nil {
			err = context.Cause(limited)
		}
		result.Restored = restored
		return err
	})
	result.Dump, result.Time = object.Key, store.Now().UTC().Truncate(time.Second)
	if ctx.Err() != nil {
		return result, false
	}
	if err != nil && r.Unfit(err) {
		result.Skipped, result.Hint = err.Error(), r.Hint(err)
		return result, true
	}
	if err != nil {
		result.Error, result.Hint = err.Error(), r.Hint(err)
	}
	limited, cancel := context.WithTimeout(ctx, recordLimit)
	defer cancel()
	kept := result.Restored
	err = updateHistory(limited, store, func(history *History) bool {
		history.Project, history.Restored = project.Name, &kept
		return true
	})
	if err != nil {
		r.Note(project, err.Error())
	}
	return result, true
}

// chooseDump chooses one of a project's dumps: the newest one in half of the cases, because only that can be compared with staging.
func chooseDump(ctx context.Context, project *Project) (*bucket.Bucket, *bucket.Object, error) {
	if project.Problem != nil {
		return nil, nil, project.Problem
	}
	store, err := project.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	history, err := ReadHistory(ctx, store)
	if err != nil {
		return nil, nil, err
	}
	if history.Source.Differs(project.Source) {
		return nil, nil, ErrOtherSource
	}
	dumps, err := store.Dumps(ctx)
	if err != nil || len(dumps) == 0 {
		return store, nil, err
	}
	choice := 0
	if rand.IntN(2) == 0 {
		choice = rand.IntN(len(dumps))
	}
	return store, &dumps[choice], nil
}
