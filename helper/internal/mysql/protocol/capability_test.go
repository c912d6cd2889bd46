package protocol

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
)

// greetingOf is how a server greets, with its capabilities and those that only MariaDB has.
func greetingOf(capabilities, own uint32) []byte {
	packet := append([]byte{0, 0, 0, 0, 10}, "5.5.5-10.11.6-MariaDB\x00\x07\x00\x00\x00challeng\x00"...)
	packet = binary.LittleEndian.AppendUint16(packet, uint16(capabilities))
	packet = append(packet, 45, 2, 0)
	packet = binary.LittleEndian.AppendUint16(packet, uint16(capabilities>>16))
	packet = append(packet, 21, 0, 0, 0, 0, 0, 0)
	packet = binary.LittleEndian.AppendUint32(packet, own)
	return append(packet, "and the rest\x00mysql_native_password\x00"...)
}

// answerOf is how a client answers.
func answerOf(capabilities, own uint32) []byte {
	packet := binary.LittleEndian.AppendUint32([]byte{0, 0, 0, 1}, capabilities)
	packet = append(packet, 0, 0, 0, 0, 45)
	packet = append(packet, make([]byte, 19)...)
	packet = binary.LittleEndian.AppendUint32(packet, own)
	return append(packet, "root\x00"...)
}

func TestMySQLCapability(t *testing.T) {
	const client = capabilityProtocol41 | CapabilityNoEOF
	own, bulk := uint32(1<<4|1<<1), uint32(capabilityBulk)
	for name, test := range map[string]struct {
		greeting, answer, want []byte
		bulk, noEOF            bool
	}{
		"MariaDB":                     {greetingOf(client, own|bulk), answerOf(client, own), answerOf(client, own|bulk), true, true},
		"with packets at the end":     {greetingOf(client, bulk), answerOf(capabilityProtocol41, 0), answerOf(capabilityProtocol41, bulk), true, false},
		"an earlier MariaDB":          {greetingOf(client, own), answerOf(client, own), answerOf(client, own), false, false},
		"MySQL":                       {greetingOf(client|capabilityMySQL, bulk), answerOf(client|capabilityMySQL, 0), answerOf(client|capabilityMySQL, 0), false, false},
		"a client that knows no more": {greetingOf(client, bulk), answerOf(client|capabilityMySQL, 0), answerOf(client|capabilityMySQL, 0), false, false},
		"TLS":                         {greetingOf(client, bulk), answerOf(client|capabilityTLS, own)[:36], answerOf(client|capabilityTLS, own)[:36], false, false},
		"an old protocol":             {greetingOf(client, bulk), answerOf(0, 0), answerOf(0, 0), false, false},
		"a short answer":              {greetingOf(client, bulk), answerOf(client, 0)[:35], answerOf(client, 0)[:35], false, false},
		"a short greeting":            {greetingOf(client, bulk)[:53], answerOf(client, 0), answerOf(client, 0), false, false},
		"an error":                    {[]byte("\x10\x00\x00\x00\xff\x10\x04Too many connections"), answerOf(client, 0), answerOf(client, 0), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			server, below := net.Pipe()
			defer server.Close()
			conn := &Conn{Conn: below}
			said := make(chan []byte, 1)
			go func() {
				for _, part := range [][]byte{test.greeting[:len(test.greeting)/2], test.greeting[len(test.greeting)/2:]} {
					_, _ = server.Write(part)
				}
				buffer := make([]byte, 200)
				n, _ := server.Read(buffer)
				said <- buffer[:n]
				_, _ = server.Read(buffer)
			}()
			for read := 0; read < len(test.greeting); {
				n, err := conn.Read(make([]byte, 100))
				if err != nil {
					t.Fatal(err)
				}
				read += n
			}
			answer := bytes.Clone(test.answer)
			_, err := conn.Write(answer)
			if err != nil {
				t.Fatal(err)
			}
			if got := <-said; !bytes.Equal(got, test.want) {
				t.Errorf("it says\n%x, want\n%x", got, test.want)
			}
			if !bytes.Equal(answer, test.answer) {
				t.Error("what the driver has in its hands has changed")
			}
			if conn.Bulk != test.bulk || conn.noEOF != test.noEOF {
				t.Errorf("bulk %v, no EOF %v", conn.Bulk, conn.noEOF)
			}
			_, err = conn.Write(test.answer)
			if err != nil { // and no more of that
				t.Fatal(err)
			}
		})
	}
	for end := range greetingOf(0, bulk) {
		_ = ownCapabilities(greetingOf(0, bulk)[:end])
	}
}
