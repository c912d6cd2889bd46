package protocol

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
)

// Conn is the connection below a driver's. It tells the server of a capability that the driver does not have:
// MariaDB takes the rows of many INSERTs in one packet, as values instead of SQL, from clients that say that they
// know how.
//
// See https://mariadb.com/kb/en/connection/ for the two packets that are looked at.
type Conn struct {
	net.Conn
	greeting []byte // what the server has said before the driver has said anything
	greeted  bool

	Plain bool // what is said can be read here, and said
	Bulk  bool // both sides know how to execute in bulk
	noEOF bool // they agreed on no packet behind the definitions of parameters
}

// Bits of the capabilities, and of those that MariaDB has added.
const (
	capabilityMySQL      = 1 << 0 // which MariaDB does not say
	capabilityCompress   = 1 << 5
	capabilityProtocol41 = 1 << 9
	capabilityTLS        = 1 << 11

	capabilityBulk = 1 << 2
)

// DialedBy is the key of a context's value: where to leave the connection that is opened with it.
type DialedBy struct{}

// Dial opens a connection for the driver.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: conn}
	if dialed, ok := ctx.Value(DialedBy{}).(**Conn); ok {
		*dialed = c
	}
	return c, nil
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

// answer gives what to say instead of the driver's first packet. Where that one only asks for TLS there is no adding
// anything: the driver says the rest where nobody else can read it.
func (c *Conn) answer(packet []byte) []byte {
	const own = 4 + 4 + 4 + 1 + 19 // where MariaDB's capabilities are: behind header, capabilities, size, character set, nothing
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

// ownCapabilities reads from a server's greeting what only MariaDB says.
func ownCapabilities(greeting []byte) uint32 {
	const version = 4 + 1 // behind header and number of the protocol
	if len(greeting) < version {
		return 0
	}
	end := bytes.IndexByte(greeting[version:], 0)
	// The connection's number, 8 bytes of the challenge and a zero; capabilities, character set, state, more
	// capabilities; the challenge's length and nothing.
	const low, high, own = 1 + 4 + 8 + 1, 2 + 1 + 2, 2 + 1 + 6
	at := version + end + low
	if end < 0 || len(greeting) < at+high+own+4 || binary.LittleEndian.Uint16(greeting[at:])&capabilityMySQL != 0 {
		return 0
	}
	return binary.LittleEndian.Uint32(greeting[at+high+own:])
}
