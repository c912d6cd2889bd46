package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A step of `ddev pull dump-refresh` that fails ends it, so that nothing fails, and is printed, a second time.
func TestProviderStopsAtItsFirstError(t *testing.T) {
	text, err := os.ReadFile("../../../providers/dump-refresh.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var provider map[string]struct{ Command string }
	if err := yaml.Unmarshal(text, &provider); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ddev := filepath.Join(dir, "ddev")
	if err := os.WriteFile(ddev, []byte("#!/bin/bash\necho \"error: $*\"\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for step, want := range map[string]string{"db_pull_command": "error: pull-latest-dump --dry-run\n", "db_import_command": "error: pull-latest-dump\n"} {
		// DDEV puts its own environment before the command, on the same line.
		command := exec.CommandContext(t.Context(), "bash", "-c", "export X=y; "+provider[step].Command)
		command.Env = append(os.Environ(), "DDEV_EXECUTABLE="+ddev, "DDEV_APPROOT="+dir, "DDEV_VERSION=v1.25.3")
		said, err := command.CombinedOutput()
		if err == nil || string(said) != want {
			t.Errorf("%s: %v, it printed %q", step, err, said)
		}
		if entries, _ := filepath.Glob(filepath.Join(dir, "*")); len(entries) != 1 {
			t.Errorf("%s left %s", step, strings.Join(entries, " "))
		}
	}
}
