package project

import (
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// Rules say which tables are not dumped completely, which rows of them are, and which columns are masked. The entries are names, in which * stands for any text
// and ? for any character.
type Rules struct {
	// StructureOnly tables are dumped without their rows.
	StructureOnly []string
	// Exclude tables are not dumped at all.
	Exclude []string
	// Rows say which rows of a table are dumped.
	Rows []rowfilter.Rule
	// Columns are masked. Their key is that of Project.MaskKey.
	Columns []rules.Rule
	// Accepted are the columns in which personal values may be.
	Accepted []rules.Accepted
	// Reviewed are the columns that somebody has found harmless: see Project.Review.
	Reviewed []string
}

// rulesFile is the path of the rules below the project's root.
const rulesFile = ".ddev/dump-refresh/rules.yaml"

// readRules returns the presets of the project's type, changed by the project's rules.
func readRules(root, projectType string, files *reader) (Rules, ConfigErrors) {
	path := filepath.Join(root, filepath.FromSlash(rulesFile))
	from := inFile(configFiles, root, path)
	entries, problem := readMapping(files, path, from)
	if problem != nil {
		return Rules{}, ConfigErrors{problem}
	}
	var problems ConfigErrors
	result := Rules{StructureOnly: slices.Clone(presetsFor(projectType))}
	// Presets come first, wherever in the file they are switched off.
	for _, e := range entries {
		switch {
		case e.key == "mask":
			found, wrong := presetRules(e, projectType, from)
			result.Columns, problems = found, append(problems, wrong...)
		case e.key != "presets":
		case scalar(e.value) == "false":
			result.StructureOnly = nil
		case scalar(e.value) != "true" && scalar(e.value) != "":
			problems.add(ErrInvalidValue, from.at(e.line), e.key, "must be true or false")
		}
	}
	for _, e := range entries {
		switch e.key {
		case "presets", "mask":
		case "structure_only":
			problems = append(problems, amend(&result.StructureOnly, e, from)...)
		case "exclude":
			problems = append(problems, amend(&result.Exclude, e, from)...)
		case "where", "limit":
			found, wrong := rowRules(e, from)
			result.Rows, problems = append(result.Rows, found...), append(problems, wrong...)
		case "columns":
			found, wrong := columnRules(e, from)
			result.Columns, problems = append(result.Columns, found...), append(problems, wrong...)
		case "ignore":
			accepted, wrong := acceptedColumns(e, from)
			result.Accepted, problems = append(result.Accepted, accepted...), append(problems, wrong...)
		default:
			closest, _ := nearest(e.key, []string{"structure_only", "exclude", "where", "limit", "mask", "columns", "ignore", "presets"})
			problems.add(ErrUnknownName, from.at(e.line), e.key, "unknown key, did you mean "+closest+"?")
			problems[len(problems)-1].Nearest = closest
		}
	}
	return result, problems
}

// amend adds the entries of a list to patterns, and removes those that begin with an exclamation mark.
func amend(patterns *[]string, e entry, from origin) (problems ConfigErrors) {
	if e.value.Kind != yaml.SequenceNode {
		if e.value.Tag != "!!null" {
			problems.add(ErrInvalidValue, from.at(e.line), e.key, "must be a list of table names, in which * stands for any text and ? for any character")
		}
		return problems
	}
	for _, item := range e.value.Content {
		item = resolveAlias(item)
		name, back := strings.CutPrefix(scalar(item), "!")
		// To YAML, an unquoted !name is a tag without a value.
		if tag := item.Tag; strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
			name, back = strings.TrimSpace(tag[1:]+" "+name), true
		}
		at := slices.Index(*patterns, name)
		switch {
		case name == "" || strings.ContainsAny(name, "\t\n`") || strings.ContainsAny(name, ` "'`) && item.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0:
			problems.add(ErrInvalidValue, from.at(item.Line), e.key, "an entry must be a table's name, in quotes if it has spaces or quotes of its own")
		case back && at < 0:
			problems.add(ErrInvalidValue, from.at(item.Line), e.key, "!"+name+" removes an entry that is not in the list"+covering(*patterns, name))
		case back:
			*patterns = slices.Delete(*patterns, at, at+1)
		case at < 0:
			*patterns = append(*patterns, name)
		}
	}
	return problems
}

// covering names the entries that match a table, for a user who tried to remove it.
func covering(patterns []string, name string) string {
	for _, pattern := range patterns {
		if wildcard.Match(pattern, name) {
			return "; " + pattern + " covers the table: remove that entry, and list the other tables that it covers"
		}
	}
	return ""
}
