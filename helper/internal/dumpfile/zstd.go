package dumpfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"

	"github.com/jobiqo/dump-refresh/helper/internal/zstdfast"
)

// Numbers of the zstd format and of its seekable format.
const (
	frameMagic     = 0xFD2FB528
	skippableMagic = 0x184D2A50 // the lowest of sixteen
	padMagic       = 0x184D2A5C // ours
	indexMagic     = 0x184D2A5D // ours
	seekTableMagic = 0x184D2A5E // the seekable format's
	seekableFooter = 0x8F92EAB1

	skippableHeader = 8
	seekEntry       = 12 // with checksum
	seekFooter      = 9
	seekChecksums   = 0x80 // descriptor: entries have checksums

	// emptyCheck is the checksum of no bytes: the low half of their XXH64.
	emptyCheck = 0x51D8E999
)

// zstdSignature is a zstd frame without content. It spends eight bytes on a content size of zero, which no compressor does.
var zstdSignature = []byte{
	0x28, 0xB5, 0x2F, 0xFD, // magic number
	0xE4,                   // content size in 8 bytes, one segment, checksum
	0, 0, 0, 0, 0, 0, 0, 0, // content size
	1, 0, 0, // last block, raw, empty
	0x99, 0xE9, 0xD8, 0x51, // checksum
}

// zstdContainer is zstd's seekable format: frames, and a seek table in a skippable frame.
type zstdContainer struct{}

func (zstdContainer) compression() Compression { return Zstd }

func (zstdContainer) signature() []byte { return zstdSignature }

func (zstdContainer) newEncoder(level int) (encoder, error) {
	if level := zstd.EncoderLevelFromZstd(max(level, 1)); level > zstd.SpeedFastest {
		return newZstdEncoder(level)
	}
	return new(fastEncoder), nil
}

// fastEncoder is the usual encoder of dumps.
type fastEncoder struct{ e zstdfast.Encoder }

func (f *fastEncoder) encode(dst, raw []byte) ([]byte, error) { return f.e.Encode(dst, raw) }

func (zstdContainer) maxLevel() int { return 22 }

func newZstdEncoder(level zstd.EncoderLevel) (encoder, error) {
	// An encoder keeps twice its window in memory. Larger windows did not make the clients' dumps smaller.
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return zstdEncoder{e}, nil
}

type zstdEncoder struct{ e *zstd.Encoder }

func (z zstdEncoder) encode(dst, raw []byte) ([]byte, error) {
	return z.e.EncodeAll(raw, dst), nil
}

func (zstdContainer) newDecoder() (decoder, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxChunkRaw))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return zstdDecoder{d}, nil
}

type zstdDecoder struct{ d *zstd.Decoder }

func (z zstdDecoder) decode(dst, data []byte) ([]byte, error) { return z.d.DecodeAll(data, dst) }
func (z zstdDecoder) close()                                  { z.d.Close() }

func (zstdContainer) minPad() int64 { return skippableHeader }

func (zstdContainer) pad(out io.Writer, n int64) error {
	if n-skippableHeader > math.MaxUint32 {
		return fmt.Errorf("padding of %d bytes does not fit into a frame", n)
	}
	if _, err := out.Write(appendSkippable(nil, padMagic, int(n-skippableHeader))); err != nil {
		return err
	}
	_, err := io.CopyN(out, zeros{}, n-skippableHeader)
	return err
}

func (zstdContainer) tail(block []byte, chunks []Chunk, padding int64) []byte {
	tail := appendSkippable(nil, indexMagic, len(block))
	tail = append(tail, block...)

	entries := len(chunks) + 2
	if padding > 0 {
		entries++
	}
	tail = appendSkippable(tail, seekTableMagic, entries*seekEntry+seekFooter)
	tail = appendEntry(tail, int64(len(zstdSignature)), 0, emptyCheck)
	for _, chunk := range chunks {
		tail = appendEntry(tail, chunk.Size, chunk.RawSize, chunk.check)
	}
	if padding > 0 {
		tail = appendEntry(tail, padding, 0, emptyCheck)
	}
	tail = appendEntry(tail, int64(skippableHeader+len(block)), 0, emptyCheck)
	tail = binary.LittleEndian.AppendUint32(tail, uint32(entries))
	tail = append(tail, seekChecksums)
	return binary.LittleEndian.AppendUint32(tail, seekableFooter)
}

func appendSkippable(dst []byte, magic uint32, size int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	return binary.LittleEndian.AppendUint32(dst, uint32(size))
}

