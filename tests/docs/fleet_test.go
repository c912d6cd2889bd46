package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestAlertRulesUseMetricsThatExist compares the rules and the table of metrics with the program. Whether the rules work is tested in tests/deploy.
func TestAlertRulesUseMetricsThatExist(t *testing.T) {
	rules := read(t, "../../deploy/prometheus/dump-refresh.rules.yml") + read(t, "../../docs/fleet.md")
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
