package read

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Nearly all of pg_dump's time goes into reading the catalogs, so it runs once, for both head and tail, and writes an archive. pg_restore
// makes their texts from it, in a moment. Where there is no pg_restore, or the archive is too large to be kept, pg_dump runs twice.
//
// In either case the two texts read as one: the head has no end, and the tail no beginning. The tail includes the values of sequences,
// and what else pg_dump has to say between the definitions: rows of extensions' tables and large objects. These are small, and pg_dump
// knows in which order they can be restored.

// definitions are the texts around the rows.
type definitions struct {
	*nativeDump
	archive    []byte // of pg_dump; nil if pg_dump runs for each text
	values     []byte // of the sequences, once they are known
	restricted string // the key that keeps psql from obeying commands in the text; "" if pg_dump is too old for that
}

// mostArchive is how large an archive of definitions may be, in bytes. That of 2,000 tables has 4 million.
const mostArchive = 24 << 20

// read takes the archive, and meanwhile the values of the sequences.
func (d *definitions) read(ctx context.Context) error {
	group, within := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		d.archive, err = d.snapshot.archive.wait(within)
		return err
	})
	if d.snapshot.archive != nil && d.snapshot.aside != nil && !d.snapshot.others {
		group.Go(func() (err error) {
			d.values, err = d.snapshot.sequenceValues(within)
			return err
		})
	}
	return group.Wait()
}

// confirm says whether the archive is that of the snapshot's moment.
func (d *definitions) confirm(ctx context.Context) error {
	if d.archive == nil || d.snapshot.defined {
		return nil
	}
	return d.snapshot.sameCatalog(ctx)
}

// archive is what pg_dump writes while the snapshot is being looked at.
type archive struct {
	excluded []relationName // with the rules of the inspection before the snapshot
	stop     context.CancelFunc
	done     chan struct{}
	bytes    []byte
	err      error
}

// startArchive starts pg_dump; nil if there is no pg_restore. With bare, there is nothing whose contents pg_dump should know. It asks for the
// value of each sequence otherwise, even if that comes into no section.
func (s *snapshot) startArchive(ctx context.Context, target clientTarget, bare bool) *archive {
	p := s.postgres
	if p.client.restore() == "" {
		return nil
	}
	target.snapshot, target.archive, target.bare = s.id, true, bare
	if !bare {
		target.sections = []string{"pre-data", "post-data"}
	}
	a := &archive{excluded: target.excluded, done: make(chan struct{})}
	ctx, a.stop = context.WithCancel(ctx)
	go func() {
		defer close(a.done)
		a.bytes, a.err = s.readArchive(ctx, target)
	}()
	return a
}

func (s *snapshot) readArchive(ctx context.Context, target clientTarget) ([]byte, error) {
	p := s.postgres
	child, err := s.startClient(ctx, p.client.program(target), s.time)
	if err != nil {
		return nil, err
	}
	defer func() { _ = child.Close() }()
	bytes, err := io.ReadAll(io.LimitReader(p.tunnel.Reader(child), mostArchive+1))
	if len(bytes) > mostArchive {
		bytes = nil
	}
	return bytes, snapshotGone(err)
}

// wait returns what pg_dump has written; nothing if it is too large, or if there is no pg_restore. It ends pg_dump, and its locks, when the
// context ends.
func (a *archive) wait(ctx context.Context) ([]byte, error) {
	if a == nil {
		return nil, nil
	}
	select {
	case <-a.done:
		return a.bytes, a.err
	case <-ctx.Done():
		a.close()
		return nil, context.Cause(ctx)
	}
}

// close ends pg_dump.
func (a *archive) close() {
	if a != nil {
		a.stop()
		<-a.done
	}
}

// head emits what comes before all rows.
func (d *definitions) head(ctx context.Context, emit dump.Emit) error {
	kept := &keptChunks{emit: emit}
	text := &schemaText{section: dump.Head, emit: kept.add}
	group, within := errgroup.WithContext(ctx)
	group.Go(func() error { return d.confirm(within) })
	group.Go(func() error { return d.section(within, text, "pre-data") })
	if err := group.Wait(); err != nil {
		return err
	}
	d.restricted = text.key
	if err := kept.handOn(); err != nil {
		return err
	}
	return d.emitOwn(emit)
}

// tail emits what comes after all rows. rowsDone is closed when these have been read.
func (d *definitions) tail(ctx context.Context, rowsDone <-chan struct{}, emit dump.Emit) error {
	kept := &keptChunks{emit: emit}
	text := &schemaText{section: dump.Tail, emit: kept.add}
	if d.archive == nil {
		if err := d.largeObjects(ctx, rowsDone, kept.add); err != nil {
			return err
		}
		if err := d.dumped(ctx, text, "data", "post-data"); err != nil {
			return err
		}
		if err := d.snapshot.sameCatalog(ctx); err != nil {
			return err
		}
		return kept.handOn()
	}
	if err := d.data(ctx, rowsDone, kept.add); err != nil {
		return err
	}
	if err := d.largeObjects(ctx, rowsDone, kept.add); err != nil {
		return err
	}
	if err := d.section(ctx, text, "post-data"); err != nil {
		return err
	}
	return kept.handOn()
}

