package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// historyName is what the history is called in a project's bucket.
const historyName = "history.json"

// historyVersion is the version of History that this program writes.
const historyVersion = 1

// ReadHistory reads the history from a project's bucket. It is empty if there is none, or none that this program
// understands.
func ReadHistory(ctx context.Context, store *bucket.Bucket) (History, error) {
	text, err := store.ReadState(ctx, historyName)
	if errors.Is(err, bucket.ErrNoSuchKey) {
		return History{}, nil
	}
	if err != nil {
		return History{}, fmt.Errorf("read the history: %w", err)
	}
	return parseHistory(text), nil
}

func parseHistory(text []byte) History {
	var read struct {
		History
		Told Notified `json:"told"` // the former name of Notified
	}
	if json.Unmarshal(text, &read) != nil || read.Version > historyVersion {
		return History{}
	}
	if read.Notified.nothing() {
		read.Notified = read.Told
	}
	return read.History
}

// record adds a run to the project's history.
func record(ctx context.Context, item *Item, run Run) error {
	if item.bucket == nil {
		return nil
	}
	return updateHistory(ctx, item.bucket, func(history *History) bool {
		if history.Source.Differs(item.Project.Source) && run.State == Failed {
			return false // it is the history of another project
		}
		if (run.State == Published || run.State == Unchanged) && item.Project.Source != "" && (history.Source == "" || history.Source.Differs(item.Project.Source)) {
			history.Source = secret.NewFingerprint(item.Project.Source)
		}
		history.Project, history.MaxAge = item.Project.Name, item.Project.MaxAge.Seconds()
		history.Add(run)
		return true
	})
}

// updateHistory changes a project's history, unless change returns false. It may call change more than once, because
// other machines change the history, too.
func updateHistory(ctx context.Context, store *bucket.Bucket, change func(*History) bool) error {
	err := store.UpdateState(ctx, historyName, func(text []byte) ([]byte, error) {
		history := parseHistory(text)
		if !change(&history) {
			return nil, nil
		}
		history.Version = historyVersion
		return json.Marshal(history)
	})
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}
