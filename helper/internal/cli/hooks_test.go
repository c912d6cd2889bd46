package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/project"
)

// fakeDDEV records its arguments and its working directory in $RECORD. It fails where an argument asks for a
// status, and knows the global setting from $GLOBAL.
const fakeDDEV = `#!/bin/bash
if [ "$*" = "config global" ]; then
  cat # must find nothing to read
  printf 'docker-buildx-version=system\nfail-on-hook-fail=%s\ninstrumentation-opt-in=false\n' "${GLOBAL:-false}"
  exit
fi
{ printf '%s\0' "$PWD" "$@"; printf '\n\0'; } >>"$RECORD"
echo "ddev says hello"
for argument; do
  case $argument in fail*) exit "${argument#fail}" ;; esac
done
`

// hookRun is what came of running a project's hooks.
type hookRun struct {
	// DDEV lists the calls of ddev: the working directory and the arguments.
	DDEV           [][]string
	Stdout, Stderr string
	Code           int
}

// runHooks does what the host command does, with a line on standard output in place of the pull.
func runHooks(t *testing.T, root, functions string, environ ...string) hookRun {
	t.Helper()
	dir := t.TempDir()
	ddev, record := filepath.Join(dir, "path of ddev", "ddev"), filepath.Join(dir, "record")
	if err := os.MkdirAll(filepath.Dir(ddev), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ddev, []byte(fakeDDEV), 0o755); err != nil {
		t.Fatal(err)
	}
	const script = `set -eu -o pipefail
		hooks=$(printf '%s' "$FUNCTIONS")
		eval "$hooks"
		pre_import_db
		echo pulled in "$PWD"
		post_import_db
		echo done`
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "FUNCTIONS="+functions, "DDEV_EXECUTABLE="+ddev, "DDEV_APPROOT="+root, "RECORD="+record)
	cmd.Env = append(cmd.Env, environ...)
	cmd.Stdin = strings.NewReader("typed\n")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	run := hookRun{Stdout: strings.ReplaceAll(stdout.String(), dir, "DIR"), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	calls, err := os.ReadFile(record)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for call := range strings.SplitSeq(strings.TrimSuffix(string(calls), "\n\x00"), "\n\x00") {
		if call != "" {
			run.DDEV = append(run.DDEV, strings.Split(strings.TrimSuffix(call, "\x00"), "\x00"))
		}
	}
	return run
}

// awkward is a text in which a shell might find all kinds of things.
const awkward = "it's \"$HOME\" `id` $(id) \\' \\\n  !! *\t; exit 3 # ä 'x' $'\\n'"

