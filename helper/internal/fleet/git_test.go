package fleet

import (
	"context"
	"errors"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Git, ssh and the servers of repositories say first what failed, and then what follows from it.
func TestTelling(t *testing.T) {
	const rest = "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n"
	for text, want := range map[string]string{
		"git@example.com: Permission denied (publickey).\n" + rest:                                            "git@example.com: Permission denied (publickey).",
		"Warning: Permanently added 'example.com' to the list of known hosts.\nno access\n" + rest:            "no access",
		"Host key verification failed.\r\n" + rest:                                                            "Host key verification failed.",
		"ssh: connect to host example.com port 22: Connection refused\n" + rest:                               "ssh: connect to host example.com port 22: Connection refused",
		"ssh: Could not resolve hostname nowhere: Name or service not known\n" + rest:                         "ssh: Could not resolve hostname nowhere: Name or service not known",
		"remote: \nremote: =====\nremote: \nremote: ERROR: The project could not be found.\nremote:\n" + rest: "ERROR: The project could not be found.",
		"**** Authorized use only ****\nWelcome\nConnection closed by 10.0.0.1 port 22\n" + rest:              "Connection closed by 10.0.0.1 port 22",
		"@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@\nIT IS POSSIBLE\n": "REMOTE HOST IDENTIFICATION HAS CHANGED!",
		"fatal: couldn't find remote ref nowhere\n":                                                           "fatal: couldn't find remote ref nowhere",
		"remote: Not Found\nfatal: repository 'https://example.com/a.git/' not found\n":                       "Not Found",
		rest: "and the repository exists.",
		"":   "it said nothing",
	} {
		if got := telling(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// repository makes a repository with files.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(folder, name), text)
	}
	for _, words := range [][]string{{"init", "--quiet", "--initial-branch=main"}, {"add", "."}, {"commit", "--quiet", "--message=x"}} {
		command := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, words...)...)
		command.Dir = folder
		if said, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v: %s", words, err, said)
		}
	}
	return folder
}

// Git gets what it needs of the environment, and nothing that belongs to others.
func TestGitHasNoSecrets(t *testing.T) {
	programs, record := t.TempDir(), filepath.Join(t.TempDir(), "environment")
	if err := os.WriteFile(filepath.Join(programs, "git"), []byte("#!/bin/sh\nenv >"+record+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"PATH": programs + ":" + os.Getenv("PATH"), "AWS_SECRET_ACCESS_KEY": "hush", "DUMP_SOURCE_PASSWORD": "hush", "FLEET_WEBHOOK": "hush", "GIT_SSL_CAINFO": "/ca.pem", "https_proxy": "http://proxy:1",
		"CODE_TOKEN": "mine",
	} {
		t.Setenv(name, text)
	}
	if err := git(t.Context(), t.TempDir(), Entry{Trust: TrustTables, Environment: []string{"CODE_*"}}, "fetch"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if strings.Contains(string(text), "hush") {
		t.Errorf("a secret is in git's environment:\n%s", text)
	}
	for _, want := range []string{"GIT_SSL_CAINFO=/ca.pem", "https_proxy=http://proxy:1", "CODE_TOKEN=mine", "GIT_ALLOW_PROTOCOL=https:http:ssh:git", "GIT_TERMINAL_PROMPT=0"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%s is not in git's environment:\n%s", want, text)
		}
	}
}

// Neither ext:: nor file:// is followed for a project that is not trusted with everything, even if git's configuration leads there.
func TestGitFollowsNoLocalProtocol(t *testing.T) {
	shop := repository(t, map[string]string{".ddev/config.yaml": "name: shop\n"})
	ran := filepath.Join(t.TempDir(), "ran")
	for _, address := range []string{"file://" + shop, shop, "ext::touch " + ran} {
		if _, _, err := Checkout(t.Context(), t.TempDir(), Entry{Git: address, Trust: TrustTables}); err == nil || !strings.Contains(err.Error(), "not allowed") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the command ran")
	}
}

// serve serves a repository as a forge does, and returns its URL.
func serve(t *testing.T, folder string) string {
	t.Helper()
	path, err := exec.LookPath("git")
	if err != nil {
		t.Fatal("git is missing: apt-get install git")
	}
	server := httptest.NewServer(&cgi.Handler{
		Path: path, Args: []string{"http-backend"},
		Env: []string{
			"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1",
			"GIT_CONFIG_COUNT=3", "GIT_CONFIG_KEY_0=uploadpack.allowFilter", "GIT_CONFIG_VALUE_0=true", "GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*",
			"GIT_CONFIG_KEY_2=uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_2=true",
		},
	})
	t.Cleanup(server.Close)
	return server.URL + "/.git"
}

// Of a repository that is not trusted with more, the files with its settings are fetched, and nothing that may be large.
func TestCheckoutFetchesNoMoreThanItNeeds(t *testing.T) {
	settings := []string{".ddev/config.yaml", ".ddev/config.local.yaml", ".ddev/.env", ".ddev/.env.dump", ".ddev/dump-refresh/rules.yaml"}
	files := map[string]string{".ddev/commands/web/large": "x", ".ddev/db_snapshots/a.gz": "x", "index.php": ""}
	for _, name := range settings {
		files[name] = "# x\n"
	}
	address := serve(t, repository(t, files))
	for _, test := range []struct {
		trust Trust
		want  []string
	}{
		{TrustTables, settings},
		{TrustFull, append([]string{".ddev/commands/web/large", ".ddev/db_snapshots/a.gz"}, settings...)},
	} {
		folder, stale, err := Checkout(t.Context(), t.TempDir(), Entry{Git: address, Trust: test.trust})
		if err != nil || stale != nil {
			t.Fatal(err, stale)
		}
		var found []string
		for name := range files {
			if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
				found = append(found, name)
			}
		}
		slices.Sort(found)
		slices.Sort(test.want)
		if !slices.Equal(found, test.want) {
			t.Errorf("%s: %v", test.trust, found)
		}
	}
}

