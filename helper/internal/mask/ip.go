package mask

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
)

// ip replaces addresses: those of version 4 with others of 10.0.0.0/8, those of version 6 with others of 2001:db8::/32, which is for
// documentation. Addresses of this machine stay. Values are texts, alone or in lists, the bytes of an address, or its number.
type ip struct {
	*hasher
	column Column
	words  *text
}

func newIP(key Key, column Column) (Masker, error) {
	if err := onlyFor("ip", column, Text, Binary, Integer, Inet, Network); err != nil {
		return nil, err
	}
	if column.Unique {
		return nil, uniqueErr("ip", "hash or null")
	}
	least := map[Kind]int{Text: 15, Binary: 4}[column.Kind]
	if room := column.room(least); room < least {
		return nil, fmt.Errorf("ip needs %d characters, and the column has %d", least, room)
	}
	if column.Kind == Integer && column.exceeds([]byte("184549375")) {
		return nil, fmt.Errorf("ip needs a column of at least 32 bits")
	}
	return &ip{key.hasher("ip", false), column, newTextMasker(key, false)}, nil
}

func (m *ip) Mask(dst, value []byte) ([]byte, bool) {
	switch m.column.Kind {
	case Binary:
		return m.binary(dst, value), false
	case Integer:
		number, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || number == 0 {
			return append(dst, value...), false
		}
		masked := m.address(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(number)))), 0).As4()
		return strconv.AppendUint(dst, uint64(binary.BigEndian.Uint32(masked[:])), 10), false
	}
	begin := len(dst)
	for i := 0; i < len(value); {
		end := i
		for end < len(value) && !isBetween(value[end]) {
			end++
		}
		if end > i {
			dst = m.part(dst, value[i:end])
		}
		for i = end; i < len(value) && isBetween(value[i]); i++ {
			dst = append(dst, value[i])
		}
	}
	if m.column.room(len(dst)-begin) < len(dst)-begin { // a list, whose parts got longer
		dst, _ = m.words.Mask(dst[:begin], value)
	}
	return dst, false
}

// isBetween says whether a byte separates addresses in a list.
func isBetween(c byte) bool { return c == ' ' || c == ',' || c == ';' || c == '\n' || c == '\t' }

// part replaces one address, which may have the length of its network behind it.
func (m *ip) part(dst, value []byte) []byte {
	address, length, _ := bytes.Cut(value, []byte("/"))
	parsed, err := netip.ParseAddr(string(address))
	if err != nil {
		if m.column.Kind == Text {
			dst, _ = m.words.Mask(dst, value)
			return dst
		}
		return append(dst, empties[m.column.Kind]...)
	}
	parsed = parsed.WithZone("")
	bits, err := strconv.Atoi(string(length))
	prefix := err == nil && bits >= 0 && bits <= parsed.BitLen()
	masked := m.address(parsed, m.column.Characters)
	if prefix && m.column.Kind == Network {
		if network, err := masked.Prefix(bits); err == nil {
			masked = network.Addr()
		}
	}
	dst = masked.AppendTo(dst)
	if prefix {
		dst = strconv.AppendInt(append(dst, '/'), int64(bits), 10)
	}
	return dst
}

// address replaces an address with one whose text has at most that many characters; 0 is no limit.
func (m *ip) address(address netip.Addr, characters int) netip.Addr {
	if address.IsLoopback() || address.IsUnspecified() {
		return address
	}
	bytes := address.As16()
	sum := m.hash(bytes[:])
	if address.Is4() || address.Is4In6() {
		return netip.AddrFrom4([4]byte{10, sum[0], sum[1], sum[2]})
	}
	masked := [16]byte{0x20, 0x01, 0x0D, 0xB8}
	copy(masked[4:], sum)
	if characters > 0 && characters < 39 { // 2001:db8::1234:5678 has 19
		clear(masked[4:14])
		if characters >= 20 {
			copy(masked[12:], sum[:4])
		}
	}
	return netip.AddrFrom16(masked)
}

// binary replaces the bytes of an address.
func (m *ip) binary(dst, value []byte) []byte {
	if address, ok := netip.AddrFromSlice(value); ok {
		masked := m.address(address, 0)
		if len(value) == 16 && masked.Is4() {
			mapped := masked.As16()
			return append(dst, mapped[:]...)
		}
		return append(dst, masked.AsSlice()...)
	}
	dst, _ = m.words.Mask(dst, value)
	return dst
}
