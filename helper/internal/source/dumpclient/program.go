// Package dumpclient finds the official dump clients, and stops them when another session waits for their locks.
package dumpclient

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ClientEnvironment returns the environment for a dump client: no variable that changes what the client does, and no
// secrets except its own. It sets the language to English, because this program parses the client's messages.
func ClientEnvironment(more ...string) []string {
	env := []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, more...)
}

// FindPrograms returns the paths of all programs with a name: first those in PATH, in its order, then those in folders.
// The folders may contain wildcards; they are for packages that do not add themselves to PATH.
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
		// Debian installs one wrapper script under many names, such as pg_dump, and the script acts on its own name.
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

// Ask runs a program that answers at once, for example with --version, and returns its standard output.
func Ask(ctx context.Context, path string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = ClientEnvironment()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("run %s %s: %w", path, strings.Join(args, " "), err)
	}
	return string(out), nil
}

// SystemCertificates returns the file with the certificate authorities that the system trusts, for clients that do not
// find it themselves. It returns "" if the file is in none of the usual places.
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
