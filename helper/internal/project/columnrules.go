package project

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
)

// columnRules reads the entry columns of the rules: patterns of columns, and the masker of each. A masker is a name, or a mapping of
// mask: NAME and its options; a list of these has one for each kind of rows.
func columnRules(e entry, from origin) (found []rules.Rule, problems ConfigErrors) {
	invalid := func(node *yaml.Node, text string) {
		problems.add(ErrInvalidValue, from.at(node.Line), e.key, text)
	}
	if e.value.Kind != yaml.MappingNode {
		if e.value.Tag != "!!null" {
			invalid(e.value, "must be a mapping of table.column to a masker")
		}
		return nil, problems
	}
	for i := 0; i+1 < len(e.value.Content); i += 2 {
		name, value := e.value.Content[i], resolveAlias(e.value.Content[i+1])
		if !isColumnPattern(name.Value) {
			invalid(name, name.Value+notColumn)
			continue
		}
		choices := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			choices = value.Content
		}
		for _, choice := range choices {
			rule, err := columnRule(resolveAlias(choice))
			if err != nil {
				invalid(choice, name.Value+": "+err.Error())
				continue
			}
			rule.Column, rule.Origin = name.Value, from.at(choice.Line).String()
			found = append(found, rule)
		}
	}
	return found, problems
}

const notColumn = " must be table.column, in which * stands for any text and ? for any character"

func isColumnPattern(text string) bool {
	return strings.Contains(text, ".") && !strings.ContainsAny(text, " \t\n`\"'")
}

// acceptedColumns reads the entry ignore of the rules: patterns of columns in which personal values may be, and why.
func acceptedColumns(e entry, from origin) (accepted []rules.Accepted, problems ConfigErrors) {
	if e.value.Kind != yaml.MappingNode {
		if e.value.Tag != "!!null" {
			problems.add(ErrInvalidValue, from.at(e.line), e.key, "must be a mapping of table.column to a reason")
		}
		return nil, problems
	}
	for i := 0; i+1 < len(e.value.Content); i += 2 {
		name, reason := e.value.Content[i], strings.TrimSpace(scalar(resolveAlias(e.value.Content[i+1])))
		switch {
		case !isColumnPattern(name.Value):
			problems.add(ErrInvalidValue, from.at(name.Line), e.key, name.Value+notColumn)
		case reason == "":
			problems.add(ErrInvalidValue, from.at(name.Line), e.key, name.Value+": the reason is missing")
		default:
			accepted = append(accepted, rules.Accepted{Column: name.Value, Reason: reason})
		}
	}
	return accepted, problems
}

// columnRule reads one masker.
func columnRule(node *yaml.Node) (rule rules.Rule, err error) {
	if node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value != "when" {
				continue
			}
			if rule.When, err = readWhen(resolveAlias(node.Content[i+1])); err != nil {
				return rule, err
			}
		}
	}
	rule.Spec, err = maskerSpec(node, true)
	return rule, err
}

// readWhen reads COLUMN: VALUE, or COLUMN: [VALUE, …].
func readWhen(node *yaml.Node) (*rules.When, error) {
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return nil, errors.New("when must be a mapping of one column to a value, or to a list of values")
	}
	when := &rules.When{Column: node.Content[0].Value}
	values := []*yaml.Node{resolveAlias(node.Content[1])}
	if values[0].Kind == yaml.SequenceNode {
		values = values[0].Content
	}
	for _, value := range values {
		if value = resolveAlias(value); value.Kind != yaml.ScalarNode {
			return nil, errors.New("when: a value must be a text")
		}
		when.Values = append(when.Values, value.Value)
	}
	return when, nil
}

// maskerSpec reads a masker's name, or its name and its options.
func maskerSpec(node *yaml.Node, column bool) (spec mask.Spec, err error) {
	if node.Kind == yaml.ScalarNode {
		spec.Name = node.Value // YAML's null is a masker, too
		if node.Value == "" || node.Value == "~" {
			spec.Name = "null"
		}
		return spec, knownMasker(spec.Name)
	}
	if node.Kind != yaml.MappingNode {
		return spec, errors.New("must be a masker, or a mapping of mask: NAME and its options")
	}
	texts := map[string]*string{
		"value": &spec.Value, "domain": &spec.Domain, "locale": &spec.Locale, "part": &spec.Part, "format": &spec.Format, "password": &spec.Password,
	}
	names := []string{"mask", "days", "paths", "when"}
	for name := range texts {
		names = append(names, name)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i].Value, resolveAlias(node.Content[i+1])
		switch text := texts[name]; {
		case text != nil && value.Kind == yaml.ScalarNode:
			*text = value.Value
		case name == "mask" && value.Kind == yaml.ScalarNode:
			spec.Name = value.Value
		case name == "days":
			if spec.Days, err = strconv.Atoi(scalar(value)); err != nil || spec.Days < 1 {
				return spec, errors.New("days must be a number of days")
			}
		case name == "paths":
			if spec.Paths, err = maskerPaths(value); err != nil {
				return spec, err
			}
		case name == "when" && column:
		default:
			closest, _ := nearest(name, names)
			return spec, errors.New("unknown option " + name + ", did you mean " + closest + "?")
		}
	}
	return spec, knownMasker(spec.Name)
}

// maskerPaths reads a mapping of paths to maskers.
func maskerPaths(node *yaml.Node) (paths []mask.Path, err error) {
	if node.Kind != yaml.MappingNode {
		return nil, errors.New("paths must be a mapping of paths, such as user.mail, to maskers")
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		path := mask.Path{Keys: node.Content[i].Value}
		if path.Spec, err = maskerSpec(resolveAlias(node.Content[i+1]), false); err != nil {
			return nil, errors.New(path.Keys + ": " + err.Error())
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func knownMasker(name string) error {
	if name == "" {
		return errors.New("mask is missing: the masker's name")
	}
	if slices.Contains(mask.Names(), name) {
		return nil
	}
	closest, _ := nearest(name, mask.Names())
	return errors.New("there is no masker " + name + ", did you mean " + closest + "?")
}
