package stories

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// A story looks at a neighbour of its database, because others change the rest of a shared server meanwhile. The judge compares that rest
// once for all stories: the databases that no story owns, all accounts with their grants, and all settings are the same before the first
// story and after the last one.

// localDatabases is a server that stories pull into.
type localDatabases interface {
	testserver.Server
	Databases() ([]string, error)
	Stop()
}

// judge compares a server with an earlier picture of it.
type judge struct {
	name   string
	server localDatabases
	before testserver.Surroundings
}

// judges has one judge for each server that stories share.
var judges struct {
	sync.Mutex
	all []*judge
}

const judgesNeighbour = "judged"

// judged starts a server as server does, and takes a picture of it before the first story gets to it.
func judged[S localDatabases](name string, start func(dir string) (S, error)) func() (S, error) {
	return server(name, func(dir string) (S, error) {
		s, err := start(dir)
		if err != nil {
			return s, err
		}
		j, err := newJudge(filepath.Base(dir), s)
		if err != nil {
			s.Stop()
			return s, err
		}
		judges.Lock()
		defer judges.Unlock()
		judges.all = append(judges.all, j)
		return s, nil
	})
}

func newJudge(name string, server localDatabases) (*judge, error) {
	if err := server.AddNeighbour(judgesNeighbour); err != nil {
		return nil, err
	}
	before, err := server.Surroundings("", judgesNeighbour)
	return &judge{name: name, server: server, before: before}, err
}

// owned matches what stories, and the other tests of this package, make for themselves.
var owned = regexp.MustCompile(`^(database |role |account ')?(story|neighbour|line|site)_`)

// changes lists what differs from the picture, and what a pull has left behind.
func (j *judge) changes() ([]string, error) {
	after, err := j.server.Surroundings("", judgesNeighbour)
	if err != nil {
		return nil, err
	}
	changes := slices.DeleteFunc(after.Changes(j.before), owned.MatchString)
	names, err := j.server.Databases()
	for _, name := range names {
		if strings.Contains(name, "__dump_") {
			changes = append(changes, "database "+name+" is left behind")
		}
	}
	return changes, err
}

// judgeAll fails a test by the name of what has changed on the servers that stories share.
func judgeAll(t *testing.T) {
	judges.Lock()
	defer judges.Unlock()
	for _, j := range judges.all {
		changes, err := j.changes()
		if err != nil {
			t.Errorf("server %s: %v", j.name, err)
		}
		for _, change := range changes {
			t.Errorf("server %s, after the last story: %s", j.name, change)
		}
	}
}

// kept matches the databases that a pull leaves beside the one that it replaced, for --undo.
var kept = regexp.MustCompile(`__dump_(previous|older_\d+)(_[0-9a-z]+)?$`)

// clear drops a story's databases beside the live ones, and lists those that no pull keeps.
func (s *story) clear(server localDatabases) (left []string, err error) {
	names, err := server.Databases()
	for _, name := range names {
		rest, mine := strings.CutPrefix(name, s.database)
		if !mine || !strings.HasPrefix(rest, "_") || !strings.Contains(rest, "__dump_") {
			continue
		}
		if !kept.MatchString(name) {
			left = append(left, name)
		}
		if dropped := drop(server, name); dropped != nil {
			err = fmt.Errorf("drop %s: %w", name, dropped)
		}
	}
	return left, err
}

func drop(server localDatabases, name string) error {
	switch server := server.(type) {
	case *testserver.MySQL:
		return server.Exec("DROP DATABASE `" + name + "`")
	case *testserver.PG:
		return server.Exec("postgres", `DROP DATABASE "`+name+`"`)
	}
	return fmt.Errorf("nobody knows how a %T drops a database", server)
}
