package project

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// inspectedVariable holds what the add-on's host commands have learned from Docker of the container with the project's
// database, as JSON, or noContainer. It is not set where nobody could ask Docker.
const (
	inspectedVariable = "DUMP_REFRESH_DATABASE"
	noContainer       = "none"
)

// databaseContainer is how DDEV calls the container of a project's database. No other container of the machine is called so, but others
// may answer to that name in a network.
func databaseContainer(project string) string { return "ddev-" + project + "-db" }

// container is what Docker says of a container: dump-refresh/run.sh names the keys.
type container struct {
	Status    string
	OOMKilled bool
	Hostname  string
	Labels    map[string]string
	Networks  map[string]struct{ IPAddress, GlobalIPv6Address string }
	Ports     map[string][]struct{ HostPort string }
}

// inspected gives what Docker has said; the zero container where there is none, and false where Docker has not been asked.
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

// belongsTo says whether a container is one of the project of that name in that folder.
func (c container) belongsTo(project, root string) bool {
	return c.Labels["com.ddev.site-name"] == project && isSameFolder(c.Labels["com.ddev.approot"], root)
}

// problem says why the container with a project's database is of no use.
func (c container) problem(project, root string) error {
	e := &OwnDatabaseError{Project: project, Container: databaseContainer(project), Status: c.Status, OutOfMemory: c.OOMKilled}
	if c.Status != "" && !c.belongsTo(project, root) {
		e.Owner = "nobody that DDEV knows"
		if name := c.Labels["com.ddev.site-name"]; name != "" {
			e.Owner = fmt.Sprintf("project %s in %s", name, c.Labels["com.ddev.approot"])
		}
	}
	return e
}

// addresses are those of the container, those in networks that the projects share last.
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

// publishedPort is the machine's port that leads to one of the container's, "" where there is none.
func (c container) publishedPort(port string) string {
	for _, published := range c.Ports[port+"/tcp"] {
		if published.HostPort != "" {
			return published.HostPort
		}
	}
	return ""
}

// isSameFolder says whether two paths lead to one project. In a container only .ddev of it can be seen.
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
