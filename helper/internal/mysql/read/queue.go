package read

import (
	"context"
	"sync"
)

// queue gives out the spans of tables, the largest tables first. Of one table spans are given out in order, and
// to one connection at a time as long as there are others: so rows lie in the dump nearly as in the table, which
// makes them load fast.
type queue struct {
	mutex  sync.Mutex
	change sync.Cond
	tables []*queued
}

// queued is a table that has not been read to its end.
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

// next gives a span of a table, nil when there is none left. The table is cut first where that has not been done.
// done must be called for it.
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
		case best == nil: // somebody is just cutting a table
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

// best is the table whose turn it is, and whether there may be one later.
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

// done says that a span has been read, and gives whether it was the last one of its table to be.
func (q *queue) done(t *queued) (whole bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	t.readers--
	return t.finished && t.readers == 0
}

// wake makes those who wait look at their context again.
func (q *queue) wake() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.change.Broadcast()
}
