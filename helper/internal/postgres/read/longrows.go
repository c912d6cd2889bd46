package read

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// COPY sends each row in a message of its own, of up to a gigabyte, and the driver keeps a whole message in memory. The bytes of these
// messages count only as a stream, so a long one may as well be several.

const (
	// messageHeader is the size of a message's header: its type, and its length, which includes itself.
	messageHeader = 1 + lengthSize
	lengthSize    = 4
	// copyData is the type of the messages with rows.
	copyData = 'd'
	// longestCopyData is how much of a row the driver gets at once, in bytes.
	longestCopyData = 1 << 20
)

// inParts makes the driver read long rows in parts.
func inParts(config *pgconn.Config) {
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(&copyParts{from: bufio.NewReaderSize(r, 32<<10)}, w)
	}
}

// copyParts reads what a server sends, and cuts its long messages with rows.
type copyParts struct {
	from   *bufio.Reader
	header []byte // of the current message, as far as it is yet to be returned
	left   int    // of the message's body
	more   int    // of a row, behind this part of it
}

// Read fills p as far as that is possible without waiting.
func (c *copyParts) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(c.header) == 0 && c.left == 0 {
			if n > 0 && c.more == 0 && c.from.Buffered() < messageHeader {
				return n, nil
			}
			if err := c.next(); err != nil {
				return n, err
			}
		}
		if len(c.header) > 0 {
			copied := copy(p[n:], c.header)
			c.header = c.header[copied:]
			n += copied
			continue
		}
		if n > 0 && c.left > 0 && c.from.Buffered() == 0 {
			return n, nil
		}
		copied, err := c.from.Read(p[n:min(len(p), n+c.left)])
		c.left -= copied
		n += copied
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// next begins the next message, or the next part of a row.
func (c *copyParts) next() error {
	kind, size := byte(copyData), c.more
	if c.more == 0 {
		header, err := c.from.Peek(messageHeader)
		if err != nil {
			return err
		}
		kind, size = header[0], int(int32(binary.BigEndian.Uint32(header[1:])))-lengthSize
		_, _ = c.from.Discard(messageHeader)
	}
	c.left, c.more = max(size, 0), 0 // the driver refuses what is less
	if kind == copyData && size > longestCopyData {
		c.left, c.more = longestCopyData, size-longestCopyData
		size = longestCopyData
	}
	c.header = binary.BigEndian.AppendUint32([]byte{kind}, uint32(size+lengthSize))
	return nil
}
