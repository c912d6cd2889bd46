package dump

import (
	"context"
	"io"
	"slices"
)

// ChunkStream reads the texts of chunks one after the other.
type ChunkStream struct {
	Ctx    context.Context
	Reader ChunkReader
	Next   int
	End    int
	left   []byte
}

func (s *ChunkStream) Read(p []byte) (int, error) {
	for len(s.left) == 0 {
		if s.Next == s.End {
			return 0, io.EOF
		}
		var err error
		if s.left, err = s.Reader.Read(s.Ctx, s.Next); err != nil {
			return 0, err
		}
		s.Next++
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// IndexOf returns the index of the first matching chunk, starting at from, or the list's length if there is none.
func IndexOf(list []StoredChunk, from int, is func(StoredChunk) bool) int {
	if i := slices.IndexFunc(list[from:], is); i >= 0 {
		return from + i
	}
	return len(list)
}
