package pull

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Check reads a dump's text to its end and counts its contents. It fails with ErrIncomplete if the text has no proper end
// or other rows than the index says. Without an index only the text is judged; see Unjudged for what it cannot tell. For an
// object with tables as files, text is the object's whole content, and the files must have the page size that the index
// says. Errors of the reader are passed on.
func Check(text io.Reader, index *dumpfile.Index) (sqltext.Stats, error) {
	if index != nil && index.Baked != nil {
		text = newWithoutFiles(text, index)
	}
	buffered := bufio.NewReaderSize(text, headSize)
	head, _ := buffered.Peek(headSize) // the next read returns the error again
	dialect, _ := sqltext.Detect(head)
	splitter := sqltext.NewSplitter(buffered, dialect)
	for {
		_, err := splitter.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return sqltext.Stats{}, notSQL(err)
		}
	}
	stats := splitter.Stats()
	return stats, complete(stats, index, rowsAsText(index))
}

// notSQL wraps the splitter's error about text that is not SQL in ErrNotSQL.
func notSQL(err error) error {
	var found *sqltext.NotSQLError
	if errors.As(err, &found) {
		return fmt.Errorf("%w: %w", ErrNotSQL, found)
	}
	return err
}

// complete fails with ErrIncomplete if the text that was read is not a whole dump. With an index, the numbers of tables and
// rows must match.
func complete(stats sqltext.Stats, index *dumpfile.Index, rows int64) error {
	switch {
	case index == nil && stats.Part != "" && stats.Missing == "":
		return &PartError{stats.Part}
	case index == nil && stats.Missing != "":
		return fmt.Errorf("%w: %s", ErrIncomplete, stats.Missing)
	case stats.Header != "" && !stats.Complete:
		return fmt.Errorf("%w: its last line is missing", ErrIncomplete)
	case len(stats.Tables) == 0 && (index == nil || len(index.Tables) > 0):
		return fmt.Errorf("%w: it creates no table", ErrIncomplete)
	case index == nil:
		return nil
	case len(index.Tables) != len(stats.Tables) || rows != stats.Rows:
		return fmt.Errorf("%w: it has %d tables with %d rows, its index says %d with %d", ErrIncomplete,
			len(stats.Tables), stats.Rows, len(index.Tables), rows)
	}
	return nil
}

// rowsAsText counts the rows that come as SQL and not in files.
func rowsAsText(index *dumpfile.Index) (rows int64) {
	switch {
	case index == nil:
		return 0
	case index.Baked == nil:
		return index.Rows
	}
	for _, chunk := range index.Chunks {
		rows += chunk.Rows
	}
	return rows
}
