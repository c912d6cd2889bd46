package docs_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// TestDevContainerHasThePackagesOfTheTests compares the development container with what `make packages` installs.
func TestDevContainerHasThePackagesOfTheTests(t *testing.T) {
	continued := func(text string) string { return strings.ReplaceAll(text, "\\\n", " ") }
	packages := func(file, pattern string) []string {
		match := regexp.MustCompile(pattern).FindStringSubmatch(continued(read(t, file)))
		if match == nil {
			t.Fatalf("%s has no %s", file, pattern)
		}
		found := strings.Fields(match[1])
		slices.Sort(found)
		return found
	}
	want := packages("../../Makefile", `(?m)^packages:.*\n\t@tests/packages\.sh (.*)$`)
	got := packages("../../.devcontainer/Dockerfile", `apt-get install -y --no-install-recommends(.*?)&&`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages of make packages (-) and of .devcontainer/Dockerfile (+):\n%s", diff)
	}
	var container struct {
		Build             struct{ Dockerfile string }
		PostCreateCommand string
	}
	if err := json.Unmarshal([]byte(read(t, "../../.devcontainer/devcontainer.json")), &container); err != nil {
		t.Fatal(err)
	}
	if container.Build.Dockerfile != "Dockerfile" || !strings.Contains(container.PostCreateCommand, "make tools") {
		t.Errorf("devcontainer.json: %+v", container)
	}
	base := regexp.MustCompile(`golang:\S+-bookworm`)
	if in, ci := base.FindString(read(t, "../../.devcontainer/Dockerfile")), base.FindString(read(t, "../../.github/workflows/test.yml")); in != ci {
		t.Errorf("the image to develop in begins with %q, that of continuous integration is %q", in, ci)
	}
}

// TestMakeHelpListsTheTargets compares the output of make help with the targets.
func TestMakeHelpListsTheTargets(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "make", "--no-print-directory", "--directory", root, "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	phony := regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindStringSubmatch(read(t, "../../Makefile"))
	want := strings.Fields(phony[1])
	slices.Sort(want)
	got := list(string(output), `(?m)^make ([a-z-]+) +\S`)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-) and what make help lists (+):\n%s\n%s", diff, output)
	}
	for target := range names(read(t, "../../CONTRIBUTING.md"), "`?make ([a-z][a-z-]+)`? ") {
		if !slices.Contains(want, target) && target != "mariadb" { // a list of packages has a target of its own
			t.Errorf("CONTRIBUTING.md has make %s, which is not there", target)
		}
	}
}

// TestIssueTemplatesAreForms checks what GitHub requires of a form: a name, a description, parts of known types, and unique
// ids.
func TestIssueTemplatesAreForms(t *testing.T) {
	files, err := filepath.Glob("../../.github/ISSUE_TEMPLATE/*.yml")
	if err != nil || len(files) != 3 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		if filepath.Base(file) == "config.yml" {
			continue
		}
		var form struct {
			Name, Description string
			Labels            []string
			Body              []struct {
				Type, ID    string
				Attributes  struct{ Label, Description, Placeholder, Render, Value string }
				Validations struct{ Required bool }
			}
		}
		decoder := yaml.NewDecoder(strings.NewReader(read(t, file)))
		decoder.KnownFields(true)
		if err := decoder.Decode(&form); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		seen := map[string]bool{}
		for _, part := range form.Body {
			switch {
			case part.Type == "markdown" && part.Attributes.Value != "":
			case part.Type != "textarea" && part.Type != "input", part.Attributes.Label == "", part.ID == "", seen[part.ID]:
				t.Errorf("%s: %+v", file, part)
			}
			seen[part.ID] = true
		}
		if form.Name == "" || form.Description == "" || len(form.Body) == 0 {
			t.Errorf("%s: %+v", file, form)
		}
	}
}
