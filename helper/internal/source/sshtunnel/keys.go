package sshtunnel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// sshSigners holds the keys to try for one login.
type sshSigners struct {
	list   []namedSigner
	agent  net.Conn // nil if no agent answered
	keys   int      // how many keys the agent has
	locked []string // key files that need a passphrase
}

type namedSigner struct {
	ssh.Signer
	name string
}

// signers collects the keys for a host in the order that ssh uses: first the agent's keys that the configuration names,
// then its other keys unless IdentitiesOnly is set, then key files. The order matters because servers allow few attempts.
func (h *sshHost) signers(ctx context.Context) (*sshSigners, error) {
	s := &sshSigners{}
	var fromAgent []namedSigner
	if h.agent != "" {
		if conn, err := (&net.Dialer{}).DialContext(ctx, "unix", h.agent); err == nil {
			s.agent = conn
			fromAgent, err = agentSigners(agent.NewClient(conn))
			if err != nil {
				s.close()
				return nil, fmt.Errorf("ask the ssh-agent for its keys: %w", err)
			}
			s.keys = len(fromAgent)
		}
	}
	var files, named []namedSigner
	for _, file := range h.identities {
		public, signer, locked := readIdentity(file)
		if at := indexOfKey(fromAgent, public); at >= 0 {
			named = append(named, fromAgent[at])
			fromAgent = append(fromAgent[:at:at], fromAgent[at+1:]...)
		} else if signer != nil {
			files = append(files, namedSigner{signer, file})
		} else if locked {
			s.locked = append(s.locked, file)
			h.settings.note("skipped key " + file + ", which needs a passphrase; to use it, run ssh-add " + file)
		}
	}
	s.list = named
	if !h.identitiesOnly {
		s.list = append(s.list, fromAgent...)
	}
	s.list = append(s.list, files...)
	return s, nil
}

func agentSigners(client agent.ExtendedAgent) ([]namedSigner, error) {
	keys, err := client.List()
	if err != nil {
		return nil, err
	}
	signers, err := client.Signers()
	if err != nil {
		return nil, err
	}
	var list []namedSigner
	for _, signer := range signers {
		name := ssh.FingerprintSHA256(signer.PublicKey())
		for _, key := range keys {
			if key.Comment != "" && bytes.Equal(key.Blob, signer.PublicKey().Marshal()) {
				name = key.Comment
			}
		}
		list = append(list, namedSigner{signer, name})
	}
	return list, nil
}

// readIdentity reads a private key file. If a passphrase locks the key, or only its public half exists, readIdentity
// returns just the public key where it can find it: the agent may have the private one.
func readIdentity(file string) (public ssh.PublicKey, signer ssh.Signer, locked bool) {
	if text, err := os.ReadFile(file + ".pub"); err == nil {
		public, _, _, _, _ = ssh.ParseAuthorizedKey(text)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return public, nil, false
	}
	if signer, err = ssh.ParsePrivateKey(text); err == nil {
		return signer.PublicKey(), signer, false
	}
	var missing *ssh.PassphraseMissingError
	if locked = errors.As(err, &missing); locked && missing.PublicKey != nil {
		public = missing.PublicKey
	}
	if public == nil {
		// IdentityFile may name the public key file itself.
		public, _, _, _, _ = ssh.ParseAuthorizedKey(text)
	}
	return public, nil, locked
}

// indexOfKey returns the position of a key in a list, or -1 if the key is nil or not in the list.
func indexOfKey(list []namedSigner, key ssh.PublicKey) int {
	if key == nil {
		return -1
	}
	for i, signer := range list {
		if bytes.Equal(signer.PublicKey().Marshal(), key.Marshal()) {
			return i
		}
	}
	return -1
}

func (s *sshSigners) all() ([]ssh.Signer, error) {
	var list []ssh.Signer
	for _, signer := range s.list {
		list = append(list, signer.Signer)
	}
	return list, nil
}

// refused returns the error for a login whose keys the server all rejected.
func (s *sshSigners) refused(h *sshHost) error {
	e := &source.SSHKeyError{User: h.user, Host: h.address(), Agent: s.agent != nil, AgentKeys: s.keys, Locked: s.locked}
	for _, signer := range s.list {
		e.Tried = append(e.Tried, signer.name)
	}
	return e
}

func (s *sshSigners) close() {
	if s.agent != nil {
		_ = s.agent.Close()
	}
}
