package throwaway

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// programs are what a server is started by, as a shell finds them.
type programs struct {
	install, server string
}

// script prepares an empty data folder and becomes the server. Root says that it runs as root.
func script(p programs, folder string, root bool) string {
	data, tmp := filepath.Join(folder, dataName), filepath.Join(folder, tmpName)
	var user []string
	if root {
		user = []string{"--user=root"}
	}
	places := append([]string{"--datadir=" + data, "--tmpdir=" + tmp}, user...)
	install := command(p.install, []string{"--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"}, places)
	return install + " && exec " + command(p.server, serverWords(folder), places)
}

// serverWords are for a server whose data nobody needs after a crash. What decides over the files of tables is as in the
// servers of DDEV.
func serverWords(folder string) []string {
	return []string{
		"--no-defaults",
		"--socket=" + filepath.Join(folder, socketName),
		"--pid-file=" + filepath.Join(folder, "pid"),
		"--skip-networking",
		"--secure-file-priv=",
		"--event-scheduler=OFF", // or the site's events would run
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
		"--loose-innodb-log-file-size=256M",
		"--loose-aria-pagecache-buffer-size=8M",
	}
}

// command is a shell's command of a program, which is written as the shell needs it, and words.
func command(program string, lists ...[]string) string {
	var text strings.Builder
	text.WriteString(program)
	for _, word := range slices.Concat(lists...) {
		text.WriteString(" " + quote(word))
	}
	return text.String()
}

// quote writes a word for a shell.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// The bounds of a buffer pool, in bytes.
const (
	leastPool = 128 << 20
	mostPool  = 2 << 30
)

// bufferPool is a quarter of the memory that is free, in bytes.
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
