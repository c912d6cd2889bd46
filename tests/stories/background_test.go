package stories

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

func init() {
	commands["start"] = start
	commands["interrupt"] = interrupt
	commands["kill9"] = kill
	commands["finish"] = finish
	commands["inserting"] = inserting
	commands["uploading"] = uploading
}

// start NAME code N COMMAND... runs a command in the background. Its standard error goes to the file NAME. interrupt and kill9 end it
// and require the exit code N, 137 for a killed one.
func start(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	output, err := os.Create(ts.MkAbs(args[0]))
	check(ts, err)
	path := ts.Getenv("PATH")
	command := exec.Command(args[3], args[4:]...)
	if found, ok := inPath(args[3], path); ok {
		command.Path, command.Err = found, nil
	}
	command.Dir, command.Env, command.Stderr = ts.MkAbs("."), environ(ts), output
	check(ts, command.Start())
	if s.background == nil {
		s.background = map[string]background{}
	}
	s.background[args[0]] = background{command, args[2]}
	ts.Defer(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = output.Close()
	})
}

// background is a command that start has started.
type background struct {
	command  *exec.Cmd
	exitCode string
}

func inPath(name, path string) (string, bool) {
	for folder := range strings.SplitSeq(path, string(os.PathListSeparator)) {
		if _, err := os.Stat(folder + "/" + name); err == nil {
			return folder + "/" + name, true
		}
	}
	return "", false
}

// environ is the part of the story's environment that the program under test reads.
func environ(ts *testscript.TestScript) []string {
	var result []string
	for _, name := range []string{
		"HOME", "PATH", "TMPDIR", "BUCKET", "ENDPOINT", "STAGING", "DUMP_CACHE_DIR", "DUMP_SOURCE", "DUMP_TARGET", "DUMP_S3_ENDPOINT", "DUMP_SSH", "SSH_AUTH_SOCK",
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE",
		"AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED",
	} {
		result = append(result, name+"="+ts.Getenv(name))
	}
	return result
}

func interrupt(ts *testscript.TestScript, _ bool, args []string) { end(ts, args[0], syscall.SIGINT) }

func kill(ts *testscript.TestScript, _ bool, args []string) { end(ts, args[0], syscall.SIGKILL) }

// end sends a signal, waits for the end, and compares the exit code as a shell would see it.
func end(ts *testscript.TestScript, name string, signal syscall.Signal) {
	running := of(ts).background[name]
	check(ts, running.command.Process.Signal(signal))
	_ = running.command.Wait()
	status := running.command.ProcessState.Sys().(syscall.WaitStatus)
	code := status.ExitStatus()
	if status.Signaled() {
		code = 128 + int(status.Signal())
	}
	if got := strconv.Itoa(code); got != running.exitCode {
		ts.Fatalf("%s: exit code %s, not %s:\n%s", name, got, running.exitCode, ts.ReadFile(name))
	}
}

// inserting waits until the local server executes an INSERT of this story into a table t.
func inserting(ts *testscript.TestScript, _ bool, _ []string) {
	until(ts, "nobody inserts", func() bool {
		rows, err := of(ts).local.Query("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO t %' AND db LIKE ?", of(ts).database+"%")
		check(ts, err)
		return rows[0][0] != "0"
	})
}

// uploading waits until there is an unfinished upload.
func uploading(ts *testscript.TestScript, _ bool, _ []string) {
	until(ts, "nobody uploads", func() bool {
		keys, err := of(ts).store.Uploads(of(ts).bucket)
		check(ts, err)
		return len(keys) > 0
	})
}

// finish NAME waits for a command in the background and requires its exit code.
func finish(ts *testscript.TestScript, _ bool, args []string) { end(ts, args[0], 0) }
