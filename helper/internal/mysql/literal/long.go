package literal

import (
	"encoding/binary"
	"io"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
)

// longValue is the length from which on a value is written in parts, in bytes.
const longValue = 1 << 20

// Read reads the next value of a row, or only the length of a long one: long is then how many bytes follow. It appends what it has read
// to data.
func (v Writer) Read(from io.Reader, data []byte) (read []byte, long int64, err error) {
	more := func(n int) error {
		data = append(data, make([]byte, n)...)
		_, err := io.ReadFull(from, data[len(data)-n:])
		return err
	}
	if size := v.size(); size > 0 {
		err = more(size)
		return data, 0, err
	}
	begin := len(data)
	if err := more(1); err != nil {
		return data, 0, err
	}
	if extra := map[byte]int{0xFC: 2, 0xFD: 3, 0xFE: 8}[data[begin]]; extra > 0 {
		if err := more(extra); err != nil {
			return data, 0, err
		}
	}
	length, n := protocol.LengthEncoded(data[begin:])
	switch {
	case n == 0 || length > 1<<32:
		return data, 0, protocol.ErrNotUnderstood
	case length > longValue:
		return data, int64(length), nil
	}
	err = more(int(length))
	return data, 0, err
}

// size is the size of the values of a type whose values have the same; 0 for others.
func (v Writer) size() int {
	switch {
	case v.Form <= formUint64:
		return 1 << (v.Form / 2)
	case v.Form == formFloat:
		return binary.Size(float32(0))
	case v.Form == formDouble:
		return binary.Size(float64(0))
	}
	return 0
}

// Long says how a value is written that is read in parts: what comes before them and after them, and each of them. Whether text is valid
// shows only at its end, so it is written as bytes.
func (v Writer) Long() (before, after string, part func(dst, part []byte) []byte) {
	escaped := func(dst, part []byte) []byte {
		dst, _ = appendEscaped(dst, part)
		return dst
	}
	switch v.Form {
	case formJSON:
		return "'", "'", escaped
	case formTagged, FormTaggedIn:
		return v.Tag + " x'", "'", appendDigitsOf
	}
	return "_binary '", "'", escaped
}
