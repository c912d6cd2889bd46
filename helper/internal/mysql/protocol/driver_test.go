package protocol

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"reflect"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// TestDriverFields fails with the first version of the driver that has other fields: it opens a connection of the driver with
// somebody who only greets, and finds what is below.
func TestDriverFields(t *testing.T) {
	server, client := net.Pipe()
	defer server.Close()
	const known, extended = capabilityProtocol41 | CapabilityNoEOF | 1<<15 | 1<<19, cacheMetadata | 1<<1
	go greet(server, known, extended)
	config := mysql.NewConfig()
	config.DialFunc = func(context.Context, string, string) (net.Conn, error) { return client, nil }
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	driverConn, err := connector.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, capabilities, own, err := belowDriver(driverConn)
	if err != nil {
		t.Fatalf("this version of the driver differs from the one that driver.go knows: %v", err)
	}
	if conn != client || capabilities&CapabilityNoEOF == 0 || own&cacheMetadata == 0 {
		t.Errorf("connection %T, capabilities %x, MariaDB's %x", conn, capabilities, own)
	}
}

// greet lets a client in.
func greet(conn net.Conn, capabilities, own uint32) {
	greeting := greetingOf(capabilities, own)
	greeting[0] = byte(len(greeting) - 4)
	if _, err := conn.Write(greeting); err != nil {
		return
	}
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return
	}
	head[3] = 0
	if _, err := io.CopyN(io.Discard, conn, int64(binary.LittleEndian.Uint32(head[:]))); err != nil {
		return
	}
	_, _ = conn.Write([]byte{7, 0, 0, 2, MarkOK, 0, 0, 2, 0, 0, 0})
}

// What has moved is named.
func TestDriverFieldsMoved(t *testing.T) {
	whole, number := reflect.TypeFor[net.Conn](), reflect.TypeFor[uint32]()
	connection := func(types ...reflect.Type) any {
		var fields []reflect.StructField
		for i, t := range types {
			fields = append(fields, reflect.StructField{Name: []string{"netConn", "capabilities", "extCapabilities"}[i], PkgPath: "driver", Type: t})
		}
		return reflect.New(reflect.StructOf(fields)).Interface()
	}
	for _, test := range []struct {
		conn any
		want string
	}{
		{nil, "it is a <nil>"},
		{struct{}{}, "it is a struct {}"},
		{connection(), "struct {} has no field netConn"},
		{connection(reflect.TypeFor[*net.TCPConn]()), "field netConn of struct { netConn *net.TCPConn } is a *net.TCPConn, not a net.Conn"},
		{connection(whole), "struct { netConn net.Conn } has no field capabilities"},
		{connection(whole, number, reflect.TypeFor[uint64]()), "field extCapabilities of struct { netConn net.Conn; capabilities uint32; extCapabilities uint64 } is a uint64, not a uint32"},
		{connection(whole, number, number), ""},
	} {
		_, err := TakeOver(test.conn)
		switch {
		case test.want == "" && err != nil:
			t.Error(err)
		case test.want != "" && (err == nil || err.Error() != "take over a connection of the driver: "+test.want):
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}
