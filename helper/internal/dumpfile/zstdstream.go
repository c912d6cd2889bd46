package dumpfile

import (
	"bytes"
	"encoding/binary"
	"io"
)

// zstdStream passes a zstd file on to a decoder and checks its frames on the way. The file must end where a frame ends, and one of
// ours after the seek table. No frame may need too much memory.
type zstdStream struct {
	src      *source
	begun    bool
	ours     bool   // it begins with our signature
	magic    uint32 // of the current frame
	inFrame  bool   // its header has passed, its last block has not
	checksum bool   // it ends with a checksum
	span     int64  // how many bytes come before the next header
	err      error
}

func (z *zstdStream) Read(p []byte) (int, error) {
	for z.span == 0 && z.err == nil {
		z.err = z.next()
	}
	if z.err != nil {
		return 0, z.err
	}
	n, err := z.src.Read(p[:min(int64(len(p)), z.span)])
	z.span -= int64(n)
	if err == io.EOF {
		z.err = truncated(z.src.offset(), "it ends inside a zstd frame")
		err = z.err
	}
	return n, err
}

// next reads the header of the next frame or block and sets span.
func (z *zstdStream) next() error {
	if z.inFrame {
		return z.nextBlock()
	}
	if !z.begun {
		z.begun = true
		head, err := z.src.Peek(len(zstdSignature))
		if err != nil && err != io.EOF {
			return err
		}
		z.ours = bytes.Equal(head, zstdSignature)
	}
	head, err := z.src.Peek(4)
	if len(head) == 0 && err == io.EOF {
		if z.ours && z.magic != seekTableMagic {
			return truncated(z.src.offset(), "the index that should follow is missing")
		}
		return io.EOF
	}
	if err != nil {
		return z.cut(err)
	}
	z.magic = binary.LittleEndian.Uint32(head)
	switch {
	case z.magic == frameMagic:
		return z.frameHeader()
	case isSkippable(head):
		head, err := z.src.Peek(skippableHeader)
		if err != nil {
			return z.cut(err)
		}
		z.span = skippableHeader + int64(binary.LittleEndian.Uint32(head[4:]))
		return nil
	default:
		return corrupt(z.src.offset(), "no zstd frame begins here")
	}
}

// frameHeader reads what zstd_compression_format.md calls the Frame_Header.
func (z *zstdStream) frameHeader() error {
	head, err := z.src.Peek(5)
	if err != nil {
		return z.cut(err)
	}
	descriptor := head[4]
	single := descriptor&0x20 != 0
	dictionary := [4]int{0, 1, 2, 4}[descriptor&3]
	content := [4]int{0, 2, 4, 8}[descriptor>>6]
	if single && content == 0 {
		content = 1
	}
	length := 5 + dictionary + content
	if !single {
		length++
	}
	if head, err = z.src.Peek(length); err != nil {
		return z.cut(err)
	}
	var window uint64
	if single {
		window = littleEndian(head[length-content:])
	} else {
		base := uint64(1) << (10 + head[5]>>3)
		window = base + base/8*uint64(head[5]&7)
	}
	if window > maxWindow {
		return &WindowError{Zstd, int64(min(window, 1<<62)), maxWindow}
	}
	z.span = int64(length)
	z.inFrame = true
	z.checksum = descriptor&4 != 0
	return nil
}

func (z *zstdStream) nextBlock() error {
	head, err := z.src.Peek(3)
	if err != nil {
		return z.cut(err)
	}
	header := littleEndian(head)
	last, kind, size := header&1 != 0, header>>1&3, int64(header>>3)
	if kind == 1 { // a run of one byte
		size = 1
	}
	z.span = 3 + size
	if last {
		z.inFrame = false
		if z.checksum {
			z.span += 4
		}
	}
	return nil
}

func (z *zstdStream) cut(err error) error {
	if err == io.EOF {
		return truncated(z.src.in.n, "it ends inside a zstd frame")
	}
	return err
}

// littleEndian reads an integer of up to eight bytes.
func littleEndian(data []byte) uint64 {
	var buf [8]byte
	copy(buf[:], data)
	return binary.LittleEndian.Uint64(buf[:])
}
