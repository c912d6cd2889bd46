package cli

import (
	"errors"
	"strings"
	"testing"
)

// Whoever mistypes is told what was probably meant, wherever it is.
func TestUnknownVerbsAndFlags(t *testing.T) {
	for line, want := range map[string]string{
		"pul":                      `unknown verb "pul", did you mean pull?`,
		"refesh --json":            `unknown verb "refesh", did you mean refresh?`,
		"dcotor":                   `unknown verb "dcotor", did you mean doctor?`,
		"status":                   `unknown verb "status", did you mean fleet status?`,
		"setup --dry-run":          `unknown verb "setup", did you mean bucket setup?`,
		"help pul":                 `unknown verb "pul", did you mean pull?`,
		"xyzzy":                    `unknown verb "xyzzy"`,
		"fleet refesh":             `fleet: unknown verb "refesh", did you mean refresh?`,
		"fleet xyzzy":              `fleet: unknown verb "xyzzy", one of plan, refresh, watch, status, report, verify, prune, pause, resume is expected`,
		"fleet":                    `fleet: one of plan, refresh, watch, status, report, verify, prune, pause, resume is expected`,
		"bucket setp --dry-run":    `bucket: unknown verb "setp", did you mean setup?`,
		"bucket":                   `bucket: setup is expected`,
		"pull --tabels=x":          `unknown flag --tabels, did you mean --tables?`,
		"pull --tabels x":          `unknown flag --tabels, did you mean --tables?`,
		"pull -tabels x":           `unknown flag --tabels, did you mean --tables?`,
		"pull --structure-only x":  `unknown flag --structure-only, did you mean --structure-only-tables?`,
		"pull --if-new":            `unknown flag --if-new, did you mean --if-newer?`,
		"pull --jsn":               `unknown flag --jsn, did you mean --json?`,
		"pull --dryrun":            `unknown flag --dryrun, did you mean --dry-run?`,
		"pull --xyzzy":             `unknown flag --xyzzy`,
		"pull -z":                  `unknown flag -z`,
		"verify KEY --quite":       `unknown flag --quite, did you mean --quiet?`,
		"fleet refresh --rot x":    `unknown flag --rot, did you mean --root?`,
		"fleet refresh --jitter x": `unknown flag --jitter`,
		"fleet --root x refresh":   `--root is expected after the verb`,
		"fleet --rot x refresh":    `unknown flag --rot, did you mean --root, after the verb?`,
		"bucket setup --creat":     `unknown flag --creat, did you mean --create?`,
		"--json list":              `--json is expected after the verb`,
		"--jsn list":               `unknown flag --jsn, did you mean --json, after the verb?`,
		"settings --proyect x":     `unknown flag --proyect, did you mean --project?`,
		"pull --key":               `a value is expected after --key`,
		"list shop":                `list: unexpected argument "shop"`,
	} {
		err := run(t.Context(), newApp("test"), append([]string{"dump-helper"}, strings.Fields(line)...))
		var wrong *usage
		if !errors.As(err, &wrong) || wrong.reason != want {
			t.Errorf("dump-helper %s: got %v, want %s", line, err, want)
		}
	}
}
