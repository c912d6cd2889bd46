package deploy

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestPrometheusRules has Prometheus' own promtool play what happens to a fleet, and compares the alerts with those that are wanted at some times.
// Series begin at 1970, as promtool's clock does.
func TestPrometheusRules(t *testing.T) {
	promtool := program(t, "promtool", "apt-get install prometheus")
	rules := deployed(t, "prometheus", "dump-refresh.rules.yml")
	run(t, "", promtool, "check", "rules", rules)
	const labels = `{project="shop",slot="/srv/shop"}`
	// well are the series of a project that is looked at every day, with values for each five minutes.
	well := func(values func(of string) string) (series string) {
		for _, name := range []string{
			"dump_refresh_checked_timestamp_seconds" + labels, "dump_refresh_max_age_seconds" + labels, "dump_refresh_known_broken" + labels,
			`dump_refresh_verdict{project="shop",slot="/srv/shop",verdict="fresh"}`, `dump_refresh_verdict{project="shop",slot="/srv/shop",verdict="failing"}`,
			"dump_refresh_looked_timestamp_seconds", "dump_refresh_run_ended_timestamp_seconds",
		} {
			series += fmt.Sprintf("      - {series: '%s', values: '%s'}\n", name, values(name))
		}
		return series
	}
	// constant are values that stay for so many hours.
	constant := func(hours int, changed map[string]string) func(string) string {
		return func(name string) string {
			value := "0"
			for part, own := range map[string]string{"max_age": "86400", `verdict="fresh"`: "1", "checked_": "0", "looked_": "0", "run_ended_": "0"} {
				if strings.Contains(name, part) {
					value = own
				}
			}
			for part, own := range changed {
				if strings.Contains(name, part) {
					value = own
				}
			}
			return fmt.Sprintf("%sx%d", value, hours*12)
		}
	}
	daily := map[string]string{"checked_": "0+300", "looked_": "0+300", "run_ended_": "0+300"}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for _, pairs := range []map[string]string{daily, more} {
			for name, value := range pairs {
				all[name] = value
			}
		}
		return all
	}
	for name, test := range map[string]struct {
		series string
		alerts map[string][]string // by time
	}{
		"all is well": {well(constant(72, daily)), map[string][]string{"1h": nil, "71h": nil}},
		"the fleet is no longer run": {well(constant(72, nil)), map[string][]string{
			"24h": nil, "25h": {"DumpStale"}, "37h": {"DumpStale", "DumpMetricsOld", "DumpRefreshDoesNotRun"},
		}},
		"it fails": {well(constant(72, with(map[string]string{`verdict="fresh"`: "0", `verdict="failing"`: "1"}))), map[string][]string{"1h": {"DumpFailing"}}},
		"it is known to fail": {well(constant(72, map[string]string{`verdict="fresh"`: "0", `verdict="failing"`: "1", "known_broken": "1", "looked_": "0+300", "run_ended_": "0+300"})),
			map[string][]string{"1h": nil, "71h": nil}},
		"it is paused, and old": {
			well(constant(72, map[string]string{`verdict="fresh"`: "0", "looked_": "0+300", "run_ended_": "0+300"})) +
				"      - {series: 'dump_refresh_paused_until_timestamp_seconds" + labels + "', values: '172800x576 _x288'}\n" +
				"      - {series: 'dump_refresh_verdict{project=\"shop\",slot=\"/srv/shop\",verdict=\"paused\"}', values: '1x576 0x288'}\n",
			map[string][]string{"1h": nil, "47h": nil, "50h": {"DumpStale"}},
		},
		"a restored dump is wrong, and is checked again": {
			well(constant(72, daily)) + "      - {series: 'dump_refresh_restored_well" + labels + "', values: '1x120 0x120 1x600'}\n",
			map[string][]string{"9h": nil, "11h": {"DumpNotRestored"}, "25h": nil},
		},
		"nothing is restored any more": {
			well(constant(800, daily)) + "      - {series: 'dump_refresh_restored_timestamp_seconds" + labels + "', values: '0x9600'}\n",
			map[string][]string{"700h": nil, "730h": {"DumpRestoresStopped"}},
		},
		"all metrics vanish": {well(func(name string) string { return constant(10, daily)(name) + " _x720" }), map[string][]string{
			"10h": nil, "11h": nil, "13h": {"DumpMetricsAbsent"}, "60h": {"DumpMetricsAbsent"},
		}},
		"nothing was ever there": {"      - {series: 'up{}', values: '1x240'}\n", map[string][]string{"2h": {"DumpMetricsAbsent"}}},
		"one project vanishes": {
			well(constant(72, daily)) + "      - {series: 'dump_refresh_max_age_seconds{project=\"gone\",slot=\"/srv/gone\"}', values: '86400x120 _x720'}\n",
			map[string][]string{"10h": nil, "13h": {"DumpProjectVanished"}, "60h": nil},
		},
		// After a reboot, the file is there again, with the numbers of before, until a run writes it.
		"a reboot, and the fleet goes on": {well(func(name string) string {
			again := map[string]string{"checked_": "32400+300", "looked_": "32400+300", "run_ended_": "32400+300"}
			return constant(9, daily)(name) + " _x6 " + constant(60, again)(name)
		}), map[string][]string{"10h": nil, "12h": nil, "70h": nil}},
		"a reboot, and the timer is dead": {well(func(name string) string {
			kept := map[string]string{"checked_": "32400", "looked_": "32400", "run_ended_": "32400"}
			return constant(9, daily)(name) + " _x6 " + constant(60, kept)(name)
		}), map[string][]string{"12h": nil, "47h": {"DumpStale", "DumpMetricsOld", "DumpRefreshDoesNotRun"}}},
	} {
		t.Run(name, func(t *testing.T) {
			text := "rule_files: ['" + rules + "']\nevaluation_interval: 5m\ntests:\n  - interval: 5m\n    input_series:\n" + test.series + "    promql_expr_test:\n"
			for at, alerts := range test.alerts {
				text += fmt.Sprintf("      - expr: count by (alertname) (ALERTS{alertstate=\"firing\"})\n        eval_time: %s\n        exp_samples: [", at)
				for i, alert := range alerts {
					if i > 0 {
						text += ", "
					}
					text += fmt.Sprintf("{labels: '{alertname=\"%s\"}', value: 1}", alert)
				}
				text += "]\n"
			}
			file := filepath.Join(t.TempDir(), "test.yml")
			write(t, file, text, 0o644)
			if output, err := command(t, "", promtool, "test", "rules", file); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}
