package protocol

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// Connection reads rows from a connection that the driver has opened, in the binary protocol of prepared statements.
// Numbers arrive exactly as the server stores them, and no memory is allocated per row. The driver would make a Go
// value of every field, which costs more than reading the row.
//
// See https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html and, for MariaDB,
// https://mariadb.com/kb/en/clientserver-protocol/.
type Connection struct {
	conn net.Conn
	// What driver and server agreed on.
	noEOF        bool // there is no EOF packet between column definitions and rows
	cachedColumn bool // MariaDB does not repeat the columns when a statement is executed

	buf         []byte
	start, stop int // the part of buf that was received and is unread
	sequence    byte
	statement   uint32
}

// Column is the definition of a column of a result.
type Column struct {
	Kind     byte
	Unsigned bool
}

// cacheMetadata is one of MariaDB's extended capabilities.
const cacheMetadata = 1 << 4

// TakeOver takes over the connection below a driver's connection. The driver's connection must be idle, and must not be
// used until release.
func TakeOver(driverConn any) (*Connection, error) {
	conn, capabilities, extended, err := belowDriver(driverConn)
	if err != nil {
		return nil, err
	}
	return &Connection{
		conn:         conn,
		noEOF:        capabilities&CapabilityNoEOF != 0,
		cachedColumn: extended&cacheMetadata != 0,
		buf:          make([]byte, 128<<10),
	}, nil
}

// Query prepares and executes a statement, and returns its columns. All its rows must be read, or the connection cannot
// be used any more.
func (w *Connection) Query(text string) ([]Column, error) {
	if err := w.send(CommandPrepare, []byte(text)); err != nil {
		return nil, err
	}
	answer, err := w.packet()
	if err != nil {
		return nil, err
	}
	if len(answer) < 9 || answer[0] != MarkOK {
		return nil, fmt.Errorf("prepare a statement: %w", ErrNotUnderstood)
	}
	w.statement = binary.LittleEndian.Uint32(answer[1:])
	count, parameters := int(binary.LittleEndian.Uint16(answer[5:])), int(binary.LittleEndian.Uint16(answer[7:]))
	if count == 0 || parameters != 0 {
		return nil, fmt.Errorf("prepare a statement: %d columns, %d parameters: %w", count, parameters, ErrNotUnderstood)
	}
	columns, err := w.columns(count)
	if err != nil {
		return nil, err
	}
	execute := binary.LittleEndian.AppendUint32(nil, w.statement)
	execute = append(execute, 0)                           // no cursor: the server sends rows as fast as they are read
	execute = binary.LittleEndian.AppendUint32(execute, 1) // iterations
	if err := w.send(CommandExecute, execute); err != nil {
		return nil, err
	}
	if answer, err = w.packet(); err != nil {
		return nil, err
	}
	again, n := LengthEncoded(answer)
	if n == 0 || int(again) != count {
		return nil, fmt.Errorf("execute a statement: %w", ErrNotUnderstood)
	}
	if w.cachedColumn && len(answer) > n && answer[n] == 0 {
		if !w.noEOF {
			err = w.skipEOF()
		}
		return columns, err
	}
	// The same columns again, unless they have changed in between.
	return w.columns(count)
}

// columns reads the definitions of columns.
func (w *Connection) columns(count int) ([]Column, error) {
	columns := make([]Column, count)
	for i := range columns {
		packet, err := w.packet()
		if err != nil {
			return nil, err
		}
		// Catalog, schema, table, original table, name, original name, on MariaDB the extended type; then twelve bytes of
		// fixed fields.
		if len(packet) < 13 || packet[len(packet)-13] != 0x0C {
			return nil, fmt.Errorf("read the columns of a result: %w", ErrNotUnderstood)
		}
		fixed := packet[len(packet)-12:]
		columns[i] = Column{Kind: fixed[6], Unsigned: binary.LittleEndian.Uint16(fixed[7:])&0x20 != 0}
	}
	if w.noEOF {
		return columns, nil
	}
	return columns, w.skipEOF()
}

func (w *Connection) skipEOF() error {
	packet, err := w.packet()
	if err == nil && (packet[0] != MarkEOF || len(packet) >= 9) {
		err = fmt.Errorf("read the columns of a result: %w", ErrNotUnderstood)
	}
	return err
}

