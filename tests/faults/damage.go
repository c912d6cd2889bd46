// Package faults stands between a program and a server, and does what networks, proxies and overloaded servers do: it cuts,
// stalls, trickles, flips a bit, answers wrongly, and counts. TCP is for any server, HTTP for those of S3.
package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A Damage is done to a stream of bytes on its way. The context ends with the connection.
type Damage func(context.Context, io.Reader) io.Reader

// ErrCut is how a stream ends that Cut has cut.
var ErrCut = errors.New("the connection was cut")

// Cut breaks the connection after some bytes.
func Cut(after int64) Damage { return ending(after, func(context.Context) error { return ErrCut }) }

// Short ends the stream after some bytes as if that were all.
func Short(after int64) Damage { return ending(after, func(context.Context) error { return io.EOF }) }

// Stall lets nothing pass after some bytes, and keeps the connection open.
func Stall(after int64) Damage {
	return ending(after, func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
}

// ending ends a stream in some way.
func ending(after int64, end func(context.Context) error) Damage {
	return func(ctx context.Context, r io.Reader) io.Reader {
		left := after
		return reader(func(p []byte) (int, error) {
			if left == 0 {
				return 0, end(ctx)
			}
			n, err := r.Read(p[:min(int64(len(p)), left)])
			left -= int64(n)
			return n, err
		})
	}
}

// Trickle lets a few bytes pass at a time, with pauses.
func Trickle(bytes int, pause time.Duration) Damage {
	return func(ctx context.Context, r io.Reader) io.Reader {
		return reader(func(p []byte) (int, error) {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
			return r.Read(p[:min(len(p), bytes)])
		})
	}
}

// Flip changes one bit of a byte.
func Flip(at int64) Damage {
	return func(_ context.Context, r io.Reader) io.Reader {
		passed := int64(0)
		return reader(func(p []byte) (int, error) {
			n, err := r.Read(p)
			if i := at - passed; i >= 0 && i < int64(n) {
				p[i] ^= 1
			}
			passed += int64(n)
			return n, err
		})
	}
}

// Parse returns the damage with a name: cut=1000, short=1000, stall=1000, flip=1000, trickle=100/10ms.
func Parse(text string) (Damage, error) {
	name, value, _ := strings.Cut(text, "=")
	if name == "trickle" {
		bytes, pause, _ := strings.Cut(value, "/")
		n, wrong := strconv.Atoi(bytes)
		every, err := time.ParseDuration(pause)
		if wrong != nil || err != nil || n < 1 {
			return nil, fmt.Errorf("%s: trickle=BYTES/PAUSE is expected, such as trickle=100/10ms", text)
		}
		return Trickle(n, every), nil
	}
	damage, known := map[string]func(int64) Damage{"cut": Cut, "short": Short, "stall": Stall, "flip": Flip}[name]
	n, err := strconv.ParseInt(value, 10, 64)
	if !known || err != nil || n < 0 {
		return nil, fmt.Errorf("%s: cut=N, short=N, stall=N, flip=N or trickle=BYTES/PAUSE is expected", text)
	}
	return damage(n), nil
}

// done does a damage, if there is one.
func (d Damage) done(ctx context.Context, r io.Reader) io.Reader {
	if d == nil {
		return r
	}
	return d(ctx, r)
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }
