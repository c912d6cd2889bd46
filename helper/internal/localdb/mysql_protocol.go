package localdb

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-sql-driver/mysql"
)

// Commands and marks of the protocol.
const (
	commandPrepare = 0x16
	commandClose   = 0x19
	commandBulk    = 0xFA

	markOK    = 0x00
	markError = 0xFF

	packetHeader  = 4
	longestPacket = 1<<24 - 1 // from that length on it comes in parts
)

// errProtocol means that the server says something that is not understood here.
var errProtocol = errors.New("the server's answer is not understood")

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
	answers, err := c.send(append(append(make([]byte, packetHeader), commandPrepare), statement...))
	if err != nil {
		return 0, err
	}
	answer, err := answers.next()
	if err != nil {
		return 0, err
	}
	if len(answer) < 9 || answer[0] != markOK || binary.LittleEndian.Uint16(answer[5:]) != 0 {
		return 0, fmt.Errorf("prepare a statement: %w", errProtocol)
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
	_, err := c.send(binary.LittleEndian.AppendUint32(append(make([]byte, packetHeader), commandClose), id))
	return err
}

// execute sends a packet that executes a statement, and says how many rows that has changed.
func (c *mysqlConn) execute(packet []byte) (rows int64, err error) {
	answers, err := c.send(packet)
	if err != nil {
		return 0, err
	}
	answer, err := answers.next()
	if err != nil {
		return 0, err
	}
	count, n := lengthEncoded(answer[1:])
	if answer[0] != markOK || n == 0 {
		return 0, fmt.Errorf("execute a statement: %w", errProtocol)
	}
	return int64(count), answers.end()
}

// send sends a command, in whose packet there is room for the header.
func (c *mysqlConn) send(packet []byte) (*answers, error) {
	length := len(packet) - packetHeader
	if length >= longestPacket {
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
	var header [packetHeader]byte
	if _, err := io.ReadFull(a.reader, header[:]); err != nil {
		return nil, err
	}
	length := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if length == 0 || length == longestPacket {
		return nil, fmt.Errorf("a packet of %d bytes: %w", length, errProtocol)
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
	case packet[0] == markError: // of whatever number: the server may have said it before it was asked
		return nil, serverError(packet)
	case header[3] != a.sequence:
		return nil, fmt.Errorf("packet %d came where %d was due: %w", header[3], a.sequence, errProtocol)
	}
	return packet, nil
}

// end makes sure that the server has said nothing more.
func (a *answers) end() error {
	if a.reader.Buffered() > 0 {
		return fmt.Errorf("%d bytes more than are due: %w", a.reader.Buffered(), errProtocol)
	}
	return nil
}

// serverError reads an error packet: number, "#" and five characters of state, message.
func serverError(packet []byte) error {
	if len(packet) < 3 {
		return errProtocol
	}
	e := &mysql.MySQLError{Number: binary.LittleEndian.Uint16(packet[1:])}
	text := packet[3:]
	if len(text) >= 6 && text[0] == '#' {
		copy(e.SQLState[:], text[1:6])
		text = text[6:]
	}
	e.Message = string(text)
	return e
}

// lengthEncoded reads a number in the protocol's encoding and gives its own length, 0 if there is none.
func lengthEncoded(data []byte) (value uint64, length int) {
	if len(data) == 0 {
		return 0, 0
	}
	switch first := data[0]; {
	case first < 0xFB:
		return uint64(first), 1
	case first == 0xFC && len(data) >= 3:
		return uint64(binary.LittleEndian.Uint16(data[1:])), 3
	case first == 0xFD && len(data) >= 4:
		return uint64(data[1]) | uint64(data[2])<<8 | uint64(data[3])<<16, 4
	case first == 0xFE && len(data) >= 9:
		return binary.LittleEndian.Uint64(data[1:]), 9
	}
	return 0, 0
}

func appendLengthEncoded(dst []byte, value int) []byte {
	switch {
	case value < 0xFB:
		return append(dst, byte(value))
	case value < 1<<16:
		return binary.LittleEndian.AppendUint16(append(dst, 0xFC), uint16(value))
	case value < 1<<24:
		return append(dst, 0xFD, byte(value), byte(value>>8), byte(value>>16))
	}
	return binary.LittleEndian.AppendUint64(append(dst, 0xFE), uint64(value))
}
