package sshtunnel

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// hostKeys returns a callback that checks the host's key against the known_hosts files, and the algorithms of the keys
// known for this host: a host with several keys must offer one that can be checked. StrictHostKeyChecking never
// weakens the check.
func (h *sshHost) hostKeys() (ssh.HostKeyCallback, []string, error) {
	var files []string
	for _, file := range h.knownHosts {
		if stat, err := os.Stat(file); err == nil && stat.Mode().IsRegular() {
			files = append(files, file)
		}
	}
	db, err := knownhosts.NewDB(files...)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", source.ErrSSHConfig, err)
	}
	check := db.HostKeyCallback()
	return func(name string, remote net.Addr, key ssh.PublicKey) error {
		err := check(name, remote, key)
		var wrong *xknownhosts.KeyError
		switch {
		case !errors.As(err, &wrong):
			return err
		case len(wrong.Want) == 0:
			return &source.HostKeyUnknownError{
				Host: h.address(), Type: key.Type(), Shown: ssh.FingerprintSHA256(key), Name: h.command(),
			}
		}
		known := wrong.Want[0]
		for _, want := range wrong.Want {
			if want.Key.Type() == key.Type() {
				known = want
			}
		}
		return &source.HostKeyChangedError{
			Host: h.address(), File: known.Filename, Line: known.Line,
			Known: ssh.FingerprintSHA256(known.Key), Shown: ssh.FingerprintSHA256(key), Name: h.command(),
		}
	}, db.HostKeyAlgorithms(h.knownAs()), nil
}

// command is the argument with which ssh reaches the host by hand.
func (h *sshHost) command() string {
	text := h.user + "@" + h.alias
	if h.port != "22" {
		text = "-p " + h.port + " " + text
	}
	return text
}