func TestHookFunctions(t *testing.T) {
	root := filepath.Join(t.TempDir(), "museum's $shop")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	pre := []project.Task{{Kind: project.TaskExecHost, Command: "printf '%s\\n' 'in \"$HOME\"' \"$0 $#\" \"$PWD\"\nread -r line; echo \"read $line\""}}
	post := []project.Task{
		{Kind: project.TaskExec, Command: "drush cr", Service: "web"},
		{Kind: project.TaskExec, Command: awkward, Service: "it's", User: "33"},
		{Kind: project.TaskExec, Command: "--help", Service: "web"},
		{Kind: project.TaskExec, Service: "web"},
		{Kind: project.TaskExecRaw, Arguments: []string{"ls", "-l", awkward, ""}, Service: "db", User: "a b"},
		{Kind: project.TaskComposer, Arguments: []string{"install", "", awkward}},
	}
	got := runHooks(t, root, hookFunctions(pre, post, false))
	want := hookRun{
		DDEV: [][]string{
			{root, "exec", "--service", "web", "--", "drush cr"},
			{root, "exec", "--service", "it's", "--user", "33", "--", awkward},
			{root, "exec", "--service", "web", "--", "--help"},
			{root, "exec", "--service", "web", "--", ""},
			{root, "exec", "--raw", "--service", "db", "--user", "a b", "--", "ls", "-l", awkward, ""},
			{root, "composer", "install", "", awkward},
		},
		Stdout: "pulled in DIR\ndone\n",
		Stderr: "in \"$HOME\"\nbash 0\n" + root + "\nread typed\n" + strings.Repeat("ddev says hello\n", 6),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNoHooks(t *testing.T) {
	text := hookFunctions(nil, nil, true)
	if want := "pre_import_db() {\n  :\n}\npost_import_db() {\n  :\n}\n"; text != want {
		t.Errorf("got %s", text)
	}
	want := hookRun{Stdout: "pulled in DIR\ndone\n"}
	if diff := cmp.Diff(want, runHooks(t, t.TempDir(), text)); diff != "" {
		t.Error(diff)
	}
}

func TestFailedHooks(t *testing.T) {
	host := func(command string) project.Task {
		return project.Task{Kind: project.TaskExecHost, Command: command, Origin: ".ddev/config.yaml:7"}
	}
	inWeb := func(command string) project.Task {
		return project.Task{Kind: project.TaskExec, Command: command, Service: "web", Origin: ".ddev/config.yaml:8"}
	}
	invalid := project.Task{Origin: ".ddev/config.x.yaml:9"}
	says := func(text string) project.Task { return host("echo " + text) }
	for name, test := range map[string]struct {
		pre, post      []project.Task
		failOnHookFail bool
		global         string
		stdout, stderr string
		code           int
	}{
		"it goes on": {
			pre:    []project.Task{host("exit 3"), host("read -r line; echo \"next $line\"")},
			post:   []project.Task{inWeb("fail4"), says("last")},
			stdout: "pulled in DIR\ndone\n",
			stderr: "error: the pre-import-db hook \"exec-host exit 3\" failed with status 3\n" +
				"hint: the pull itself is not affected; the hook is in .ddev/config.yaml:7\nnext typed\nddev says hello\n" +
				"error: the post-import-db hook \"exec fail4\" failed with status 4\n" +
				"hint: the pull itself is not affected; the hook is in .ddev/config.yaml:8\nlast\n",
		},
		"it ends before the pull": {
			pre: []project.Task{host("exit 3"), says("next")}, failOnHookFail: true, code: 1,
			stderr: "error: the pre-import-db hook \"exec-host exit 3\" failed with status 3\n" +
				"hint: fail_on_hook_fail is set, so nothing more is done; the hook is in .ddev/config.yaml:7\n",
		},
		"it ends after the pull, for all projects": {
			post: []project.Task{inWeb("fail4"), says("next")}, global: "true", code: 1, stdout: "pulled in DIR\n",
			stderr: "ddev says hello\nerror: the post-import-db hook \"exec fail4\" failed with status 4\n" +
				"hint: fail_on_hook_fail is set, so nothing more is done; the hook is in .ddev/config.yaml:8\n",
		},
		"DDEV makes nothing of the task": {
			pre: []project.Task{says("first"), invalid, says("next")}, code: 1,
			stderr: "first\nerror: unable to create a task from the pre-import-db hook in .ddev/config.x.yaml:9\n",
		},
		"Ctrl-C": {
			pre: []project.Task{host("exit 130"), says("next")}, code: 130,
		},
		"a text that a shell or printf might take apart": {
			post: []project.Task{host("false '%s' \"$HOME\" \"it's\" \\\\")}, stdout: "pulled in DIR\ndone\n",
			stderr: "error: the post-import-db hook \"exec-host false '%s' \"$HOME\" \"it's\" \\\\\" failed with status 1\n" +
				"hint: the pull itself is not affected; the hook is in .ddev/config.yaml:7\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := runHooks(t, t.TempDir(), hookFunctions(test.pre, test.post, test.failOnHookFail), "GLOBAL="+test.global)
			got.DDEV = nil
			want := hookRun{Stdout: test.stdout, Stderr: test.stderr, Code: test.code}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
