package testserver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The major versions of PostgreSQL that `make tools` unpacks.
const (
	OldestPostgres = 10
	NewestPostgres = 18
)

// PostgresVersion is Postgres for a server of a major version, of those that `make tools` unpacks. It has no contrib extensions
// but those that come with every server.
func PostgresVersion(dir string, major int, options ...string) (*PG, error) {
	server, err := program{fmt.Sprintf("postgres-%d/bin/postgres", major), "make tools", nil}.path()
	if err != nil {
		return nil, err
	}
	folder := filepath.Dir(filepath.Dir(server))
	if os.Geteuid() == 0 { // user postgres may have no access to root's folders
		if folder, err = copyServer(folder, dir); err != nil {
			return nil, err
		}
	}
	return startPostgres(dir, filepath.Join(folder, "bin", "postgres"), filepath.Join(folder, "bin", "initdb"), options)
}

// PostgresLacking is PostgresVersion without some extensions.
func PostgresLacking(dir string, major int, extensions ...string) (*PG, error) {
	server, err := program{fmt.Sprintf("postgres-%d/bin/postgres", major), "make tools", nil}.path()
	if err != nil {
		return nil, err
	}
	folder, err := copyServer(filepath.Dir(filepath.Dir(server)), dir)
	if err != nil {
		return nil, err
	}
	for _, name := range extensions {
		if err := os.Remove(filepath.Join(folder, "share", "postgresql", "extension", name+".control")); err != nil {
			return nil, err
		}
	}
	return startPostgres(dir, filepath.Join(folder, "bin", "postgres"), filepath.Join(folder, "bin", "initdb"), nil)
}

// PostgresClients returns the folder with clients as new as the newest server.
func PostgresClients() (string, error) {
	path, err := program{"postgres-client/bin/pg_dump", "make tools", nil}.path()
	return filepath.Dir(path), err
}

// copyServer copies the programs of a server into dir, by hard links where both are on one disk.
func copyServer(from, dir string) (string, error) {
	to := filepath.Join(dir, filepath.Base(from))
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		copied := filepath.Join(to, name)
		switch {
		case entry.IsDir():
			return os.MkdirAll(copied, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			leads, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(leads, copied)
		}
		if os.Link(path, copied) == nil {
			return nil
		}
		return copyFile(path, copied)
	})
	return to, err
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
