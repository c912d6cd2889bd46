package project

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hook gives the text of a config file with one hook, each task on the lines that follow the second.
func hook(name string, tasks ...string) string {
	var text strings.Builder
	text.WriteString("hooks:\n  " + name + ":\n")
	for _, task := range tasks {
		text.WriteString("  - " + strings.ReplaceAll(task, "\n", "\n    ") + "\n")
	}
	return text.String()
}

// What is expected here is what DDEV v1.25.3 made of the same entries; the last four it refuses to read.
func TestTasks(t *testing.T) {
	inWeb := func(kind TaskKind, command string, arguments ...string) Task {
		return Task{Kind: kind, Command: command, Arguments: arguments, Service: "web"}
	}
	for entry, want := range map[string]Task{
		"exec: drush cr": inWeb(TaskExec, "drush cr"),
		"exec: psql\nservice: db\nuser: postgres":            {Kind: TaskExec, Command: "psql", Service: "db", User: "postgres"},
		"exec: a\nuser: 33":                                  {Kind: TaskExec, Command: "a", Service: "web", User: "33"},
		"exec: a\nuser: 1.5":                                 inWeb(TaskExec, "a"),
		"exec: a\nservice: 5\nuser:":                         inWeb(TaskExec, "a"),
		"exec: a\nservice: ''\nuser: ''":                     inWeb(TaskExec, "a"),
		"exec: ''":                                           inWeb(TaskExec, ""),
		"exec: yes":                                          inWeb(TaskExec, "yes"),
		"exec: |\n  a\n  b":                                  inWeb(TaskExec, "a\nb\n"),
		"exec: a\nexec_raw: [b]":                             inWeb(TaskExec, "a"),
		"exec:\nexec_raw: [ls, -l, a b]":                     inWeb(TaskExecRaw, "", "ls", "-l", "a b"),
		"exec: true\nexec_raw: [ls]\nservice: db\nuser: 999": {Kind: TaskExecRaw, Arguments: []string{"ls"}, Service: "db", User: "999"},
		"exec:\nexec_raw: []":                                inWeb(TaskExecRaw, ""),
		"exec-host: ls":                                      {Kind: TaskExecHost, Command: "ls"},
		"Exec-Host: ls\nexec: a":                             {Kind: TaskExecHost, Command: "ls"},
		"composer: install  --no-dev":                        {Kind: TaskComposer, Arguments: []string{"install", "", "--no-dev"}},
		"composer: install\nexec_raw: [update]\nexec: a":     {Kind: TaskComposer, Arguments: []string{"install"}},
		"composer:\nexec_raw: [require, 'a/b:^1 || ^2']":     {Kind: TaskComposer, Arguments: []string{"require", "a/b:^1 || ^2"}},
		"exec: 5":                      {},
		"exec:":                        {},
		"exec: 2026-11-22":             {},
		"exec: [ls]":                   {},
		"exec:\nexec_raw: ls":          {},
		"exec:\nexec_raw: [ls, 1]":     {},
		"exec:\nexec_raw: [ls, ~]":     {},
		"exec-host: 5\nexec: a":        {},
		"composer: 5\nexec: a":         {},
		"composer:\nexec_raw: install": {},
		"exec_raw: [ls]":               {},
		"ls":                           {},
		"[ls]":                         {},
		"":                             {},
	} {
		t.Run(entry, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, map[string]string{"config.yaml": hook("post-import-db", entry)})})
			want.Origin = ".ddev/config.yaml:3"
			if diff := cmp.Diff([]Task{want}, p.Hooks("post-import-db")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHooksOfSeveralFiles(t *testing.T) {
	first := hook("post-import-db", "exec: a")
	for name, test := range map[string]struct {
		files map[string]string
		want  string // the tasks before and after an import, with their origins
	}{
		"none":      {map[string]string{}, ""},
		"one":       {map[string]string{"config.yaml": first}, "post: exec a (.ddev/config.yaml:3)"},
		"appended":  {map[string]string{"config.yaml": first, "config.x.yml": hook("post-import-db", "exec: b")}, "post: exec a (.ddev/config.yaml:3), exec b (.ddev/config.x.yml:3)"},
		"by names":  {map[string]string{"config.yaml": first, "config.x.yaml": hook("pre-import-db", "exec: b")}, "pre: exec b (.ddev/config.x.yaml:3); post: exec a (.ddev/config.yaml:3)"},
		"replaced":  {map[string]string{"config.yaml": first, "config.x.yaml": "override_config: true\n" + hook("post-import-db", "exec: b")}, "post: exec b (.ddev/config.x.yaml:4)"},
		"emptied":   {map[string]string{"config.yaml": first, "config.x.yaml": "override_config: true\nhooks: {post-import-db: []}"}, ""},
		"null":      {map[string]string{"config.yaml": first, "config.x.yaml": "override_config: true\nhooks: {post-import-db: }"}, "post: exec a (.ddev/config.yaml:3)"},
		"all null":  {map[string]string{"config.yaml": first, "config.x.yaml": "override_config: true\nhooks:\n"}, "post: exec a (.ddev/config.yaml:3)"},
		"empty map": {map[string]string{"config.yaml": first, "config.x.yaml": "override_config: true\nhooks: {}\n"}, "post: exec a (.ddev/config.yaml:3)"},
		"anchors": {map[string]string{"config.yaml": "x: &hooks\n  post-import-db:\n  - &a {exec: a}\n  - *a\n  - {<<: *a, exec: b}\nhooks: {<<: *hooks}\n"},
			"post: exec a (.ddev/config.yaml:3), exec a (.ddev/config.yaml:4), exec b (.ddev/config.yaml:5)"},
		"any case":        {map[string]string{"config.yaml": strings.ReplaceAll(strings.ToUpper(first), "EXEC: A", "Exec: a")}, "post: exec a (.ddev/config.yaml:3)"},
		"no map":          {map[string]string{"config.yaml": "hooks: [a]\n"}, ""},
		"no list":         {map[string]string{"config.yaml": "hooks: {pre-import-db: a, post-import-db: [{exec: b}]}\n"}, "post: exec b (.ddev/config.yaml:1)"},
		"a loop":          {map[string]string{"config.yaml": "hooks: &h\n  post-import-db: [*h]\n  pre-import-db: &l [*l]\n"}, "pre: invalid task (.ddev/config.yaml:3); post: invalid task (.ddev/config.yaml:2)"},
		"hooks of others": {map[string]string{"config.yaml": hook("post-start", "exec: a")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, test.files)})
			var got []string
			for _, moment := range []string{"pre", "post"} {
				var tasks []string
				for _, task := range p.Hooks(moment + "-import-db") {
					tasks = append(tasks, task.String()+" ("+task.Origin+")")
				}
				if len(tasks) > 0 {
					got = append(got, moment+": "+strings.Join(tasks, ", "))
				}
			}
			if got := strings.Join(got, "; "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestFailOnHookFail(t *testing.T) {
	for name, test := range map[string]struct {
		config, override string
		want             bool
	}{
		"not said":     {"", "", false},
		"true":         {"fail_on_hook_fail: true\n", "", true},
		"True":         {"fail_on_hook_fail: True\n", "", true},
		"as a text":    {"fail_on_hook_fail: \"true\"\n", "", true},
		"as a number":  {"fail_on_hook_fail: 1\n", "", true},
		"false":        {"fail_on_hook_fail: false\n", "", false},
		"no yes or no": {"fail_on_hook_fail: yes\n", "", false},
		"overridden":   {"fail_on_hook_fail: true\n", "fail_on_hook_fail: false\n", false},
		"null":         {"fail_on_hook_fail: true\n", "fail_on_hook_fail:\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, map[string]string{"config.yaml": test.config, "config.x.yaml": test.override})})
			if p.FailOnHookFail != test.want {
				t.Errorf("got %v", p.FailOnHookFail)
			}
		})
	}
}

func TestTaskToRead(t *testing.T) {
	for want, task := range map[string]Task{
		"exec drush cr":                         {Kind: TaskExec, Command: "drush cr\n", Service: "web"},
		"exec if true; then …":                  {Kind: TaskExec, Command: "if true; then\n  ls\nfi\n", Service: "web"},
		"exec-host mysql -uroot -p*** db <x":    {Kind: TaskExecHost, Command: "mysql -uroot -phush db <x"},
		"exec_raw env PGPASSWORD=*** psql":      {Kind: TaskExecRaw, Arguments: []string{"env", "PGPASSWORD=hush", "psql"}, Service: "db"},
		"composer install --no-dev":             {Kind: TaskComposer, Arguments: []string{"install", "--no-dev"}},
		"exec-host curl ftp://ada:***@host/x …": {Kind: TaskExecHost, Command: "curl ftp://ada:hush@host/x\ntrue"},
	} {
		if got := task.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