// data emits what is neither a definition nor a row of a table.
func (d *definitions) data(ctx context.Context, rowsDone <-chan struct{}, emit dump.Emit) error {
	if d.snapshot.others {
		return d.dumped(ctx, &schemaText{section: dump.Tail, emit: emit, middle: true}, "data")
	}
	if d.snapshot.aside == nil { // a reader asks
		if err := until(ctx, rowsDone); err != nil {
			return err
		}
	}
	values := d.values
	if values == nil {
		var err error
		if values, err = d.snapshot.sequenceValues(ctx); err != nil {
			return err
		}
	}
	if len(values) == 0 {
		return nil
	}
	_, err := emit(dump.Chunk{Section: dump.Tail, SQL: values})
	return err
}

// largeObjects emits the large objects, if pg_dump may not open them.
func (d *definitions) largeObjects(ctx context.Context, rowsDone <-chan struct{}, emit dump.Emit) error {
	if !d.snapshot.largeObjects {
		return nil
	}
	if err := until(ctx, rowsDone); err != nil {
		return err
	}
	return d.snapshot.emitLargeObjects(ctx, emit)
}

// until waits until done is closed.
func until(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// section makes the text of a section.
func (d *definitions) section(ctx context.Context, text *schemaText, name string) error {
	if d.archive == nil {
		return d.dumped(ctx, text, name)
	}
	child, err := d.client.restoring(d.archive, d.restricted, name).Start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = child.Close() }()
	return text.copy(child)
}

// dumped has pg_dump write the text of sections.
func (d *definitions) dumped(ctx context.Context, text *schemaText, sections ...string) error {
	target := d.target
	target.snapshot, target.sections, target.restricted = d.snapshot.id, sections, d.restricted
	if text.section == dump.Tail {
		target.copied = d.copied
	}
	child, err := d.snapshot.startClient(ctx, d.client.program(target), d.snapshot.time)
	if err != nil {
		return err
	}
	defer func() { _ = child.Close() }()
	return snapshotGone(text.copy(d.tunnel.Reader(child)))
}

// keptChunks keeps chunks in memory until pg_dump has ended. pg_dump locks all tables, so it must not wait for the
// receiver. Once more than keptBytes are kept, which only large objects cause, pg_dump does wait.
type keptChunks struct {
	emit   dump.Emit
	chunks []dump.Chunk
	bytes  int
}

const keptBytes = 16 << 20

func (k *keptChunks) add(chunk dump.Chunk) (spare []byte, err error) {
	if k.bytes += len(chunk.SQL); k.bytes <= keptBytes {
		k.chunks = append(k.chunks, chunk)
		return nil, nil
	}
	if err := k.handOn(); err != nil {
		return nil, err
	}
	return k.emit(chunk)
}

func (k *keptChunks) handOn() error {
	for _, chunk := range k.chunks {
		if _, err := k.emit(chunk); err != nil {
			return err
		}
	}
	k.chunks = nil
	return nil
}

// schemaText turns what pg_dump writes into chunks.
type schemaText struct {
	section dump.Section
	emit    dump.Emit
	middle  bool   // the text has neither the beginning nor the end
	key     string // of \restrict
	begun   bool   // a statement has been seen
	ended   bool   // and pg_dump's last words
	buffer  []byte
}

const (
	dumpEnd    = "--\n-- PostgreSQL database dump complete\n"
	restrict   = `\restrict `
	unrestrict = `\unrestrict `
)

// copy reads to the end. If the source failed, its error comes instead of io.EOF, so at io.EOF the text is complete.
func (t *schemaText) copy(from io.Reader) error {
	splitter := sqltext.NewSplitter(from, sqltext.Postgres)
	for {
		piece, err := splitter.Next()
		switch {
		case err == io.EOF && !t.ended:
			return source.Failure("read what pg_dump writes", source.ErrConnectionLost, io.ErrUnexpectedEOF)
		case err == io.EOF:
			return t.flush()
		case errors.Is(err, sqltext.ErrUnterminated):
			return fmt.Errorf("read what pg_dump writes: %w", err)
		case err != nil:
			return err
		}
		t.buffer = append(t.buffer, t.kept(piece)...)
		if len(t.buffer) >= dump.ChunkBytes && piece.Kind != sqltext.CopyBegin && piece.Kind != sqltext.CopyRows {
			if err := t.flush(); err != nil {
				return err
			}
		}
	}
}

// kept returns what is left of a piece when the two texts become one.
func (t *schemaText) kept(piece sqltext.Piece) []byte {
	line := string(bytes.TrimSpace(piece.Raw))
	switch {
	case piece.Kind == sqltext.Filler:
		end := bytes.Index(piece.Raw, []byte(dumpEnd))
		t.ended = t.ended || end >= 0
		if (t.section == dump.Head || t.middle) && end >= 0 {
			return piece.Raw[:end]
		}
		if t.section == dump.Tail && !t.begun {
			return nil
		}
	case piece.Kind != sqltext.Command:
		t.begun = true
	case strings.HasPrefix(line, restrict):
		t.key = strings.TrimPrefix(line, restrict)
		if t.section == dump.Tail {
			return nil
		}
	case strings.HasPrefix(line, unrestrict) && (t.section == dump.Head || t.middle):
		return nil
	}
	return ownWay(piece)
}

func (t *schemaText) flush() error {
	if len(t.buffer) == 0 {
		return nil
	}
	spare, err := t.emit(dump.Chunk{Section: t.section, SQL: t.buffer})
	t.buffer = spare[:0]
	return err
}
