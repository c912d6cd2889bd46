package tablespace

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// DropDatabase drops a database, and waits a while for sessions that look at it. It fails with *StrayFilesError if
// the database's folder has files that belong to no table and that cannot be removed from here.
func DropDatabase(ctx context.Context, s *session.Session, database string) error {
	stray := func(err error) error { return &target.StrayFilesError{Database: database, Err: err} }
	// Even if the folder cannot be reached from here, it may be empty enough for the server.
	var refused *target.FilesError
	if err := sweepDiscarded(ctx, s, database); err != nil && !errors.As(err, &refused) {
		return err
	}
	swept := false
	for round := 1; ; round++ {
		err := s.Exec(ctx, "DROP DATABASE IF EXISTS "+mysql.QuoteName(database))
		switch {
		case mysql.Errno(err) == mysql.ErrnoFolderLeft, mysql.Errno(err) == mysql.ErrnoFilesLeft && swept:
			return stray(err)
		case mysql.Errno(err) == mysql.ErrnoFilesLeft:
			if sweepErr := sweep(ctx, s, database); sweepErr != nil {
				return stray(fmt.Errorf("%w; %w", err, sweepErr))
			}
			swept = true
		case err == nil && s.Flavour == mysql.MySQL:
			return folderGone(ctx, s, stray)
		case mysql.Errno(err) != mysql.ErrnoLockWaitTimeout || round == session.LockRounds:
			return err
		}
	}
}

// folderGone fails if the folder of the database that was just dropped is still there. MySQL only warns of that.
func folderGone(ctx context.Context, s *session.Session, stray func(error) error) error {
	warnings, err := s.Table(ctx, "SHOW WARNINGS")
	for _, warning := range warnings {
		if warning["code"] == strconv.Itoa(mysql.ErrnoFolderStays) {
			return stray(errors.New(warning["message"]))
		}
	}
	return err
}
