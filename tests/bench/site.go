package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

const bucket = "bench"

// site has what the bench needs: a folder, an S3 server and database servers.
type site struct {
	// old is another build of dump-helper, BENCH_OLD.
	old     string
	dir     string
	s3      *testserver.S3
	servers []server
}

// newSite starts the S3 server in a folder below under.
func newSite(under, s3Server, old string) (_ *site, err error) {
	s := &site{old: old}
	if s.dir, err = os.MkdirTemp(under, "dump-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	// PostgreSQL runs as another user, who needs access to its folder.
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(s.project(), ".ddev"), 0o755); err != nil {
		return nil, err
	}
	// The type php has no preset, so that all rows are published, as with the peers.
	if err := os.WriteFile(filepath.Join(s.project(), ".ddev", "config.yaml"), []byte("name: bench\ntype: php\n"), 0o644); err != nil {
		return nil, err
	}
	start := func(dir string) (*testserver.S3, error) { return testserver.VersityGW(dir) }
	if s3Server == "minio" {
		start = func(dir string) (*testserver.S3, error) { return testserver.MinIO(dir) }
	}
	if s.s3, err = start(filepath.Join(s.dir, "s3")); err != nil {
		return nil, err
	}
	return s, s.s3.CreateBucket(bucket)
}

func (s *site) project() string { return filepath.Join(s.dir, "project") }

// close ends all servers and removes the folder.
func (s *site) close() error {
	for _, server := range s.servers {
		server.Kill()
	}
	if s.s3 != nil {
		s.s3.Kill()
	}
	return os.RemoveAll(s.dir)
}

// startMariaDB starts a server with that much memory for data.
func (s *site) startMariaDB(name string, poolMegabytes int) (server, error) {
	return s.startMariaDBWith(name, poolMegabytes, "--innodb-log-file-size=256M")
}

// startMariaDBForValues starts one that takes values of any size. The log must hold ten of them.
func (s *site) startMariaDBForValues(name string, poolMegabytes int) (server, error) {
	return s.startMariaDBWith(name, poolMegabytes, "--innodb-log-file-size=6G", "--max-allowed-packet=1G")
}

func (s *site) startMariaDBWith(name string, poolMegabytes int, options ...string) (server, error) {
	m, err := testserver.MariaDB(filepath.Join(s.dir, name), append(options, fmt.Sprintf("--innodb-buffer-pool-size=%dM", poolMegabytes))...)
	if err != nil {
		return nil, err
	}
	s.servers = append(s.servers, mariadb{m})
	return mariadb{m}, nil
}

func (s *site) startPostgres(name string, bufferMegabytes int) (server, error) {
	p, err := testserver.Postgres(filepath.Join(s.dir, name), fmt.Sprintf("shared_buffers=%dMB", bufferMegabytes))
	if err != nil {
		return nil, err
	}
	s.servers = append(s.servers, postgres{p})
	return postgres{p}, nil
}

// fill makes a contest's database.
func (s *site) fill(ctx context.Context, c *contest) error {
	staging, database := c.staging, c.database
	if err := staging.createDatabase(database); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, loadVerb, staging.URL(database), c.content, strconv.Itoa(c.amount))
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("fill database %s: %w", database, err)
	}
	return nil
}

// environ returns the variables of a command: those of all ways, and our settings.
func (s *site) environ(c *contest, w way) []string {
	environ := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		for _, prefix := range []string{"AWS_", "DUMP_", "PG", "MYSQL_", "S3"} {
			if strings.HasPrefix(entry, prefix) {
				return true
			}
		}
		return false
	})
	environ = append(environ, s.s3.Owner().Environ()...)
	folder := c.folder() + "/" + cmp.Or(w.dumps, w.key)
	return append(environ,
		"AWS_DEFAULT_REGION="+s.s3.Region, "AWS_REGION="+s.s3.Region, "S3_ENDPOINT_URL="+s.s3.Endpoint,
		"DUMP_S3_BUCKET="+bucket, "DUMP_S3_PREFIX="+folder, "DUMP_S3_ENDPOINT="+s.s3.Endpoint, "DUMP_S3_REGION="+s.s3.Region,
		"DUMP_S3_PATH_STYLE=true", "DUMP_SOURCE="+c.staging.URL(c.database), "DUMP_TARGET="+c.local.URL(c.database),
		"FROM="+c.staging.clientOptions(), "INTO="+c.local.clientOptions(), "DB="+c.database,
		"S3="+s.s3.Endpoint, "DUMPS=s3://"+bucket+"/"+c.folder(), "FILES="+s.files(), "CACHE="+filepath.Join(s.dir, "cache", c.folder()),
		"CORES="+strconv.Itoa(cores()), "KIND="+c.kind, "OLD="+s.old)
}

// cores is how many threads the peers get. One would not be enough, because dumps also wait for servers.
func cores() int { return max(2, runtime.NumCPU()) }

func (s *site) files() string { return filepath.Join(s.dir, "files") }

// emptyFiles empties the folder for files that a way needs on disk.
func (s *site) emptyFiles() error {
	if err := os.RemoveAll(s.files()); err != nil {
		return err
	}
	return os.MkdirAll(s.files(), 0o755)
}

// stored returns the keys below a folder of the bucket and the sum of their sizes.
func (s *site) stored(ctx context.Context, folder string) (keys []string, size int64, err error) {
	name, prefix := bucket, folder+"/"
	pages := s3.NewListObjectsV2Paginator(s.s3.Client(), &s3.ListObjectsV2Input{Bucket: &name, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, 0, err
		}
		for _, object := range page.Contents {
			keys = append(keys, *object.Key)
			size += *object.Size
		}
	}
	return keys, size, nil
}

// deleteDumps empties a folder of the bucket, so that every run begins alike and the disk does not fill.
func (s *site) deleteDumps(ctx context.Context, folder string) error {
	keys, _, err := s.stored(ctx, folder)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := s.s3.DeleteObject(bucket, key); err != nil {
			return err
		}
	}
	return nil
}
