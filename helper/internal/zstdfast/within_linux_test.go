package zstdfast

import (
	"fmt"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"
)

// Nothing is read before or after a text, because the pages there are protected.
func TestWithinText(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	page := unix.Getpagesize()
	for name, text := range texts() {
		room := (len(text) + page - 1) / page * page
		memory, err := unix.Mmap(-1, 0, room+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			t.Fatal(err)
		}
		for _, guard := range [][]byte{memory[:page], memory[page+room:]} {
			if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
				t.Fatal(err)
			}
		}
		for _, at := range []int{page, page + room - len(text)} {
			copy(memory[at:], text)
			if err := encodeWithin(memory[at:][:len(text):len(text)]); err != nil {
				t.Errorf("%s, %d bytes behind the guard: %v", name, at-page, err)
			}
		}
		if err := unix.Munmap(memory); err != nil {
			t.Fatal(err)
		}
	}
}

// encodeWithin turns a read of a protected page into an error.
func encodeWithin(text []byte) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%v", fault)
		}
	}()
	_, err = new(Encoder).Encode(nil, text)
	return err
}
