package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestConfig(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "fleet.yaml")
	write(t, file, `
projects:
  - path: sites/shop
  - git: git@example.com:acme/blog.git
    ref: main
    name: blog
    max_age: 6h
    min_interval: 1m
    retries: 0
    skip_broken: false
    remind: never
    known_broken_until: 2026-02-28
    set: {DUMP_KEEP: 3, DUMP_COMPRESSION: gzip}
scan:
  - more
  - {path: trusted, trust: full, environment: [AWS_*]}
parallel: 4
per_host: 3
memory: 600M
limit_rate: 50M
jitter: 5m
watch_interval: 30s
defaults: {max_age: 2d, time_limit: 90m, min_interval: 7m, skip_broken: true, set: {DUMP_KEEP: "14", DUMP_ENGINE: client}, prefix: "dumps/{name}", bounds: {DUMP_KEEP: 2-60}}
`)
	for _, name := range []string{"a", "b/c", ".hidden/d", "vendor/e", "a/nested"} {
		write(t, filepath.Join(folder, "more", name, ".ddev", "config.yaml"), "name: x\n")
	}
	write(t, filepath.Join(folder, "trusted/d/.ddev/config.yaml"), "name: d\n")
	config, err := ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := config.Entries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defaults := Entry{
		Policy: Policy{MaxAge: 48 * time.Hour, TimeLimit: 90 * time.Minute, MinInterval: 7 * time.Minute, Retries: 2, SkipBroken: true, Remind: 24 * time.Hour},
		Set:    map[string]string{"DUMP_KEEP": "14", "DUMP_ENGINE": "client"},
		Trust:  TrustTables, Keep: Bounds{2, 60}, KeepDays: DefaultKeepDays, Prefix: "dumps/{name}",
	}
	at := func(path string) Entry {
		e := defaults
		e.Path, e.Allow = filepath.Join(folder, path), "`{path: more, trust: full}` at "+file+":15"
		return e
	}
	trusted := at("trusted/d")
	trusted.Trust, trusted.Environment, trusted.Allow = TrustFull, []string{"AWS_*"}, "`trust: full` at "+file+":16"
	blog := Entry{
		Git: "git@example.com:acme/blog.git", Ref: "main",
		Policy: Policy{MaxAge: 6 * time.Hour, TimeLimit: 90 * time.Minute, MinInterval: time.Minute, KnownBroken: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)},
		Set:    map[string]string{"DUMP_KEEP": "3", "DUMP_ENGINE": "client", "DUMP_COMPRESSION": "gzip"},
		Name:   "blog", Trust: TrustTables, Keep: Bounds{2, 60}, KeepDays: DefaultKeepDays, Prefix: "dumps/{name}", Allow: "`trust: full` at " + file + ":4",
	}
	shop := at("sites/shop")
	shop.Allow = "`trust: full` at " + file + ":3"
	if diff := cmp.Diff([]Entry{shop, blog, at("more/a"), at("more/b/c"), trusted}, entries); diff != "" {
		t.Error(diff)
	}
	if config.WatchInterval != 30*time.Second {
		t.Errorf("watch_interval: %s", config.WatchInterval)
	}
	limits := Limits{Parallel: 4, PerHost: 3, Memory: 600 << 20, Jitter: 5 * time.Minute}
	if config.Limits != limits || config.LimitRate != 50<<20 {
		t.Errorf("%+v, %d", config.Limits, config.LimitRate)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "fleet.yaml: the file is empty; list projects under projects, or folders to search under scan"},
		{"parallel: 3", "fleet.yaml:1: the file names no project; list projects under projects, or folders to search under scan"},
		{"projects: [", "fleet.yaml:1: not valid YAML: did not find expected node content"},
		{"scan: [a]\nparallels: 3\njitter: soon\nper_host: 0\n", "fleet.yaml:2: unknown key parallels, did you mean parallel?\n" +
			"fleet.yaml:3: a duration such as 30m, 12h or 2d is expected (got \"soon\")\n" +
			"fleet.yaml:4: a whole number, 1 or more, is expected (got \"0\")"},
		{"projects:\n  - pth: a\n  - {path: a, git: b}\n  - {path: a, ref: b}\n  - a\n", "fleet.yaml:2: unknown key pth, did you mean path?\n" +
			"fleet.yaml:3: a project needs either path, a folder, or git, the URL of a repository\n" +
			"fleet.yaml:4: ref needs git\n" +
			"fleet.yaml:5: keys and values are expected here"},
		{"projects: [{git: 'https://ada:secret@example.com/a.git'}]", "fleet.yaml:1: git: the URL must not contain a user or a password; use git's credential helpers or ssh"},
		{"scan: [a]\nscan: [b]\ndefaults: {max_agee: 3h}\nmemory: lots", "fleet.yaml:2: scan is given twice\n" +
			"fleet.yaml:3: unknown key max_agee, did you mean max_age?\n" +
			"fleet.yaml:4: bytes such as 500k, 50M or 2G are expected, at least 184320k (got \"lots\")"},
		{"scan: [a]\ndefaults: {skip_broken: 1}", "fleet.yaml:2: true or false is expected (got \"1\")"},
		{"projects:\n  - {path: a, trust: all}\n", "fleet.yaml:2: trust: tables or full is expected (got \"all\")"},
		{"projects:\n  - path: a\n    set:\n      DUMP_SOURCE_PASSWORD: secret\n      DUMP_SOURCE: mysql://ada:secret@staging/shop\n",
			"fleet.yaml:4: set: DUMP_SOURCE_PASSWORD: a password must not be in this file; write where it is, such as DUMP_SOURCE_PASSWORD_FROM: file:PATH\n" +
				"fleet.yaml:5: set: DUMP_SOURCE: a password must not be in this file; write where it is, such as DUMP_SOURCE_PASSWORD_FROM: file:PATH"},
		{"scan: [{path: a, bounds: {DUMP_KEEP: 9-2, DUMP_KEPT: 3}}, {trust: full}]", "fleet.yaml:1: 9-2: the first number is larger than the second\n" +
			"fleet.yaml:1: unknown key DUMP_KEPT, did you mean DUMP_KEEP?\n" +
			"fleet.yaml:1: scan needs path, a folder to search"},
		{"projects:\n  - {path: a, known_broken_until: soon}\n  - {path: b, known_broken_until: 2999-12-31}\n  - {path: c, known_broken_until: 2026-02-30}", "fleet.yaml:2: known_broken_until: a date such as 2026-12-31 is expected (got \"soon\")\n" +
			"fleet.yaml:3: known_broken_until: 2999-12-31 is more than a year ahead; take the project out of the fleet instead\n" +
			"fleet.yaml:4: known_broken_until: a date such as 2026-12-31 is expected (got \"2026-02-30\")"},
		{"scan: [a]\nlimit_rate: 10k", "fleet.yaml:2: bytes such as 500k, 50M or 2G are expected, at least 16k (got \"10k\")"},
		{"scan: a\nprojects: [{path: ''}]", "fleet.yaml:1: a list is expected here\nfleet.yaml:2: path: a string is expected"},
	} {
		_, err := parseConfig("fleet.yaml", "/srv", []byte(test.text))
		if err == nil || err.Error() != test.want {
			t.Errorf("%q: got\n%v\nwant\n%s", test.text, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Error("a password is shown")
		}
	}
}

// A repository that is not on another machine is the problem of its project alone.
func TestRepositoriesOfThisMachine(t *testing.T) {
	config, err := parseConfig("fleet.yaml", "/srv", []byte(`projects:
  - {git: 'ext::sh -c id'}
  - {git: 'file:///srv/other'}
  - {git: ../other}
  - {git: 'ssh://-oProxyCommand=id/x'}
  - {git: 'file:///srv/x', trust: full}
  - {git: 'https://git.example.com/x.git'}
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"ext::sh -c id", "file:///srv/other", "../other", "ssh://-oProxyCommand=id/x", "", ""} {
		got := ""
		if err := config.Projects[i].Problem; err != nil {
			got = err.Error()
		}
		if want != "" {
			want = fmt.Sprintf("fleet.yaml:%d: git: %s is not on another machine (https:// or ssh://); add `trust: full` if you mean it", i+2, want)
		}
		if got != want {
			t.Errorf("%q", got)
		}
	}
}
