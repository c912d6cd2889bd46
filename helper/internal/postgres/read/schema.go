package read

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Head and tail come from two runs of pg_dump, but read as one: the head has no end, and the tail no beginning. The
// tail includes rows of extensions' tables, large objects and the values of sequences: these are small, and pg_dump
// knows in which order they can be restored.

// head emits what comes before all rows. It returns the key that keeps psql from obeying commands in the text, empty if
// pg_dump is too old for that.
func (n *nativeDump) head(ctx context.Context, emit dump.Emit) (restricted string, err error) {
	target := n.target
	target.snapshot, target.sections = n.snapshot.id, []string{"pre-data"}
	kept := &keptChunks{emit: emit}
	text := &schemaText{section: dump.Head, emit: kept.add}
	if err := n.text(ctx, target, text); err != nil {
		return "", err
	}
	if err := kept.handOn(); err != nil {
		return "", err
	}
	return text.key, n.emitOwn(emit)
}

// tail emits what comes after all rows.
func (n *nativeDump) tail(ctx context.Context, restricted string, emit dump.Emit) error {
	target := n.target
	target.snapshot, target.sections, target.restricted = n.snapshot.id, []string{"data", "post-data"}, restricted
	target.copied = n.copied
	kept := &keptChunks{emit: emit}
	if err := n.text(ctx, target, &schemaText{section: dump.Tail, emit: kept.add}); err != nil {
		return err
	}
	if err := n.snapshot.sameCatalog(ctx); err != nil {
		return err
	}
	return kept.handOn()
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

func (n *nativeDump) text(ctx context.Context, target clientTarget, text *schemaText) error {
	child, err := n.client.program(target).Start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = child.Close() }()
	err = text.copy(n.tunnel.Reader(child))
	var src *source.ClientError
	if errors.As(err, &src) && strings.Contains(strings.Join(src.Stderr, " "), "invalid snapshot identifier") {
		// The server ended its session, as a standby does to undo what the snapshot needs.
		return source.Failure("read the definitions", source.ErrDefinitionChanged, err)
	}
	return err
}

// schemaText turns what pg_dump writes into chunks.
type schemaText struct {
	section dump.Section
	emit    dump.Emit
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
		if t.section == dump.Head && end >= 0 {
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
	case strings.HasPrefix(line, unrestrict) && t.section == dump.Head:
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
