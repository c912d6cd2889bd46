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
// the text speaks. Errors of the reader are passed on.
func Check(text io.Reader, index *dumpfile.Index) (sqltext.Stats, error) {
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
	return stats, complete(stats, index)
}

// notSQL makes ErrNotSQL of what the splitter says of something else than SQL.
func notSQL(err error) error {
	var found *sqltext.NotSQLError
	if errors.As(err, &found) {
		return fmt.Errorf("%w: %w", ErrNotSQL, found)
	}
	return err
}

// complete says whether a dump's text is all that it should be.
func complete(stats sqltext.Stats, index *dumpfile.Index) error {
	switch {
	case stats.Header != "" && !stats.Complete:
		return fmt.Errorf("%w: the line by which dumps end is missing", ErrIncomplete)
	case len(stats.Tables) == 0:
		return fmt.Errorf("%w: it creates no table", ErrIncomplete)
	case index == nil:
		return nil
	case len(index.Tables) != len(stats.Tables) || index.Rows != stats.Rows:
		return fmt.Errorf("%w: it has %d tables with %d rows, its index says %d with %d", ErrIncomplete,
			len(stats.Tables), stats.Rows, len(index.Tables), index.Rows)
	}
	return nil
}
