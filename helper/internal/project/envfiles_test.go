package project

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layOut writes files below a folder.
func layOut(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEnvFileNames(t *testing.T) {
	folder := t.TempDir()
	layOut(t, folder, map[string]string{
		".env": "", ".env.local": "", ".env.dump": "", ".env.dump.local": "", ".env.dump.image": "", ".env.dump.image.local": "", ".env.web": "",
		".env.example": "", ".env.dump.example": "", ".environment": "", "env": "", ".env.dump-newest": "",
	})
	want := []string{
		".env", ".env.local", ".env.dump", ".env.dump.local", ".env.dump-newest", ".env.dump.image", ".env.dump.image.local", ".env.web",
	}
	if diff := cmp.Diff(want, envFileNames(folder)); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{
		".env": "", ".env.local": "", ".env.dump": "dump", ".env.dump.local": "dump", ".env.dump.image.local": "dump", ".env.web.dump": "web",
		".env.dump-newest": "dump-newest",
	} {
		if got := envFileService(name); got != want {
			t.Errorf("%s is for %q, not %q", name, got, want)
		}
	}
}

// TestOrderOfEnvFiles takes away one file after the other, the one that counts first.
func TestOrderOfEnvFiles(t *testing.T) {
	home := t.TempDir()
	dir := write(t, map[string]string{"config.yaml": "name: museum-shop\nweb_environment: [DUMP_KEEP=99]\n"})
	places := []string{ // those that override others first
		".ddev/.env.dump.prod.local", ".ddev/.env.dump.prod", ".ddev/.env.dump.local", ".ddev/.env.dump", ".ddev/.env.local", ".ddev/.env",
		"~/.ddev/.env.dump.local", "~/.ddev/.env.dump", "~/.ddev/.env.local", "~/.ddev/.env",
	}
	path := func(place string) string {
		if rest, global := cutHome(place); global {
			return filepath.Join(home, rest)
		}
		return filepath.Join(dir, place)
	}
	for _, place := range places {
		layOut(t, filepath.Dir(path(place)), map[string]string{filepath.Base(place): "# x\nDUMP_KEEP=5\n"})
	}
	layOut(t, filepath.Join(dir, ".ddev"), map[string]string{".env.web": "DUMP_KEEP=77", ".env.zdump.local": "DUMP_KEEP=78", ".env.dump.example": "DUMP_KEEP=79"})
	for _, place := range places {
		p := load(t, Options{Dir: dir, Environ: []string{"HOME=" + home}})
		if got, want := value(p, "DUMP_KEEP"), "5 ("+place+":2)"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if err := os.Remove(path(place)); err != nil {
			t.Fatal(err)
		}
	}
	if got := value(load(t, Options{Dir: dir, Environ: []string{"HOME=" + home}}), "DUMP_KEEP"); got != "99 (.ddev/config.yaml:2)" {
		t.Errorf("without env files: %s", got)
	}
}

func cutHome(place string) (rest string, global bool) {
	if place[0] == '~' {
		return place[2:], true
	}
	return place, false
}

func TestGlobalFolder(t *testing.T) {
	home := t.TempDir()
	env := map[string]string{"HOME": home}
	expect := func(want string) {
		t.Helper()
		if got := globalFolder(env); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	expect(filepath.Join(home, ".ddev"))
	layOut(t, home, map[string]string{".config/ddev/x": ""})
	expect(filepath.Join(home, ".config", "ddev"))
	layOut(t, home, map[string]string{".ddev/x": ""})
	expect(filepath.Join(home, ".ddev"))
	env["DDEV_XDG_CONFIG_HOME"] = "~/x"
	expect(filepath.Join(home, "x", "ddev"))
	env["DDEV_GLOBAL_DIR"] = "/y"
	expect("/y")
}

// In the container of the dump service, the host command forwards the files that are outside of it.
func TestForwardedEnvFiles(t *testing.T) {
	home := t.TempDir()
	layOut(t, home, map[string]string{".ddev/.env": "DUMP_KEEP=1"})
	forwarded := "# dump-refresh reads " + home + "/.ddev/.env\nDUMP_KEEP=3\n\nDUMP_KEEP_DAYS='4\n'\n# dump-refresh reads /else/.env.dump\nDUMP_KEEP_LOCAL=5\nDUMP_S3_BUCKET=b\n"
	p := load(t, Options{
		Dir:     write(t, map[string]string{".env": "DUMP_S3_BUCKET=c"}),
		Environ: []string{"HOME=" + home, "DUMP_REFRESH_GLOBAL_ENV=" + forwarded},
	})
	for name, want := range map[string]string{
		"DUMP_KEEP": "3 (~/.ddev/.env:1)", "DUMP_KEEP_DAYS": "4 (~/.ddev/.env:3)", "DUMP_KEEP_LOCAL": "5 (/else/.env.dump:1)", "DUMP_S3_BUCKET": "c (.ddev/.env:1)",
	} {
		if got := value(p, name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestEnvFilesOfOtherServices(t *testing.T) {
	dir := write(t, map[string]string{
		"config.yaml": "web_environment: [DUMP_KEEP=$HOW_MANY]\n",
		".env.web":    "HOW_MANY=12\nDUMP_KEPE=3\nno line\nDUMP_SOURCE_PASSWORD=other\n",
		".env.dump":   "DUMP_SOURCE_PASSWORD_FROM=env:HOW_MANY",
	})
	p := load(t, Options{Dir: dir})
	if got := value(p, "DUMP_KEEP"); got != "12 (.ddev/config.yaml:1)" {
		t.Errorf("interpolated: %s", got)
	}
	if _, err := p.SourcePassword(t.Context(), nil); !errors.Is(err, ErrPasswordUnavailable) {
		t.Errorf("a variable of another service is a password: %v", err)
	}
}

// What is wrong in a file is reported with that file and its line.
func TestProblemsOfEnvFiles(t *testing.T) {
	home := t.TempDir()
	layOut(t, home, map[string]string{".ddev/.env.local": "A=1\nDUMP_KEEP=x\n", ".ddev/.env.dump": "hush\n"})
	dir := write(t, map[string]string{".env.dump.local": "\nDUMP_KEPE=1\n", ".env.dump.prod/x": ""})
	_, err := Load(t.Context(), Options{Dir: dir, Environ: []string{"HOME=" + home}})
	var problems ConfigErrors
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, problem := range problems {
		got = append(got, problem.Origin)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{".ddev/.env.dump.local:2", ".ddev/.env.dump.prod", "~/.ddev/.env.dump:1", "~/.ddev/.env.local:2"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAWSVariablesOfManyFiles(t *testing.T) {
	home := t.TempDir()
	layOut(t, home, map[string]string{".ddev/.env": "AWS_PROFILE=all\nAWS_REGION=r"})
	dir := write(t, map[string]string{".env.dump": "AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b", ".env.dump.local": "AWS_ACCESS_KEY_ID=c\nAWS_SECRET_ACCESS_KEY=d"})
	p := load(t, Options{Dir: dir, Environ: []string{"HOME=" + home}})
	want := map[string]string{"AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "c", "AWS_SECRET_ACCESS_KEY": "d"}
	if diff := cmp.Diff(want, p.AWS); diff != "" {
		t.Error(diff)
	}
}

func TestNestedProject(t *testing.T) {
	home, outer := t.TempDir(), t.TempDir()
	inner := filepath.Join(outer, "vendor", "package")
	layOut(t, outer, map[string]string{
		".ddev/config.yaml": "name: outer\n", "vendor/package/.ddev/config.yaml": "name: inner\n", "vendor/package/src/x": "",
	})
	for name, test := range map[string]struct{ list, want string }{
		"DDEV knows the outer one":   {"outer:\n    approot: " + outer + "\n", "outer"},
		"DDEV knows both":            {"outer:\n    approot: " + outer + "\ninner:\n    approot: " + inner + "\n", "inner"},
		"DDEV knows neither":         {"other:\n    approot: /other\n", "inner"},
		"DDEV is not there":          {"", "inner"},
		"the list cannot be read":    {"outer: [", "inner"},
		"the outer one, by its link": {"outer:\n    approot: " + filepath.Join(home, "link") + "\n", "outer"},
	} {
		t.Run(name, func(t *testing.T) {
			layOut(t, home, map[string]string{".ddev/project_list.yaml": test.list})
			_ = os.Symlink(outer, filepath.Join(home, "link"))
			if p := load(t, Options{Dir: filepath.Join(inner, "src"), Environ: []string{"HOME=" + home}}); p.Name != test.want {
				t.Errorf("got %s, want %s", p.Name, test.want)
			}
		})
	}
}
