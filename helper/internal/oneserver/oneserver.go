// Package oneserver makes sure that all connections lead to the same server, and to the intended one if that is
// known. A server may stop at any time, and another may take over its name, address or port. One name may also lead
// to several servers.
package oneserver

import (
	"fmt"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
)

// Identity is what a server says about itself. It stays the same when the server restarts.
type Identity struct {
	Hostname string // "" if it was not asked for
	// Further distinguishes servers on one machine, in words.
	Further []string
}

func (i Identity) String() string {
	all := i.Further
	if i.Hostname != "" {
		all = append([]string{"host " + i.Hostname}, all...)
	}
	return strings.Join(all, ", ")
}

// WrongServerError means that another server answers than the intended one, or that this cannot be determined. The
// server was asked for its identity and nothing else.
type WrongServerError struct {
	Server string // the address that it answers at
	// Got and Want identify the server that answers and the one that should.
	Got, Want string
	Err       error // why it cannot be determined; nil if it can
}

func (e *WrongServerError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("cannot tell whether the server at %s is %s: %v", e.Server, e.Want, e.Err)
	}
	return fmt.Sprintf("another server answers at %s: %s, not %s", e.Server, e.Got, e.Want)
}
func (e *WrongServerError) Unwrap() error { return e.Err }

// Check compares the servers that answer at an address with the first one that answered, and with the intended one.
// Several goroutines may use it.
type Check struct {
	Address string
	Wanted  *dburl.Server // nil if any server will do

	mutex sync.Mutex
	first string // the first that answered; "" before
}

// Compare fails with *WrongServerError if another server has answered.
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

// First returns what the first server that answered says about itself; "" if none has.
func (c *Check) First() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.first
}

// CannotTell returns the error for a server that does not identify itself.
func (c *Check) CannotTell(err error) error {
	want := "the one that answered before"
	if c.Wanted != nil {
		want = "host " + c.Wanted.Hostname
	}
	return &WrongServerError{Server: c.Address, Want: want, Err: err}
}
