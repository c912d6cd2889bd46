package pull

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/localdb"
)

// Undo brings back the local database that the last pull replaced; a second one takes that back.
func Undo(ctx context.Context, target dburl.URL, progress Progress) error {
	database, err := localdb.Open(ctx, localdb.Config{URL: target, Note: progress.Note})
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	return database.Undo(ctx)
}
