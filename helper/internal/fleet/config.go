package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Config is what fleet.yaml says.
type Config struct {
	// Defaults are for every project, as far as it has nothing of its own.
	Defaults Entry
	Limits
	// LimitRate is how many bytes per second go to and from all buckets together; 0 leaves each project its own limit.
	LimitRate int64
	// Projects are those that are listed, with the defaults filled in.
	Projects []Entry
	// Scan are the folders that are searched for projects.
	Scan []string
	Contacts
	// File is where it says so, Dir its folder, which paths in it are relative to.
	File, Dir string
}

// Entry is one project of a fleet, or the defaults for all.
type Entry struct {
	// Path is the project's folder, absolute. Git is the URL of its repository instead, and Ref the branch, tag or
	// commit in there; empty is the repository's own choice.
	Path     string
	Git, Ref string
	Policy
	// Set are settings that override all others, as --set does.
	Set map[string]string
}

// Place is where the project's settings come from.
func (e Entry) Place() string {
	switch {
	case e.Git != "" && e.Ref != "":
		return e.Git + "#" + e.Ref
	case e.Git != "":
		return e.Git
	}
	return e.Path
}

// Limits say how much a run does at once. What is 0 is chosen by what the machine has.
type Limits struct {
	// Parallel is how many refreshes run at once, PerHost how many of them read from the same staging server.
	Parallel, PerHost int
	// Memory is what the process shall need at most, in bytes.
	Memory int64
	// Jitter is how long a run waits at most before it begins, a random part of it each time.
	Jitter time.Duration
}

// DefaultPolicy is in force where fleet.yaml says nothing.
var DefaultPolicy = Policy{MaxAge: 24 * time.Hour, TimeLimit: time.Hour, Retries: 2}

// LeastRate is the lowest limit, in bytes per second, as that of a single command: with a lower one, servers would take
// connections that send so seldom for dead.
const LeastRate = 16 << 10

// leastMemory is what a process needs for one refresh at a time.
const leastMemory = baseMemory + refreshMemory

// defaultPerHost leaves most of a staging server's connections to others.
const defaultPerHost = 2

// ReadConfig reads a fleet.yaml. Its error is ConfigErrors if something in it is wrong.
func ReadConfig(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, ConfigErrors{{File: path, Text: "no such file"}}
	}
	if err != nil {
		return Config{}, fmt.Errorf("read the fleet: %w", err)
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Config{}, fmt.Errorf("read the fleet: %w", err)
	}
	return parseConfig(path, folder, text)
}

// ScanOnly is the fleet of all projects below a folder.
func ScanOnly(folder string) (Config, error) {
	absolute, err := filepath.Abs(folder)
	if err == nil {
		_, err = os.Stat(absolute)
	}
	if err != nil {
		return Config{}, fmt.Errorf("search for projects: %w", err)
	}
	return Config{Defaults: Entry{Policy: DefaultPolicy}, Scan: []string{absolute}}, nil
}

// Entries gives the projects that are listed and those that are found, each once; what is listed counts for what is
// found, too.
func (c Config) Entries() ([]Entry, error) {
	var entries []Entry
	seen := map[string]bool{}
	add := func(entry Entry) {
		if !seen[entry.Place()] {
			seen[entry.Place()] = true
			entries = append(entries, entry)
		}
	}
	for _, entry := range c.Projects {
		add(entry)
	}
	for _, folder := range c.Scan {
		found, err := scan(folder)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			entry := c.Defaults
			entry.Path = path
			add(entry)
		}
	}
	return entries, nil
}

// A ConfigError is one thing that is wrong in a fleet.yaml.
type ConfigError struct {
	File string
	Line int // 0 where it is the file as a whole
	Text string
	// Nearest is the key that was probably meant, for one that does not exist.
	Nearest string
}

func (e *ConfigError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
}

// ConfigErrors is everything that is wrong in a fleet.yaml.
type ConfigErrors []*ConfigError

// Unwrap lets errors.As see each problem.
func (es ConfigErrors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// Error gives one line for each.
func (es ConfigErrors) Error() string {
	text := ""
	for i, e := range es {
		if i > 0 {
			text += "\n"
		}
		text += e.Error()
	}
	return text
}
