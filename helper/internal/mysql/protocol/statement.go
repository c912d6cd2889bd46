package protocol

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Prepare prepares a statement that returns no rows, and returns its ID.
func (c *Conn) Prepare(statement string) (id uint32, err error) {
	answers, err := c.send(append(append(make([]byte, HeaderSize), CommandPrepare), statement...))
	if err != nil {
		return 0, err
	}
	answer, err := answers.next()
	if err != nil {
		return 0, err
	}
	if len(answer) < 9 || answer[0] != MarkOK || binary.LittleEndian.Uint16(answer[5:]) != 0 {
		return 0, fmt.Errorf("prepare a statement: %w", ErrNotUnderstood)
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

// Forget closes a statement. The server does not answer.
func (c *Conn) Forget(id uint32) error {
	_, err := c.send(binary.LittleEndian.AppendUint32(append(make([]byte, HeaderSize), CommandClose), id))
	return err
}

// Outcome is what the server reports about a statement that it has executed.
type Outcome struct {
	Rows     int64 // how many rows it has changed
	Warnings int   // 65535 may mean more
}

// Execute sends a packet that executes a statement without a result, and returns the outcome.
func (c *Conn) Execute(packet []byte) (Outcome, error) {
	answers, err := c.send(packet)
	if err != nil {
		return Outcome{}, err
	}
	return answers.outcome()
}

// send sends a command. The packet has room for the header.
func (c *Conn) send(packet []byte) (*answers, error) {
	length := len(packet) - HeaderSize
	if length >= LongestPacket {
		return nil, fmt.Errorf("a packet of %d bytes is too long", length)
	}
	binary.LittleEndian.PutUint32(packet, uint32(length)) // and sequence 0 in the top byte
	_, err := c.Conn.Write(packet)
	return &answers{reader: bufio.NewReaderSize(c.Conn, 1<<10)}, err
}

// answers reads the answer to one command.
type answers struct {
	reader   *bufio.Reader
	sequence byte
	buffer   []byte
}

// outcome reads the only packet of an answer without a result.
func (a *answers) outcome() (Outcome, error) {
	answer, err := a.next()
	if err != nil {
		return Outcome{}, err
	}
	const status, count = 2, 2 // bytes
	rows, n := LengthEncoded(answer[1:])
	_, id := LengthEncoded(answer[min(1+n, len(answer)):])
	at := 1 + n + id + status
	if answer[0] != MarkOK || n == 0 || id == 0 || len(answer) < at+count {
		return Outcome{}, fmt.Errorf("execute a statement: %w", ErrNotUnderstood)
	}
	return Outcome{int64(rows), int(binary.LittleEndian.Uint16(answer[at:]))}, a.end()
}

// next returns the next packet, which is valid until the next call. It returns the server's error as a
// *mysql.MySQLError.
func (a *answers) next() ([]byte, error) {
	var header [HeaderSize]byte
	if _, err := io.ReadFull(a.reader, header[:]); err != nil {
		return nil, err
	}
	length := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if length == 0 || length == LongestPacket {
		return nil, fmt.Errorf("a packet of %d bytes: %w", length, ErrNotUnderstood)
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
	case packet[0] == MarkError: // whatever its sequence number: the server may have sent it before the command
		return nil, ServerError(packet)
	case header[3] != a.sequence:
		return nil, fmt.Errorf("packet %d came where %d was due: %w", header[3], a.sequence, ErrNotUnderstood)
	}
	return packet, nil
}

// end checks that the server has sent nothing else.
func (a *answers) end() error {
	if a.reader.Buffered() > 0 {
		return fmt.Errorf("%d bytes more than are due: %w", a.reader.Buffered(), ErrNotUnderstood)
	}
	return nil
}
