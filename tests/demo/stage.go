package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// Names of the demo's parts.
const (
	bucket          = "dumps"
	stagingDatabase = "drupal"
	localDatabase   = "db"
	reader          = "dump_reader" // may only read the staging database
	readerPassword  = "a; pass'word #1"
)

// stage has the servers that the demo uses, and their folder.
type stage struct {
	dir     string
	staging *testserver.MySQL
	local   *testserver.MySQL
	s3      *testserver.S3
}

// stop stops the servers.
func (s *stage) stop() {
	if s.staging != nil {
		s.staging.Kill()
	}
	if s.local != nil {
		s.local.Kill()
	}
	if s.s3 != nil {
		s.s3.Kill()
	}
}

func (s *stage) startStaging() (err error) {
	s.staging, err = testserver.MariaDB(filepath.Join(s.dir, "staging"), "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=256M")
	if err != nil {
		return err
	}
	return s.staging.Exec(
		"CREATE DATABASE "+stagingDatabase,
		"CREATE USER "+reader+"@'127.0.0.1' IDENTIFIED BY '"+`a; pass\'word #1`+"'",
		"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON "+stagingDatabase+".* TO "+reader+"@'127.0.0.1'",
		"GRANT SELECT ON mysql.proc TO "+reader+"@'127.0.0.1'",
	)
}

func (s *stage) fillStaging(ctx context.Context, megabytes int) error {
	return data.Load(ctx, s.staging.URL(stagingDatabase), data.Options{Seed: 1, MB: megabytes, View: true, Trigger: true, ForeignKeys: true})
}

// startLocal starts the developer's server, which already has an older copy of the site.
func (s *stage) startLocal() (err error) {
	s.local, err = testserver.MariaDB(filepath.Join(s.dir, "local"), "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=256M")
	if err != nil {
		return err
	}
	return s.local.Exec(
		"CREATE DATABASE "+localDatabase, "USE "+localDatabase,
		"CREATE TABLE node (nid int PRIMARY KEY, title varchar(255))", "INSERT INTO node VALUES (1, 'last week')",
	)
}

// localKind returns the engine and series of the developer's server, as `dump-helper bake` expects them.
func (s *stage) localKind() (string, error) {
	rows, err := s.local.Query("SELECT SUBSTRING_INDEX(VERSION(), '.', 2)")
	if err != nil {
		return "", err
	}
	return "mariadb:" + rows[0][0], nil
}

func (s *stage) startS3() (err error) {
	s.s3, err = testserver.VersityGW(filepath.Join(s.dir, "s3"))
	if err != nil {
		return err
	}
	return s.s3.CreateBucket(bucket)
}

// writeProject writes the DDEV project and returns its folder.
func (s *stage) writeProject() (string, error) {
	project := filepath.Join(s.dir, "jobs")
	ddev := filepath.Join(project, ".ddev")
	if err := os.MkdirAll(ddev, 0o755); err != nil {
		return "", err
	}
	config := fmt.Sprintf(`name: jobs
type: drupal11
docroot: web
php_version: "8.3"
webserver_type: nginx-fpm
database:
  type: mariadb
  version: "10.11"
hooks:
  post-import-db:
    - exec: drush cache:rebuild
web_environment:
  - DUMP_S3_BUCKET=s3://%s/demo
  - DUMP_S3_ENDPOINT=%s
  - DUMP_S3_REGION=%s
  - DUMP_S3_PATH_STYLE=true
  - DUMP_SOURCE=mysql://%s@127.0.0.1:%d/%s
  - DUMP_KEEP=7
`, bucket, s.s3.Endpoint, s.s3.Region, reader, s.staging.Port, stagingDatabase)
	secrets := fmt.Sprintf("DUMP_SOURCE_PASSWORD=%q\n", readerPassword)
	if err := os.WriteFile(filepath.Join(ddev, "config.yaml"), []byte(config), 0o644); err != nil {
		return "", err
	}
	return project, os.WriteFile(filepath.Join(ddev, ".env.dump"), []byte(secrets), 0o600)
}
