package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSmallFleet is the acceptance test with a fleet that takes seconds. It checks everything except the times.
func TestSmallFleet(t *testing.T) {
	helper := filepath.Join(t.TempDir(), "dump-helper")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", helper, "../../helper").CombinedOutput(); err != nil {
		t.Fatalf("build dump-helper: %v\n%s", err, output)
	}
	var out bytes.Buffer
	err := run(t.Context(), options{
		helper: helper, projects: 13, smallest: 1, largest: 6, parallel: 4, memory: "500M", mostMemory: 600 << 20, hang: "2s", out: &out,
	})
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
}
