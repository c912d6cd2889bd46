package pull

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Undo brings back the local database that the last pull replaced. A second call reverts the first. It uses the fields of
// config that are about the local database and its tokens, and those about the bucket and the cache if tables have to be loaded for it.
// With Force it leaves such tables as they are if their dump cannot be had. It fails with *RowsGoneError.
func Undo(ctx context.Context, config Config) error { return UndoTo(ctx, config, 1) }

// UndoTo brings back an earlier database by its number in the list of ListEarlier, from 1. Undo reverts this. It uses the
// same fields of config as Undo, and fails as Undo does.
func UndoTo(ctx context.Context, config Config, number int) error {
	return config.change(ctx, func(database target.Database) error {
		if err := config.returnTouched(ctx, database, number); err != nil {
			return err
		}
		return database.UndoTo(ctx, number)
	})
}

// Earlier is an earlier database with the changes since it was pulled.
type Earlier struct {
	target.Earlier
	Changes target.Changes
}

// ListEarlier lists the earlier databases, the one that was replaced last first. It uses the same fields of config as Undo.
func ListEarlier(ctx context.Context, config Config) ([]Earlier, error) {
	database, err := config.open(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = database.Close() }()
	all, err := database.Earlier(ctx)
	list := make([]Earlier, len(all))
	for i, k := range all {
		list[i].Earlier = k
		if list[i].Changes, err = database.EarlierChanges(ctx, k); err != nil {
			break
		}
	}
	return list, err
}

// Kept lists the earlier databases as ListEarlier does, but without looking for changes.
func (p *Plan) Kept(ctx context.Context) ([]target.Earlier, error) { return p.database.Earlier(ctx) }

// DropEarlier drops an earlier database by its number, and all older ones. It returns those that it dropped. It uses the
// same fields of config as Undo.
func DropEarlier(ctx context.Context, config Config, number int) ([]target.Earlier, error) {
	database, err := config.open(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = database.Close() }()
	return database.DropEarlier(ctx, number)
}

// Hold protects the local database from every pull until Release. It uses the same fields of config as Undo.
func Hold(ctx context.Context, config Config) error {
	database, err := config.open(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	return database.Mark(ctx, target.Hold)
}

// Release lets pulls replace the current local database. A pull with IfNewer does so only while it is unchanged after the
// release. It uses the same fields of config as Undo.
func Release(ctx context.Context, config Config) error {
	return config.change(ctx, func(database target.Database) error { return database.Mark(ctx, target.Release) })
}

// Holds returns the key of the dump that the local database was loaded from, "" if it is unknown or there is no database. Like everything that opens
// the database, it finishes a swap that was interrupted. It uses the same fields of config as Undo.
func Holds(ctx context.Context, config Config) (string, error) {
	database, err := config.open(ctx, "")
	if err != nil {
		return "", err
	}
	defer func() { _ = database.Close() }()
	contents, err := database.Contents(ctx)
	return contents.Dump.Key, err
}

// change does something that gives the local database's provenance a new token.
func (c Config) change(ctx context.Context, do func(target.Database) error) error {
	token := NewToken()
	database, err := c.open(ctx, token)
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	c.remember(append([]string{token}, c.Tokens...)...)
	if err := do(database); err != nil {
		return err
	}
	c.remember(token)
	return nil
}

func (c Config) open(ctx context.Context, token string) (target.Database, error) {
	return engine.OpenTarget(ctx, target.Config{URL: c.Target, Note: c.Progress.Note, Token: token, WithoutRows: c.WithoutRows})
}
