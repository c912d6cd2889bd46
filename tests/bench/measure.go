package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// cost is the cost of one command.
type cost struct {
	// Seconds on the clock.
	Wall float64 `json:"wall_seconds"`
	// CPU is the CPU time of the command and its descendants, ServerCPU that of the database server meanwhile.
	CPU       float64 `json:"cpu_seconds"`
	ServerCPU float64 `json:"server_cpu_seconds"`
	// Peak is the highest resident memory of the command's biggest process, as the kernel counts it.
	Peak int64 `json:"peak_bytes"`
	// TreePeak is the highest sum over the processes that ran at the same time, each with its own peak until then. Shared memory counts
	// more than once.
	TreePeak int64 `json:"tree_peak_bytes"`
	// Stored is the size of the objects in S3 afterwards.
	Stored int64 `json:"stored_bytes,omitempty"`
	// Moved is how many bytes were sent to S3, or fetched from it.
	Moved int64 `json:"moved_bytes,omitempty"`
}

// measure runs a command line with bash, to its end.
func measure(ctx context.Context, environ []string, dir, line string) (cost, error) {
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", line)
	var complaints bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stderr = environ, dir, &complaints
	// All parts of a pipeline get the signal that ends it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, fmt.Errorf("start bash: %w", err)
	}
	ended, watched := make(chan struct{}), make(chan int64, 1)
	go func() { watched <- watchTree(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	wall := time.Since(start)
	close(ended)
	treePeak := <-watched
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w\n%s", line, err, bytes.TrimSpace(complaints.Bytes()))
	}
	peak := int64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) * 1024
	return cost{
		Wall: wall.Seconds(),
		// They include those of the children: wait4 adds the times of the processes that a process waited for.
		CPU:      (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		Peak:     peak,
		TreePeak: max(peak, treePeak),
	}, nil
}

// watchTree follows a process and its descendants until ended is closed, and returns their highest memory together.
func watchTree(pid int, ended <-chan struct{}) int64 {
	most := int64(0)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		sum := int64(0)
		for _, p := range tree(pid) {
			sum += highWater(p)
		}
		most = max(most, sum)
		select {
		case <-ended:
			return most
		case <-tick.C:
		}
	}
}

// medians returns the median of each figure.
func medians(costs []cost) cost {
	return cost{
		Wall:      median(costs, func(c cost) float64 { return c.Wall }),
		CPU:       median(costs, func(c cost) float64 { return c.CPU }),
		ServerCPU: median(costs, func(c cost) float64 { return c.ServerCPU }),
		Peak:      int64(median(costs, func(c cost) float64 { return float64(c.Peak) })),
		TreePeak:  int64(median(costs, func(c cost) float64 { return float64(c.TreePeak) })),
		Stored:    int64(median(costs, func(c cost) float64 { return float64(c.Stored) })),
		Moved:     int64(median(costs, func(c cost) float64 { return float64(c.Moved) })),
	}
}

func median(costs []cost, field func(cost) float64) float64 {
	values := make([]float64, len(costs))
	for i, c := range costs {
		values[i] = field(c)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func (c cost) String() string {
	return fmt.Sprintf("%7.2f s, CPU %6.2f s and the server's %6.2f s, %4d MiB, all processes %4d MiB",
		c.Wall, c.CPU, c.ServerCPU, c.Peak>>20, c.TreePeak>>20)
}
