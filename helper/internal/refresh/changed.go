package refresh

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Changed asks a source whether it has changed since it had an earlier state, "" for an unknown one, and returns the present one. A source
// that can never tell has not changed. That takes a few queries, which read no rows.
func Changed(ctx context.Context, config source.Config, since string) (now string, changed bool, err error) {
	config.Note = nil
	src, err := engine.OpenSource(ctx, config)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = src.Close() }()
	state, err := src.State(ctx)
	if err != nil {
		return "", false, err
	}
	now = state.String()
	return now, now != "" && !state.Same(since), nil
}
