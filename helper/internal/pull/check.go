package pull

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Check reads a dump's text to its end and says what it holds. It fails with ErrIncomplete where the
// text does not end as a dump does, or holds other rows than its index says; without an index only
// the text speaks, and Unjudged says where it does not. Of an object with tables as files text is all of its content, and the files have to be made of the pages of
// which the index says that they are. Errors of the reader are passed on.
func Check(text io.Reader, index *dumpfile.Index) (sqltext.Stats, error) {
	if index != nil && index.Baked != nil {
		text = newWithoutFiles(text, index)
	}
	buffered := bufio.NewReaderSize(text, headSize)
	head, _ := buffered.Peek(headSize) // an error comes again with the next read
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

// notSQL makes ErrNotSQL of what the splitter says of something else than SQL.
func notSQL(err error) error {
	var found *sqltext.NotSQLError
	if errors.As(err, &found) {
		return fmt.Errorf("%w: %w", ErrNotSQL, found)
	}
	return err
}

// complete says whether what has been read of a dump is all that it should be: so many rows, where it has an index.
func complete(stats sqltext.Stats, index *dumpfile.Index, rows int64) error {
	switch {
	case index == nil && stats.Missing != "":
		return fmt.Errorf("%w: %s", ErrIncomplete, stats.Missing)
	case stats.Header != "" && !stats.Complete:
		return fmt.Errorf("%w: the line by which dumps end is missing", ErrIncomplete)
	case len(stats.Tables) == 0:
		return fmt.Errorf("%w: it creates no table", ErrIncomplete)
	case index == nil:
		return nil
	case len(index.Tables) != len(stats.Tables) || rows != stats.Rows:
		return fmt.Errorf("%w: it has %d tables with %d rows, its index says %d with %d", ErrIncomplete,
			len(stats.Tables), stats.Rows, len(index.Tables), rows)
	}
	return nil
}

// rowsAsText is how many of the rows are not in files.
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
