package protocol

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
)

// Conn is the network connection below the driver's. It announces a capability that the driver does not know: MariaDB
// accepts the rows of many INSERTs in one packet, as values instead of SQL, from clients that announce bulk execution.
//
// See https://mariadb.com/kb/en/connection/ for the two packets that it inspects.
type Conn struct {
	net.Conn
	greeting []byte // what the server has sent before the driver has sent anything
	greeted  bool

	Plain bool // packets are neither encrypted nor compressed
	Bulk  bool // both sides support bulk execution
	noEOF bool // both sides agreed to send no EOF packet after the definitions of parameters
}

// Bits of the capabilities, and of MariaDB's extended ones.
const (
	capabilityMySQL      = 1 << 0 // which MariaDB does not set
	capabilityCompress   = 1 << 5
	capabilityProtocol41 = 1 << 9
	capabilityTLS        = 1 << 11

	capabilityBulk = 1 << 2
)

// DialedBy is the key of a context's value, a **Conn in which Wrap stores the connection that it returns.
type DialedBy struct{}

// Wrap returns a connection for the driver above an open one.
func Wrap(ctx context.Context, conn net.Conn) net.Conn {
	c := &Conn{Conn: conn}
	if dialed, ok := ctx.Value(DialedBy{}).(**Conn); ok {
		*dialed = c
	}
	return c
}

func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.greeted {
		c.greeting = append(c.greeting, p[:n]...)
	}
	return n, err
}

func (c *Conn) Write(p []byte) (int, error) {
	if !c.greeted {
		c.greeted = true
		p = c.answer(p)
		c.greeting = nil
	}
	return c.Conn.Write(p)
}

// answer returns what to send instead of the driver's first packet. If that packet only asks for TLS, nothing can be
// added, because the driver sends the rest encrypted.
func (c *Conn) answer(packet []byte) []byte {
	const own = 4 + 4 + 4 + 1 + 19 // the offset of MariaDB's capabilities: after header, capabilities, size, character set, filler
	if len(packet) < own+4 {
		return packet
	}
	said := binary.LittleEndian.Uint32(packet[4:])
	c.Plain = said&(capabilityTLS|capabilityCompress) == 0 && said&capabilityProtocol41 != 0
	if said&(capabilityMySQL|capabilityTLS) != 0 || said&capabilityProtocol41 == 0 || ownCapabilities(c.greeting)&capabilityBulk == 0 {
		return packet
	}
	c.Bulk, c.noEOF = true, said&CapabilityNoEOF != 0
	packet = bytes.Clone(packet)
	binary.LittleEndian.PutUint32(packet[own:], binary.LittleEndian.Uint32(packet[own:])|capabilityBulk)
	return packet
}

// ownCapabilities returns the capabilities in a server's greeting that only MariaDB has.
func ownCapabilities(greeting []byte) uint32 {
	const version = 4 + 1 // after header and protocol version
	if len(greeting) < version {
		return 0
	}
	end := bytes.IndexByte(greeting[version:], 0)
	// The connection ID, 8 bytes of the challenge and a zero; capabilities, character set, status, more capabilities; the
	// length of the challenge and a filler.
	const low, high, own = 1 + 4 + 8 + 1, 2 + 1 + 2, 2 + 1 + 6
	at := version + end + low
	if end < 0 || len(greeting) < at+high+own+4 || binary.LittleEndian.Uint16(greeting[at:])&capabilityMySQL != 0 {
		return 0
	}
	return binary.LittleEndian.Uint32(greeting[at+high+own:])
}
