package cli

import (
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/project"
)

// globalFailOnHookFail is the line in the output of `ddev config global` if fail_on_hook_fail is set for all projects.
const globalFailOnHookFail = "fail-on-hook-fail=true"

// hookFailed is the shell function for a failed task. Its arguments are the task's status, hook, text and origin. It ends
// the subshell that calls it if DDEV would not go on. Status 130 is Ctrl-C, which is meant for the whole command.
const hookFailed = `hook_failed() {
  if [ "$1" -eq 130 ]; then
    exit 130
  fi
  printf 'error: the %s hook "%s" failed with status %s\n' "$2" "$3" "$1"
  if fail_on_hook_fail; then
    printf 'hint: fail_on_hook_fail is set, so nothing more is done; the hook is in %s\n' "$4"
    exit 1
  fi
  printf 'hint: the pull itself is not affected; the hook is in %s\n' "$4"
}
`

// hookFunctions returns two functions for bash 3.2 or newer, pre_import_db and post_import_db, which run the project's
// hooks of these names as `ddev import-db` does. They need a shell on the host with DDEV_EXECUTABLE and DDEV_APPROOT. They
// print to standard error, because the result of a pull is on standard output.
func hookFunctions(pre, post []project.Task, failOnHookFail bool) string {
	var text strings.Builder
	if len(pre)+len(post) > 0 {
		condition := "true"
		if !failOnHookFail {
			condition = `case $("$DDEV_EXECUTABLE" config global </dev/null 2>/dev/null) in *` + globalFailOnHookFail + `*) ;; *) return 1 ;; esac`
		}
		text.WriteString("fail_on_hook_fail() {\n  " + condition + "\n}\n" + hookFailed)
	}
	writeHookFunction(&text, "pre_import_db", "pre-import-db", pre)
	writeHookFunction(&text, "post_import_db", "post-import-db", post)
	return text.String()
}

func writeHookFunction(text *strings.Builder, function, hook string, tasks []project.Task) {
	if len(tasks) == 0 {
		text.WriteString(function + "() {\n  :\n}\n")
		return
	}
	text.WriteString(function + "() (\n  exec >&2\n  cd \"$DDEV_APPROOT\" || exit 1\n")
	for _, task := range tasks {
		command := taskCommand(task)
		if command == "" {
			text.WriteString("  echo " + quote("error: unable to create a task from the "+hook+" hook in "+task.Origin) + "\n  exit 1\n")
			continue
		}
		text.WriteString("  " + command + " || hook_failed $? " + quoteAll(hook, task.String(), task.Origin) + "\n")
	}
	text.WriteString(")\n")
}

// taskCommand returns the shell command of a task, "" for one that DDEV does not understand.
func taskCommand(task project.Task) string {
	const ddev = `"$DDEV_EXECUTABLE" `
	container := "--service " + quote(task.Service)
	if task.User != "" {
		container += " --user " + quote(task.User)
	}
	switch task.Kind {
	case project.TaskExec:
		// DDEV runs a single argument as a shell command.
		return ddev + "exec " + container + " -- " + quote(task.Command)
	case project.TaskExecRaw:
		return ddev + "exec --raw " + container + " -- " + quoteAll(task.Arguments...)
	case project.TaskExecHost:
		return "bash -c " + quote(task.Command)
	case project.TaskComposer:
		return ddev + "composer " + quoteAll(task.Arguments...)
	}
	return ""
}

// quote quotes a text as one word for a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func quoteAll(texts ...string) string {
	words := make([]string, len(texts))
	for i, text := range texts {
		words[i] = quote(text)
	}
	return strings.Join(words, " ")
}
