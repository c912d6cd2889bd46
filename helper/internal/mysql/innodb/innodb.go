// Package innodb reads what a file of an InnoDB table says about itself in its first page, so that no server is handed a file that
// it cannot have written.
package innodb

import (
	"encoding/binary"
	"fmt"
)

// FileEnding is what the names of the files of tables end with.
const FileEnding = ".ibd"

// HeaderSize is how many bytes of a file ReadHeader looks at.
const HeaderSize = flagsAt + 4

// Where things are in the first page, in bytes: the header of any page (FIL_PAGE_… in fil0types.h of MariaDB and MySQL), and
// behind it that of a space (FSP_… in fsp0types.h). Numbers are big-endian.
const (
	pageNumberAt = 4
	pageTypeAt   = 24
	pageSpaceAt  = 34
	spaceAt      = 38
	pagesAt      = 46
	flagsAt      = 54
)

// spaceHeader is the type of a space's first page, FIL_PAGE_TYPE_FSP_HDR.
const spaceHeader = 8

// Header is what the first page of a table's file says.
type Header struct {
	PageSize int64 // of the server, bytes
	// FilePageSize is that of the pages in the file, bytes: smaller than PageSize with ROW_FORMAT=COMPRESSED.
	FilePageSize int64
	Pages        int64 // how many the file has at least
}

// ReadHeader takes the beginning of a file, of at least HeaderSize bytes.
func ReadHeader(file []byte) (Header, error) {
	if len(file) < HeaderSize {
		return Header{}, fmt.Errorf("%d bytes are no file of an InnoDB table", len(file))
	}
	number := func(at int) uint32 { return binary.BigEndian.Uint32(file[at:]) }
	if number(pageNumberAt) != 0 || binary.BigEndian.Uint16(file[pageTypeAt:]) != spaceHeader || number(spaceAt) != number(pageSpaceAt) {
		return Header{}, fmt.Errorf("the file does not begin as one of an InnoDB table")
	}
	h, known := readFlags(number(flagsAt))
	if !known {
		return Header{}, fmt.Errorf("the file is of an InnoDB table with flags 0x%x, which nobody knows here", number(flagsAt))
	}
	h.Pages = int64(number(pagesAt))
	return h, nil
}

// The flags of a space come in two layouts. MariaDB writes the newer one where innodb_checksum_algorithm is full_crc32, its default
// since 10.5, except for tables with ROW_FORMAT=COMPRESSED; MySQL and older servers know only the other one, in which a bit is
// always clear that the newer one always sets.
const (
	newerLayout = 1 << 4 // FSP_FLAGS_FCRC32_MASK_MARKER

	newerPageShift = 0 // FSP_FLAGS_FCRC32_POS_PAGE_SSIZE
	olderZipShift  = 1 // FSP_FLAGS_POS_ZIP_SSIZE
	olderPageShift = 6 // FSP_FLAGS_POS_PAGE_SSIZE

	sizeMask = 1<<4 - 1 // of each of the three
)

// A size is written as the power of two that it is of half a KiB. In the older layout nothing written means what it was before there was
// a choice.
const (
	usualPage  = 16 << 10
	leastPage  = 4 << 10
	mostPage   = 64 << 10
	mostZipped = 16 << 10
)

func readFlags(flags uint32) (h Header, known bool) {
	size := func(shift int) int64 { return 512 << (flags >> shift & sizeMask) }
	if flags&newerLayout != 0 {
		h.PageSize = size(newerPageShift)
		h.FilePageSize = h.PageSize
		return h, h.PageSize >= leastPage && h.PageSize <= mostPage
	}
	h.PageSize = size(olderPageShift)
	if h.PageSize == 512 {
		h.PageSize = usualPage
	}
	h.FilePageSize = size(olderZipShift)
	if h.FilePageSize == 512 {
		h.FilePageSize = h.PageSize
	} else if h.FilePageSize > mostZipped || h.FilePageSize > h.PageSize {
		return h, false
	}
	return h, h.PageSize >= leastPage && h.PageSize <= mostPage
}

// CheckFile refuses the file of a table of which this is the beginning, of at least HeaderSize bytes, where no server with pages of that
// size can have written one of that size, both in bytes.
func CheckFile(beginning []byte, pageSize, fileSize int64) error {
	h, err := ReadHeader(beginning)
	if err != nil {
		return err
	}
	return h.Check(pageSize, fileSize)
}

// Check compares with the page size of a server and with the size of the file, both in bytes.
func (h Header) Check(pageSize, fileSize int64) error {
	switch {
	case h.PageSize != pageSize:
		return fmt.Errorf("the file has pages of %d bytes instead of %d", h.PageSize, pageSize)
	case fileSize%h.FilePageSize != 0 || fileSize < h.Pages*h.FilePageSize:
		return fmt.Errorf("the file has %d bytes instead of %d pages of %d bytes", fileSize, h.Pages, h.FilePageSize)
	case h.Pages == 0:
		return fmt.Errorf("the file has no pages")
	}
	return nil
}
