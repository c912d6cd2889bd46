// Package swap replaces the live database with a loaded one, and undoes that. PostgreSQL renames databases in one
// transaction.
package swap

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/load"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Open connects to the server: see target.Database.
func Open(ctx context.Context, config target.Config) (target.Database, error) {
	server, err := session.New(ctx, config)
	if err != nil {
		return nil, err
	}
	db := &Database{Server: server}
	if !config.Part.IsAll() && db.About.Exists {
		if err := db.checkLive(ctx); err != nil {
			return nil, err
		}
	}
	return db, nil
}

// Database is a live database on a PostgreSQL server.
type Database struct{ *session.Server }

// Takes compares what a dump needs with what the server has: see target.Database.
func (db *Database) Takes(ctx context.Context, needs *dump.Needs) error {
	return load.Takes(ctx, db.Server, needs)
}

// TakesFiles always fails: PostgreSQL cannot import files of tables.
func (db *Database) TakesFiles(context.Context) (target.FileServer, error) {
	return target.FileServer{}, &target.FilesError{Reason: "PostgreSQL cannot import tables as files"}
}

// Confines reports whether a pull can make an account that reaches nothing but the scratch database.
func (db *Database) Confines(ctx context.Context) (bool, error) {
	s, err := db.Connect(ctx, db.Maintenance)
	if err != nil {
		return false, err
	}
	defer s.Close()
	return db.MakesAccounts(ctx, s)
}
