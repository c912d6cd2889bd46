package project

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
)

// OwnDatabaseError means that the database of the DDEV project itself is not there.
type OwnDatabaseError struct {
	Project string
	// Container is the name of the one in which the database would run.
	Container string
	// Omitted says that the project has no database of its own.
	Omitted bool
	// Owner is whose the container is, if it is not the project's.
	Owner string
	// Status is Docker's word for what the container is instead of running; "" where there is none.
	Status string
	// OutOfMemory says that it was killed because memory was short.
	OutOfMemory bool
}

func (e *OwnDatabaseError) Error() string {
	switch {
	case e.Omitted:
		return fmt.Sprintf("project %s has no database of its own: omit_containers in its DDEV settings names db", e.Project)
	case e.Owner != "":
		return fmt.Sprintf("container %s has not the database of project %s: it belongs to %s", e.Container, e.Project, e.Owner)
	case e.Status == "":
		return fmt.Sprintf("the database of project %s does not run: there is no container %s", e.Project, e.Container)
	}
	text := fmt.Sprintf("the database of project %s does not run: its container %s is %s", e.Project, e.Container, e.Status)
	if e.OutOfMemory {
		text += ", killed because memory was short"
	}
	return text
}

// ownDatabase is the database of the DDEV project itself, which a pull replaces unless somebody names another one. In the network
// that DDEV's projects share each project's database answers to db, with the same account; so the name of its container is taken,
// which no other project's has, and it is known which server must answer there.
type ownDatabase struct {
	url     string // "" outside of DDEV, and where the project has none
	hosts   []string
	server  *dburl.Server
	problem error // why it cannot be used; nil where it can, as far as is known
}

// findOwnDatabase finds it by what DDEV gives every project: host, port and accounts. In containers it is asked for by name; on the
// machine itself it is behind one of the machine's ports. Omitted says that the project goes without a database.
func findOwnDatabase(p *Project, omitted bool, env map[string]string) ownDatabase {
	if env["IS_DDEV_PROJECT"] != "true" {
		return ownDatabase{}
	}
	name := cmp.Or(env["DDEV_SITENAME"], p.Name)
	container := databaseContainer(name)
	// Where nobody has asked Docker, its machine is called as DDEV calls it.
	own := ownDatabase{hosts: []string{"db", container}, server: &dburl.Server{Hostname: name + "-db"}}
	account, port, options := "mysql://root:root", "3306", ""
	switch p.Database.Type {
	case "mariadb":
		// It offers TLS by itself since version 11.4. Within one machine that hides nothing from anybody, takes time on both
		// sides, and rows can only be loaded as SQL then.
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
		} else { // what DDEV says may be a port of the settings that another project has by now
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

// claim has a URL mean this database and no other server where it names this one, and in any case where it always means it.
func (o ownDatabase) claim(u *dburl.URL, always bool) {
	if u != nil && o.server != nil && (always || slices.Contains(o.hosts, strings.ToLower(u.Host))) {
		u.Server = o.server
	}
}

// require gives what keeps this database from being used, where a URL means it.
func (o ownDatabase) require(u *dburl.URL) error {
	if u == nil || u.Server == nil {
		return nil
	}
	return o.problem
}
