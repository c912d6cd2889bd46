package project

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
)

// running is what Docker says of a database's container that runs; ROOT stands for the project's folder.
const running = `{"Status":"running","OOMKilled":false,"Hostname":"museum-shop-db",
	"Labels":{"com.ddev.site-name":"museum-shop","com.ddev.approot":"ROOT"},
	"Networks":{"ddev_default":{"IPAddress":"172.18.0.5"},"ddev-museum-shop_default":{"IPAddress":"172.19.0.3","GlobalIPv6Address":"fd00::3"}},
	"Ports":{"3306/tcp":[{"HostIp":"127.0.0.1","HostPort":"32777"}],"5432/tcp":null}}`

// What Docker says of the project's container decides where its database is looked for.
func TestOwnDatabaseAsInspected(t *testing.T) {
	changed := func(old, new string) string { return strings.Replace(running, old, new, 1) }
	const omit = "name: museum-shop\nomit_containers: [ddev-ssh-agent, db]\n"
	for name, test := range map[string]struct {
		config, inspected, port string
		host                    string        // of the target
		server                  *dburl.Server // that is meant; nil where there is an error
		err                     string
	}{
		"it runs": {"", running, "", "ddev-museum-shop-db:3306",
			&dburl.Server{Hostname: "museum-shop-db", Addresses: []string{"172.19.0.3", "fd00::3", "172.18.0.5"}}, ""},
		"it runs, seen from the machine": {"", running, "32771", "127.0.0.1:32777", &dburl.Server{Hostname: "museum-shop-db"}, ""},
		"under a hostname of the project's": {"", changed(`"Hostname":"museum-shop-db"`, `"Hostname":"other"`), "32771", "127.0.0.1:32777",
			&dburl.Server{Hostname: "other"}, ""},
		"it still runs, though the next start will not make it": {omit, running, "", "ddev-museum-shop-db:3306",
			&dburl.Server{Hostname: "museum-shop-db", Addresses: []string{"172.19.0.3", "fd00::3", "172.18.0.5"}}, ""},
		"nobody has asked": {"", "", "", "ddev-museum-shop-db:3306",
			&dburl.Server{Hostname: "museum-shop-db", Addresses: []string{"ddev-museum-shop-db"}}, ""},
		"nobody has asked, on the machine": {"", "", "32771", "127.0.0.1:32771", &dburl.Server{Hostname: "museum-shop-db"}, ""},
		"what Docker said is no JSON": {"", "Error", "", "ddev-museum-shop-db:3306",
			&dburl.Server{Hostname: "museum-shop-db", Addresses: []string{"ddev-museum-shop-db"}}, ""},

		"it was killed": {"", changed("running", "exited"), "", "", nil,
			"the database of project museum-shop does not run: its container ddev-museum-shop-db is exited"},
		"it was killed for want of memory": {"", strings.Replace(changed("running", "exited"), "false", "true", 1), "32771", "", nil,
			"the database of project museum-shop does not run: its container ddev-museum-shop-db is exited, killed because memory was short"},
		"it starts again and again": {"", changed("running", "restarting"), "", "", nil,
			"the database of project museum-shop does not run: its container ddev-museum-shop-db is restarting"},
		"there is none": {"", "none", "", "", nil,
			"the database of project museum-shop does not run: there is no container ddev-museum-shop-db"},
		"it is omitted": {omit, "none", "", "", nil,
			"project museum-shop has no database of its own: omit_containers in its DDEV settings names db"},
		"it is omitted, and nobody has asked": {omit, "", "32771", "", nil,
			"project museum-shop has no database of its own: omit_containers in its DDEV settings names db"},
		"it is a clone's": {"", changed("ROOT", "/home/ada/clone"), "", "", nil,
			"container ddev-museum-shop-db does not have the database of project museum-shop: it belongs to project museum-shop in /home/ada/clone"},
		"it is another project's": {"", changed(`"com.ddev.site-name":"museum-shop"`, `"com.ddev.site-name":"blog"`), "32771", "", nil,
			"container ddev-museum-shop-db does not have the database of project museum-shop: it belongs to project blog in ROOT"},
		"it has no labels": {"", `{"Status":"running","Hostname":"x","Labels":null}`, "", "", nil,
			"container ddev-museum-shop-db does not have the database of project museum-shop: it belongs to no project of DDEV"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			if test.config != "" {
				files["config.yaml"] = test.config
			}
			dir := write(t, files)
			environ := []string{"IS_DDEV_PROJECT=true", "DDEV_SITENAME=museum-shop", "DDEV_HOST_DB_PORT=" + test.port,
				"DUMP_REFRESH_DATABASE=" + strings.ReplaceAll(test.inspected, "ROOT", dir)}
			p := load(t, Options{Dir: dir, Environ: environ})
			err := p.RequireTarget()
			if test.server == nil {
				var found *OwnDatabaseError
				if want := strings.ReplaceAll(test.err, "ROOT", dir); !errors.As(err, &found) || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Target.Address() != test.host {
				t.Errorf("got %s, want %s", p.Target.Address(), test.host)
			}
			if diff := cmp.Diff(test.server, p.Target.Server); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The names that mean the project's own database mean it wherever they are written; others are the user's affair.
func TestNamesOfTheOwnDatabase(t *testing.T) {
	for target, own := range map[string]bool{
		"mysql://root:root@db:3306/db":                  true,
		"mysql://root:root@DB/other":                    true,
		"mysql://root:root@ddev-museum-shop-db:3306/db": true,
		"mysql://root:root@ddev-blog-db:3306/db":        false,
		"mysql://root:root@db.example.com/db":           false,
		"mysql://root:root@127.0.0.1:3306/db":           false,
		"mysql://root:root@localhost/db?socket=/db":     false,
	} {
		dir := write(t, map[string]string{})
		environ := []string{"IS_DDEV_PROJECT=true", "DUMP_TARGET=" + target, "DUMP_SOURCE=" + target, "DUMP_REFRESH_DATABASE=none"}
		p := load(t, Options{Dir: dir, Environ: environ})
		var refused *OwnDatabaseError
		if errors.As(p.RequireTarget(), &refused) != own || errors.As(p.RequireSource(), &refused) != own {
			t.Errorf("%s: target %v, source %v; meant as the own database: %v", target, p.RequireTarget(), p.RequireSource(), own)
		}
		// Behind SSH the names are those of another network.
		p = load(t, Options{Dir: dir, Environ: append(environ, "DUMP_SSH=ada@staging.example.com")})
		if err := p.RequireSource(); err != nil {
			t.Errorf("%s through SSH: %v", target, err)
		}
		// So they are outside of DDEV.
		p = load(t, Options{Dir: dir, Environ: append(environ, "IS_DDEV_PROJECT=")})
		if err := p.RequireTarget(); err != nil || p.Target.Server != nil {
			t.Errorf("%s outside of DDEV: %v", target, err)
		}
	}
}

// A project that is reached through a link is the same one.
func TestOwnDatabaseOfALinkedFolder(t *testing.T) {
	dir := write(t, map[string]string{})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	p := load(t, Options{Dir: link, Environ: []string{"IS_DDEV_PROJECT=true", "DUMP_REFRESH_DATABASE=" + strings.ReplaceAll(running, "ROOT", dir)}})
	if err := p.RequireTarget(); err != nil {
		t.Error(err)
	}
}
