package sshtunnel

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// sshSettings is what the user has set up for ssh.
type sshSettings struct {
	home   string
	files  []string // configuration files; the first one with a value wins
	agent  string   // socket of the ssh-agent, empty if there is none
	global string   // the system's known_hosts
	note   func(string)

	configs []*ssh_config.Config
	loaded  bool
	depth   int // how many times a host's own ProxyJump was followed
}

func userSSHSettings(note func(string)) *sshSettings {
	home, _ := os.UserHomeDir()
	return &sshSettings{
		home:   home,
		files:  []string{filepath.Join(home, ".ssh", "config"), "/etc/ssh/ssh_config"},
		agent:  os.Getenv("SSH_AUTH_SOCK"),
		global: "/etc/ssh/ssh_known_hosts",
		note:   note,
	}
}

// sshHost is a host with its settings resolved.
type sshHost struct {
	settings *sshSettings
	alias    string // as the user calls it
	hostname string
	port     string
	user     string

	alsoKnownAs    string // HostKeyAlias
	jumps          []string
	identities     []string // private key files
	identitiesOnly bool
	agent          string
	knownHosts     []string
}

func (h *sshHost) address() string { return net.JoinHostPort(h.hostname, h.port) }

// knownAs is the address to look up in known_hosts.
func (h *sshHost) knownAs() string {
	if h.alsoKnownAs != "" {
		return net.JoinHostPort(h.alsoKnownAs, "22")
	}
	return h.address()
}

// host resolves [user@]host[:port]. A user or port given there overrides the configuration.
func (s *sshSettings) host(text string) (*sshHost, error) {
	if err := s.load(); err != nil {
		return nil, err
	}
	h := &sshHost{settings: s}
	rest := strings.TrimPrefix(text, "ssh://")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		h.user, rest = rest[:at], rest[at+1:]
	}
	h.alias = rest
	if host, port, err := net.SplitHostPort(rest); err == nil {
		h.alias, h.port = host, port
	} else {
		h.alias = strings.Trim(rest, "[]")
	}
	if h.alias == "" || strings.HasPrefix(h.alias, "-") {
		return nil, fmt.Errorf("%w: %q is not [user@]host[:port]", source.ErrSSHConfig, text)
	}
	if h.port == "" {
		h.port = s.get(h.alias, "Port")
	}
	if h.port == "" {
		h.port = "22"
	}
	if n, err := strconv.Atoi(h.port); err != nil || n < 1 || n > 65535 {
		return nil, fmt.Errorf("%w: port %q of %s is not a number from 1 to 65535", source.ErrSSHConfig, h.port, h.alias)
	}
	local := ""
	if account, err := user.Current(); err == nil {
		local = account.Username
	}
	if h.user == "" {
		h.user = s.get(h.alias, "User")
	}
	if h.user == "" {
		h.user = local
	}
	if h.hostname = strings.ReplaceAll(s.get(h.alias, "HostName"), "%h", h.alias); h.hostname == "" {
		h.hostname = h.alias
	}

	expand := func(text string) string {
		text = strings.NewReplacer("%%", "%", "%d", s.home, "%h", h.hostname, "%n", h.alias, "%p", h.port,
			"%r", h.user, "%u", local).Replace(text)
		if rest, ok := strings.CutPrefix(text, "~/"); ok {
			text = filepath.Join(s.home, rest)
		}
		return os.Expand(text, func(name string) string { return os.Getenv(name) })
	}
	if command := s.get(h.alias, "ProxyCommand"); command != "" && command != "none" {
		return nil, fmt.Errorf("%w: %s has a ProxyCommand, which is not supported (ProxyJump is)", source.ErrSSHConfig, h.alias)
	}
	if jump := s.get(h.alias, "ProxyJump"); jump != "" && jump != "none" {
		for hop := range strings.SplitSeq(jump, ",") {
			h.jumps = append(h.jumps, strings.TrimSpace(hop))
		}
	}
	h.alsoKnownAs = s.get(h.alias, "HostKeyAlias")
	h.identitiesOnly = strings.EqualFold(s.get(h.alias, "IdentitiesOnly"), "yes")
	for _, file := range s.all(h.alias, "IdentityFile") {
		if file != "none" {
			h.identities = append(h.identities, expand(file))
		}
	}
	if len(h.identities) == 0 {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			h.identities = append(h.identities, filepath.Join(s.home, ".ssh", name))
		}
	}
	switch agent := s.get(h.alias, "IdentityAgent"); agent {
	case "", "SSH_AUTH_SOCK":
		h.agent = s.agent
	case "none":
	default:
		h.agent = expand(agent)
	}
	h.knownHosts = strings.Fields(s.get(h.alias, "UserKnownHostsFile"))
	if len(h.knownHosts) == 0 {
		h.knownHosts = []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"}
	}
	for i, file := range h.knownHosts {
		h.knownHosts[i] = expand(file)
	}
	h.knownHosts = append(h.knownHosts, s.global)
	return h, nil
}

func (s *sshSettings) get(alias, key string) string {
	for _, config := range s.configs {
		if value, err := config.Get(alias, key); err == nil && value != "" {
			return value
		}
	}
	return ""
}

func (s *sshSettings) all(alias, key string) []string {
	var values []string
	for _, config := range s.configs {
		more, _ := config.GetAll(alias, key)
		values = append(values, more...)
	}
	return slices.Compact(values)
}

func (s *sshSettings) load() error {
	if s.loaded {
		return nil
	}
	for _, file := range s.files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%w: %w", source.ErrSSHConfig, err)
		}
		known, dropped := dropUnsupportedMatch(string(text))
		if dropped {
			s.note("ignored Match blocks with unsupported conditions in " + file)
		}
		config, err := ssh_config.DecodeBytes([]byte(known))
		if err != nil {
			return fmt.Errorf("%w: %s: %w", source.ErrSSHConfig, file, err)
		}
		s.configs = append(s.configs, config)
	}
	s.loaded = true
	return nil
}

// dropUnsupportedMatch blanks the Match blocks whose conditions the parser does not know: for one of them it would
// refuse the whole file. A block ends where the next Host or Match begins.
func dropUnsupportedMatch(text string) (kept string, dropped bool) {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		words := strings.Fields(strings.ToLower(line))
		if len(words) > 0 && (words[0] == "match" || words[0] == "host") {
			inside = words[0] == "match" && slices.ContainsFunc(words[1:], func(word string) bool {
				word = strings.TrimPrefix(word, "!")
				return word == "exec" || word == "final" || word == "canonical" || word == "tagged" || word == "localnetwork" || word == "version" || word == "sessiontype" || word == "command"
			})
			dropped = dropped || inside
		}
		if inside {
			line = "\n" // keeps the line numbers in the parser's errors
		}
		b.WriteString(line)
	}
	return b.String(), dropped
}
