package pull

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/engine"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Undo brings back the local database that the last pull replaced; a second one takes that back. Of the config it takes what is said of
// the local database and of tokens.
func Undo(ctx context.Context, config Config) error {
	return config.change(ctx, func(database target.Database) error { return database.Undo(ctx) })
}

// UndoTo brings back an earlier database by its number in the list of ListEarlier, from 1; Undo takes that back. It takes of the config what
// Undo takes.
func UndoTo(ctx context.Context, config Config, number int) error {
	return config.change(ctx, func(database target.Database) error { return database.UndoTo(ctx, number) })
}

// Earlier is an earlier database, and what became of it after a pull had put it there.
type Earlier struct {
	target.Earlier
	Changes target.Changes
}

// ListEarlier lists the earlier databases, the one that was replaced last first. It takes of the config what Undo takes.
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

// Kept lists the earlier databases that are there now, as ListEarlier does, without looking at their rows.
func (p *Plan) Kept(ctx context.Context) ([]target.Earlier, error) { return p.database.Earlier(ctx) }

// DropEarlier drops the earlier database of a number and all older ones, and gives them. It takes of the config what Undo takes.
func DropEarlier(ctx context.Context, config Config, number int) ([]target.Earlier, error) {
	database, err := config.open(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = database.Close() }()
	return database.DropEarlier(ctx, number)
}

// Hold keeps the local database as it is: no pull replaces it until Release. It takes of the config what Undo takes.
func Hold(ctx context.Context, config Config) error {
	database, err := config.open(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	return database.Mark(ctx, target.Hold)
}

// Release lets pulls replace the local database that is there now, those that nobody has asked for as well, unless it is changed
// after that. It takes of the config what Undo takes.
func Release(ctx context.Context, config Config) error {
	return config.change(ctx, func(database target.Database) error { return database.Mark(ctx, target.Release) })
}

// change does to the local database what gives its record another token.
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
