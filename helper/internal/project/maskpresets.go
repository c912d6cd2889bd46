package project

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
)

// maskPresetFiles have, for each CMS, groups of columns of its own tables and of widely used modules, each with the reason. The columns are
// written as in rules.yaml. docs/presets.md lists them.
//
//go:embed maskpresets/*.yaml
var maskPresetFiles embed.FS

// maskPresets are the presets for masks; the rules of the later files count. The names are those of project types.
var maskPresets = map[string][]string{
	"drupal": {"drupal"}, "drupal10": {"drupal"}, "drupal11": {"drupal"}, "drupal12": {"drupal"},
	"drupal8": {"drupal", "drupal9"}, "drupal9": {"drupal", "drupal9"},
	"drupal7":   {"drupal7"},
	"wordpress": {"wordpress"}, "wp-bedrock": {"wordpress"}, "bedrock": {"wordpress"},
	"typo3":     {"typo3"},
	"magento2":  {"magento2"},
	"shopware6": {"shopware6"},
}

// maskGroup are columns of a preset that are masked for one reason.
type maskGroup struct {
	Why     string    `yaml:"why"`
	Columns yaml.Node `yaml:"columns"`
}

// readMaskPreset reads one file. It panics if the file is wrong, as a test would have told.
func readMaskPreset(name string) (groups []maskGroup, found []rules.Rule) {
	text, err := maskPresetFiles.ReadFile("maskpresets/" + name + ".yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &groups)
	}
	if err != nil {
		panic(err)
	}
	for i := range groups {
		columns, problems := columnRules(entry{key: "columns", value: &groups[i].Columns}, origin{})
		if len(problems) > 0 {
			panic(problems)
		}
		found = append(found, columns...)
	}
	for i := range found {
		found[i].Preset, found[i].Origin = true, "preset "+name
	}
	return groups, found
}

// presetRules reads the entry mask of the rules: preset, for the project's type, or the name of a preset.
func presetRules(e entry, projectType string, from origin) (found []rules.Rule, problems ConfigErrors) {
	name := scalar(e.value)
	if name == "preset" {
		name = projectType
	}
	files, ok := maskPresets[name]
	switch {
	case ok:
	case name == projectType:
		problems.add(ErrInvalidValue, from.at(e.line), e.key, fmt.Sprintf("there is no preset for projects of type %q: write columns, or name one of %s", name, presetNames()))
	default:
		problems.add(ErrInvalidValue, from.at(e.line), e.key, "must be preset, or one of "+presetNames())
	}
	for _, file := range files {
		_, columns := readMaskPreset(file)
		found = append(found, columns...)
	}
	return found, problems
}

// presetNames are the names that users choose from.
func presetNames() string {
	var names []string
	for name, files := range maskPresets {
		if files[0] == name {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
