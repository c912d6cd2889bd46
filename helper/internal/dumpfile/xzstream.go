package dumpfile

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

const (
	xzStreamHeader = 12
	xzStreamFooter = 12
)

// xzStream decompresses an xz file. The decoder mistakes an end between two blocks for the end of the file, so the last bytes are
// checked here. It also allocates any dictionary that a file asks for.
type xzStream struct {
	src  *source
	tail xzTail
	xz   *xz.Reader
}

func (x *xzStream) Read(p []byte) (int, error) {
	if x.xz == nil {
		if err := x.checkWindow(); err != nil {
			return 0, err
		}
		var err error
		x.tail.src = x.src
		if x.xz, err = xz.NewReader(&x.tail); err != nil {
			return 0, err
		}
	}
	n, err := x.xz.Read(p)
	if err == io.EOF && !x.tail.isFooter() {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// checkWindow checks the filter of the first block; xz gives all blocks of a file the same.
func (x *xzStream) checkWindow() error {
	head, err := x.src.Peek(xzStreamHeader + 1)
	if err != nil {
		return noEOF(err)
	}
	length := (int(head[xzStreamHeader]) + 1) * 4
	if head[xzStreamHeader] == 0 { // the index: there is no block
		return nil
	}
	if head, err = x.src.Peek(xzStreamHeader + length); err != nil {
		return noEOF(err)
	}
	header, sum := head[xzStreamHeader:xzStreamHeader+length-4], head[xzStreamHeader+length-4:]
	if binary.LittleEndian.Uint32(sum) != crc32.ChecksumIEEE(header) { // the decoder reports it
		return nil
	}
	flags, fields := header[1], header[2:]
	for _, present := range []byte{0x40, 0x80} { // compressed and uncompressed size
		if flags&present != 0 {
			_, n := binary.Uvarint(fields)
			fields = fields[max(n, 0):]
		}
	}
	// LZMA2 is filter 0x21 with one byte of properties. The decoder rejects other filters.
	if len(fields) < 3 || fields[0] != 0x21 || fields[1] != 1 {
		return nil
	}
	if window, err := lzma.DecodeDictCap(fields[2]); err == nil && window > maxWindow {
		return &WindowError{XZ, window, maxWindow}
	}
	return nil
}

// xzTail keeps the last bytes that were read, without the padding, which is zeros in groups of four.
type xzTail struct {
	src  *source
	read int64 // so far, in bytes
	last []byte
}

func (t *xzTail) Read(p []byte) (int, error) {
	n, err := t.src.Read(p)
	t.read += int64(n)
	t.last = append(t.last, p[:n]...)
	if len(t.last) > 1<<10 {
		t.trim()
	}
	return n, err
}

// trim keeps what may be a footer. xz aligns everything to four bytes, so a word of zeros in the right place is padding or
// irrelevant.
func (t *xzTail) trim() {
	whole := max(len(t.last)-int(t.read%4), 0)
	rest := t.last[whole:]
	kept := t.last[:whole]
	for len(kept) >= 4 && binary.LittleEndian.Uint32(kept[len(kept)-4:]) == 0 {
		kept = kept[:len(kept)-4]
	}
	kept = kept[max(len(kept)-2*xzStreamFooter, 0):]
	t.last = append(append(t.last[:0], kept...), rest...)
}

// ReadByte lets the decoder read single bytes without a buffer of its own.
func (t *xzTail) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(t, b[:])
	return b[0], err
}

// isFooter reports whether what was read ends with the footer of a stream.
func (t *xzTail) isFooter() bool {
	t.trim()
	if t.read%4 != 0 || len(t.last) < xzStreamFooter {
		return false
	}
	footer := t.last[len(t.last)-xzStreamFooter:]
	return string(footer[10:]) == "YZ" && binary.LittleEndian.Uint32(footer) == crc32.ChecksumIEEE(footer[4:10])
}
