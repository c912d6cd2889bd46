// Package oneserver makes sure that all connections lead to one and the same server, and to the one that is meant where that is
// known. A server may end at any time, and another one come to have its name, its address or its port; and one name may lead to
// several servers.
package oneserver

import (
	"fmt"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
)

// Identity is what a server says of itself. It stays what it is when the server is started again.
type Identity struct {
	Hostname string // "" where it has not been asked for
	// Further tells servers of one machine apart, in words.
	Further []string
}

func (i Identity) String() string {
	all := i.Further
	if i.Hostname != "" {
		all = append([]string{"host " + i.Hostname}, all...)
	}
	return strings.Join(all, ", ")
}

// WrongServerError means that another server answers than the one that is meant, or that this cannot be told. It has been asked
// who it is, and nothing else.
type WrongServerError struct {
	Server string // the address that it answers at
	// Got and Want say who answers and who should.
	Got, Want string
	Err       error // why it cannot be told; nil where it can
}

func (e *WrongServerError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("cannot tell whether the server at %s is %s: %v", e.Server, e.Want, e.Err)
	}
	return fmt.Sprintf("another server answers at %s: %s, not %s", e.Server, e.Got, e.Want)
}
func (e *WrongServerError) Unwrap() error { return e.Err }

// Check compares those who answer at an address with the one who answered first, and with the one who is meant. Several goroutines
// may use it.
type Check struct {
	Address string
	Wanted  *dburl.Server // nil where any server is right

	mutex sync.Mutex
	first string // who answered the first time; "" before
}

// Compare fails with *WrongServerError where it is another server that has just said who it is.
func (c *Check) Compare(found Identity) error {
	if c.Wanted != nil && found.Hostname != c.Wanted.Hostname {
		return &WrongServerError{Server: c.Address, Got: "host " + found.Hostname, Want: "host " + c.Wanted.Hostname}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.first == "" {
		c.first = found.String()
	}
	if found.String() != c.first {
		return &WrongServerError{Server: c.Address, Got: found.String(), Want: c.first}
	}
	return nil
}

// CannotTell is the error for a server that does not say who it is.
func (c *Check) CannotTell(err error) error {
	want := "the one that answered before"
	if c.Wanted != nil {
		want = "host " + c.Wanted.Hostname
	}
	return &WrongServerError{Server: c.Address, Want: want, Err: err}
}
