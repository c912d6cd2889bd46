package docs_test

import (
	"errors"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const reference = "../../docs/reference.md"

// update makes the test write the generated tables of docs/reference.md; `make reference` sets it.
var update = flag.Bool("update", false, "write the generated tables of docs/reference.md")

// flagLine is a flag in the program's help: its names and what it does.
var flagLine = regexp.MustCompile(`(?m)^ {3}(--[a-z-]+(?: [A-Z/=]+)?)(?: \[ [^]]* \])?((?:, -[a-z])?) {2,}(.*)$`)

// commonFlags are the flags of every command; those of fleet have no --project.
var commonFlags = []string{"--project", "--set", "--json", "--quiet"}

// A flagRow is a row of a table of flags.
type flagRow struct{ name, row string }

// help returns the flags and subcommands of a command from the program's help.
func help(t *testing.T, verb ...string) (flags []flagRow, below []string) {
	t.Helper()
	text := ask(t, append(slices.Clone(verb), "--help")...)
	for _, match := range flagLine.FindAllStringSubmatch(text, -1) {
		name, _, _ := strings.Cut(match[1], " ")
		if name == "--help" {
			continue
		}
		shown := "`" + match[1] + "`"
		if match[2] != "" {
			shown += ", `" + strings.TrimPrefix(match[2], ", ") + "`"
		}
		flags = append(flags, flagRow{name, "| " + shown + " | " + strings.ReplaceAll(match[3], "|", `\|`) + " |\n"})
	}
	return flags, slices.Sorted(maps.Keys(names(text, `(?m)^   ([a-z]+) {2,}`)))
}

// ask runs the program in a project and returns its output.
func ask(t *testing.T, words ...string) string {
	t.Helper()
	helper, err := build()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, ".ddev"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, ".ddev", "config.yaml"), []byte("name: shop\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), helper, words...)
	cmd.Dir = folder
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("dump-helper %s: %v", strings.Join(words, " "), err)
	}
	return string(output)
}

// flagTables returns the generated tables by command. A command without flags of its own has none.
func flagTables(t *testing.T) (tables map[string]string, verbs []string) {
	t.Helper()
	tables = map[string]string{}
	const head = "| flag | what it does |\n|---|---|\n"
	var describe func(verb ...string)
	describe = func(verb ...string) {
		flags, below := help(t, verb...)
		for _, name := range below {
			if name != "help" {
				describe(append(slices.Clone(verb), name)...)
			}
		}
		if len(below) > 0 || len(verb) == 0 {
			return
		}
		name, own, common := strings.Join(verb, " "), "", ""
		verbs = append(verbs, name)
		for _, flag := range flags {
			if slices.Contains(commonFlags, flag.name) {
				common += flag.row
			} else {
				own += flag.row
			}
		}
		if own != "" {
			tables[name] = head + own
		}
		if verb[0] != "fleet" {
			if before, found := tables["every verb"]; found && before != head+common {
				t.Errorf("dump-helper %s has other common flags than the verbs before:\n%s", name, cmp.Diff(before, head+common))
			}
			tables["every verb"] = head + common
		}
	}
	describe()
	return tables, verbs
}

// generated matches a generated block by its name.
var generated = regexp.MustCompile(`(?s)<!-- generated: ([^>]*) -->\n(.*?)<!-- end -->`)

