package localdb

import (
	"encoding/binary"
	"fmt"
	"io"
)

// checkTablespace looks at the first page of a file of a table, which says how large the pages are and how many of them there
// are. A server would find out as well, at the cost of a crash perhaps.
func checkTablespace(file io.ReaderAt, size, pageSize int64) error {
	var page [64]byte
	if _, err := file.ReadAt(page[:], 0); err != nil {
		return fmt.Errorf("its file is too short")
	}
	pages, flags := int64(binary.BigEndian.Uint32(page[46:])), binary.BigEndian.Uint32(page[54:])
	shift := flags >> 6 & 15
	if flags&16 != 0 { // as MariaDB writes them since 10.5
		shift = flags & 15
	}
	own := int64(16 << 10)
	if shift != 0 {
		own = 512 << shift
	}
	switch {
	case own != pageSize:
		return fmt.Errorf("its pages have %d bytes, those of the server %d", own, pageSize)
	case pages*pageSize > size:
		return fmt.Errorf("its file is cut off")
	}
	return nil
}
