// Package throwaway starts database servers for one purpose: each has an empty data folder of its own and is reached
// through a Unix socket alone, and nothing of it is left when it has been stopped. Neither is where the program is killed:
// the server ends with the pipe that it was given, and its folder goes with the next start.
package throwaway

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Kind says which server is wanted.
type Kind struct {
	Engine  string // mariadb or mysql
	Version string // its first two parts: "11.8"
	// Image is what a container is made of where this machine has no such server; "" for the official one.
	Image string
}

func (k Kind) String() string { return k.Engine + ":" + k.Version }

// image is what a container is made of.
func (k Kind) image() string {
	if k.Image != "" {
		return k.Image
	}
	return k.String()
}

// Server is a running server. Its user root has no password, and nobody else can reach the socket.
type Server struct {
	// Source says what was started: "mariadbd 10.11.14", "a container of mariadb:11.8".
	Source  string
	kind    Kind
	origin  origin
	folder  *folder
	process *process
}

// How long a server may take until it answers, and to end.
const (
	startPatience = 3 * time.Minute
	stopPatience  = 20 * time.Second
)

// Start starts a server, and returns when it answers. It fails with *NoServerError where there is none of that kind. Note is
// told in one line what takes long.
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
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) (err error) {
	if s.process, err = startProcess(ctx, s.origin.command(s.folder.path), s.folder.file("log")); err != nil {
		return fmt.Errorf("start %s: %w", s.Source, err)
	}
	s.process.remove = s.origin.remove
	ready, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	version, err := s.await(ready)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("start %s: %w%s", s.Source, err, s.lastWords())
	}
	if !s.kind.fits(version) {
		return &NoServerError{Kind: s.kind, Reasons: []string{s.Source + " is a server of version " + version}}
	}
	return nil
}

// fits says whether what a server says of its version is this kind's.
func (k Kind) fits(version string) bool {
	return strings.HasPrefix(version, k.Version+".") && strings.Contains(strings.ToLower(version), "mariadb") == (k.Engine == "mariadb")
}

// await returns the server's version when it answers.
func (s *Server) await(ctx context.Context) (version string, err error) {
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr = "root", "unix", s.Socket()
	config.Logger = &mysql.NopLogger{} // it would report every try
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return "", err
	}
	pool := sql.OpenDB(connector)
	defer pool.Close()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = pool.QueryRowContext(ctx, "SELECT CONCAT(VERSION(), ' ', @@version_comment)").Scan(&version); err == nil {
			return version, nil
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

// lastWords is what the server's log ends with.
func (s *Server) lastWords() string {
	const most = 600
	text, err := os.ReadFile(s.folder.file("log"))
	if said := strings.TrimSpace(string(text)); err == nil && said != "" {
		return "; its log ends: …" + said[max(0, len(said)-most):]
	}
	return ""
}

// Crash ends the server at once, as a machine does that loses power, but for what the kernel still had to write, and starts it again
// with the data that it had.
func (s *Server) Crash(ctx context.Context) error {
	s.process.end()
	// A process of the same number may be somebody else's now.
	for _, name := range []string{s.Socket(), s.Socket() + ".lock"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("start %s again: %w", s.Source, err)
		}
	}
	return s.start(ctx)
}

// Socket is the path of the server's Unix socket.
func (s *Server) Socket() string { return s.folder.file(socketName) }

// Folder gives a folder that goes with the server.
func (s *Server) Folder(name string) string { return filepath.Join(s.folder.path, name) }

// Stop ends the server at once, and removes all that it had. A second Stop does nothing.
func (s *Server) Stop() error {
	if s.process != nil {
		s.process.end()
	}
	return s.folder.remove()
}
