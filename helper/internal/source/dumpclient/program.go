// Package dumpclient finds the official dump clients, and ends them where somebody waits for their locks.
package dumpclient

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ClientEnvironment is what a dump client gets to see: nothing that steers it, and no secret that is
// not its own. Its messages are in English, since they are read.
func ClientEnvironment(more ...string) []string {
	env := []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, more...)
}

// FindPrograms gives the paths of the programs of a name: of PATH first, in its order, then of
// folders, which may hold wildcards and where packages lie that do not put themselves into PATH.
func FindPrograms(name string, folders []string) []string {
	var paths []string
	seen := map[string]bool{}
	add := func(path string) {
		stat, err := os.Stat(path)
		if err != nil || stat.IsDir() || stat.Mode()&0o111 == 0 {
			return
		}
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			real = path
		}
		// Debian's pg_dump is one script under many names: what counts is what is called.
		if key := real + "\x00" + filepath.Base(path); !seen[key] {
			seen[key] = true
			paths = append(paths, path)
		}
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if folder != "" {
			add(filepath.Join(folder, name))
		}
	}
	for _, folder := range folders {
		found, _ := filepath.Glob(filepath.Join(folder, name))
		for _, path := range found {
			add(path)
		}
	}
	return paths
}

// Ask runs a program that answers at once, such as with --version, and gives its standard output.
func Ask(ctx context.Context, path string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = ClientEnvironment()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("run %s %s: %w", path, strings.Join(args, " "), err)
	}
	return string(out), nil
}

// SystemCertificates gives the file with the authorities that the system trusts, for clients that
// have to be told; empty if it is at none of the usual places.
func SystemCertificates() string {
	for _, path := range []string{
		os.Getenv("SSL_CERT_FILE"),
		"/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine
		"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
		"/etc/ssl/ca-bundle.pem",             // openSUSE
		"/etc/ssl/cert.pem",                  // macOS, BSD
	} {
		if _, err := os.Stat(path); path != "" && err == nil {
			return path
		}
	}
	return ""
}
