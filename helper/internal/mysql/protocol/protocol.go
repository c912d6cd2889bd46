// Package protocol speaks MySQL's client/server protocol below the driver: it executes prepared statements, reads rows and inserts rows in bulk.
//
// See https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html and, for MariaDB,
// https://mariadb.com/kb/en/clientserver-protocol/.
package protocol

import (
	"encoding/binary"
	"errors"

	driver "github.com/go-sql-driver/mysql"
)

// Commands.
const (
	CommandQuery   = 0x03
	CommandPrepare = 0x16
	CommandExecute = 0x17
	CommandClose   = 0x19
	CommandBulk    = 0xFA // MariaDB only
)

// Marks are the first bytes of answers.
const (
	MarkOK    = 0x00
	MarkEOF   = 0xFE
	MarkError = 0xFF
)

const (
	// HeaderSize is the size of a packet's header in bytes: three for its length, one for its sequence number.
	HeaderSize = 4
	// LongestPacket is the length in bytes from which on a packet is split.
	LongestPacket = 1<<24 - 1
	// CapabilityNoEOF is the capability to leave out the EOF packet after definitions.
	CapabilityNoEOF = 1 << 24
)

// ErrNotUnderstood means that the server sent something that is not part of this protocol.
var ErrNotUnderstood = errors.New("the server's answer is not understood")

// ServerError parses an error packet: errno, "#" and five characters of SQLSTATE, message. It returns a
// *mysql.MySQLError, or ErrNotUnderstood.
func ServerError(packet []byte) error {
	if len(packet) < 3 {
		return ErrNotUnderstood
	}
	e := &driver.MySQLError{Number: binary.LittleEndian.Uint16(packet[1:])}
	text := packet[3:]
	if len(text) >= 6 && text[0] == '#' {
		copy(e.SQLState[:], text[1:6])
		text = text[6:]
	}
	e.Message = string(text)
	return e
}

// LengthEncoded decodes a length-encoded integer, and returns how many bytes it takes; 0 if there is none.
func LengthEncoded(data []byte) (value uint64, length int) {
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

// AppendLengthEncoded appends a length-encoded integer; value is not negative.
func AppendLengthEncoded(dst []byte, value int) []byte {
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
