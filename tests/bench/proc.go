package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tree lists a process and its descendants.
func tree(pid int) []int {
	all := []int{pid}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, tree(child)...)
			}
		}
	}
	return all
}

// highWater returns the highest resident memory of a process since its exec, in bytes; 0 if it has ended.
func highWater(pid int) int64 {
	kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(procField(fmt.Sprintf("/proc/%d/status", pid), "VmHWM"), " kB"), 10, 64)
	return kilobytes * 1024
}

// procField returns the value of the first line NAME: VALUE in a file of the kernel's.
func procField(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// cpuSeconds returns the CPU time of a server so far, with that of its children, also of those that have ended.
func cpuSeconds(pid int) float64 {
	const ticksPerSecond = 100 // the same on every Linux
	ticks := 0
	for _, p := range tree(pid) {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		// The name, in parentheses, may contain anything. utime, stime, cutime and cstime are the 12th to 15th field after it.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) < 15 {
			continue
		}
		for _, field := range fields[11:15] {
			value, _ := strconv.Atoi(field)
			ticks += value
		}
	}
	return float64(ticks) / ticksPerSecond
}

// settle waits until the disk has written everything and the servers are idle, so that no run pays for the one before.
func settle(ctx context.Context, servers ...int) error {
	const patience, interval, idle = 60 * time.Second, 200 * time.Millisecond, 0.02
	syscall.Sync()
	used := func() (seconds float64) {
		for _, pid := range servers {
			seconds += cpuSeconds(pid)
		}
		return seconds
	}
	deadline := time.Now().Add(patience)
	for before := used(); time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
		now := used()
		if now-before <= idle {
			break
		}
		before = now
	}
	return nil
}
