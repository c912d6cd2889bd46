// Package throwaway starts database servers for one purpose. Each has its own empty data folder, can only be reached through a Unix
// socket, and leaves nothing behind when it is stopped. If the program is killed, the server ends with its pipe, and the next
// start removes its folder.
package throwaway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// Kind says which server to start.
type Kind struct {
	Engine  string // mariadb, mysql or postgres
	Version string // the first two parts: "11.8"; of PostgreSQL the first one, and newer servers will do
	// Image is the container image to use if this machine has no such server; "" for the official one.
	Image string
}

func (k Kind) String() string { return k.Engine + ":" + k.Version }

// image is the container image to use.
func (k Kind) image() string {
	if k.Image != "" {
		return k.Image
	}
	return k.String()
}

// Server is a running server. Its administrator has no password, and no other user can reach the socket.
type Server struct {
	// Source says what was started: "mariadbd 10.11.14", "a container of mariadb:11.8".
	Source  string
	kind    Kind
	origin  origin
	folder  *folder
	process *process
}

// How long a server may take to start, and to end.
const (
	startPatience = 3 * time.Minute
	stopPatience  = 20 * time.Second
)

// Start starts a server and returns when it is ready. It fails with *NoServerError if there is none of that kind. note gets a line
// before anything that takes long.
func Start(ctx context.Context, kind Kind, note func(string)) (*Server, error) {
	origin, err := find(ctx, kind, note)
	if err != nil {
		return nil, err
	}
	folder, err := newFolder()
	if err != nil {
		return nil, err
	}
	s := &Server{Source: origin.name, kind: kind, origin: origin, folder: folder}
	if err := folder.giveTo(origin.as); err != nil {
		return nil, errors.Join(err, folder.remove())
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) (err error) {
	if s.process, err = startProcess(ctx, s.origin.command(s.folder.path), s.origin.as, s.folder.file("log")); err != nil {
		return fmt.Errorf("start %s: %w", s.Source, err)
	}
	s.process.remove = s.origin.remove
	ready, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	text, err := s.await(ready)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("start %s: %w%s", s.Source, err, s.endOfLog())
	}
	if !s.kind.fits(text) {
		return &NoServerError{Kind: s.kind, Reasons: []string{s.Source + " is a server of version " + text}}
	}
	return nil
}

// fits reports whether a server's version is this kind's.
func (k Kind) fits(server string) bool {
	if k.Engine == postgresEngine {
		return true // findPostgres has chosen it
	}
	v, _ := version.Parse(server)
	return v.Series() == k.Version && string(mysql.FlavourOf(server)) == k.Engine
}

// await waits until the server is ready, and returns its version.
func (s *Server) await(ctx context.Context) (text string, err error) {
	ask, done, err := s.asking()
	if err != nil {
		return "", err
	}
	defer done()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if text, err = ask(ctx); err == nil {
			return text, nil
		}
		select {
		case <-s.process.ended:
			return "", errors.New("it ended before it was ready")
		case <-ctx.Done():
			return "", fmt.Errorf("not ready in %s: %w", startPatience, err)
		case <-tick.C:
		}
	}
}

// asking returns what asks the server for its version.
func (s *Server) asking() (ask func(context.Context) (string, error), done func(), err error) {
	if s.kind.Engine == postgresEngine {
		return s.postgresVersionOf, func() {}, nil
	}
	// An image may start another server first, to set things up: so it is not asked who it is.
	pool, err := mysql.Open(s.URL(""), mysql.Options{})
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) (text string, err error) {
		err = pool.QueryRowContext(ctx, "SELECT CONCAT(VERSION(), ' ', @@version_comment)").Scan(&text)
		return text, err
	}, func() { _ = pool.Close() }, nil
}

// endOfLog returns the end of the server's log, for an error.
func (s *Server) endOfLog() string {
	const most = 600
	text, err := os.ReadFile(s.folder.file("log"))
	if log := strings.TrimSpace(string(text)); err == nil && log != "" {
		return "; its log ends: …" + log[max(0, len(log)-most):]
	}
	return ""
}

// Crash ends the server at once and starts it again with the same data. It is like a loss of power, except that the kernel still
// writes what it has.
func (s *Server) Crash(ctx context.Context) error {
	s.process.end()
	// The process ID may belong to another process now.
	for _, name := range []string{s.Socket(), s.Socket() + ".lock"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("start %s again: %w", s.Source, err)
		}
	}
	return s.start(ctx)
}

// URL leads to a database of the server, as its administrator.
func (s *Server) URL(database string) dburl.URL {
	if s.kind.Engine == postgresEngine {
		return dburl.URL{Engine: dburl.Postgres, User: postgresUser, Host: s.folder.path, Port: 5432, Name: database, TLS: dburl.TLSOff}
	}
	return dburl.URL{Engine: dburl.MySQL, User: "root", Host: s.Socket(), Name: database, TLS: dburl.TLSOff}
}

// Socket returns the path of the server's Unix socket, of MariaDB and MySQL.
func (s *Server) Socket() string { return s.folder.file(socketName) }

// Folder returns a folder that is removed with the server.
func (s *Server) Folder(name string) string { return filepath.Join(s.folder.path, name) }

// Stop ends the server at once and removes everything that it had. A second Stop does nothing.
func (s *Server) Stop() error {
	if s.process != nil {
		s.process.end()
	}
	return s.folder.remove()
}
