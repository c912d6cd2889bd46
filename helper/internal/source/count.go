package source

import (
	"context"
	"errors"
)

// ErrUncounted means that a source cannot count the rows of its tables.
var ErrUncounted = errors.New("the source cannot count rows")

// counter is a Server that counts the rows of tables as they are now, one table after the other.
type counter interface {
	Count(ctx context.Context, tables []string) (map[string]int64, error)
}

// Count reads how many rows each table has. It fails with ErrUncounted if this source cannot tell.
func (s *Source) Count(ctx context.Context, tables []string) (map[string]int64, error) {
	server, ok := s.server.(counter)
	if !ok {
		return nil, ErrUncounted
	}
	counted, err := server.Count(ctx, tables)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return counted, err
}
