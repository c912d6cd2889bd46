package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var units = []string{"dump-refresh.service", "dump-refresh.timer", "dump-refresh-failed.service", "dump-refresh-watch.service"}

// installed returns a folder with the units as on a host that has the program.
func installed(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	helper := filepath.Join(folder, "dump-helper")
	write(t, helper, "#!/bin/sh\n", 0o755)
	for _, unit := range units {
		text := read(t, deployed(t, "systemd", unit))
		write(t, filepath.Join(folder, unit), strings.ReplaceAll(text, "/usr/local/bin/dump-helper", helper), 0o644)
	}
	return folder
}

func TestUnitsAreValid(t *testing.T) {
	analyze := program(t, "systemd-analyze", "apt-get install systemd")
	folder := installed(t)
	for _, unit := range units {
		output, err := exec.CommandContext(t.Context(), analyze, "verify", filepath.Join(folder, unit)).CombinedOutput()
		if err != nil || strings.Contains(string(output), folder) { // systemd only warns about an unknown key
			t.Errorf("%s: %v\n%s", unit, err, output)
		}
	}
}

// TestServicesAreConfined checks that systemd rates the services as well confined.
func TestServicesAreConfined(t *testing.T) {
	analyze := program(t, "systemd-analyze", "apt-get install systemd")
	folder := installed(t)
	for _, unit := range []string{"dump-refresh.service", "dump-refresh-failed.service", "dump-refresh-watch.service"} {
		run(t, "", analyze, "security", "--offline=true", "--no-pager", "--threshold=15", filepath.Join(folder, unit))
	}
}

// TestOftenIsValid checks the timer with the drop-in for runs one after the other, whose pause is that of the test with a clock.
func TestOftenIsValid(t *testing.T) {
	analyze := program(t, "systemd-analyze", "apt-get install systemd")
	folder := installed(t)
	text := read(t, deployed(t, "systemd", "often.conf"))
	dropIn := filepath.Join(folder, "dump-refresh.timer.d")
	if err := os.Mkdir(dropIn, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dropIn, "often.conf"), text, 0o644)
	output, err := exec.CommandContext(t.Context(), analyze, "verify", filepath.Join(folder, "dump-refresh.timer")).CombinedOutput()
	if err != nil || strings.Contains(string(output), folder) {
		t.Errorf("%v\n%s", err, output)
	}
	tested := read(t, deployed(t, "..", "helper", "internal", "fleet", "often_test.go"))
	if !strings.Contains(text, "\nOnUnitInactiveSec=30s\n") || !strings.Contains(tested, "\nconst oftenPause = 30 * time.Second\n") {
		t.Error("the pause in often.conf is not that of the test")
	}
}

// TestServiceFailsWithoutItsFleet checks that a missing fleet.yaml is told: the program fails, no condition skips the run in silence, and
// metrics outlast a reboot.
func TestServiceFailsWithoutItsFleet(t *testing.T) {
	unit := read(t, deployed(t, "systemd", "dump-refresh.service"))
	for line := range strings.Lines(unit + read(t, deployed(t, "systemd", "dump-refresh-watch.service"))) {
		if strings.HasPrefix(line, "Condition") || strings.HasPrefix(line, "Assert") {
			t.Errorf("a run may be skipped: %s", line)
		}
	}
	for _, want := range []string{"\nOnFailure=dump-refresh-failed.service\n", "\nCacheDirectory=dump-refresh\n", " --metrics-file /var/cache/dump-refresh/"} {
		if !strings.Contains(unit, want) {
			t.Errorf("the service lacks %q", want)
		}
	}
}

func TestTimerComesEveryMorning(t *testing.T) {
	analyze := program(t, "systemd-analyze", "apt-get install systemd")
	for line := range strings.Lines(read(t, deployed(t, "systemd", "dump-refresh.timer"))) {
		if when, found := strings.CutPrefix(strings.TrimSpace(line), "OnCalendar="); found {
			if output := run(t, "", analyze, "calendar", "--base-time=2026-01-01 12:00:00", when); !strings.Contains(output, "2026-01-02 04:30:00") {
				t.Errorf("%s:\n%s", line, output)
			}
			return
		}
	}
	t.Error("no OnCalendar")
}
