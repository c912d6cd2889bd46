package fleet

import (
	"bufio"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// What a process needs: at rest, and for each refresh that runs. Measured by `make fleet-acceptance`.
const (
	baseMemory    = 60 << 20
	refreshMemory = 120 << 20
)

// Complete fills in what is 0, by what this machine has: as many refreshes at once as keep its processors busy (each
// waits for staging and for the network, too) and as its memory holds.
func (l Limits) Complete() Limits {
	if l.Memory == 0 {
		l.Memory = availableMemory() / 2
	}
	if l.Parallel == 0 {
		l.Parallel = min(2*runtime.GOMAXPROCS(0), max(1, int((l.Memory-baseMemory)/refreshMemory)))
	}
	if l.PerHost == 0 {
		l.PerHost = defaultPerHost
	}
	return l
}

// usualMemory is assumed where the machine does not say what it has.
const usualMemory = 2 << 30

// availableMemory is what the machine, or the container, has left for this process, in bytes.
func availableMemory() int64 {
	available := int64(usualMemory)
	if file, err := os.Open("/proc/meminfo"); err == nil {
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "MemAvailable:" {
				if n, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
					available = n << 10
				}
			}
		}
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n < math.MaxInt64 {
			available = min(available, n)
		}
	}
	return available
}
