package read

import (
	"context"
	"sync"
)

// queue hands out the spans of tables, the largest tables first. It hands out a table's spans in order, and to one
// connection at a time as long as there are other tables. So rows lie in the dump nearly as in the table, which makes
// them load fast.
type queue struct {
	mutex  sync.Mutex
	change sync.Cond
	tables []*queued
}

// queued is a table of which some rows are still to be read.
type queued struct {
	table    *tableRows
	cut      bool // spans are known
	spans    []span
	readers  int
	left     int64 // bytes
	finished bool
}

func newQueue(tables []*tableRows) *queue {
	q := &queue{}
	q.change.L = &q.mutex
	for _, table := range tables {
		q.tables = append(q.tables, &queued{table: table, left: table.bytes})
	}
	return q
}

// next returns a span of a table, nil if none is left. It first cuts a table that has not been cut. The caller calls
// done for each span.
func (q *queue) next(ctx context.Context, cut func(*tableRows) ([]span, error)) (*queued, span, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for {
		best, pending := q.best()
		switch {
		case ctx.Err() != nil:
			return nil, span{}, context.Cause(ctx)
		case best == nil && !pending:
			return nil, span{}, nil
		case best == nil: // another connection is cutting a table
			q.change.Wait()
			continue
		}
		best.readers++
		if !best.cut {
			q.mutex.Unlock()
			spans, err := cut(best.table)
			q.mutex.Lock()
			best.spans, best.cut = spans, true
			q.change.Broadcast()
			if err != nil {
				best.spans, best.finished = nil, true
				return nil, span{}, err
			}
		}
		first := best.spans[0]
		best.spans = best.spans[1:]
		best.left -= first.bytes
		best.finished = len(best.spans) == 0
		return best, first, nil
	}
}

// best returns the table that is next, and whether there may be one later.
func (q *queue) best() (best *queued, pending bool) {
	for _, t := range q.tables {
		switch {
		case t.finished:
		case !t.cut && t.readers > 0:
			pending = true
		case best == nil, t.readers < best.readers, t.readers == best.readers && t.left > best.left:
			best = t
		}
	}
	return best, pending
}

// done records that a span has been read. It says whether that was the last span of its table.
func (q *queue) done(t *queued) (whole bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	t.readers--
	return t.finished && t.readers == 0
}

// wake makes all that wait look at their context again.
func (q *queue) wake() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.change.Broadcast()
}
