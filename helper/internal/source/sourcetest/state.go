package sourcetest

import (
	"context"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// StateCase is a change on staging, and whether the state stays the same.
type StateCase struct {
	Name       string
	Statements string
	Same       bool // the change affects nothing that a dump contains
}

// StateSource opens a source for tests of its state.
func StateSource(t *testing.T, url string) *source.Source {
	t.Helper()
	source, _ := Open(t, source.Config{URL: ParseURL(t, url), StructureOnly: []string{"cache_*"}, Exclude: []string{"old"}})
	return source
}

// ReadState reads the state of a source, which must not fail.
func ReadState(t *testing.T, source *source.Source) source.State {
	t.Helper()
	state, err := source.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// Settled reads the state once the last change is old enough for the server to be sure of it.
func Settled(t *testing.T, source *source.Source) source.State {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		state := ReadState(t, source)
		if state.Doubt == "" {
			return state
		}
		if time.Now().After(end) {
			t.Fatalf("in doubt: %s", state.Doubt)
		}
	}
}

// BenchmarkState measures how long reading a state takes.
func BenchmarkState(b *testing.B, url string) {
	ctx := context.Background()
	parsed, err := dburl.Parse(url)
	if err != nil {
		b.Fatal(err)
	}
	source, err := OpenSource(ctx, source.Config{URL: &parsed})
	if err != nil {
		b.Fatal(err)
	}
	defer source.Close()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if state, err := source.State(ctx); err == nil && state.Doubt == "" {
			break // what the benchmark has just written is old enough
		}
	}
	for b.Loop() {
		state, err := source.State(ctx)
		if err != nil || state.Doubt != "" {
			b.Fatal(err, state.Doubt)
		}
	}
}
