package main

import (
	"context"
	"io"
	"os"
)

// lifelineVariable is set by the add-on's host commands, to "stdin", where the program runs in a container
// without a terminal.
const lifelineVariable = "DUMP_REFRESH_LIFELINE"

// withLifeline gives a context that also ends with standard input, if the caller says that this is how it
// will tell that it has gone: no signal reaches a program that was started by `docker exec`.
func withLifeline(ctx context.Context) context.Context {
	if os.Getenv(lifelineVariable) != "stdin" {
		return ctx
	}
	_ = os.Unsetenv(lifelineVariable) // it is not for the programs that this one starts
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx
}
