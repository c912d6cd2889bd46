// Package swap replaces the live database with a loaded one, and undoes that. MySQL and MariaDB move all tables in
// one statement.
package swap

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/load"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/tablespace"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Open connects to the server: see target.Database.
func Open(ctx context.Context, config target.Config) (target.Database, error) {
	pool, err := session.Connect(config.URL)
	if err != nil {
		return nil, err
	}
	db := &Database{Server: session.New(config, pool)}
	err = db.Inspect(ctx)
	if err == nil {
		db.finishInterrupted(ctx)
		err = db.checkPart(ctx)
	}
	if err != nil {
		_ = pool.Close()
		return nil, err
	}
	return db, nil
}

// Database is a live database on a MySQL or MariaDB server.
type Database struct{ *session.Server }

// Takes refuses nothing: only a load tells which tables the server takes, and it makes all of them before any rows are fetched.
func (db *Database) Takes(_ context.Context, needs *dump.Needs) error {
	if needs != nil {
		db.DumpPageSize = needs.PageSize
	}
	return nil
}

// TakesFiles says which tablespaces the server can import: see target.Database.
func (db *Database) TakesFiles(ctx context.Context) (target.FileServer, error) {
	return tablespace.TakesFiles(ctx, db.Server)
}

// Confines reports whether a pull can make an account that reaches nothing but the scratch database.
func (db *Database) Confines(ctx context.Context) (bool, error) {
	s, err := db.Connect(ctx)
	if err != nil {
		return false, err
	}
	defer s.Close()
	return db.MakesAccounts(ctx, s)
}

// checkPart refuses a part that foreign keys of the live database tie to the rest.
func (db *Database) checkPart(ctx context.Context) error {
	if db.Config.Part.IsAll() {
		return nil
	}
	s, err := db.Connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return load.CheckLive(ctx, db.Server, s, db.Config.Part)
}
