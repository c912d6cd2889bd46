package localdb

import (
	"context"
	"io"
)

// chunkStream reads the texts of chunks one after the other.
type chunkStream struct {
	ctx    context.Context
	reader ChunkReader
	next   int
	end    int
	left   []byte
}

func (s *chunkStream) Read(p []byte) (int, error) {
	for len(s.left) == 0 {
		if s.next == s.end {
			return 0, io.EOF
		}
		var err error
		if s.left, err = s.reader.Read(s.ctx, s.next); err != nil {
			return 0, err
		}
		s.next++
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}
