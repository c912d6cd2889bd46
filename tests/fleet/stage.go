package main

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// stage has the servers that a fleet works with, and its projects.
type stage struct {
	options
	dir   string
	maria *testserver.MySQL
	pg    *testserver.PG
	s3    *testserver.S3
	deaf  net.Listener // accepts and never answers

	healthy []*site
	broken  []*site

	single    []float64 // seconds that each healthy project took alone
	singleCPU float64   // CPU time, in seconds, of all processes for these
	firstRun  float64   // seconds

	hostileRun ran
}

// site is one project.
type site struct {
	name, source string
	postgres     bool
	megabytes    int
	// reason is the error of a broken project.
	reason string
	extra  string // more lines for its entry in fleet.yaml
}

// The buckets.
const (
	singleBucket = "single"
	fleetBucket  = "fleet"
	shardBucket  = "shards"
	// hostileBucket is that of the fleet of which a third is hostile.
	hostileBucket = "hostile"
)

func (s *stage) start(context.Context) (err error) {
	// PostgreSQL's account needs access to its data.
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	// docs/staging.md recommends this: the server remembers when each table was changed.
	s.maria, err = testserver.MariaDB(filepath.Join(s.dir, "mariadb"), "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=128M", "--table-definition-cache=10000")
	if err != nil {
		return err
	}
	if s.pg, err = testserver.Postgres(filepath.Join(s.dir, "postgres")); err != nil {
		return err
	}
	if s.s3, err = testserver.MinIO(filepath.Join(s.dir, "s3")); err != nil {
		return err
	}
	for _, bucket := range []string{singleBucket, fleetBucket, shardBucket, hostileBucket} {
		if err := s.s3.CreateBucket(bucket); err != nil {
			return err
		}
	}
	s.deaf, err = net.Listen("tcp4", "127.0.0.1:0")
	return err
}

func (s *stage) stop() {
	if s.deaf != nil {
		_ = s.deaf.Close()
	}
	if s.maria != nil {
		s.maria.Kill()
	}
	if s.pg != nil {
		s.pg.Kill()
	}
	if s.s3 != nil {
		s.s3.Kill()
	}
}

// fill creates the databases and the projects' folders.
func (s *stage) fill(ctx context.Context) error {
	if err := s.breakSome(); err != nil {
		return err
	}
	count := s.projects - len(s.broken)
	for i := range count {
		// As in real fleets, many projects are small and few are large.
		share := float64(i) / float64(max(1, count-1))
		site := &site{
			name: fmt.Sprintf("site%02d", i), postgres: i%3 == 2,
			megabytes: int(math.Round(float64(s.smallest) * math.Pow(float64(s.largest)/float64(s.smallest), share))),
		}
		site.source = s.maria.URL(site.name)
		if site.postgres {
			site.source = s.pg.URL(site.name)
		}
		s.healthy = append(s.healthy, site)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i, site := range s.healthy {
		group.Go(func() error {
			if err := s.exec(site, "CREATE DATABASE "+site.name); err != nil {
				return err
			}
			return data.Load(ctx, site.source, data.Options{Seed: uint64(i + 1), MB: site.megabytes, View: true, Trigger: true})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, site := range append(s.broken, s.healthy...) {
		if err := s.write(site); err != nil {
			return err
		}
	}
	time.Sleep(settling)
	return nil
}

// settling is how long PostgreSQL may take to count the writes of its sessions. Of a dump made before that, nobody could
// later say whether staging has changed.
const settling = 22 * time.Second

// exec runs a statement on the site's server.
func (s *stage) exec(site *site, statement string) error {
	if site.postgres {
		return s.pg.Exec("postgres", statement)
	}
	return s.maria.Exec(statement)
}

// breakSome creates one project for each kind of defect.
func (s *stage) breakSome() error {
	if err := s.maria.Exec(
		"CREATE DATABASE nothing", "CREATE DATABASE hidden", "CREATE TABLE hidden.a (id int PRIMARY KEY)", "CREATE TABLE hidden.b (id int PRIMARY KEY)",
		"CREATE USER locked@'127.0.0.1' IDENTIFIED BY 'right'", "CREATE USER partial@'127.0.0.1'", "GRANT SELECT ON hidden.a TO partial@'127.0.0.1'", "GRANT INSERT ON hidden.b TO partial@'127.0.0.1'",
	); err != nil {
		return err
	}
	deaf := s.deaf.Addr().(*net.TCPAddr).Port
	s.broken = []*site{
		{name: "password", source: s.maria.URLAs("locked", "wrong", "hidden"), reason: "access denied"},
		{name: "privilege", source: s.maria.URLAs("partial", "", "hidden"), reason: "lacks the privilege SELECT"},
		{name: "hanging", source: fmt.Sprintf("mysql://root@127.0.0.1:%d/db", deaf), reason: "took longer than its time limit of " + s.hang, extra: "    time_limit: " + s.hang + "\n"},
		{name: "empty", source: s.maria.URL("nothing"), reason: "the staging database has no tables"},
		{name: "config", source: "mysqll://root@127.0.0.1/db", reason: "DUMP_SOURCE: "},
	}
	return nil
}

func (s *stage) write(site *site) error {
	folder := filepath.Join(s.dir, "sites", site.name, ".ddev")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	config := "name: " + site.name + "\ntype: php\n" // its preset leaves no rows out
	if err := os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(config), 0o644); err != nil {
		return err
	}
	// config.yaml may not contain a source with a password.
	return os.WriteFile(filepath.Join(folder, ".env.dump"), []byte("DUMP_SOURCE="+site.source+"\n"), 0o600)
}

// writeFleet writes a fleet.yaml and returns its path.
func (s *stage) writeFleet(bucket string, sites []*site) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "defaults: {max_age: 1d, retries: 1, trust: full, set: {DUMP_S3_BUCKET: %s}}\nper_host: %d\nmemory: %s\nprojects:\n", bucket, s.parallel, s.memory)
	for _, site := range sites {
		fmt.Fprintf(&text, "  - path: sites/%s\n%s", site.name, site.extra)
	}
	path := filepath.Join(s.dir, fmt.Sprintf("%s-%d.yaml", bucket, len(sites)))
	return path, os.WriteFile(path, []byte(text.String()), 0o644)
}
