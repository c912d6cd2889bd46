package source

import "context"

// TableStates say of tables, by their names, what their rows depend on. If a table has the state that it had before an earlier snapshot,
// its rows are those of that snapshot. A table of which the server cannot tell has none.
type TableStates map[string]string

// Same returns the tables with the same state.
func (s TableStates) Same(other TableStates) (tables []string) {
	for table, state := range s {
		if state != "" && other[table] == state {
			tables = append(tables, table)
		}
	}
	return tables
}

// selective is a Server that can leave tables unread.
type selective interface {
	// TableStates returns the present states of the tables whose rows would be dumped.
	TableStates(ctx context.Context) (TableStates, error)
	// DumpSince is Dump, without the rows of tables that provably have the same ones as when the states were read.
	DumpSince(ctx context.Context, earlier TableStates) (*Dump, error)
}

// TableStates returns the present states of the tables whose rows would be dumped; none if the source cannot tell. Call it before the
// dump's snapshot is taken, as State.
func (s *Source) TableStates(ctx context.Context) (TableStates, error) {
	server, can := s.server.(selective)
	if !can {
		return nil, nil
	}
	states, err := server.TableStates(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return states, err
}

// DumpSince is Dump, without the rows of tables that provably have not changed since an earlier snapshot, before which these states were
// read. Dump.Unread names these tables.
func (s *Source) DumpSince(ctx context.Context, earlier TableStates) (*Dump, error) {
	server, can := s.server.(selective)
	if !can || len(earlier) == 0 {
		return s.Dump(ctx)
	}
	return s.dump(ctx, func(ctx context.Context) (*Dump, error) { return server.DumpSince(ctx, earlier) })
}
