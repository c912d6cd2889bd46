package dumpfile

import "context"

// Add takes whole statements as a chunk of their own, and says in the index what they are. Text that is longer
// than 8 MiB becomes several chunks, all but the last partial; a stretch of a file does, too, but none of its chunks
// is partial. The text's buffer is the Writer's from then on; in its place comes one without content, nil perhaps.
//
// Any number of goroutines may call Add at once, and the chunks of each lie in the order of its calls. A
// section that comes too late is an error, and so is text that was given to Write as well: the dump cannot be
// finished then. An error of the output is returned by a later call.
func (w *Writer) Add(sql []byte, about About) (spare []byte, err error) {
	return w.add(sql, about, false)
}

// AddPartial is Add for text that ends inside a statement. The next call has to go on with it: only one goroutine may add
// then.
func (w *Writer) AddPartial(sql []byte, about About) (spare []byte, err error) {
	return w.add(sql, about, true)
}

func (w *Writer) add(sql []byte, about About, partial bool) (spare []byte, err error) {
	// Who waits for a buffer holds the turn already: if buffers could be had before it, those who wait for the
	// turn could leave none for the one who has it.
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

// addLong copies text, which may be as long as a server lets a row be, into chunks of which there are never more
// at once than of others.
func (w *Writer) addLong(sql []byte, about About, partial bool) error {
	rows := about.Rows
	about.Rows = 0
	for len(sql) > hardChunkRaw {
		if err := w.addCopy(sql[:hardChunkRaw], about, about.Section != SectionFiles); err != nil {
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
