package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A rule about a package that does not exist has no effect, and nobody would notice.
func TestLintRulesAreAboutPackages(t *testing.T) {
	rules, err := os.ReadFile("../../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range regexp.MustCompile(`helper/internal/[\w/{},]*\w\}?`).FindAllString(string(rules), -1) {
		found++
		before, choices, _ := strings.Cut(path, "{")
		choices, after, _ := strings.Cut(choices, "}")
		for choice := range strings.SplitSeq(choices, ",") {
			if _, err := os.Stat(filepath.Join("../..", before+choice+after)); err != nil {
				t.Errorf(".golangci.yml has a rule about %s: %v", path, err)
			}
		}
	}
	if found < 100 {
		t.Errorf("%d packages", found)
	}
}
