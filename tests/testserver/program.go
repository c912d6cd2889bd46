package testserver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// ToolsVariable names the folder for the programs of `make tools`, if it is not the usual one.
const ToolsVariable = "DUMP_TEST_TOOLS"

// program is a program that a test needs.
type program struct {
	name   string
	remedy string   // how to get it
	extra  []string // folders (patterns) where distributions hide it
}

var (
	mariadbd         = program{"mariadbd", "apt-get install mariadb-server", nil}
	mariadbInstallDB = program{"mariadb-install-db", "apt-get install mariadb-server", nil}
	oldMariadbd      = program{"mariadbd-10.2.11", "make tools", nil}
	mariadbd114      = program{"mariadbd-11.4.5", "make test-long, or tests/tools/mariadb.sh 11.4.5", nil}
	mysqld           = program{"mysqld", "make tools", nil}
	initdb           = program{"initdb", "apt-get install postgresql", []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"}}
	postgres         = program{"postgres", "apt-get install postgresql", []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"}}
	sshd             = program{"sshd", "apt-get install openssh-server", nil}
	sshAgent         = program{"ssh-agent", "apt-get install openssh-client", nil}
	sshAdd           = program{"ssh-add", "apt-get install openssh-client", nil}
	minio            = program{"minio", "make tools", nil}
	versitygw        = program{"versitygw", "make tools", nil}
)

// path finds the program: first among the tools that this repository pins, then in the system's folders for programs and servers.
func (p program) path() (string, error) {
	folders := slices.Concat(toolFolders(), filepath.SplitList(os.Getenv("PATH")),
		[]string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/libexec"})
	for _, pattern := range p.extra {
		found, _ := filepath.Glob(pattern)
		slices.Reverse(found) // the highest version first
		folders = append(folders, found...)
	}
	for _, folder := range folders {
		if path, err := exec.LookPath(filepath.Join(folder, p.name)); err == nil && filepath.IsAbs(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing: %s", p.name, p.remedy)
}

// Program returns the path of a program that a test needs and that is not a server, such as those that `make tools` builds. An error
// says how to get it.
func Program(name, remedy string) (string, error) { return program{name, remedy, nil}.path() }

// toolFolders are the folders that `make tools` fills.
func toolFolders() []string {
	if folder := os.Getenv(ToolsVariable); folder != "" {
		return []string{folder}
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil
		}
		cache = filepath.Join(home, ".cache")
	}
	return []string{filepath.Join(cache, "dump-refresh", "tools")}
}
