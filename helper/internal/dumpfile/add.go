package dumpfile

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// Add adds whole statements as a chunk of their own and describes them in the index. Text longer than 8 MiB becomes several
// chunks, all but the last partial; a range of a file may become several chunks, too, but none of them is partial. The text's
// buffer belongs to the Writer from then on. In exchange the caller gets an empty one, which may be nil.
//
// Any number of goroutines may call Add at the same time. The chunks of each keep the order of its calls. It is an error to add
// a section too late or to use both Add and Write: the dump cannot be finished then. A later call returns an error of the output.
func (w *Writer) Add(sql []byte, about About) (spare []byte, err error) {
	return w.add(sql, about, false)
}

// AddPartial is Add for text that ends inside a statement. The next call must continue the statement, so only one goroutine
// may add then.
func (w *Writer) AddPartial(sql []byte, about About) (spare []byte, err error) {
	return w.add(sql, about, true)
}

func (w *Writer) add(sql []byte, about About, partial bool) (spare []byte, err error) {
	// Wait for the turn first, then for a buffer: otherwise goroutines that wait for their turn could take all buffers and leave none
	// for the one whose turn it is.
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-w.ctx.Done():
	}
	if err := context.Cause(w.ctx); err != nil {
		return nil, err
	}
	switch {
	case len(sql) == 0:
		return sql, nil
	case len(sql) > hardChunkRaw:
		return nil, w.addLong(sql, about, partial)
	}
	if spare, err = w.freeRaw(); err != nil {
		return nil, err
	}
	return spare, w.enqueue(&job{raw: sql, about: about, partial: partial})
}

// addLong copies a long text into chunks. A row may be as long as the server allows, but there are never more chunks at
// once than of other texts.
func (w *Writer) addLong(sql []byte, about About, partial bool) error {
	rows := about.Rows
	about.Rows = 0
	for len(sql) > hardChunkRaw {
		if err := w.addCopy(sql[:hardChunkRaw], about, about.Section != dump.Files); err != nil {
			return err
		}
		sql = sql[hardChunkRaw:]
	}
	about.Rows = rows
	return w.addCopy(sql, about, partial)
}

func (w *Writer) addCopy(sql []byte, about About, partial bool) error {
	buf, err := w.freeRaw()
	if err != nil {
		return err
	}
	if cap(buf) < len(sql) {
		buf = make([]byte, 0, hardChunkRaw)
	}
	return w.enqueue(&job{raw: append(buf[:0], sql...), about: about, partial: partial})
}
