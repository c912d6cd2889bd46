package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ticksPerSecond is the unit in which Linux reports CPU time to every program.
const ticksPerSecond = 100

// processorSeconds returns the CPU time so far of this process and all its descendants, including those that have ended.
func processorSeconds() float64 {
	parents, ticks := map[int]int{}, map[int]float64{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// The name is in parentheses and may contain anything.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		parents[pid], _ = strconv.Atoi(fields[1])
		for _, field := range fields[11:15] { // user and system time, its own and that of its ended children
			n, _ := strconv.ParseFloat(field, 64)
			ticks[pid] += n
		}
	}
	sum := 0.0
	for pid := range ticks {
		for p := pid; p > 1; p = parents[p] {
			if p == os.Getpid() && pid != p {
				sum += ticks[pid] / ticksPerSecond
			}
		}
	}
	var dead syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &dead)
	return sum + seconds(dead.Utime) + seconds(dead.Stime)
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
