package localdb

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/jobiqo/dump-refresh/helper/internal/mysqlwire"
)

// directly has a function use the connection below the driver's, which is at rest meanwhile. When the context ends,
// the connection is cut, as the driver does it.
func (s *mysqlSession) directly(ctx context.Context, use func(*mysqlConn) error) error {
	return s.conn.Raw(func(any) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = s.wire.Close() })
		err := use(s.wire)
		if !stop() {
			return ctx.Err()
		}
		return err
	})
}

// prepare has the server read a statement that gives no rows, and gives its number.
func (c *mysqlConn) prepare(statement string) (id uint32, err error) {
	answers, err := c.send(append(append(make([]byte, mysqlwire.HeaderSize), mysqlwire.CommandPrepare), statement...))
	if err != nil {
		return 0, err
	}
	answer, err := answers.next()
	if err != nil {
		return 0, err
	}
	if len(answer) < 9 || answer[0] != mysqlwire.MarkOK || binary.LittleEndian.Uint16(answer[5:]) != 0 {
		return 0, fmt.Errorf("prepare a statement: %w", mysqlwire.ErrNotUnderstood)
	}
	id = binary.LittleEndian.Uint32(answer[1:])
	definitions := int(binary.LittleEndian.Uint16(answer[7:]))
	if definitions > 0 && !c.noEOF {
		definitions++
	}
	for range definitions {
		if _, err := answers.next(); err != nil {
			return 0, err
		}
	}
	return id, answers.end()
}

// forget frees a statement. The server does not answer.
func (c *mysqlConn) forget(id uint32) error {
	_, err := c.send(binary.LittleEndian.AppendUint32(append(make([]byte, mysqlwire.HeaderSize), mysqlwire.CommandClose), id))
	return err
}

// outcome is what a server says of a statement that it has run.
type outcome struct {
	rows     int64 // that it has changed
	warnings int   // 65535 stands for more, too
}

// execute sends a packet that executes a statement without a result, and gives what came of it.
func (c *mysqlConn) execute(packet []byte) (outcome, error) {
	answers, err := c.send(packet)
	if err != nil {
		return outcome{}, err
	}
	answer, err := answers.next()
	if err != nil {
		return outcome{}, err
	}
	const status, count = 2, 2 // bytes
	rows, n := mysqlwire.LengthEncoded(answer[1:])
	_, id := mysqlwire.LengthEncoded(answer[min(1+n, len(answer)):])
	at := 1 + n + id + status
	if answer[0] != mysqlwire.MarkOK || n == 0 || id == 0 || len(answer) < at+count {
		return outcome{}, fmt.Errorf("execute a statement: %w", mysqlwire.ErrNotUnderstood)
	}
	return outcome{int64(rows), int(binary.LittleEndian.Uint16(answer[at:]))}, answers.end()
}

// send sends a command, in whose packet there is room for the header.
func (c *mysqlConn) send(packet []byte) (*answers, error) {
	length := len(packet) - mysqlwire.HeaderSize
	if length >= mysqlwire.LongestPacket {
		return nil, fmt.Errorf("a packet of %d bytes is too long", length)
	}
	binary.LittleEndian.PutUint32(packet, uint32(length)) // and sequence 0 in the top byte
	_, err := c.Conn.Write(packet)
	return &answers{reader: bufio.NewReaderSize(c.Conn, 1<<10)}, err
}

// answers reads what the server says to one command.
type answers struct {
	reader   *bufio.Reader
	sequence byte
	buffer   []byte
}

// next gives the next packet, valid until the next call. An error of the server is a *mysql.MySQLError.
func (a *answers) next() ([]byte, error) {
	var header [mysqlwire.HeaderSize]byte
	if _, err := io.ReadFull(a.reader, header[:]); err != nil {
		return nil, err
	}
	length := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if length == 0 || length == mysqlwire.LongestPacket {
		return nil, fmt.Errorf("a packet of %d bytes: %w", length, mysqlwire.ErrNotUnderstood)
	}
	if cap(a.buffer) < length {
		a.buffer = make([]byte, length)
	}
	packet := a.buffer[:length]
	if _, err := io.ReadFull(a.reader, packet); err != nil {
		return nil, err
	}
	a.sequence++
	switch {
	case packet[0] == mysqlwire.MarkError: // of whatever number: the server may have said it before it was asked
		return nil, mysqlwire.ServerError(packet)
	case header[3] != a.sequence:
		return nil, fmt.Errorf("packet %d came where %d was due: %w", header[3], a.sequence, mysqlwire.ErrNotUnderstood)
	}
	return packet, nil
}

// end makes sure that the server has said nothing more.
func (a *answers) end() error {
	if a.reader.Buffered() > 0 {
		return fmt.Errorf("%d bytes more than are due: %w", a.reader.Buffered(), mysqlwire.ErrNotUnderstood)
	}
	return nil
}
