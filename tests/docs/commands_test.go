package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hostCommands = "../../commands/host"

// verbs maps the host commands to the program's commands.
var verbs = map[string]string{"pull-latest-dump": "pull", "refresh-dump": "refresh", "list-dumps": "list", "dump-doctor": "doctor", "dump-scan": "scan"}

// documented is a flag in DDEV's format for host commands.
type documented struct{ Name, Type, Usage string }

// commandFlags returns the flags that a host command documents.
func commandFlags(t *testing.T, command string) []documented {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(hostCommands, command))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^## Flags: (.*)$`).FindSubmatch(text)
	if match == nil {
		t.Fatalf("%s has no line ## Flags:", command)
	}
	var flags []documented
	if err := json.Unmarshal(match[1], &flags); err != nil {
		t.Fatalf("the flags of %s: %v", command, err)
	}
	return flags
}

// TestHostCommandsDocumentTheFlagsOfTheProgram compares the flags, and whether they take a value, with those of the
// program's command. DDEV refuses an undocumented flag.
func TestHostCommandsDocumentTheFlagsOfTheProgram(t *testing.T) {
	helper, err := build()
	if err != nil {
		t.Fatal(err)
	}
	for command, verb := range verbs {
		inCommand := map[string]bool{}
		for _, flag := range commandFlags(t, command) {
			inCommand["--"+flag.Name] = flag.Type == "string"
		}
		help, err := exec.CommandContext(t.Context(), helper, verb, "--help").Output()
		if err != nil {
			t.Fatal(err)
		}
		inProgram := map[string]bool{}
		for _, match := range regexp.MustCompile(`(?m)^ {3}(--[a-z-]+)( [A-Z]+=?)?`).FindAllStringSubmatch(string(help), -1) {
			if match[1] != "--help" && match[1] != "--project" {
				inProgram[match[1]] = match[2] != ""
			}
		}
		if diff := cmp.Diff(inProgram, inCommand); diff != "" {
			t.Errorf("flags of dump-helper %s (-) and of %s (+), true if they take a value:\n%s", verb, command, diff)
		}
	}
}
