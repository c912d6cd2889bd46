package dumpfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// A gzip file is a series of members. Those of ours that are not chunks are empty and carry their data in a subfield of the
// header's extra field. The first letter of the subfield is a D.
const (
	subfieldSignature = 's'
	subfieldPad       = 'p'
	subfieldIndex     = 'i'
	subfieldTrailer   = 't'

	memberHeader   = 10 // without the extra field
	subfieldHeader = 2 + 4
	memberPrefix   = memberHeader + subfieldHeader
	memberTrailer  = 8
	emptyMember    = memberPrefix + 2 + memberTrailer // 2: an empty deflate stream

	// indexPart is how much of the index a member has; an extra field has less than 64 KiB.
	indexPart   = 60 << 10
	trailerData = 16 // offset and length of the index
	trailerSize = emptyMember + trailerData

	// A member of padding is filled with empty stored blocks of five bytes. The rest of its length is in the subfield.
	storedBlock = 5
	padMember   = memberPrefix + storedBlock + memberTrailer

	// gzipLevel is the fastest within one or two percent of the size of level 6.
	gzipLevel = 5
)

var gzipSignature = appendEmptyMember(nil, subfieldSignature, []byte("dumpfile"))

// gzipContainer is a series of gzip members.
type gzipContainer struct{}

func (gzipContainer) compression() Compression { return Gzip }

func (gzipContainer) signature() []byte { return gzipSignature }

func (gzipContainer) newEncoder(level int) (encoder, error) {
	if level == 0 {
		level = gzipLevel
	}
	return newGzipEncoder(level)
}

func (gzipContainer) maxLevel() int { return gzip.BestCompression }

func newGzipEncoder(level int) (encoder, error) {
	w, err := gzip.NewWriterLevel(nil, level)
	if err != nil {
		return nil, fmt.Errorf("start gzip: %w", err)
	}
	return gzipEncoder{w}, nil
}

type gzipEncoder struct{ w *gzip.Writer }

func (g gzipEncoder) encode(dst, raw []byte) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	g.w.Reset(out)
	if _, err := g.w.Write(raw); err != nil {
		return nil, err
	}
	if err := g.w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (gzipContainer) newDecoder() (decoder, error) {
	return &gzipDecoder{}, nil
}

type gzipDecoder struct{ r gzip.Reader }

func (g *gzipDecoder) decode(dst, data []byte) ([]byte, error) {
	in := bytes.NewReader(data)
	if err := g.r.Reset(in); err != nil {
		return nil, noEOF(err)
	}
	g.r.Multistream(false)
	for err := error(nil); err != io.EOF; {
		// The member's checksum is only known at its end, so there must always be space to read on.
		room := dst[len(dst):cap(dst)]
		if len(room) == 0 {
			room = make([]byte, 1)
		}
		var n int
		n, err = g.r.Read(room)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(dst)+n > cap(dst) {
			return nil, errors.New("the chunk has more SQL than the index says")
		}
		dst = dst[:len(dst)+n]
	}
	if in.Len() > 0 {
		return nil, errors.New("the chunk has bytes after its gzip member")
	}
	return dst, nil
}

func (g *gzipDecoder) close() {}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (gzipContainer) minPad() int64 { return padMember }

func (gzipContainer) pad(out io.Writer, n int64) error {
	n -= padMember
	member := appendMemberPrefix(nil, subfieldPad, make([]byte, n%storedBlock))
	if _, err := out.Write(member); err != nil {
		return err
	}
	if _, err := io.CopyN(out, &storedBlocks{}, n-n%storedBlock); err != nil {
		return err
	}
	// The last block, then the checksum and the length of nothing.
	_, err := out.Write(append([]byte{1, 0, 0, 0xFF, 0xFF}, make([]byte, memberTrailer)...))
	return err
}

// storedBlocks reads as an endless series of empty deflate blocks.
type storedBlocks struct{ n int }

func (s *storedBlocks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = [storedBlock]byte{0, 0, 0, 0xFF, 0xFF}[s.n]
		s.n = (s.n + 1) % storedBlock
	}
	return len(p), nil
}

