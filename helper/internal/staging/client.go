package staging

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// version is a program's or server's version, for comparisons.
type version struct{ major, minor, patch int }

var versionText = regexp.MustCompile(`(\d+)(?:\.(\d+))?(?:\.(\d+))?`)

// parseVersion reads the first version in a text; ok is false if there is none.
func parseVersion(text string) (v version, ok bool) {
	found := versionText.FindStringSubmatch(text)
	if found == nil {
		return version{}, false
	}
	v.major, _ = strconv.Atoi(found[1])
	v.minor, _ = strconv.Atoi(found[2])
	v.patch, _ = strconv.Atoi(found[3])
	return v, true
}

func (v version) less(w version) bool {
	if v.major != w.major {
		return v.major < w.major
	}
	if v.minor != w.minor {
		return v.minor < w.minor
	}
	return v.patch < w.patch
}

// findPrograms gives the paths of the programs of a name: of PATH first, in its order, then of
// folders, which may hold wildcards and where packages lie that do not put themselves into PATH.
func findPrograms(name string, folders []string) []string {
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

// ask runs a program that answers at once, such as with --version, and gives its standard output.
func ask(ctx context.Context, path string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = clientEnvironment()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("run %s %s: %w", path, strings.Join(args, " "), err)
	}
	return string(out), nil
}

// systemCertificates gives the file with the authorities that the system trusts, for clients that
// have to be told; empty if it is at none of the usual places.
func systemCertificates() string {
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
