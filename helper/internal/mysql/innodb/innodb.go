// Package innodb reads what an InnoDB file says about itself in its first page, so that no server receives a file
// that it cannot have written.
package innodb

import (
	"encoding/binary"
	"fmt"
)

// FileEnding is the ending of the names of tables' files.
const FileEnding = ".ibd"

// HeaderSize is how many bytes of a file ReadHeader reads.
const HeaderSize = flagsAt + 4

// Positions in the first page, in bytes: the header of every page (FIL_PAGE_… in fil0types.h of MariaDB and MySQL),
// followed by that of a tablespace (FSP_… in fsp0types.h). Numbers are big-endian.
const (
	pageNumberAt = 4
	pageTypeAt   = 24
	pageSpaceAt  = 34
	spaceAt      = 38
	pagesAt      = 46
	flagsAt      = 54
)

// spaceHeader is the type of a tablespace's first page, FIL_PAGE_TYPE_FSP_HDR.
const spaceHeader = 8

// Header is what the first page of a table's file says.
type Header struct {
	PageSize int64 // of the server, bytes
	// FilePageSize is the size of the pages in the file, in bytes: smaller than PageSize with ROW_FORMAT=COMPRESSED.
	FilePageSize int64
	Pages        int64 // how many the file has at least
}

// ReadHeader reads the beginning of a file, at least HeaderSize bytes.
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

// The flags of a tablespace have two layouts. MariaDB writes the newer one if innodb_checksum_algorithm is
// full_crc32, its default since 10.5, except for tables with ROW_FORMAT=COMPRESSED. MySQL and older servers know only
// the older one. A bit that the newer layout always sets is always clear in the older one.
const (
	newerLayout = 1 << 4 // FSP_FLAGS_FCRC32_MASK_MARKER

	newerPageShift = 0 // FSP_FLAGS_FCRC32_POS_PAGE_SSIZE
	olderZipShift  = 1 // FSP_FLAGS_POS_ZIP_SSIZE
	olderPageShift = 6 // FSP_FLAGS_POS_PAGE_SSIZE

	sizeMask = 1<<4 - 1 // of each of the three
)

// A size of n means 2^n times half a KiB. In the older layout, 0 means the only size that there once was.
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

// CheckFile refuses a file that no server with pages of pageSize can have written with fileSize, both in bytes.
// beginning is at least the first HeaderSize bytes of the file.
func CheckFile(beginning []byte, pageSize, fileSize int64) error {
	h, err := ReadHeader(beginning)
	if err != nil {
		return err
	}
	return h.Check(pageSize, fileSize)
}

// Check compares the header with the page size of a server and with the size of the file, both in bytes.
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
