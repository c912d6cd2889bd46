package dumpfile

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
)

// gzipStream decompresses a gzip file member by member. If the file begins or ends like ours, it must do both. Foreign files may
// be followed by zeros, as on a tape.
type gzipStream struct {
	src   *source
	z     *gzip.Reader // nil before the first member
	ours  bool
	extra []byte // the extra field of the current member
	// blocks means that the members are bgzip's, which ends a file with an empty one; empty means that the current one has given nothing yet.
	blocks, empty bool
}

// bgzipExtra is the beginning of the extra field of bgzip's members.
var bgzipExtra = []byte("BC\x02\x00")

func (g *gzipStream) Read(p []byte) (int, error) {
	for {
		if g.z == nil {
			head, err := g.src.Peek(len(gzipSignature))
			if err != nil && err != io.EOF {
				return 0, err
			}
			g.ours = bytes.Equal(head, gzipSignature)
			g.z = new(gzip.Reader)
			if err := g.nextMember(); err != nil {
				return 0, noEOF(err)
			}
			g.blocks = bytes.HasPrefix(g.extra, bgzipExtra)
		}
		n, err := g.z.Read(p)
		g.empty = g.empty && n == 0
		if err == io.EOF {
			err = g.nextMember()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (g *gzipStream) nextMember() error {
	head, err := g.src.Peek(1)
	switch {
	case err == io.EOF && g.ours && !isTrailer(g.extra):
		return truncated(g.src.offset(), "the index that should follow is missing")
	case err == io.EOF && !g.ours && isTrailer(g.extra):
		return corrupt(0, "it ends with an index, but does not begin as dumps with an index do")
	case err == io.EOF && g.blocks && !g.empty:
		return truncated(g.src.offset(), "the empty block by which bgzip ends a file is missing")
	case err != nil:
		return err
	}
	if head[0] == 0 && !g.ours {
		return g.padding()
	}
	if err := g.z.Reset(g.src); err != nil {
		return noEOF(err)
	}
	g.z.Multistream(false)
	g.extra, g.empty = g.z.Extra, true
	return nil
}

// padding reads zeros up to the end.
func (g *gzipStream) padding() error {
	for {
		b, err := g.src.ReadByte()
		if err != nil {
			return err
		}
		if b != 0 {
			return gzip.ErrHeader
		}
	}
}
