package deploy

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const remedy = "apt-get install ansible-lint"

func TestAnsibleRoleIsClean(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), program(t, "ansible-lint", remedy), "--offline", "--strict", "--nocolor", "-p", "playbook.yml", "roles/dump_refresh")
	cmd.Dir = deployed(t, "ansible")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir()) // Ansible's facts and caches go there
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

// site is where the role is applied: two hosts in two regions, and a server for the program.
type site struct {
	hosts     map[string]*machine
	inventory string
	control   string // the folder of Ansible's persistent connections
	program   string // the program as the server offers it
	checksum  string // the list of checksums as the server offers it
	settings  []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	program(t, "ansible-playbook", remedy)
	s := &site{hosts: map[string]*machine{}}
	inventory := "all:\n  hosts:\n"
	for _, name := range []string{"app1.eu.example.com", "app1.us.example.com"} {
		m := newMachine(t)
		s.hosts[name] = m
		inventory += fmt.Sprintf("    %s: {ansible_host: 127.0.0.1, ansible_port: %d, ansible_ssh_private_key_file: %s, ansible_python_interpreter: /usr/bin/python3}\n",
			name, m.port, m.key)
	}
	s.inventory = filepath.Join(t.TempDir(), "hosts.yml")
	write(t, s.inventory, inventory, 0o644)
	var err error
	if s.control, err = os.MkdirTemp("", "control"); err != nil { // paths of sockets must be short
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.control) })

	releases := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch filepath.Base(r.URL.Path) {
		case "dump-helper_linux_amd64":
			fmt.Fprint(w, s.program)
		case "checksums.txt":
			fmt.Fprintf(w, "%s  dump-helper_linux_amd64\n", s.checksum)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(releases.Close)
	s.settings = []string{
		"dump_refresh_url=" + releases.URL + "/dump-helper_linux_amd64",
		"dump_refresh_checksum=sha256:" + releases.URL + "/checksums.txt",
		`{"dump_refresh_passwords": {"shop": "a; pass'word"}, "dump_refresh_known_hosts": "staging ssh-ed25519 AAAA\n"}`,
	}
	return s
}

// release offers a version of the program on the server. It is `sleep`, which can keep running.
func (s *site) release(t *testing.T, version string) {
	t.Helper()
	s.program = read(t, program(t, "sleep", "apt-get install coreutils")) + version
	s.checksum = fmt.Sprintf("%x", sha256.Sum256([]byte(s.program)))
}

// play runs the example's playbook on some hosts and returns Ansible's summary for each.
func (s *site) play(t *testing.T, hosts string, settings ...string) (map[string]string, string) {
	t.Helper()
	words := []string{"--inventory", "inventory/hosts.yml", "--inventory", s.inventory, "--limit", hosts}
	for _, setting := range append(s.settings, settings...) {
		words = append(words, "--extra-vars", setting)
	}
	cmd := exec.CommandContext(t.Context(), "ansible-playbook", append(words, "playbook.yml")...)
	cmd.Dir = deployed(t, "ansible")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "ANSIBLE_HOST_KEY_CHECKING=False", "ANSIBLE_PIPELINING=True",
		"ANSIBLE_SSH_CONTROL_PATH_DIR="+s.control, "ANSIBLE_NOCOLOR=1")
	output, _ := cmd.CombinedOutput() // the summary shows failed hosts
	summary := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^(\S+)\s+: ok=\d+\s+(changed=\d+)\s+(unreachable=\d+)\s+(failed=\d+)`).FindAllStringSubmatch(string(output), -1) {
		summary[match[1]] = match[2] + " " + match[3] + " " + match[4]
	}
	if len(summary) == 0 {
		t.Fatalf("no summary:\n%s", output)
	}
	return summary, string(output)
}

func TestAnsibleRole(t *testing.T) {
	s := newSite(t)
	s.release(t, "1")
	first, output := s.play(t, "app1.*")
	if len(first) != len(s.hosts) {
		t.Fatalf("not all hosts are in the summary:\n%s", output)
	}
	for name, summary := range first {
		if !strings.HasSuffix(summary, "unreachable=0 failed=0") {
			t.Fatalf("%s: %s\n%s", name, summary, output)
		}
	}
	if strings.Contains(output, "pass'word") {
		t.Error("a password was printed")
	}
	eu := s.hosts["app1.eu.example.com"]
	for script, want := range map[string]string{
		"stat -c '%a %U' /usr/local/bin/dump-helper /etc/dump-refresh/fleet.yaml /etc/dump-refresh/environment /etc/dump-refresh/passwords/shop /var/lib/dump-refresh": "755 root\n644 root\n600 root\n600 root\n700 dump-refresh",
		"cat /etc/dump-refresh/passwords/shop":                           "a; pass'word",
		"grep -v '#' /etc/dump-refresh/environment":                      `AWS_REGION="eu-central-1"`,
		"grep CI_ /etc/systemd/system/dump-refresh.service.d/shard.conf": "Environment=CI_NODE_INDEX=1\nEnvironment=CI_NODE_TOTAL=2", // the second one is app2.eu
		"grep . /etc/systemd/system/dump-refresh.timer.d/schedule.conf":  "# Written by Ansible, role dump_refresh.\n[Timer]\nOnCalendar=\nOnCalendar=*-*-* 04:30:00 Europe/Vienna",
		"systemctl is-enabled dump-refresh.timer":                        "enabled",
		"sort -u /run/systemctl/log":                                     "daemon-reload\nstart dump-refresh.timer",
		"head -n 1 /etc/dump-refresh/fleet.yaml":                         "# Projects whose staging is in Europe.",
	} {
		if diff := cmp.Diff(want, eu.output(t, script)); diff != "" {
			t.Errorf("%s:\n%s", script, diff)
		}
	}

	second, output := s.play(t, "app1.*")
	for name, summary := range second {
		if summary != "changed=0 unreachable=0 failed=0" {
			t.Errorf("the second time %s: %s\n%s", name, summary, output)
		}
	}

	// A refresh is running when a new version and another schedule are installed.
	pid := eu.output(t, "rm /run/systemctl/log; setsid /usr/local/bin/dump-helper 600 >/dev/null 2>&1 & echo $!")
	s.release(t, "2")
	third, output := s.play(t, "app1.eu.*", "dump_refresh_schedule=03:00")
	if third["app1.eu.example.com"] != "changed=4 unreachable=0 failed=0" { // program fetched and installed, schedule, restart
		t.Errorf("the third time: %s\n%s", third, output)
	}
	if got := eu.output(t, "readlink /proc/"+pid+"/exe; tail -c 1 /proc/"+pid+"/exe; tail -c 1 /usr/local/bin/dump-helper"); got != "/usr/local/bin/dump-helper (deleted)\n12" {
		t.Errorf("the refresh at work, and the new program: %q", got)
	}
	if got := eu.output(t, "cat /run/systemctl/log"); got != "daemon-reload\nrestart dump-refresh.timer" {
		t.Errorf("systemctl was told %q", got)
	}

	// A program with a wrong checksum does not replace the installed one.
	s.release(t, "3")
	s.program += "damaged"
	fourth, output := s.play(t, "app1.eu.*")
	if !strings.HasSuffix(fourth["app1.eu.example.com"], "failed=1") || !strings.Contains(output, "did not match") {
		t.Errorf("a damaged program: %s\n%s", fourth, output)
	}
	if got := eu.output(t, "tail -c 1 /usr/local/bin/dump-helper"); got != "2" {
		t.Errorf("the program ends with %q", got)
	}
}