// Row returns the next row, which is valid until the next call: a zero byte, the NULL bitmap (which begins with its third
// bit), then the values of the other fields. After the last row it returns io.EOF. For a row that is to be read in parts it returns
// ErrLongRow.
func (w *Connection) Row() ([]byte, error) {
	if err := w.receive(HeaderSize); err != nil {
		return nil, err
	}
	if packetLength(w.buf[w.start:]) >= longRow {
		return nil, ErrLongRow
	}
	packet, err := w.packet()
	switch {
	case err != nil:
		return nil, err
	case packet[0] == MarkOK:
		return packet, nil
	case packet[0] == MarkEOF:
		return nil, io.EOF
	}
	return nil, fmt.Errorf("read a row: %w", ErrNotUnderstood)
}

// Exec executes a statement that returns no rows.
func (w *Connection) Exec(text string) error {
	if err := w.send(CommandQuery, []byte(text)); err != nil {
		return err
	}
	answer, err := w.packet()
	if err == nil && answer[0] != MarkOK {
		err = fmt.Errorf("run %s: %w", text, ErrNotUnderstood)
	}
	return err
}

// Finish closes the statement whose rows have been read. The server does not answer.
func (w *Connection) Finish() error {
	return w.send(CommandClose, binary.LittleEndian.AppendUint32(nil, w.statement))
}

func (w *Connection) send(command byte, body []byte) error {
	if len(body)+1 >= LongestPacket {
		return fmt.Errorf("a statement of %d bytes is too long", len(body))
	}
	packet := binary.LittleEndian.AppendUint32(make([]byte, 0, len(body)+5), uint32(len(body)+1)) // sequence 0 in the top byte
	packet = append(append(packet, command), body...)
	w.sequence = 1
	_, err := w.conn.Write(packet)
	return err
}

// packet returns the next packet, which is valid until the next call. It returns the server's error as a
// *mysql.MySQLError.
func (w *Connection) packet() ([]byte, error) {
	data, length, err := w.part(0)
	for err == nil && length == LongestPacket {
		data, length, err = w.part(len(data))
	}
	switch {
	case err != nil:
		return nil, err
	case len(data) == 0:
		return nil, ErrNotUnderstood
	case data[0] == MarkError:
		return nil, ServerError(data)
	}
	w.start += len(data)
	return data, nil
}

// part reads one part of a packet and appends it to the first have bytes of the packet, which are at the beginning of the
// unread data. Rows of 16 MiB and more come in several parts.
func (w *Connection) part(have int) (whole []byte, length int, err error) {
	if err := w.receive(have + 4); err != nil {
		return nil, 0, err
	}
	header := w.buf[w.start+have:]
	length = packetLength(header)
	if err := w.inSequence(header[3]); err != nil {
		return nil, 0, err
	}
	if have == 0 {
		w.start += 4
	} else {
		// Cut out the header of a later part.
		copy(w.buf[w.start+have:], w.buf[w.start+have+4:w.stop])
		w.stop -= 4
	}
	err = w.receive(have + length)
	if err != nil {
		return nil, 0, err
	}
	return w.buf[w.start : w.start+have+length], length, nil
}

// packetLength is the length that a packet's header says.
func packetLength(header []byte) int { return int(header[0]) | int(header[1])<<8 | int(header[2])<<16 }

// inSequence checks the number of a packet.
func (w *Connection) inSequence(number byte) error {
	if number != w.sequence {
		return fmt.Errorf("packet %d came where %d was due: %w", number, w.sequence, ErrNotUnderstood)
	}
	w.sequence++
	return nil
}

// receive waits until so many bytes are unread.
func (w *Connection) receive(count int) error {
	if w.stop-w.start >= count {
		return nil
	}
	if len(w.buf)-w.start < count {
		buf := w.buf
		if len(buf) < count {
			buf = make([]byte, max(count, 2*len(buf)))
		}
		w.stop = copy(buf, w.buf[w.start:w.stop])
		w.start, w.buf = 0, buf
	}
	for w.stop-w.start < count {
		n, err := w.conn.Read(w.buf[w.stop:])
		w.stop += n
		if err != nil && w.stop-w.start < count {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// Watch closes the connection when the context ends, so that no read outlives it. The caller calls stop when the
// connection is idle again.
func (w *Connection) Watch(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = w.conn.Close() })
}