func (gzipContainer) tail(block []byte, chunks []Chunk, padding int64) []byte {
	at := int64(len(gzipSignature)) + padding
	for _, chunk := range chunks {
		at += chunk.Size
	}
	var tail []byte
	for part := range partsOf(block) {
		tail = appendEmptyMember(tail, subfieldIndex, part)
	}
	return appendEmptyMember(tail, subfieldTrailer, appendTrailer(at, int64(len(block))))
}

func appendTrailer(at, length int64) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(at))
	return binary.LittleEndian.AppendUint64(data, uint64(length))
}

// partsOf cuts the index into parts that fit into a member each.
func partsOf(block []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(block) > 0 {
			part := block[:min(indexPart, len(block))]
			block = block[len(part):]
			if !yield(part) {
				return
			}
		}
	}
}

func appendMemberPrefix(dst []byte, subfield byte, data []byte) []byte {
	dst = append(dst, 0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 0xFF) // deflate, extra field, no time, unknown system
	dst = binary.LittleEndian.AppendUint16(dst, uint16(4+len(data)))
	dst = append(dst, 'D', subfield)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(data)))
	return append(dst, data...)
}

func appendEmptyMember(dst []byte, subfield byte, data []byte) []byte {
	dst = appendMemberPrefix(dst, subfield, data)
	dst = append(dst, 3, 0) // a last block without content
	return append(dst, make([]byte, memberTrailer)...)
}

// isTrailer reports whether a member's extra field is that of our last member.
func isTrailer(extra []byte) bool {
	return len(extra) == 4+trailerData && extra[0] == 'D' && extra[1] == subfieldTrailer
}

func (gzipContainer) isTail(end []byte) bool {
	if len(end) < trailerSize {
		return false
	}
	member := end[len(end)-trailerSize:]
	data := member[memberPrefix : memberPrefix+trailerData]
	return bytes.Equal(member, appendEmptyMember(nil, subfieldTrailer, data))
}

func (gzipContainer) readIndex(t *tailReader) (*Index, error) {
	trailer, err := t.bytes(t.size-trailerSize, trailerSize)
	if err != nil {
		return nil, err
	}
	data := trailer[memberPrefix:]
	offset, length := binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint64(data[8:])
	end := t.size - trailerSize
	if offset >= uint64(end) || length > uint64(end) {
		return nil, corrupt(end, "an index at byte %d with %d bytes in an object of %d", offset, length, t.size)
	}
	at, size := int64(offset), int64(length)
	parts := (size + indexPart - 1) / indexPart
	if size+parts*emptyMember != end-at {
		return nil, corrupt(end, "the index at byte %d with %d bytes does not end here", at, size)
	}
	// How many chunks there are is not known yet, but a chunk has at least a header and a trailer.
	if limit := maxIndexSize(int(at / emptyMember)); size > limit {
		return nil, corrupt(at, "an index of %d bytes behind %d bytes of chunks", size, at)
	}
	members, err := t.bytes(at, end-at)
	if err != nil {
		return nil, err
	}
	block := make([]byte, 0, size)
	for len(members) > 0 {
		n := min(indexPart, int(size)-len(block))
		part := members[memberPrefix : memberPrefix+n]
		if !bytes.Equal(members[:emptyMember+n], appendEmptyMember(nil, subfieldIndex, part)) {
			return nil, corrupt(end-int64(len(members)), "a member of the index is wrong")
		}
		block = append(block, part...)
		members = members[emptyMember+n:]
	}
	idx, err := decodeIndex(block, Gzip, at, t.size, int64(len(gzipSignature)))
	if err != nil {
		return nil, err
	}
	if gap := at - idx.dataEnd(int64(len(gzipSignature))); gap != 0 && gap < padMember {
		return nil, corrupt(at, "%d bytes between the last chunk and the index", gap)
	}
	for i := range idx.Chunks {
		// A gzip member ends with the size of its content.
		idx.Chunks[i].check = uint32(idx.Chunks[i].RawSize)
	}
	return idx, nil
}
