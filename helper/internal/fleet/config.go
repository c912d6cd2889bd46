package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Config is the content of fleet.yaml.
type Config struct {
	// Defaults apply to every project that does not say otherwise.
	Defaults Entry
	Limits
	// LimitRate limits the bytes per second to and from all buckets together; 0 leaves each project its own limit.
	LimitRate int64
	// StoragePrice is what keeping dumps costs; a report shows it.
	StoragePrice Price
	// WatchInterval is how often staging is asked whether it has changed, while the fleet is watched.
	WatchInterval time.Duration
	// Projects are the listed ones, with the defaults filled in.
	Projects []Entry
	// Scan are the folders to search for projects, each as the Path of an entry for what is found there.
	Scan []Entry
	Contacts
	// File is the path of the file, Dir its folder. Paths in the file are relative to Dir.
	File, Dir string
}

// Entry is one project of a fleet, or the defaults for all.
type Entry struct {
	// Path is the project's folder, absolute. Alternatively, Git is the URL of its repository, and Ref a branch, tag or
	// commit; if empty, the repository's default branch.
	Path     string
	Git, Ref string
	Policy
	// Set are settings that override all others, as --set does.
	Set map[string]string
	// Name is what the project must call itself; "" is any name.
	Name string
	// Prefix is the folder of its dumps in the bucket, in which {name} stands for its name; "" leaves that to the settings.
	Prefix string
	// Trust says what its files may decide, Keep and KeepDays within which bounds.
	Trust          Trust
	Keep, KeepDays Bounds
	// Environment names the variables of this process that the project and its programs may see; it may have wildcards.
	Environment []string
	// Problem is why nothing is fetched of its repository; nil if it may be.
	Problem error
	// Allow is what the operator would write, and where, to trust it with everything.
	Allow string
}

// Slot identifies the project in the fleet: the folder or Git URL that its settings come from.
func (e Entry) Slot() string {
	switch {
	case e.Git != "" && e.Ref != "":
		return e.Git + "#" + e.Ref
	case e.Git != "":
		return e.Git
	}
	return e.Path
}

// Limits say how much a run does at once. A value of 0 is chosen by the machine's resources.
type Limits struct {
	// Parallel is how many refreshes run at once, PerHost how many of them may read from the same staging server.
	Parallel, PerHost int
	// Memory is the most memory that the process should use, in bytes.
	Memory int64
	// Jitter is the longest random wait before a run begins.
	Jitter time.Duration
}

// DefaultPolicy applies if fleet.yaml says nothing.
var DefaultPolicy = Policy{MaxAge: 24 * time.Hour, TimeLimit: time.Hour, Retries: 2, MinInterval: 5 * time.Minute, Remind: 24 * time.Hour}

// LeastRate is the lowest limit, in bytes per second, the same as for a single command. Below it, servers would consider
// connections dead.
const LeastRate = 16 << 10

// leastMemory is the memory needed for one refresh at a time.
const leastMemory = baseMemory + refreshMemory

// defaultPerHost leaves most of a staging server's connections free for others.
const defaultPerHost = 2

// ReadConfig reads a fleet.yaml. If its content is wrong, the error is ConfigErrors.
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

// defaultEntry is a project of which fleet.yaml says nothing.
var defaultEntry = Entry{Policy: DefaultPolicy, Trust: TrustTables, Keep: DefaultKeep, KeepDays: DefaultKeepDays, Allow: "`--trust full`"}

// ScanOnly is the fleet of all projects below a folder.
func ScanOnly(folder string) (Config, error) {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return Config{}, fmt.Errorf("search for projects: %w", err)
	}
	config := Config{Defaults: defaultEntry, Scan: []Entry{defaultEntry}}
	config.Scan[0].Path = absolute
	return config, nil
}

// Entries returns the projects that are listed and those that are found, each once. If a project is both, its listed entry
// applies.
func (c Config) Entries(ctx context.Context) ([]Entry, error) {
	var entries []Entry
	seen := map[string]bool{}
	add := func(entry Entry) {
		if !seen[entry.Slot()] {
			seen[entry.Slot()] = true
			entries = append(entries, entry)
		}
	}
	for _, entry := range c.Projects {
		add(entry)
	}
	for _, folder := range c.Scan {
		found, err := scan(ctx, folder.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			return nil, &NoFolderError{Folder: folder.Path, File: c.File}
		case err != nil:
			return nil, err
		}
		for _, path := range found {
			entry := folder
			entry.Path = path
			add(entry)
		}
	}
	return entries, nil
}

// A NoFolderError means that a folder to search does not exist.
type NoFolderError struct {
	Folder string
	// File is the fleet.yaml that names it; empty for a flag.
	File string
}

func (e *NoFolderError) Error() string {
	if e.File != "" {
		return e.File + ": scan: there is no folder " + e.Folder
	}
	return "--root: there is no folder " + e.Folder
}

// A ConfigError is one mistake in a fleet.yaml.
type ConfigError struct {
	File string
	Line int // 0 if it is about the whole file
	Text string
	// Nearest is the key that was probably meant, if an unknown one was found.
	Nearest string
}

func (e *ConfigError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
}

// ConfigErrors are all mistakes in a fleet.yaml.
type ConfigErrors []*ConfigError

// Unwrap lets errors.As see each problem.
func (es ConfigErrors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// Error returns one line for each.
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
