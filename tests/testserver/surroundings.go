package testserver

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Surroundings is a snapshot of everything on a server that a pull into one database must not change: other databases, accounts with
// their privileges, settings. It has the whole contents of the neighbour, a database for this purpose. Of other databases, which
// tests may be changing, it only has the names.
type Surroundings map[string]string

// add describes a thing.
func (s Surroundings) add(thing string, rows [][]string) {
	var text strings.Builder
	for _, row := range rows {
		text.WriteString(strings.Join(row, "\t") + "\n")
	}
	s[thing] = text.String()
}

// addSettings describes settings, each as a thing of its own.
func (s Surroundings) addSettings(rows [][]string) {
	for _, row := range rows {
		s.add("setting "+row[0], [][]string{row[1:]})
	}
}

// Changes lists what has changed since an earlier snapshot, one line for each thing.
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

// Server is a server of which Surroundings can be taken.
type Server interface {
	// AddNeighbour makes a database with rows, views, triggers and keys, and an account that may use it, if they are missing.
	AddNeighbour(name string) error
	// Surroundings takes a snapshot of everything except one database and those beside it, with the named neighbour.
	Surroundings(live, neighbour string) (Surroundings, error)
}

// Look takes a snapshot of a server. The function that it returns lists the changes since then, except in the database live and those
// beside it. If live is "", it only lists those of the neighbour and its account, for tests that change other databases and
// accounts meanwhile. Look makes the neighbour if it is missing. For a server that has ended it lists nothing.
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

// Watch fails a test if Look finds changes at its end. The test may make databases whose names begin with live's.
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

// only returns the neighbour's part.
func (s Surroundings) only(neighbour string) Surroundings {
	theirs := Surroundings{}
	for thing, text := range s {
		if strings.HasPrefix(thing, neighbour+": ") {
			theirs[thing] = text
		}
	}
	return theirs
}

// isBeside reports whether a database is the one that a pull replaces, or one that the pull makes beside it.
func isBeside(database, live string) bool {
	name, _, beside := strings.Cut(database, "__dump_")
	if !beside {
		return live != "" && strings.EqualFold(database, live)
	}
	const shortened = 40 // characters that remain of shortened names
	return strings.EqualFold(name, live) || len(live) > shortened && strings.EqualFold(name[:min(len(name), shortened)], live[:shortened])
}

func firstColumn(rows [][]string) (values []string) {
	for _, row := range rows {
		values = append(values, row[0])
	}
	return values
}

// secretOf makes passwords comparable without printing them in a test's output.
func secretOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:12] }
