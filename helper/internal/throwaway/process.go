package throwaway

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is a server under a shell that ends it when the pipe closes that is the shell's standard input. This holds for
// a server in a container, too, and where this program is killed.
type process struct {
	ctx    context.Context // without end
	cmd    *exec.Cmd
	pipe   io.Closer
	ended  chan struct{}
	remove func(context.Context) // what is left where the command is killed; may be nil
}

// supervision is the shell's script around another one that prepares the data folder and becomes the server. The group of
// processes is the shell's own.
const supervision = `exec 4<&0
{ cat <&4 >/dev/null; kill -9 0; } &
{ SERVER; } 4<&- </dev/null &
wait $!
`

// supervised is the script that runs another one.
func supervised(script string) string { return strings.Replace(supervision, "SERVER", script, 1) }

// startProcess starts a command that reads its end from its standard input.
func startProcess(ctx context.Context, words []string, log string) (*process, error) {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	ctx = context.WithoutCancel(ctx) // it ends by its pipe
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = cleanEnvironment(), output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this program
	// The shell may have ended while the kernel is not done with the server, which still has its files then: this pipe closes
	// when nobody of the group is there any more.
	alive, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd.ExtraFiles = []*os.File{theirs}
	p := &process{ctx: ctx, cmd: cmd, ended: make(chan struct{})}
	if p.pipe, err = cmd.StdinPipe(); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		_ = alive.Close()
		return nil, err
	}
	go func() {
		_ = cmd.Wait()
		_, _ = io.Copy(io.Discard, alive)
		_ = alive.Close()
		close(p.ended)
	}()
	return p, nil
}

// end ends the server and waits until it has.
func (p *process) end() {
	_ = p.pipe.Close()
	select {
	case <-p.ended:
		return
	case <-time.After(stopPatience):
	}
	if p.remove != nil {
		p.remove(p.ctx)
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// cleanEnvironment is this program's environment without what is secret, and without what servers obey.
func cleanEnvironment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		secret := false
		for _, prefix := range []string{"AWS_", "DUMP_", "PG", "MYSQL", "MARIADB"} {
			secret = secret || strings.HasPrefix(entry, prefix)
		}
		if !secret {
			kept = append(kept, entry)
		}
	}
	return kept
}
