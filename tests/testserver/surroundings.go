package testserver

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Surroundings is a picture of what a pull into one database of a server must leave as it is, all else: other databases, accounts and what
// they may do, settings. A neighbour, which is a database, is in it with all that it holds, of others that tests are at work with only
// that they are there. Each thing is described by what is told of it.
type Surroundings map[string]string

// add describes a thing.
func (s Surroundings) add(thing string, rows [][]string) {
	var text strings.Builder
	for _, row := range rows {
		text.WriteString(strings.Join(row, "\t") + "\n")
	}
	s[thing] = text.String()
}

// Changes lists what has changed since an earlier picture, one line for each thing.
func (s Surroundings) Changes(earlier Surroundings) []string {
	var changes []string
	for thing, was := range earlier {
		switch is, there := s[thing]; {
		case !there:
			changes = append(changes, thing+" is gone")
		case is != was:
			changes = append(changes, fmt.Sprintf("%s has changed from\n%sto\n%s", thing, was, is))
		}
	}
	for thing, is := range s {
		if _, there := earlier[thing]; !there {
			changes = append(changes, thing+" is new: "+is)
		}
	}
	slices.Sort(changes)
	return changes
}

// Server is one of which pictures can be taken.
type Server interface {
	// AddNeighbour makes a database with rows, views, triggers and keys of its own, and an account that may use it, if they are not there.
	AddNeighbour(name string) error
	// Surroundings takes a picture of all but one database and what lies beside that, with the named neighbour.
	Surroundings(live, neighbour string) (Surroundings, error)
}

// Look takes a picture of a server. What it gives says what has changed since: beside the database live and what lies beside that, or,
// where live is "", of the neighbour and the account that may use it, for tests that work with other databases and accounts meanwhile.
// The neighbour is made if it is not there. Of a server that is gone nothing is said.
func Look(server Server, live, neighbour string) (changes func() []string, err error) {
	if err := server.AddNeighbour(neighbour); err != nil {
		return nil, fmt.Errorf("make a neighbour: %w", err)
	}
	before, err := server.Surroundings(live, neighbour)
	if err != nil {
		return nil, fmt.Errorf("take a picture of the server: %w", err)
	}
	return func() []string {
		after, err := server.Surroundings(live, neighbour)
		switch {
		case err != nil:
			return nil
		case live == "":
			return after.only(neighbour).Changes(before.only(neighbour))
		}
		return after.Changes(before)
	}, nil
}

// Watch fails a test at the end of which something has changed that Look tells. The test may make databases whose names begin as that of live
// does.
func Watch(t testing.TB, server Server, live, neighbour string) {
	t.Helper()
	changes, err := Look(server, live, neighbour)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		own := func(change string) bool { return live != "" && strings.HasPrefix(change, "database "+live) }
		if changes := slices.DeleteFunc(changes(), own); len(changes) > 0 {
			t.Errorf("the server of the test is not as it was:\n%s", strings.Join(changes, "\n"))
		}
	})
}

// only gives what is the neighbour's.
func (s Surroundings) only(neighbour string) Surroundings {
	theirs := Surroundings{}
	for thing, text := range s {
		if strings.HasPrefix(thing, neighbour+": ") {
			theirs[thing] = text
		}
	}
	return theirs
}

// isBeside says whether a database is the one that a pull replaces, or one of those that the pull makes beside it.
func isBeside(database, live string) bool {
	name, _, beside := strings.Cut(database, "__dump_")
	if !beside {
		return live != "" && strings.EqualFold(database, live)
	}
	const shortened = 40 // characters, of names that are cut
	return strings.EqualFold(name, live) || len(live) > shortened && strings.EqualFold(name[:min(len(name), shortened)], live[:shortened])
}

// secretOf tells passwords apart without having them in a test's output.
func secretOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:12] }
