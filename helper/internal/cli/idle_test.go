package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

func TestIdleEndsWithItsContextAndLeavesNoZombie(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	// signal.Reset does not undo signal.Ignore, and other tests wait for their children.
	t.Cleanup(func() { signal.Notify(make(chan os.Signal, 1), syscall.SIGCHLD) })
	ended := make(chan int, 1)
	go func() { ended <- Main(ctx, []string{"dump-helper", "idle"}, "1") }()
	deadline := time.After(time.Minute)
	for !signal.Ignored(syscall.SIGCHLD) {
		select {
		case <-deadline:
			t.Fatal("what becomes of children is not ignored")
		case code := <-ended:
			t.Fatalf("ended by itself with exit code %d", code)
		case <-time.After(time.Millisecond):
		}
	}

	child, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "exit 3"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if state, err := child.Wait(); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("a child was there to be waited for: %v, %v", state, err)
	}

	cancel()
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
