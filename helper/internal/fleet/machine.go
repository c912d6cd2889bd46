package fleet

import (
	"bufio"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// The memory that a process needs: by itself, and for each running refresh. Measured by `make fleet-acceptance`.
const (
	baseMemory    = 60 << 20
	refreshMemory = 120 << 20
)

// Complete fills in the limits that are 0: as many refreshes as keep this machine's processors busy (each also waits for
// staging and the network) and fit into its memory.
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

// usualMemory is assumed if the machine does not say what it has.
const usualMemory = 2 << 30

// availableMemory is the memory, in bytes, that the machine or the container has left for this process.
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
