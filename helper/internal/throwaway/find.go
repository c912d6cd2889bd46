package throwaway

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// origin is what a server is started from.
type origin struct {
	name string
	// command starts a server whose files are in a folder.
	command func(folder string) []string
	// as is the account that it runs as, nil for the caller's.
	as *account
	// remove removes what a killed command leaves; nil if it leaves nothing.
	remove func(context.Context)
}

// find looks for a server on this machine, then, except for PostgreSQL, for one in a container.
func find(ctx context.Context, kind Kind, note func(string)) (origin, error) {
	if kind.Engine == postgresEngine {
		found, reasons := findPostgres(ctx, kind)
		if found.command == nil {
			return origin{}, noServer(ctx, kind, reasons)
		}
		return found, nil
	}
	if kind.Image == "" {
		found, reasons := findProgram(ctx, kind)
		if found.command != nil {
			return found, nil
		}
		container, reason := findImage(ctx, kind, note)
		if container.command != nil {
			return container, nil
		}
		return origin{}, noServer(ctx, kind, append(reasons, reason))
	}
	// If the user names an image, only that one counts.
	container, reason := findImage(ctx, kind, note)
	if container.command == nil {
		return origin{}, noServer(ctx, kind, []string{reason})
	}
	return container, nil
}

func noServer(ctx context.Context, kind Kind, reasons []string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &NoServerError{Kind: kind, Reasons: reasons}
}

// elsewhere are folders of servers that are not on an ordinary user's PATH.
var elsewhere = []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin"}

// versionOf finds the version in a server's output.
var versionOf = regexp.MustCompile(`Ver ([0-9]+\.[0-9]+\.[0-9]+)`)

// findProgram looks for a server on this machine. If there is none of that kind, the reasons say which there are.
func findProgram(ctx context.Context, kind Kind) (found origin, reasons []string) {
	var seen []string
	for _, name := range []string{"mariadbd", "mysqld"} {
		for _, path := range paths(name) {
			output, err := exec.CommandContext(ctx, path, "--no-defaults", "--version").Output()
			match := versionOf.FindSubmatch(output)
			if err != nil || match == nil {
				continue
			}
			engine := string(mysql.FlavourOfProgram(string(output)))
			text := string(match[1])
			if v, _ := version.Parse(text); engine != kind.Engine || v.Series() != kind.Version {
				if is := engine + " " + text; !slices.Contains(seen, is) {
					seen = append(seen, is)
					reasons = append(reasons, "this machine has "+is)
				}
				continue
			}
			p := programs{engine: engine, server: quote(path)}
			if engine == "mariadb" {
				install := paths("mariadb-install-db")
				if len(install) == 0 {
					return origin{}, []string{"there is " + path + ", but no mariadb-install-db"}
				}
				p.install = quote(install[0])
			}
			return origin{name: filepath.Base(path) + " " + text, command: func(folder string) []string {
				return []string{"/bin/sh", "-c", supervised(script(p, folder, os.Geteuid() == 0))}
			}}, nil
		}
	}
	if len(reasons) == 0 {
		reasons = []string{"this machine has no database server of its own"}
	}
	return origin{}, reasons
}

// paths returns the paths of a program, each once: MariaDB may have a program with the name of MySQL's.
func paths(name string) []string {
	var all []string
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), elsewhere...) {
		path, err := exec.LookPath(filepath.Join(folder, name))
		if err == nil && filepath.IsAbs(path) && !slices.Contains(all, path) {
			all = append(all, path)
		}
	}
	return all
}

// complaint returns the first line that a failed program printed.
func complaint(err error) string {
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		if line, _, _ := strings.Cut(strings.TrimSpace(string(failed.Stderr)), "\n"); line != "" {
			return line
		}
	}
	return err.Error()
}
