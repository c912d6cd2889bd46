package project

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

var update = flag.Bool("update", false, "write docs/presets.md")

const presetsDocument = "../../../docs/presets.md"

// TestMaskPresets tries each rule of each preset on a column of the kind that its CMS has.
func TestMaskPresets(t *testing.T) {
	kinds := map[string]mask.Kind{"date": mask.Date, "json": mask.JSON, "serialized": mask.Binary}
	for _, name := range maskPresetNames() {
		groups, found := readMaskPreset(name)
		for _, group := range groups {
			if group.Why == "" {
				t.Errorf("%s: a group has no reason", name)
			}
		}
		seen := map[string]bool{}
		for _, rule := range found {
			column := mask.Column{Kind: mask.Text, Nullable: true, Characters: 128}
			if kind, ok := kinds[rule.Spec.Name]; ok {
				column = mask.Column{Kind: kind, Nullable: true}
			}
			if _, err := mask.New(mask.NewKey(secret.New("k")), rule.Spec, column); err != nil {
				t.Errorf("%s: %s: %v", name, rule.Column, err)
			}
			if rule.When == nil && seen[rule.Column] {
				t.Errorf("%s: %s is there twice", name, rule.Column)
			}
			seen[rule.Column] = true
			if !rule.Preset || rule.Origin != "preset "+name {
				t.Errorf("%s: %+v", name, rule)
			}
		}
	}
}

// A preset is used where the rules say so, and rules of the project come after it.
func TestMaskPresetIsSwitchedOn(t *testing.T) {
	columns := func(projectType, text string) (all []string) {
		p := load(t, Options{Dir: write(t, map[string]string{"config.yaml": "type: " + projectType, "dump-refresh/rules.yaml": text})})
		for _, rule := range p.Rules.Columns {
			if strings.HasPrefix(rule.Column, "users_field_data.pass") || !rule.Preset {
				all = append(all, rule.Origin+": "+rule.Column+": "+rule.Spec.Name+" "+rule.Spec.Format)
			}
		}
		return all
	}
	if got := columns("drupal11", ""); got != nil {
		t.Errorf("without being asked: %s", got)
	}
	for _, test := range []struct {
		projectType, rules string
		want               []string
	}{
		{"drupal11", "columns: {a.b: text}\nmask: preset\n", []string{"preset drupal: users_field_data.pass: password drupal", ".ddev/dump-refresh/rules.yaml:1: a.b: text "}},
		{"drupal9", "mask: preset\n", []string{"preset drupal: users_field_data.pass: password drupal", "preset drupal9: users_field_data.pass: password drupal7"}},
		{"php", "mask: drupal\n", []string{"preset drupal: users_field_data.pass: password drupal"}},
	} {
		if diff := cmp.Diff(test.want, columns(test.projectType, test.rules)); diff != "" {
			t.Errorf("%s: %s", test.rules, diff)
		}
	}
}

// maskPresetNames are the names of all files.
func maskPresetNames() []string {
	used := map[string]bool{}
	for _, files := range maskPresets {
		for _, file := range files {
			used[file] = true
		}
	}
	return slices.Sorted(maps.Keys(used))
}

// TestPresetsDocument compares docs/presets.md with the presets; -update writes it.
func TestPresetsDocument(t *testing.T) {
	content, err := os.ReadFile(presetsDocument)
	if err != nil {
		t.Fatal(err)
	}
	const begin = "<!-- generated -->\n"
	text, was, ok := strings.Cut(string(content), begin)
	if !ok {
		t.Fatalf("%s has no line %s", presetsDocument, begin)
	}
	var list strings.Builder
	for _, name := range maskPresetNames() {
		fmt.Fprintf(&list, "\n## %s\n\n| columns | masker | why |\n|---|---|---|\n", name)
		groups, _ := readMaskPreset(name)
		for _, group := range groups {
			for i, line := range groupLines(group) {
				why := group.Why
				if i > 0 {
					why = ""
				}
				fmt.Fprintf(&list, "| %s | %s |\n", line, why)
			}
		}
	}
	if *update {
		if err := os.WriteFile(presetsDocument, []byte(text+begin+list.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(list.String(), was); diff != "" {
		t.Errorf("docs/presets.md differs from the presets (go test ./helper/internal/project -run TestPresetsDocument -update writes it):\n%s", diff)
	}
}

// groupLines has the columns and maskers of a group, with columns of one table that are masked alike in one line.
func groupLines(group maskGroup) (lines []string) {
	type key struct{ table, masker string }
	var order []key
	columns := map[key][]string{}
	found, _ := columnRules(entry{key: "columns", value: &group.Columns}, origin{})
	for _, rule := range found {
		point := strings.LastIndexByte(rule.Column, '.')
		k := key{rule.Column[:point], describeMasker(rule)}
		if columns[k] == nil {
			order = append(order, k)
		}
		columns[k] = append(columns[k], rule.Column[point+1:])
	}
	for _, k := range order {
		lines = append(lines, fmt.Sprintf("`%s`: `%s` | %s", k.table, strings.Join(columns[k], "`, `"), k.masker))
	}
	return lines
}

// describeMasker names a rule's masker with its options.
func describeMasker(rule rules.Rule) string {
	text := "`" + rule.Spec.Name + "`"
	for _, option := range []string{rule.Spec.Part, rule.Spec.Format} {
		if option != "" {
			text += " " + option
		}
	}
	if rule.When != nil {
		text += fmt.Sprintf(", where `%s` is `%s`", rule.When.Column, strings.Join(rule.When.Values, "`, `"))
	}
	return text
}
