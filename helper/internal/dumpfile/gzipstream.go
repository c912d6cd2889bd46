package dumpfile

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
)

// gzipStream decompresses a gzip file member by member. If it begins or ends as ours do, it must do
// both; behind others zeros may follow, as on a tape.
type gzipStream struct {
	src   *source
	z     *gzip.Reader // nil before the first member
	ours  bool
	extra []byte // the extra field of the current member
}

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
		}
		n, err := g.z.Read(p)
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
	g.extra = g.z.Extra
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
