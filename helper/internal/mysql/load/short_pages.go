package load

import (
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// InnoDB puts at least two rows into a page. A server with smaller pages than staging's makes a table all the same, warns, and refuses those of its
// rows that are too long. It refuses at once a table whose keys are too long.

// usualPage and largestRow are sizes of pages, in bytes: the one that servers have unless told otherwise, beyond which keys do not grow, and the
// one beyond which rows do not.
const usualPage, largestRow = 16 << 10, 32 << 10

// noteShortPages notes of which tables some rows may be too long, before any of them is fetched.
func (l *Load) noteShortPages() {
	ours, theirs := l.Server.PageSize, l.Server.DumpPageSize
	if len(l.mayBeTooLong) == 0 || theirs > 0 && ours >= theirs || theirs == 0 && ours >= usualPage {
		return
	}
	tables := strings.Join(l.mayBeTooLong, ",")
	l.Server.Config.Note(fmt.Sprintf("a row that is too long for this server's pages (innodb_page_size %d) would end the pull; --skip-tables=%s leaves out the tables that may have one", ours, tables))
}

// shortPages says of a failure whether larger pages would help.
func (l *Load) shortPages(piece sqltext.Piece, failed *target.LoadError) error {
	long := &target.TooLongError{Table: piece.Table, What: "a row", PageSize: l.Server.PageSize, Err: failed}
	switch {
	case piece.Kind == sqltext.Rows && mysql.IsRowTooLong(failed):
		long.LargerHelps = l.Server.PageSize < largestRow
		return &target.TablesError{Tables: []string{piece.Table}, Refusals: []error{long}, InChunks: l.inChunks}
	case piece.Kind != sqltext.Rows && mysql.IsKeyTooLong(failed) && l.Server.PageSize < usualPage:
		long.Table, long.What, long.LargerHelps = rewrite.Parse(piece.Text).TableName(), "a key", true
		return long
	}
	return failed
}

// whyNotCommitted returns why the server did not take an INSERT, if its error only says that it was not committed: it fills an empty table in bulk, and
// then looks at the rows too late to say more. The session is left without its transaction.
func (l *Load) whyNotCommitted(ctx context.Context, s *session.Session, insert []byte, failed error) error {
	if mysql.Errno(failed) != mysql.ErrnoNotCommitted {
		return failed
	}
	for _, statement := range []string{"ROLLBACK", "SET SESSION unique_checks = 1", "START TRANSACTION"} {
		if err := s.Exec(ctx, statement); err != nil {
			return failed
		}
	}
	err := s.Exec(ctx, string(insert))
	if again := s.Exec(ctx, "ROLLBACK"); again != nil || mysql.Errno(err) == 0 {
		return failed
	}
	return err
}
