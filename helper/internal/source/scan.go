package source

import (
	"context"
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
)

// Visitor takes a sample of a database, table by table.
type Visitor interface {
	// Table begins a table, and returns of which columns the values are wanted; none if the table is of no interest.
	Table(table rules.Table) (columns []string)
	// Row takes the values of a row, in the order of these columns; nil is NULL. They are valid until the next call.
	Row(values [][]byte)
	// Done ends the table.
	Done()
}

// ErrNoSample means that a source has no rows that could be looked at one by one.
var ErrNoSample = errors.New("a command prints SQL, and has no tables to look into")

// sampler is a Server that can be sampled.
type sampler interface {
	// Sample shows the tables whose rows would be dumped to a visitor, with up to that many of their oldest rows and of their newest ones,
	// and values cut to a length in bytes.
	Sample(ctx context.Context, rows, length int, visitor Visitor) error
}

// Sample shows a sample of the source to a visitor; see sampler. The error is ErrNoSample for a command.
func (s *Source) Sample(ctx context.Context, rows, length int, visitor Visitor) error {
	server, can := s.server.(sampler)
	if !can {
		return fmt.Errorf("look into staging: %w", ErrNoSample)
	}
	err := server.Sample(ctx, rows, length, visitor)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
