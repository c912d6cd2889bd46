package project

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
)

// OwnDatabaseError means that the DDEV project's own database is not available.
type OwnDatabaseError struct {
	Project string
	// Container is the name of the container in which the database would run.
	Container string
	// Omitted means that the project has no database of its own.
	Omitted bool
	// Owner says to whom the container belongs, if not to the project.
	Owner string
	// Status is the container's status in Docker's words, other than running; "" if there is no container.
	Status string
	// OutOfMemory means that the kernel killed it because memory was short.
	OutOfMemory bool
}

func (e *OwnDatabaseError) Error() string {
	switch {
	case e.Omitted:
		return fmt.Sprintf("project %s has no database of its own: omit_containers in its DDEV settings names db", e.Project)
	case e.Owner != "":
		return fmt.Sprintf("container %s does not have the database of project %s: it belongs to %s", e.Container, e.Project, e.Owner)
	case e.Status == "":
		return fmt.Sprintf("the database of project %s does not run: there is no container %s", e.Project, e.Container)
	}
	text := fmt.Sprintf("the database of project %s does not run: its container %s is %s", e.Project, e.Container, e.Status)
	if e.OutOfMemory {
		text += ", killed because memory was short"
	}
	return text
}

// ownDatabase is the DDEV project's own database, which a pull replaces unless another one is named. In the network that
// projects share, the database of every project answers to db, with the same account. So the program uses the name of the
// container, which is unique, and knows which server must answer there.
type ownDatabase struct {
	url     string // "" outside of DDEV, or if the project has none
	hosts   []string
	server  *dburl.Server
	problem error // why it cannot be used; nil if it can, as far as is known
}

// findOwnDatabase finds it by what DDEV gives every project: host, port and accounts. Containers reach it by its name, and this
// machine through a published port. omitted means that the project has no database.
func findOwnDatabase(p *Project, omitted bool, env map[string]string) ownDatabase {
	if env["IS_DDEV_PROJECT"] != "true" {
		return ownDatabase{}
	}
	name := cmp.Or(env["DDEV_SITENAME"], p.Name)
	container := databaseContainer(name)
	// If Docker was not asked, the server's host name is the one that DDEV gives it.
	own := ownDatabase{hosts: []string{"db", container}, server: &dburl.Server{Hostname: name + "-db"}}
	account, port, options := "mysql://root:root", "3306", ""
	switch p.Database.Type {
	case "mariadb":
		// Since version 11.4 it offers TLS by default. On one machine TLS protects nothing, costs time on both sides, and rows
		// could only be loaded as SQL.
		options = "?tls=off"
	case "postgres":
		account, port = "postgres://db:db", "5432"
	}
	address, published := container+":"+port, env["DDEV_HOST_DB_PORT"]
	if published == "" {
		own.server.Addresses = []string{container}
	}
	found, known := inspected(env)
	switch {
	case known && found.belongsTo(name, p.Root) && found.Status == "running":
		own.server.Hostname = found.Hostname
		if published == "" {
			own.server.Addresses = found.addresses()
		} else { // DDEV's variable may be outdated: by now, another project may have that port
			published = cmp.Or(found.publishedPort(port), published)
		}
	case omitted:
		own.problem = &OwnDatabaseError{Project: name, Container: container, Omitted: true}
		return own
	case known:
		own.problem = found.problem(name, p.Root)
	}
	if published != "" {
		address = "127.0.0.1:" + published
	}
	own.url = account + "@" + address + "/db" + options
	return own
}

// claim ties a URL to this server if it names this database, or always.
func (o ownDatabase) claim(u *dburl.URL, always bool) {
	if u != nil && o.server != nil && (always || slices.Contains(o.hosts, strings.ToLower(u.Host))) {
		u.Server = o.server
	}
}

// require returns why this database cannot be used, if a URL means it.
func (o ownDatabase) require(u *dburl.URL) error {
	if u == nil || u.Server == nil {
		return nil
	}
	return o.problem
}
