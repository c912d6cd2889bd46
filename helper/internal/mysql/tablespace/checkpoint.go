package tablespace

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A server that restarts after a crash replays its log from the last checkpoint. It would do to the imported files
// what it once did to those of the empty tables. MariaDB would empty the imported tables, or not start at all. MySQL
// 9.7.4 was not seen to do so, but its log says the same. So a checkpoint is made after the empty tables' files are
// discarded and before the first new file is created.

// Reasons why tables cannot be imported as files: no checkpoint can be made.
const (
	noCheckpoint = "cannot make the server write a checkpoint (innodb_log_checkpoint_now)"
	noStatus     = "cannot tell whether the server has written a checkpoint (SHOW ENGINE INNODB STATUS)"
	noneWritten  = "the server wrote no checkpoint after it removed the files of the empty tables"
)

// canCheckpoint fails with *FilesError if Checkpoint would.
func canCheckpoint(ctx context.Context, s *session.Session) error {
	if s.Flavour == mysql.MySQL {
		_, err := readLogPosition(ctx, s)
		return err
	}
	// The setting acts as a button. OFF does not press it.
	err := s.Exec(ctx, "SET GLOBAL innodb_log_checkpoint_now = OFF")
	if mysql.Errno(err) != 0 {
		return &target.FilesError{Reason: noCheckpoint, Err: err}
	}
	return err
}

// Checkpoint returns when the server no longer needs what its log holds now. The files of the table discarded must be
// discarded. MySQL has no statement for a checkpoint, but every IMPORT TABLESPACE ends with one, even if it finds no
// file. Checkpoint verifies this each time.
func Checkpoint(ctx context.Context, s *session.Session, discarded string) error {
	if s.Flavour != mysql.MySQL {
		err := s.Exec(ctx, "SET GLOBAL innodb_log_checkpoint_now = ON")
		if mysql.Errno(err) != 0 {
			return &target.FilesError{Reason: noCheckpoint, Err: err}
		}
		return err
	}
	before, err := readLogPosition(ctx, s)
	if err != nil {
		return err
	}
	if _, err := s.Retry(ctx, "ALTER TABLE "+mysql.QuoteName(discarded)+" IMPORT TABLESPACE"); err == nil || mysql.Errno(err) == 0 {
		return err
	}
	after, err := readLogPosition(ctx, s)
	if err == nil && after.checkpoint < before.end {
		return &target.FilesError{Reason: noneWritten}
	}
	return err
}

// logPosition is where a server stands in its log, in bytes since the log was created.
type logPosition struct {
	end        uint64 // the end of what was written
	checkpoint uint64 // everything before it is no longer needed
}

var (
	logEnd        = regexp.MustCompile(`(?m)^Log sequence number\s+(\d+)$`)
	logCheckpoint = regexp.MustCompile(`(?m)^Last checkpoint at\s+(\d+)$`)
)

// readLogPosition fails with *FilesError if the server does not report it.
func readLogPosition(ctx context.Context, s *session.Session) (p logPosition, err error) {
	rows, err := s.Table(ctx, "SHOW ENGINE INNODB STATUS")
	if mysql.Errno(err) != 0 {
		return p, &target.FilesError{Reason: noStatus, Err: err}
	}
	if err != nil {
		return p, err
	}
	for _, row := range rows {
		end, checkpoint := logEnd.FindStringSubmatch(row["status"]), logCheckpoint.FindStringSubmatch(row["status"])
		if end == nil || checkpoint == nil {
			continue
		}
		p.end, err = strconv.ParseUint(end[1], 10, 64)
		if err == nil {
			p.checkpoint, err = strconv.ParseUint(checkpoint[1], 10, 64)
		}
		if err != nil {
			return p, fmt.Errorf("read where the server stands in its log: %w", err)
		}
		return p, nil
	}
	return p, &target.FilesError{Reason: noStatus}
}
