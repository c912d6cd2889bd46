package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// historyName is what the history is called in a project's bucket.
const historyName = "history.json"

// historyVersion is the History's that this program writes.
const historyVersion = 1

// ReadHistory reads what a bucket knows of its project's refreshes. Where there is nothing, or nothing that can be
// understood, the history is empty.
func ReadHistory(ctx context.Context, store *bucket.Bucket) (History, error) {
	text, err := store.ReadState(ctx, historyName)
	if errors.Is(err, bucket.ErrNoSuchKey) {
		return History{}, nil
	}
	if err != nil {
		return History{}, fmt.Errorf("read the history: %w", err)
	}
	var history History
	if broken := json.Unmarshal(text, &history); broken != nil || history.Version > historyVersion {
		history = History{}
	}
	return history, nil
}

// record adds a run to what the bucket knows. Two that do so at once overwrite one another, which costs a line of history.
func record(ctx context.Context, item *Item, run Run) error {
	if item.bucket == nil {
		return nil
	}
	history, err := ReadHistory(ctx, item.bucket)
	if err != nil {
		return err
	}
	history.Version, history.Project, history.MaxAge = historyVersion, item.Project.Name, item.Project.MaxAge.Seconds()
	history.Add(run)
	text, err := json.Marshal(history)
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	if err := item.bucket.WriteState(ctx, historyName, text); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}
