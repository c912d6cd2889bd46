package protocol

import (
	"errors"
	"io"
)

// longRow is the length from which on a row is read in parts, in bytes.
const longRow = 4 << 20

// ErrLongRow means that the next row is to be read with [Connection.LongRow].
var ErrLongRow = errors.New("a row that is too long for the memory")

// LongRow returns a reader of the next row. It must be read to its end.
func (w *Connection) LongRow() io.Reader { return &rowReader{from: w} }

// rowReader reads a row of several packets.
type rowReader struct {
	from *Connection
	left int  // of the current packet
	last bool // it is the last one
}

func (r *rowReader) Read(p []byte) (int, error) {
	w := r.from
	for r.left == 0 {
		if r.last {
			return 0, io.EOF
		}
		if err := w.receive(HeaderSize); err != nil {
			return 0, err
		}
		header := w.buf[w.start:]
		if err := w.inSequence(header[3]); err != nil {
			return 0, err
		}
		r.left = packetLength(header)
		r.last = r.left < LongestPacket
		w.start += HeaderSize
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := w.receive(1); err != nil {
		return 0, err
	}
	n := copy(p[:min(len(p), r.left)], w.buf[w.start:w.stop])
	w.start += n
	r.left -= n
	return n, nil
}
