package fleet

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

const (
	historyName    = "history.json"
	historyVersion = 1
)

// readHistory gives what a bucket knows, and the ETag by which it may be written. What cannot be understood is like
// none at all.
func readHistory(ctx context.Context, store *bucket.Bucket) (History, string, error) {
	text, etag, err := store.ReadState(ctx, historyName)
	if err != nil {
		return History{}, "", fmt.Errorf("read the history of refreshes: %w", err)
	}
	var history History
	if json.Unmarshal(text, &history) != nil || history.Version > historyVersion {
		history = History{}
	}
	return history, etag, nil
}

// writeHistory puts a history in place of the one with that ETag. The error is bucket.ErrChanged if another machine has
// written meanwhile.
func writeHistory(ctx context.Context, store *bucket.Bucket, history History, etag string) error {
	history.Version = historyVersion
	text, err := json.Marshal(history)
	if err != nil {
		return fmt.Errorf("write the history of refreshes: %w", err)
	}
	if err := store.WriteState(ctx, historyName, text, etag); err != nil {
		return fmt.Errorf("write the history of refreshes: %w", err)
	}
	return nil
}
