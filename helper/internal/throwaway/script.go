package throwaway

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// programs are the programs that start a server, as a shell finds them.
type programs struct {
	engine  string
	install string // fills the data folder; "" if the server does this itself
	server  string
}

// script prepares the data folder if it is empty, and becomes the server. root means that it runs as root.
func script(p programs, folder string, root bool) string {
	data, tmp := filepath.Join(folder, dataName), filepath.Join(folder, tmpName)
	var user []string
	if root {
		user = []string{"--user=root"}
	}
	places := append([]string{"--datadir=" + data, "--tmpdir=" + tmp}, user...)
	install := command(p.install, []string{"--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"}, places)
	if p.install == "" {
		install = command(p.server, []string{"--no-defaults", "--initialize-insecure"}, withoutKeys, places)
	}
	filled := quote(filepath.Join(data, "ibdata1"))
	return "{ test -e " + filled + " || " + install + "; } && exec " + command(p.server, serverArguments(p.engine, folder), places)
}

// serverArguments are for a server whose data is not needed after a crash. The settings that affect the files of tables are
// those of DDEV's servers.
func serverArguments(engine, folder string) []string {
	words := []string{
		"--no-defaults",
		"--socket=" + filepath.Join(folder, socketName),
		"--pid-file=" + filepath.Join(folder, "pid"),
		"--skip-networking",
		"--secure-file-priv=",
		"--event-scheduler=OFF", // otherwise the site's events would run
		"--character-set-server=utf8mb4",
		"--max-allowed-packet=1G",
		"--innodb-page-size=16k",
		"--innodb-file-per-table=1",
		"--innodb-buffer-pool-size=" + strconv.FormatInt(bufferPool(), 10),
		"--innodb-flush-log-at-trx-commit=0",
		"--innodb-doublewrite=0",
		"--innodb-buffer-pool-dump-at-shutdown=0",
		"--innodb-buffer-pool-load-at-startup=0",
		// Not every version has these.
		"--loose-skip-log-bin",
		"--loose-performance-schema=OFF",
		"--loose-innodb-flush-method=nosync",
	}
	if engine == "mysql" {
		words = append(words, withoutKeys...)
		return append(words, "--loose-mysqlx=OFF", "--loose-innodb-redo-log-capacity=512M")
	}
	return append(words, "--loose-innodb-log-file-size=256M", "--loose-aria-pagecache-buffer-size=8M")
}

// withoutKeys are for a MySQL server that makes no keys for network connections, which would take a while.
var withoutKeys = []string{
	"--loose-auto-generate-certs=OFF", "--loose-caching-sha2-password-auto-generate-rsa-keys=OFF", "--loose-sha256-password-auto-generate-rsa-keys=OFF",
}

// command returns a shell command of a program, which is already quoted, and arguments.
func command(program string, lists ...[]string) string {
	var text strings.Builder
	text.WriteString(program)
	for _, word := range slices.Concat(lists...) {
		text.WriteString(" " + quote(word))
	}
	return text.String()
}

// quote quotes an argument for a shell.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// The bounds of a buffer pool, in bytes.
const (
	leastPool = 128 << 20
	mostPool  = 2 << 30
)

// bufferPool is a quarter of the free memory, in bytes.
func bufferPool() int64 {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "MemAvailable:" {
			kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
			pool := min(max(kilobytes<<10/4, leastPool), mostPool)
			return pool - pool%leastPool
		}
	}
	return 4 * leastPool
}
