//go:build !linux

package testserver

import (
	"os/exec"
	"syscall"
)

// attributes cannot set a death signal here: if the caller is killed, the server stays.
func attributes(as *owner, _ syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if as != nil {
		attr.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
	return attr
}

func startOnKeptThread(cmd *exec.Cmd) error { return cmd.Start() }
