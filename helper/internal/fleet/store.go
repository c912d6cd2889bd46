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
	return parseHistory(text), nil
}

func parseHistory(text []byte) History {
	var history History
	if json.Unmarshal(text, &history) != nil || history.Version > historyVersion {
		return History{}
	}
	return history
}

// record adds a run to what the bucket knows.
func record(ctx context.Context, item *Item, run Run) error {
	if item.bucket == nil {
		return nil
	}
	return updateHistory(ctx, item.bucket, func(history *History) bool {
		history.Project, history.MaxAge = item.Project.Name, item.Project.MaxAge.Seconds()
		history.Add(run)
		return true
	})
}

// updateHistory changes what a bucket knows, unless change says that there is nothing to change. It may be called more
// than once: other machines do the same.
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
