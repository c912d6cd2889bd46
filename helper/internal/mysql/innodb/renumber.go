package innodb

import (
	"encoding/binary"
	"hash/crc32"
)

// The two positions of a page's checksum, in bytes. The second one counts from the end of the page
// (FIL_PAGE_END_LSN_OLD_CHKSUM).
const (
	checksumAt  = 0
	trailerSize = 8
)

// flushedAt is where the part of a page's header begins that no checksum covers. It ends where the number of the
// tablespace begins (FIL_PAGE_FILE_FLUSH_LSN).
const flushedAt = 26

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Renumber gives whole pages of a table's file the number of another tablespace. It supports files of the older
// layout whose pages are as large as the server's: those of MySQL without ROW_FORMAT=COMPRESSED. There the checksum
// covers the number only in the first page (buf_calc_page_crc32 in buf0checksum.cc of MySQL). Pages that were never
// used stay empty.
func Renumber(pages []byte, pageSize int64, space uint32) {
	for ; int64(len(pages)) >= pageSize; pages = pages[pageSize:] {
		page := pages[:pageSize]
		if binary.BigEndian.Uint32(page[pageSpaceAt:]) == 0 {
			continue
		}
		binary.BigEndian.PutUint32(page[pageSpaceAt:], space)
		if binary.BigEndian.Uint32(page[pageNumberAt:]) != 0 {
			continue
		}
		binary.BigEndian.PutUint32(page[spaceAt:], space)
		sum := crc32.Checksum(page[pageNumberAt:flushedAt], castagnoli) ^ crc32.Checksum(page[spaceAt:pageSize-trailerSize], castagnoli)
		binary.BigEndian.PutUint32(page[checksumAt:], sum)
		binary.BigEndian.PutUint32(page[pageSize-trailerSize:], sum)
	}
}
