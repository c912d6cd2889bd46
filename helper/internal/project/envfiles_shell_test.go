package project

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shell runs a script with the functions of dump-refresh/envfiles.sh, in a project's .ddev.
func shell(t *testing.T, root, home, script string) string {
	t.Helper()
	functions, err := filepath.Abs("../../../dump-refresh/envfiles.sh")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("bash", "-c", `set -eu -o pipefail; . "$1"; `+script, "bash", functions)
	command.Dir = filepath.Join(root, ".ddev")
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "DDEV_APPROOT=" + root, "GIT_CONFIG_GLOBAL=/dev/null"}
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, said)
	}
	return string(said)
}

func TestShellReadsTheSameEnvFiles(t *testing.T) {
	home := filepath.Join(t.TempDir(), "a home")
	files := map[string]string{
		".env": "DUMP_KEEP=1", ".env.local": "DUMP_KEEP=2", ".env.dump": "DUMP_KEEP=3", ".env.dump.local": "DUMP_KEEP=4\n\n", ".env.dump.image": "DUMP_KEEP=5",
		".env.dump.image.local": "DUMP_KEEP=6", ".env.web": "DUMP_KEEP=7", ".env.dump.example": "DUMP_KEEP=8", ".env.dump-newest": "DUMP_KEEP=9", ".env.dump.folder/x": "",
	}
	layOut(t, filepath.Join(home, ".ddev"), files)
	dir := write(t, map[string]string{"config.yaml": "web_environment: [DUMP_KEEP=0]\n"})
	var want []string
	for _, name := range envFileNames(filepath.Join(home, ".ddev")) {
		if (envFile{service: envFileService(name)}).reachesUs() && name != ".env.dump.folder" {
			want = append(want, filepath.Join(home, ".ddev", name))
		}
	}
	got := shell(t, dir, home, `env_files "$(global_folder)"`)
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(got), "\n")); diff != "" || len(want) != 6 {
		t.Error(diff)
	}

	// What the program reads through the container's environment is what it reads on this machine.
	for len(want) > 0 {
		printed := shell(t, dir, home, `print_env "$(global_folder)"`)
		direct := load(t, Options{Dir: dir, Environ: []string{"HOME=" + home, "DDEV_GLOBAL_DIR=" + filepath.Join(home, "others")}})
		if got := value(direct, "DUMP_KEEP"); got != "0 (.ddev/config.yaml:1)" {
			t.Fatalf("without the global folder: %s", got)
		}
		forwarded := load(t, Options{Dir: dir, Environ: []string{"HOME=" + home, "DUMP_REFRESH_GLOBAL_ENV=" + printed}})
		last := want[len(want)-1]
		content, err := os.ReadFile(last)
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(content), "\n")
		if got, want := value(forwarded, "DUMP_KEEP"), strings.TrimPrefix(line, "DUMP_KEEP=")+" (~/.ddev/"+filepath.Base(last)+":1)"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		// The last setting that the shell prints is the one that counts.
		if got := shell(t, dir, home, "print_settings | grep DUMP_KEEP | tail -n 1"); strings.TrimSpace(got) != line {
			t.Errorf("the shell takes %s, want %s", got, line)
		}
		if err := os.Remove(last); err != nil {
			t.Fatal(err)
		}
		want = want[:len(want)-1]
	}
}

func TestSecretsStayOutOfGit(t *testing.T) {
	dir := write(t, map[string]string{
		".env.local": "A=1", ".env.dump.local": "DUMP_SOURCE_PASSWORD=x", ".env.dump": "DUMP_SOURCE_PASSWORD=x", ".env.dump.image": "DUMP_DOCKER_IMAGE=x", ".env": "B=1",
	})
	git := func(arguments ...string) string {
		t.Helper()
		command := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.com"}, arguments...)...)
		command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
		said, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", arguments, err, said)
		}
		return string(said)
	}
	home := t.TempDir()
	if said := shell(t, dir, home, "keep_out_of_git"); said != "" {
		t.Errorf("outside of git: %s", said)
	}
	git("init", "--quiet")
	for range 2 {
		if said := shell(t, dir, home, "keep_out_of_git"); said != "" {
			t.Errorf("it said %s", said)
		}
	}
	git("add", "--all")
	committed := strings.Fields(git("ls-files"))
	for _, name := range []string{".ddev/.env.local", ".ddev/.env.dump.local", ".ddev/.env.dump"} {
		if slices.Contains(committed, name) {
			t.Errorf("%s is in git", name)
		}
	}
	if !slices.Contains(committed, ".ddev/.env.dump.image") || !slices.Contains(committed, ".ddev/.env") {
		t.Errorf("in git is %v", committed)
	}
	exclude, err := os.ReadFile(filepath.Join(dir, ".git", "info", "exclude"))
	if err != nil || strings.Count(string(exclude), ".env.dump.local") != 1 {
		t.Errorf("%v: %s", err, exclude)
	}

	// Who has put one there is warned: always of a .local file, of the other one if there is a secret in it.
	git("add", "--force", ".ddev/.env.dump.local", ".ddev/.env.dump")
	const moves = "warning: .ddev/.env.dump is in git, and there is a secret in it\nhint: move the secret to .ddev/.env.dump.local, and replace it: it stays in git's history\n"
	const local = "warning: .ddev/.env.dump.local is in git, and so is everything in it\nhint: run: git rm --cached .ddev/.env.dump.local\n"
	for text, want := range map[string]string{
		"DUMP_SOURCE_PASSWORD=x": local + moves, "DUMP_SOURCE=mysql://ada:x@db/shop": local + moves, "AWS_SECRET_ACCESS_KEY: x": local + moves,
		"# DUMP_SOURCE_PASSWORD=x": local, "DUMP_SOURCE_PASSWORD_FROM=file:x": local, "DUMP_SOURCE=mysql://ada@db:3306/shop": local,
	} {
		layOut(t, filepath.Join(dir, ".ddev"), map[string]string{".env.dump": text})
		if said := shell(t, dir, home, "keep_out_of_git"); said != want {
			t.Errorf("%s: it said\n%s", text, said)
		}
	}
}