// A server that accepts and never answers is the failure of its project, and so are its git's children.
func TestGitEndsWithItsContext(t *testing.T) {
	programs := t.TempDir()
	child := filepath.Join(programs, "child")
	if err := os.WriteFile(filepath.Join(programs, "git"), []byte("#!/bin/sh\nsleep 300 &\necho $! >"+child+"\nwait\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for text, _ := os.ReadFile(child); len(text) == 0; text, _ = os.ReadFile(child) {
			time.Sleep(5 * time.Millisecond)
		}
		cancel(errors.New("enough"))
	}()
	if err := git(ctx, t.TempDir(), Entry{}, "fetch"); err == nil || err.Error() != "enough" {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(child)
	for end := time.Now().Add(time.Minute); ; {
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(text)) + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		if time.Now().After(end) {
			t.Fatal("git's child goes on")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A repository cannot fill the disk.
func TestLimitSize(t *testing.T) {
	folder := t.TempDir()
	ctx, stop := limitSize(t.Context(), folder)
	defer stop()
	write(t, filepath.Join(folder, "a", "large"), "")
	if err := os.Truncate(filepath.Join(folder, "a", "large"), mostCheckout+1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
		if !errors.Is(context.Cause(ctx), errHuge) {
			t.Error(context.Cause(ctx))
		}
	case <-time.After(time.Minute):
		t.Error("nobody noticed")
	}
}

// A folder whose file system does not answer is reported as a project, and the others are found.
func TestScanOfASilentFolder(t *testing.T) {
	read := func(folder string) (bool, []string, error) {
		switch filepath.Base(folder) {
		case "silent":
			return false, nil, errSilent
		case "locked":
			return false, nil, os.ErrPermission
		case "project":
			return true, nil, nil
		}
		return false, []string{"locked", "project", "silent"}, nil
	}
	found, err := scanBelow(t.Context(), "/root", false, []string{"silent", "project", "locked", "more"}, read)
	want := []string{"/root/silent", "/root/project", "/root/more/project", "/root/more/silent"}
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("%v %v", found, err)
	}
}

func TestCommandEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	t.Setenv("SHOP_TOKEN", "mine")
	has := func(e Entry, name string) bool {
		return slices.ContainsFunc(e.CommandEnvironment(), func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	}
	for _, test := range []struct {
		entry              Entry
		key, token         bool // in the command's environment
		keySeen, tokenSeen bool // by the project's files
	}{
		{Entry{Trust: TrustTables}, false, false, false, false},
		{Entry{Trust: TrustFull}, false, false, true, true},
		{Entry{Trust: TrustFull, Environment: []string{"SHOP_*"}}, false, true, false, true},
		{Entry{Trust: TrustTables, Environment: []string{"AWS_*"}}, true, false, true, false},
	} {
		e := test.entry
		if has(e, "AWS_SECRET_ACCESS_KEY") != test.key || has(e, "SHOP_TOKEN") != test.token || !has(e, "PATH") ||
			e.Visible("AWS_SECRET_ACCESS_KEY") != test.keySeen || e.Visible("SHOP_TOKEN") != test.tokenSeen {
			t.Errorf("%+v", e)
		}
	}
}
