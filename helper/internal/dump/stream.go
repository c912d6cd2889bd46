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
	chunk  io.Reader // the current chunk; nil if there is none
}

func (s *ChunkStream) Read(p []byte) (int, error) {
	for {
		if s.chunk == nil {
			if s.Next == s.End {
				return 0, io.EOF
			}
			s.chunk = s.Reader.Stream(s.Ctx, s.Next)
			s.Next++
		}
		n, err := s.chunk.Read(p)
		if err == io.EOF {
			s.chunk, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// IndexOf returns the index of the first matching chunk, starting at from, or the list's length if there is none.
func IndexOf(list []StoredChunk, from int, is func(StoredChunk) bool) int {
	if i := slices.IndexFunc(list[from:], is); i >= 0 {
		return from + i
	}
	return len(list)
}