// TestReferenceHasTheFlagsOfTheProgram compares every table of flags with the program's help, word for word.
func TestReferenceHasTheFlagsOfTheProgram(t *testing.T) {
	text := read(t, reference)
	tables, all := flagTables(t)
	if *update {
		text = generated.ReplaceAllStringFunc(text, func(block string) string {
			name := generated.FindStringSubmatch(block)[1]
			return "<!-- generated: " + name + " -->\n" + tables[name] + "<!-- end -->"
		})
		if err := os.WriteFile(reference, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	there := map[string]string{}
	for _, match := range generated.FindAllStringSubmatch(text, -1) {
		there[match[1]] = match[2]
	}
	if diff := cmp.Diff(tables, there); diff != "" {
		t.Errorf("flags of the program (-) and of docs/reference.md (+); `make reference` writes them:\n%s", diff)
	}
	for _, verb := range all {
		if !strings.Contains(text, "\n### "+verb+"\n") {
			t.Errorf("docs/reference.md has no section ### %s", verb)
		}
	}
}

// TestReferenceHasTheSettingsOfTheProgram compares the names in the order in which the program lists them.
func TestReferenceHasTheSettingsOfTheProgram(t *testing.T) {
	if diff := cmp.Diff(list(ask(t, "settings"), `(?m)^(DUMP_[A-Z0-9_]+) `), list(read(t, reference), "(?m)^\\| `(DUMP_[A-Z0-9_]+)` \\|")); diff != "" {
		t.Errorf("settings of the program (-) and in docs/reference.md (+):\n%s", diff)
	}
	for name := range names(read(t, "../../helper/internal/project/settings.go"), `"(DUMP_[A-Z0-9_]+)"`) {
		if !strings.Contains(read(t, reference), "`"+name+"`") {
			t.Errorf("docs/reference.md does not mention %s", name)
		}
	}
}

// TestReferenceHasTheCommands compares the table of DDEV's commands with their files.
func TestReferenceHasTheCommands(t *testing.T) {
	entries, err := os.ReadDir(hostCommands)
	if err != nil {
		t.Fatal(err)
	}
	inAddOn := map[string]string{}
	for _, entry := range entries {
		inAddOn[entry.Name()] = verbs[entry.Name()]
	}
	inReference := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `ddev ([a-z-]+)` \\| `dump-helper ([a-z]+)` \\|").FindAllStringSubmatch(read(t, reference), -1) {
		inReference[row[1]] = row[2]
	}
	if diff := cmp.Diff(inAddOn, inReference); diff != "" {
		t.Errorf("commands of the add-on and their verbs (-) and in docs/reference.md (+):\n%s", diff)
	}
	for name := range inAddOn {
		if !strings.Contains(read(t, readme), "\n| `ddev "+name+"` | ") {
			t.Errorf("README.md's table of commands lacks ddev %s", name)
		}
	}
}

// TestReferenceHasTheKeysOfFleetYAML compares the table with the keys that the program knows, and lets it read the example.
func TestReferenceHasTheKeysOfFleetYAML(t *testing.T) {
	_, section, found := strings.Cut(read(t, reference), "\n## fleet.yaml\n")
	if !found {
		t.Fatal("docs/reference.md has no section ## fleet.yaml")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	documented := names(section, "(?m)^\\| `([a-z_]+)` \\|")
	known := names(read(t, "../../helper/internal/fleet/configyaml.go"), `(?m)^\t+(?:.*fields\{|known\[)?"([a-z_]+)"(?:\] = |: )`)
	if diff := cmp.Diff(known, documented); diff != "" {
		t.Errorf("keys that the program reads (-) and in docs/reference.md (+):\n%s", diff)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(section)[1]
	for key := range documented {
		if !strings.Contains(example, key+":") {
			t.Errorf("the example of fleet.yaml lacks %s", key)
		}
	}
	helper, err := build()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	plan := func(text string) (string, int) {
		// The example's projects do not exist.
		text = regexp.MustCompile(`(?m)^( *)- git: .*$`).ReplaceAllString(text, "${1}- git: https://127.0.0.1:1/none.git")
		text = strings.ReplaceAll(text, "/srv/projects", t.TempDir())
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), helper, "fleet", "plan", "--file", file)
		cmd.Env = append(os.Environ(), "DUMP_CACHE_DIR="+t.TempDir())
		output, err := cmd.CombinedOutput()
		var failed *exec.ExitError
		if err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		return string(output), cmd.ProcessState.ExitCode()
	}
	if output, code := plan(example); code == 3 || strings.Contains(output, file+":") {
		t.Errorf("the example of fleet.yaml: exit code %d\n%s", code, output)
	}
	if output, code := plan(example + "jittr: 5m\n"); code != 3 || !strings.Contains(output, "unknown key jittr, did you mean jitter?") {
		t.Errorf("an unknown key: exit code %d\n%s", code, output)
	}
}

// TestReferenceHasTheExitCodes compares the table with the constants of the program.
func TestReferenceHasTheExitCodes(t *testing.T) {
	inProgram := list(read(t, "../../helper/internal/cli/errors.go"), `(?m)^\texit[A-Z][A-Za-z]* += (\d+)`)
	if len(inProgram) == 0 {
		t.Fatal("no exit codes found in the program")
	}
	inProgram = append(inProgram, "143") // the system's, for a process that a signal ends
	if diff := cmp.Diff(inProgram, list(read(t, reference), `(?m)^\| (\d+) \|`)); diff != "" {
		t.Errorf("exit codes of the program (-) and in docs/reference.md (+):\n%s", diff)
	}
}

// TestReadmeIsShort keeps the README short enough to be read in two minutes.
func TestReadmeIsShort(t *testing.T) {
	if words := len(strings.Fields(read(t, readme))); words < 600 || words > 800 {
		t.Errorf("README.md has %d words, 600 to 800 are wanted; details go to docs", words)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// list returns all matches of a pattern's first group, in order.
func list(text, pattern string) []string {
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

func names(text, pattern string) map[string]bool {
	found := map[string]bool{}
	for _, name := range list(text, pattern) {
		found[name] = true
	}
	return found
}
