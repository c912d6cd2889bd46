package testserver

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// attributes makes the kernel end the child when this process dies, puts the child into its own process group, so that Ctrl-C only
// reaches this process, and changes its account. Go sets the death signal after the account; in the other order it would be lost.
func attributes(as *owner, orphan syscall.Signal) *syscall.SysProcAttr {
	if orphan == 0 {
		orphan = syscall.SIGKILL
	}
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: orphan}
	if as != nil {
		attr.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
	return attr
}

type startRequest struct {
	cmd *exec.Cmd
	err chan error
}

// starter is the queue of one goroutine that keeps one thread while this process lives. The kernel sends the death signal when the
// *thread* that started the child ends, and Go may end idle threads. Children of the kept thread live until the process dies.
var starter = sync.OnceValue(func() chan<- startRequest {
	queue := make(chan startRequest)
	go func() {
		runtime.LockOSThread()
		for request := range queue {
			request.err <- request.cmd.Start()
		}
	}()
	return queue
})

func startOnKeptThread(cmd *exec.Cmd) error {
	request := startRequest{cmd, make(chan error, 1)}
	starter() <- request
	return <-request.err
}
