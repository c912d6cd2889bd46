package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Rows that come in a stream can be read once. They go in by parts that fit into the memory: if a row violates a CHECK, its part is repeated without
// that.

// copyPart is how many bytes of rows go in at once.
const copyPart = 4 << 20

// withoutChecks executes something for rows of a table, and repeats it without those CHECKs that they violate.
func (l *Load) withoutChecks(ctx context.Context, s *session.Session, do func() (pgconn.CommandTag, error)) (pgconn.CommandTag, error) {
	tag, err := do()
	for tries := 0; postgres.SQLState(err) == postgres.CheckViolation && tries < checkTries; tries++ {
		dropped, failed := l.dropCheck(ctx, s, err)
		if failed != nil {
			return tag, failed
		}
		if !dropped {
			break
		}
		tag, err = do()
	}
	return tag, err
}

// insert executes an INSERT. In a transaction of the dump's, it can only be repeated after a savepoint, which makes a short INSERT take half as
// long again: so there is none as long as no table has a CHECK.
func (l *Load) insert(ctx context.Context, statement Statement) error {
	execute := func() (pgconn.CommandTag, error) {
		return pgconn.CommandTag{}, l.execute(ctx, l.Main, statement.Text)
	}
	var err error
	if l.Main.Conn.TxStatus() == 'I' || l.hasChecks(ctx, statement.Table) {
		_, err = l.withoutChecks(ctx, l.Main, execute)
	} else {
		err = l.Main.Exec(ctx, string(statement.Text))
	}
	return l.FailedRows(ctx, statement, err)
}

// hasChecks reports whether the database has a CHECK when the first rows of a table come. Those of other tables count, too: they may be its
// partitions.
func (l *Load) hasChecks(ctx context.Context, table string) bool {
	if has, asked := l.checked[table]; asked {
		return has
	}
	rows, err := l.Main.Query(ctx, "SELECT 1 FROM pg_catalog.pg_constraint WHERE contype = 'c' AND conrelid >= 16384 LIMIT 1")
	l.checked[table] = err != nil || len(rows) > 0
	return l.checked[table]
}

func (l *Load) copy(ctx context.Context, script *Script, statement Statement) error {
	if err := l.asTheSite(ctx, true); err != nil {
		return err
	}
	rows := &copyRows{script: script}
	text := string(statement.Text) // the rows overwrite the statement
	var err error
	if isPlainCopy([]byte(text)) {
		err = l.copyParts(ctx, rows, text)
	} else {
		_, err = postgres.CopyFrom(ctx, l.Main.Conn, rows, text)
	}
	if rows.err != nil && rows.err != io.EOF {
		return fmt.Errorf("read the dump: %w", rows.err)
	}
	return l.FailedRows(ctx, statement, err)
}

// copyParts copies rows in parts of whole lines. A line that is longer than a part goes in with all that follow it.
func (l *Load) copyParts(ctx context.Context, rows *copyRows, statement string) error {
	part := make([]byte, 0, copyPart)
	for {
		n, err := io.ReadFull(rows, part[len(part):copyPart])
		part = part[:len(part)+n]
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil // the caller looks at the reader's error
		}
		whole := part
		if err == nil {
			if whole = wholeLines(part); len(whole) == 0 {
				_, err := postgres.CopyFrom(ctx, l.Main.Conn, io.MultiReader(bytes.NewReader(part), rows), statement)
				return err
			}
		}
		if failed := l.copyPart(ctx, whole, statement); failed != nil || err != nil {
			return failed
		}
		part = append(part[:0], part[len(whole):]...)
	}
}

// copyPart copies some rows, as often as it takes.
func (l *Load) copyPart(ctx context.Context, rows []byte, statement string) error {
	within := l.Main.Conn.TxStatus() != 'I'
	again := false
	_, err := l.withoutChecks(ctx, l.Main, func() (pgconn.CommandTag, error) {
		if within && !again {
			if err := l.Main.Exec(ctx, "SAVEPOINT dump_helper_rows"); err != nil {
				return pgconn.CommandTag{}, err
			}
		}
		again = true
		source := &chunkRows{from: bytes.NewReader(rows)}
		defer source.end()
		tag, err := postgres.CopyFrom(ctx, l.Main.Conn, source, statement)
		if within && postgres.SQLState(err) == postgres.CheckViolation {
			if failed := l.Main.Exec(ctx, "ROLLBACK TO SAVEPOINT dump_helper_rows"); failed != nil {
				return tag, failed
			}
		}
		return tag, err
	})
	if err == nil && within {
		err = l.Main.Exec(ctx, "RELEASE SAVEPOINT dump_helper_rows")
	}
	return err
}

// wholeLines returns the lines of COPY's text format that are complete. A backslash before the end of a line makes that a part of a value.
func wholeLines(text []byte) []byte {
	for end := len(text); ; {
		at := bytes.LastIndexByte(text[:end], '\n')
		if at < 0 {
			return nil
		}
		escapes := 0
		for escapes < at && text[at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return text[:at+1]
		}
		end = at
	}
}

// isPlainCopy reports whether a COPY has no options: rows are then lines.
func isPlainCopy(text []byte) bool {
	for token := sqltext.NextToken(text, 0, sqltext.Postgres); token.Kind != sqltext.End; token = sqltext.NextToken(text, token.End, sqltext.Postgres) {
		if !token.Is(text, "FROM") {
			continue
		}
		from := sqltext.NextToken(text, token.End, sqltext.Postgres)
		last := sqltext.NextToken(text, from.End, sqltext.Postgres)
		return from.Is(text, "STDIN") && (last.Kind == sqltext.End || last.IsSymbol(text, ';'))
	}
	return false
}
