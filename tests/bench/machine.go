package main

import (
	"context"
	"debug/buildinfo"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// machine is the machine that was measured.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory int64  `json:"memory_bytes"`
	System string `json:"system"`
	Kernel string `json:"kernel"`
}

func thisMachine() machine {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	m := machine{
		CPU: procField("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Kernel: strings.TrimSpace(string(kernel)),
	}
	kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	m.Memory = kilobytes * 1024
	release, _ := os.ReadFile("/etc/os-release")
	for line := range strings.Lines(string(release)) {
		if name, found := strings.CutPrefix(line, "PRETTY_NAME="); found {
			m.System = strings.Trim(name, "\"\n") + ", " + m.System
		}
	}
	return m
}

// neededPrograms are the programs of the command lines that a machine may lack.
var neededPrograms = []string{
	"dump-helper", "mariadb-dump", "mariadb", "mydumper", "myloader", "dumpling", "pg_dump", "pg_restore", "psql",
	"gzip", "zstd", "aws", "s5cmd",
}

// program is a program that took part.
type program struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// programs asks all programs for their versions.
func programs(ctx context.Context, s3Server string) []program {
	var list []program
	for _, name := range append([]string{"mariadbd", s3Server}, neededPrograms...) {
		list = append(list, program{name, version(ctx, name)})
	}
	return list
}

// version returns the version of a Go program's module, or the first line of what a program prints about itself.
func version(ctx context.Context, name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return "unknown"
	}
	ask := "--version"
	if name == ours {
		ask = "version"
	} else if info, err := buildinfo.ReadFile(path); err == nil {
		return info.Main.Version
	}
	output, err := exec.CommandContext(ctx, path, ask).Output()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(output), "\n")
	// Some print their own path.
	return strings.Trim(strings.ReplaceAll(line, path, name), " *")
}
