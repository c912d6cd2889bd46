package project

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
)

// rowRules reads the entries where and limit of the rules: patterns of tables, and the condition or the number of rows of each.
func rowRules(e entry, from origin) (found []rowfilter.Rule, problems ConfigErrors) {
	wants := "must be a mapping of tables to SQL conditions"
	if e.key == "limit" {
		wants = "must be a mapping of tables to numbers of rows"
	}
	if e.value.Kind != yaml.MappingNode {
		if e.value.Tag != "!!null" {
			problems.add(ErrInvalidValue, from.at(e.line), e.key, wants)
		}
		return nil, problems
	}
	for i := 0; i+1 < len(e.value.Content); i += 2 {
		name, value := e.value.Content[i], resolveAlias(e.value.Content[i+1])
		rule := rowfilter.Rule{Table: name.Value, Origin: from.at(name.Line).String()}
		text := strings.TrimSpace(scalar(value))
		if e.key == "where" {
			rule.Where = text
		} else if limit, err := strconv.ParseInt(text, 10, 64); err == nil && limit > 0 {
			rule.Limit = limit
		}
		switch {
		case name.Value == "" || strings.ContainsAny(name.Value, "\t\n`"):
			problems.add(ErrInvalidValue, from.at(name.Line), e.key, wants)
		case rule.Where == "" && rule.Limit == 0 && e.key == "where":
			problems.add(ErrInvalidValue, from.at(name.Line), e.key, name.Value+": must be an SQL condition")
		case rule.Where == "" && rule.Limit == 0:
			problems.add(ErrInvalidValue, from.at(name.Line), e.key, name.Value+": must be a number of rows; structure_only leaves out all rows")
		default:
			found = append(found, rule)
		}
	}
	return found, problems
}
