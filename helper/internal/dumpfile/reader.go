package dumpfile

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxWindow is how much memory a dump may need: what zstd accepts without --long=28 or more.
const maxWindow = 128 << 20

var errReaderClosed = errors.New("the dump's reader is closed")

// NewReader decompresses any dump; c is the compression that its name says. The content decides: a dump with another
// compression, or with none, is read as well.
//
// The reader returns io.EOF only if the compressed data is complete. Otherwise it returns a *[DamagedError]; a *[NotSQLError] or an
// *[ArchiveError] if the content is not text; a *[WindowError] if it would need too much memory; and errors of r wrapped. By then it has returned
// text from before the damage and maybe some of the damaged text. A stream alone does not tell whether a foreign gzip, bzip2 or
// zstd file was cut exactly between two of its members or frames.
//
// Close must be called. It waits for a running Read of r and does not close r.
func NewReader(r io.Reader, c Compression) (io.ReadCloser, error) {
	src := newSource(r)
	head, err := src.Peek(headSize)
	if err != nil && err != io.EOF {
		return nil, src.damage(err)
	}
	if len(head) == 0 {
		return nil, truncated(0, "it is empty")
	}
	found := sniff(head)
	if found == None && c != None {
		if strings.HasPrefix(magics[c], string(head)) {
			return nil, truncated(int64(len(head)), "it ends where it should begin")
		}
		if notSQL(head) != nil && archive(head) == "" {
			return nil, corrupt(0, "it does not begin as %s data does", c)
		}
	}
	text, closer, err := decompressor(src, found)
	if err != nil {
		return nil, src.damage(err)
	}
	return &sqlReader{src: src, compression: found, text: bufio.NewReaderSize(text, 64<<10), closer: closer}, nil
}

// decompressor returns the text of a compressed source, and a function that ends its goroutines.
func decompressor(src *source, c Compression) (io.Reader, func(), error) {
	none := func() {}
	switch c {
	case Zstd:
		d, err := zstd.NewReader(&zstdStream{src: src}, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return d, d.Close, nil
	case Gzip:
		return &gzipStream{src: src}, none, nil
	case Bzip2:
		return bzip2.NewReader(src), none, nil
	case XZ:
		return &xzStream{src: src}, none, nil
	default:
		return src, none, nil
	}
}

// sqlReader reads decompressed text.
type sqlReader struct {
	src         *source
	compression Compression // as found
	text        *bufio.Reader
	closer      func()
	seen        bool  // whether the head was seen
	err         error // why it ended
}

func (s *sqlReader) Read(p []byte) (int, error) {
	if s.err == nil && !s.seen {
		s.seen = true
		head, err := s.text.Peek(headSize)
		if err == nil || err == io.EOF {
			err = notSQL(head)
		}
		var archive *ArchiveError
		if errors.As(err, &archive) {
			archive.Compression = s.compression
		}
		s.end(err)
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.text.Read(p)
	s.end(err)
	return n, s.err
}

// end records an error. A decoder with goroutines may still be reading ahead, so it is stopped before the source is asked how
// far it got.
func (s *sqlReader) end(err error) {
	if err == nil {
		return
	}
	s.closer()
	// Decoders take some errors of a source for its end.
	if err != io.EOF || s.src.in.err != nil {
		err = s.src.damage(err)
	}
	s.err = err
}

// Close ends the goroutines of the decoder. Calling it again does nothing.
func (s *sqlReader) Close() error {
	s.closer()
	if s.err == nil {
		s.err = errReaderClosed
	}
	return nil
}

// source is a compressed file that is read from its beginning. It knows how far it was read, and distinguishes its own errors
// from damage of the content.
type source struct {
	*bufio.Reader
	in *countingReader
}

type countingReader struct {
	r   io.Reader
	n   int64
	err error // the first error except io.EOF
}

func newSource(r io.Reader) *source {
	in := &countingReader{r: r}
	return &source{bufio.NewReaderSize(in, 256<<10), in}
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF && c.err == nil {
		c.err = err
	}
	return n, err
}

// offset is the offset of the next byte.
func (s *source) offset() int64 { return s.in.n - int64(s.Buffered()) }

// damage turns a decompressor's error into one that says what is damaged and where.
func (s *source) damage(err error) error {
	var damaged *DamagedError
	var window *WindowError
	var foreign *NotSQLError
	var archive *ArchiveError
	switch {
	case s.in.err != nil:
		return fmt.Errorf("read the dump at byte %d: %w", s.in.n, s.in.err)
	case errors.As(err, &damaged), errors.As(err, &window), errors.As(err, &foreign), errors.As(err, &archive):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return truncated(s.offset(), "the compressed data goes on")
	default:
		return corrupt(s.offset(), "%v", err)
	}
}