func appendEntry(dst []byte, size, rawSize int64, check uint32) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(size))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(rawSize))
	return binary.LittleEndian.AppendUint32(dst, check)
}

func (zstdContainer) isTail(end []byte) bool { return lastFour(end) == seekableFooter }

func (z zstdContainer) readIndex(t *tailReader) (*Index, error) {
	frames, tableAt, err := readSeekTable(t)
	if err != nil {
		return nil, err
	}
	// The first frame is the signature and the last one the index. Those between are the chunks and maybe one of padding.
	if len(frames) < 2 || frames[0] != (seekFrame{int64(len(zstdSignature)), 0, emptyCheck}) {
		return nil, ErrNoIndex
	}
	last := frames[len(frames)-1]
	at := tableAt - last.size
	if last.size < skippableHeader || last.rawSize != 0 || last.check != emptyCheck {
		return nil, ErrNoIndex
	}
	if last.size-skippableHeader > maxIndexSize(len(frames)) {
		return nil, corrupt(at, "an index of %d bytes for %d frames", last.size, len(frames))
	}
	frame, err := t.bytes(at, last.size)
	if err != nil {
		return nil, err
	}
	block := frame[skippableHeader:]
	if !bytes.Equal(frame[:skippableHeader], appendSkippable(nil, indexMagic, len(block))) {
		return nil, ErrNoIndex
	}
	idx, err := decodeIndex(block, Zstd, at, t.size, int64(len(zstdSignature)))
	if err != nil {
		return nil, err
	}
	if err := idx.agree(frames[1:len(frames)-1], z.minPad()); err != nil {
		return nil, corrupt(tableAt, "%v", err)
	}
	return idx, nil
}

// agree compares the chunks with the frames of the seek table, which may have one more for the padding, and copies the checksums
// from there.
func (idx *Index) agree(frames []seekFrame, minPad int64) error {
	if n := len(frames); n == len(idx.Chunks)+1 {
		if pad := frames[n-1]; pad.size < minPad || pad.rawSize != 0 || pad.check != emptyCheck {
			return errors.New("the seek table and the index do not agree on the padding")
		}
		frames = frames[:n-1]
	}
	if len(frames) != len(idx.Chunks) {
		return fmt.Errorf("the seek table has %d frames, the index %d chunks", len(frames), len(idx.Chunks))
	}
	for i, frame := range frames {
		chunk := &idx.Chunks[i]
		if frame.size != chunk.Size || frame.rawSize != chunk.RawSize {
			return fmt.Errorf("the seek table and the index do not agree on chunk %d", i)
		}
		chunk.check = frame.check
	}
	return nil
}

// seekFrame is an entry of a seek table.
type seekFrame struct {
	size, rawSize int64
	check         uint32
}

// readSeekTable reads the table at the end of a file that ends in a seek table's footer. It returns the entries and where the
// first frame begins. The sizes of the entries are known to add up to that offset.
func readSeekTable(t *tailReader) ([]seekFrame, int64, error) {
	if t.size < skippableHeader+seekFooter {
		return nil, 0, ErrNoIndex
	}
	footer, err := t.bytes(t.size-seekFooter, seekFooter)
	if err != nil {
		return nil, 0, err
	}
	count := int64(binary.LittleEndian.Uint32(footer))
	if footer[4] != seekChecksums || count > maxChunks+3 { // a seekable file, but not one of ours
		return nil, 0, ErrNoIndex
	}
	length := count*seekEntry + seekFooter
	at := t.size - length - skippableHeader
	// Each frame has at least eight bytes, so the size of the object bounds an honest table.
	if at < count*skippableHeader {
		return nil, 0, corrupt(t.size-seekFooter, "a seek table of %d frames in %d bytes", count, t.size)
	}
	table, err := t.bytes(at, skippableHeader+length)
	if err != nil {
		return nil, 0, err
	}
	if !bytes.Equal(table[:skippableHeader], appendSkippable(nil, seekTableMagic, int(length))) {
		return nil, 0, corrupt(at, "the seek table is not where its footer says")
	}
	frames := make([]seekFrame, count)
	var sum int64
	for i := range frames {
		entry := table[skippableHeader+i*seekEntry:]
		frames[i] = seekFrame{
			size:    int64(binary.LittleEndian.Uint32(entry)),
			rawSize: int64(binary.LittleEndian.Uint32(entry[4:])),
			check:   binary.LittleEndian.Uint32(entry[8:]),
		}
		sum += frames[i].size
	}
	if sum != at {
		return nil, 0, corrupt(at, "the frames of the seek table have %d bytes", sum)
	}
	return frames, at, nil
}

// zeros reads as an endless series of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
