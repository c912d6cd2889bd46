package protocol

import (
	"fmt"
	"net"
	"reflect"
	"unsafe"
)

// driverField is a private field of the driver's connection. Such fields are read only here.
type driverField struct {
	name string
	fits func(reflect.Type) bool
	want string
}

// Fields of the driver's connection. With TLS, only the driver has the connection that is encrypted.
var (
	driverNetConn      = driverField{"netConn", func(t reflect.Type) bool { return t == reflect.TypeFor[net.Conn]() }, "net.Conn"}
	driverCapabilities = driverField{"capabilities", isUint32, "uint32"}
	driverExtended     = driverField{"extCapabilities", isUint32, "uint32"}
)

func isUint32(t reflect.Type) bool { return t.Kind() == reflect.Uint32 }

// of returns the field of a connection.
func (f driverField) of(conn reflect.Value) (reflect.Value, error) {
	field := conn.FieldByName(f.name)
	switch {
	case !field.IsValid():
		return field, fmt.Errorf("take over a connection of the driver: %s has no field %s", conn.Type(), f.name)
	case !f.fits(field.Type()):
		return field, fmt.Errorf("take over a connection of the driver: field %s of %s is a %s, not a %s", f.name, conn.Type(), field.Type(), f.want)
	}
	return field, nil
}

// belowDriver returns the connection below a driver's connection, and the capabilities on which driver and server agreed:
// the common ones, and those that only MariaDB has.
func belowDriver(driverConn any) (conn net.Conn, capabilities, extended uint64, err error) {
	value := reflect.ValueOf(driverConn)
	if value.Kind() != reflect.Pointer || value.Elem().Kind() != reflect.Struct {
		return nil, 0, 0, fmt.Errorf("take over a connection of the driver: it is a %T", driverConn)
	}
	value = value.Elem()
	var found [3]reflect.Value
	for i, field := range []driverField{driverNetConn, driverCapabilities, driverExtended} {
		if found[i], err = field.of(value); err != nil {
			return nil, 0, 0, err
		}
	}
	// The check above makes sure that the field exists and has this type.
	conn = *(*net.Conn)(unsafe.Pointer(found[0].UnsafeAddr())) //nolint:gosec // see above
	return conn, found[1].Uint(), found[2].Uint(), nil
}
