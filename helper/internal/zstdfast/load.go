package zstdfast

import (
	"encoding/binary"
	"unsafe"
)

// source is a text that is read without bounds checks: these would take a quarter of the time for finding matches. Each reader
// explains why it stays within the text; TestWithinText checks this.
type source struct{ start unsafe.Pointer }

func sourceOf(text []byte) source { return source{unsafe.Pointer(unsafe.SliceData(text))} } //nolint:gosec // see above

func (s source) at(i int) byte { return *(*byte)(unsafe.Add(s.start, i)) }

func (s source) four(i int) uint32 {
	return binary.LittleEndian.Uint32((*[4]byte)(unsafe.Add(s.start, i))[:])
}

func (s source) eight(i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(s.start, i))[:])
}
