package project

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// inspectedVariable holds what Docker told the add-on's host commands about the container of the project's database: JSON, or
// noContainer. It is not set if Docker could not be asked.
const (
	inspectedVariable = "DUMP_REFRESH_DATABASE"
	noContainer       = "none"
)

// databaseContainer returns the name that DDEV gives the container of a project's database. No other container on the machine
// has that name, but in a network others may answer to it.
func databaseContainer(project string) string { return "ddev-" + project + "-db" }

// container describes a container as Docker does. dump-refresh/run.sh chooses the keys.
type container struct {
	Status    string
	OOMKilled bool
	Hostname  string
	Labels    map[string]string
	Networks  map[string]struct{ IPAddress, GlobalIPv6Address string }
	Ports     map[string][]struct{ HostPort string }
}

// inspected returns what Docker said: the zero container if there is none, and false if Docker was not asked.
func inspected(env map[string]string) (c container, known bool) {
	text := env[inspectedVariable]
	if text == noContainer {
		return c, true
	}
	if json.Unmarshal([]byte(text), &c) != nil {
		return container{}, false
	}
	return c, true
}

// belongsTo reports whether a container belongs to the project of that name in that folder.
func (c container) belongsTo(project, root string) bool {
	return c.Labels["com.ddev.site-name"] == project && isSameFolder(c.Labels["com.ddev.approot"], root)
}

// problem returns why the container of a project's database cannot be used.
func (c container) problem(project, root string) error {
	e := &OwnDatabaseError{Project: project, Container: databaseContainer(project), Status: c.Status, OutOfMemory: c.OOMKilled}
	if c.Status != "" && !c.belongsTo(project, root) {
		e.Owner = "no project of DDEV"
		if name := c.Labels["com.ddev.site-name"]; name != "" {
			e.Owner = fmt.Sprintf("project %s in %s", name, c.Labels["com.ddev.approot"])
		}
	}
	return e
}

// addresses returns the addresses of the container. Those in networks that projects share come last.
func (c container) addresses() (all []string) {
	const shared = "ddev_default"
	var names, last []string
	for name := range c.Networks {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, address := range []string{c.Networks[name].IPAddress, c.Networks[name].GlobalIPv6Address} {
			switch {
			case address == "":
			case name == shared:
				last = append(last, address)
			default:
				all = append(all, address)
			}
		}
	}
	return append(all, last...)
}

// publishedPort returns the port of the machine that leads to a port of the container; "" if there is none.
func (c container) publishedPort(port string) string {
	for _, published := range c.Ports[port+"/tcp"] {
		if published.HostPort != "" {
			return published.HostPort
		}
	}
	return ""
}

// isSameFolder reports whether two paths lead to the same project. In a container, only its .ddev can be seen.
func isSameFolder(a, b string) bool {
	if strings.TrimRight(filepath.ToSlash(a), "/") == strings.TrimRight(filepath.ToSlash(b), "/") {
		return true
	}
	first, err := os.Stat(filepath.Join(a, ".ddev"))
	if err != nil || a == "" {
		return false
	}
	second, err := os.Stat(filepath.Join(b, ".ddev"))
	return err == nil && os.SameFile(first, second)
}
