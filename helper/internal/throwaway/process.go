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

// process is a server under a shell that ends it when the shell's standard input, a pipe, closes. So the server ends even if it is in
// a container or if this program is killed.
type process struct {
	ctx    context.Context // never ends
	cmd    *exec.Cmd
	pipe   io.Closer
	ended  chan struct{}
	remove func(context.Context) // removes what a killed command leaves; may be nil
}

// supervision is the shell's script around another one that prepares the data folder and becomes the server. They are one process
// group.
const supervision = `exec 4<&0
{ cat <&4 >/dev/null; kill -9 0; } &
{ SERVER; } 4<&- </dev/null &
wait $!
`

// supervised returns the script that runs another one.
func supervised(script string) string { return strings.Replace(supervision, "SERVER", script, 1) }

// startProcess starts a command that ends when its standard input does, as another account if that is not nil.
func startProcess(ctx context.Context, words []string, as *account, log string) (*process, error) {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	ctx = context.WithoutCancel(ctx) // the pipe ends it
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = cleanEnvironment(), output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C must only reach this program
	if as != nil {
		cmd.SysProcAttr.Credential, cmd.Dir = &syscall.Credential{Uid: as.uid, Gid: as.gid}, "/"
	}
	// The shell may end before the server does, which still has its files open then. This pipe closes when no process of the
	// group is left.
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

// end ends the server and waits for it.
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

// cleanEnvironment is this program's environment without secrets and without the variables that servers obey.
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
