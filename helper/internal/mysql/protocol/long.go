package protocol

import (
	"bufio"
	"encoding/binary"
	"net"
)

// LongStatement is a statement that is sent while it is being read, in packets of the protocol's greatest length. Its whole length
// need not be known.
type LongStatement struct {
	conn     net.Conn
	packet   []byte // with its header
	sequence byte
}

// NewLongStatement begins a statement on a connection of the driver. That must be idle, and must not be used before Finish.
func NewLongStatement(driverConn any) (*LongStatement, error) {
	conn, _, _, err := belowDriver(driverConn)
	if err != nil {
		return nil, err
	}
	packet := append(make([]byte, 0, HeaderSize+LongestPacket), 0, 0, 0, 0, CommandQuery)
	return &LongStatement{conn: conn, packet: packet}, nil
}

// Write sends more of the statement's text.
func (l *LongStatement) Write(text []byte) (int, error) {
	for left := text; ; {
		room := cap(l.packet) - len(l.packet)
		if len(left) < room {
			l.packet = append(l.packet, left...)
			return len(text), nil
		}
		l.packet = append(l.packet, left[:room]...)
		left = left[room:]
		if err := l.flush(); err != nil {
			return 0, err
		}
	}
}

// flush sends a packet. The statement ends with the first one that is shorter than the longest.
func (l *LongStatement) flush() error {
	binary.LittleEndian.PutUint32(l.packet, uint32(len(l.packet)-HeaderSize)|uint32(l.sequence)<<24)
	l.sequence++
	_, err := l.conn.Write(l.packet)
	l.packet = l.packet[:HeaderSize]
	return err
}

// Finish ends the statement and returns what the server reports about it.
func (l *LongStatement) Finish() (Outcome, error) {
	if err := l.flush(); err != nil {
		return Outcome{}, err
	}
	return (&answers{reader: bufio.NewReaderSize(l.conn, 1<<10), sequence: l.sequence - 1}).outcome()
}

// Close closes the connection, after which the server forgets the statement.
func (l *LongStatement) Close() error { return l.conn.Close() }
