package project

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// ErrNotTrusted means that a project's own files say what only the operator of a fleet decides.
var ErrNotTrusted = errors.New("not trusted")

// Fleet says what the files of a project in a fleet may decide: which tables are dumped, how, and within these limits for how
// long. Where the rows come from, with which secrets, and where the dumps go, is for the operator.
type Fleet struct {
	// Keep and KeepDays limit DUMP_KEEP, which counts the dumps of all tiers, and DUMP_KEEP_DAYS.
	Keep, KeepDays Range
}

// Range is what a number must be in.
type Range struct{ Least, Most int }

// String returns a text such as "2-60".
func (r Range) String() string { return strconv.Itoa(r.Least) + "-" + strconv.Itoa(r.Most) }

// authority says who decides on a setting in a fleet.
type authority int

const (
	// ofOperator: the operator alone. A new setting is his until somebody decides otherwise.
	ofOperator authority = iota
	// ofRepository: whoever may push to the project's repository.
	ofRepository
	// ofDeveloper: it matters for pulls alone, so a fleet ignores what a repository says.
	ofDeveloper
)

// refuse reports each setting that the project's files decide and may not, and takes it out of the values.
func (f *Fleet) refuse(v values, dotenv []assigned) (problems ConfigErrors) {
	for _, row := range table {
		value, set := v[row.name]
		if !set || !value.from.repository || row.authority == ofRepository {
			continue
		}
		delete(v, row.name)
		if row.authority == ofOperator {
			problems.add(ErrNotTrusted, value.from, row.name, "only the operator of the fleet decides this")
		}
	}
	for _, a := range dotenv {
		if a.from.repository && strings.HasPrefix(a.name, "AWS_") && a.text != "" {
			problems.add(ErrNotTrusted, a.from, a.name, "only the operator of the fleet decides with which credentials it works")
		}
	}
	return problems
}

// conditions reports conditions for rows: they are SQL, which runs on staging with the operator's account.
func (f *Fleet) conditions(rules Rules) (problems ConfigErrors) {
	for _, rule := range rules.Rows {
		if rule.Where != "" {
			problems = append(problems, &ConfigError{Kind: ErrNotTrusted, Origin: rule.Origin, Name: "where", Text: rule.Table + ": only the operator of the fleet decides which SQL runs on staging"})
		}
	}
	return problems
}

// hidden reports the settings that refer to a variable of the environment that the project's files may not see.
func (v values) hidden() (problems ConfigErrors) {
	for _, row := range table {
		if value := v[row.name]; value.hidden != "" {
			problems.add(ErrNotTrusted, value.from, row.name, "refers to "+value.hidden+", a variable of the fleet's own environment")
		}
	}
	return problems
}

// bound reports what the project's files say beyond the limits.
func (f *Fleet) bound(v values, s Settings) (problems ConfigErrors) {
	for _, limit := range []struct {
		name  string
		value int
		Range
	}{{"DUMP_KEEP", s.Keep.Most(), f.Keep}, {"DUMP_KEEP_DAYS", s.KeepDays, f.KeepDays}} {
		from := v[limit.name].from
		if from.repository && (limit.value < limit.Least || limit.value > limit.Most) {
			problems.add(ErrNotTrusted, from, limit.name, fmt.Sprintf("%d is not in %s, what the operator of the fleet allows", limit.value, limit.Range))
		}
	}
	return problems
}

// projectName matches the names that can be in a key, a host's name and a file's name alike.
var projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// checkName checks the project's name, which DDEV makes a part of host names, and this program of keys.
func checkName(root string, config ddevConfig, want string) *ConfigError {
	from := config.named
	if from.file == "" {
		from = inFile(configFiles, root, filepath.Join(root, ".ddev", "config.yaml"))
	}
	switch {
	case !projectName.MatchString(config.name):
		return &ConfigError{
			Kind: ErrInvalidValue, Origin: from.String(), Name: "name",
			Text: fmt.Sprintf("must have letters, digits, dots and hyphens alone, as in DDEV (got %q)", config.name),
		}
	case want != "" && config.name != want:
		return &ConfigError{
			Kind: ErrNotTrusted, Origin: from.String(), Name: "name",
			Text: fmt.Sprintf("the project calls itself %s, but the operator of the fleet calls it %s", config.name, want),
		}
	}
	return nil
}
