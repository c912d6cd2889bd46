// Package protocol is what those parts of MySQL's protocol have in common that speak it below the driver: numbers, marks, and the
// server's errors.
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
	CommandBulk    = 0xFA // of MariaDB alone
)

// Marks are the first bytes of answers.
const (
	MarkOK    = 0x00
	MarkEOF   = 0xFE
	MarkError = 0xFF
)

const (
	// HeaderSize is how many bytes are before what a packet holds: its length in three, its number in one.
	HeaderSize = 4
	// LongestPacket is from which length on, in bytes, a packet comes in parts.
	LongestPacket = 1<<24 - 1
	// CapabilityNoEOF is the bit of the capabilities by which both sides agree on no packet behind definitions.
	CapabilityNoEOF = 1 << 24
)

// ErrNotUnderstood means that the server says something that this protocol does not have.
var ErrNotUnderstood = errors.New("the server's answer is not understood")

// ServerError reads an error packet: number, "#" and five characters of state, message. It gives a *mysql.MySQLError, and
// ErrNotUnderstood for what is none.
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

// LengthEncoded reads a number in the protocol's length encoding and gives its own length in bytes, 0 if there is none.
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

// AppendLengthEncoded writes what LengthEncoded reads; value is not negative.
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
