package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAlertRulesAreValid lets Prometheus check the rules, and checks that their metrics exist.
func TestAlertRulesAreValid(t *testing.T) {
	if testing.Short() {
		t.Skip("promtool is not started by short tests")
	}
	rules := section(t, "../../docs/fleet.md", "Prometheus", "yaml")[0]
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), "promtool", "check", "rules", path).CombinedOutput(); err != nil {
		t.Fatalf("promtool check rules: %v\n%s", err, output)
	}
	source, err := os.ReadFile("../../helper/internal/fleet/metrics/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range regexp.MustCompile(`dump_refresh_([a-z_]+)`).FindAllStringSubmatch(rules, -1) {
		if !strings.Contains(string(source), `"`+metric[1]+`"`) {
			t.Errorf("there is no metric %s", metric[0])
		}
	}
}
