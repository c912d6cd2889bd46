package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cost is what one command took.
type cost struct {
	Wall float64 `json:"wall_seconds"`
	// CPU is that of the command and all processes it started and waited for.
	CPU float64 `json:"cpu_seconds"`
	// Peak is the highest resident memory of the command's biggest process, as the kernel counted it.
	Peak int64 `json:"peak_bytes"`
	// TreePeak is the sum of the highest resident memory of the command and each process it started, as last
	// seen; Own that of the command alone.
	TreePeak int64 `json:"tree_peak_bytes"`
	Own      int64 `json:"own_peak_bytes"`
}

// measure runs a command to its end.
func measure(ctx context.Context, environ []string, dir string, words ...string) (cost, error) {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env, cmd.Dir, cmd.Stderr = environ, dir, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, fmt.Errorf("start %s: %w", words[0], err)
	}
	ended, watched := make(chan struct{}), make(chan map[int]int64, 1)
	go func() { watched <- watchPeaks(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	wall := time.Since(start)
	close(ended)
	peaks := <-watched
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w", words[0], err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	c := cost{
		Wall: wall.Seconds(),
		// Those of the children are in it: wait4 adds what a process had waited for itself.
		CPU:  (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		Peak: int64(usage.Maxrss) * 1024,
		Own:  peaks[cmd.Process.Pid],
	}
	for _, peak := range peaks {
		c.TreePeak += peak
	}
	return c, nil
}

// watchPeaks follows a process and its descendants until ended, and gives the peak of each.
func watchPeaks(pid int, ended <-chan struct{}) map[int]int64 {
	peaks := map[int]int64{}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, p := range tree(pid) {
			if peak := highWater(p); peak > 0 {
				peaks[p] = peak
			}
		}
		select {
		case <-ended:
			return peaks
		case <-tick.C:
		}
	}
}

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

// highWater gives the highest resident memory of a process since its exec, in bytes; 0 if it has ended.
func highWater(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(fields[0], 10, 64)
	return kilobytes * 1024
}
