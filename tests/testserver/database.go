package testserver

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

func databaseURL(scheme, user, password string, port int, database string) string {
	u := url.URL{Scheme: scheme, User: url.User(user), Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/" + database}
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// shorten shortens a statement for an error.
func shorten(statement string) string {
	const limit = 120
	if len(statement) > limit {
		return statement[:limit] + "…"
	}
	return statement
}

// socketPath returns dir/name. If that is too long for a Unix socket, it returns a path in a folder of its own, which cleanup
// removes.
func socketPath(dir, name string) (path string, cleanup func(), err error) {
	const limit = 100
	if path = filepath.Join(dir, name); len(path) <= limit {
		return path, nil, nil
	}
	short, err := os.MkdirTemp("", "dump-socket-")
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(short, name), func() { _ = os.RemoveAll(short) }, nil
}
