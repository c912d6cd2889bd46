package project

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

var someFleet = &Fleet{Keep: Range{2, 60}, KeepDays: Range{1, 90}}

// operator is what the operator of a fleet sets.
func operator(more map[string]string) map[string]string {
	set := map[string]string{"DUMP_S3_BUCKET": "dumps", "DUMP_SOURCE": "mysql://reader@staging/shop"}
	for name, text := range more {
		set[name] = text
	}
	return set
}

// Whoever may push to a repository decides on its tables, and on nothing that belongs to others.
func TestARepositoryDoesNotDecideForTheFleet(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"command":       {map[string]string{"config.yaml": "web_environment: ['DUMP_SOURCE=command:env']"}, ".ddev/config.yaml:1: DUMP_SOURCE: only the operator of the fleet decides this"},
		"later file":    {map[string]string{"config.yaml": "", "config.x.yaml": "web_environment: ['DUMP_SSH=me@elsewhere']"}, ".ddev/config.x.yaml:1: DUMP_SSH: "},
		"password file": {map[string]string{"config.yaml": "", ".env.dump.local": "DUMP_SOURCE_PASSWORD_FROM=file:/etc/other.password"}, ".ddev/.env.dump.local:1: DUMP_SOURCE_PASSWORD_FROM: "},
		"password":      {map[string]string{"config.yaml": "", ".env": "DUMP_SOURCE_PASSWORD=x"}, ".ddev/.env:1: DUMP_SOURCE_PASSWORD: "},
		"prefix":        {map[string]string{"config.yaml": "web_environment: ['DUMP_S3_PREFIX=x-${AWS_SECRET_ACCESS_KEY}']"}, ".ddev/config.yaml:1: DUMP_S3_PREFIX: only"},
		"endpoint":      {map[string]string{"config.yaml": "web_environment: ['DUMP_S3_ENDPOINT=https://evil.example']"}, "DUMP_S3_ENDPOINT: only"},
		"other project": {map[string]string{"config.yaml": "web_environment: ['DUMP_PROJECT=blog']"}, "DUMP_PROJECT: only"},
		"bake":          {map[string]string{"config.yaml": "web_environment: ['DUMP_BAKE=mariadb:11.8']"}, "DUMP_BAKE: only"},
		"credentials":   {map[string]string{"config.yaml": "", ".env.dump": "AWS_ENDPOINT_URL_STS=https://evil.example"}, ".ddev/.env.dump:1: AWS_ENDPOINT_URL_STS: only"},
		"environment":   {map[string]string{"config.yaml": "web_environment: ['DUMP_KEEP=$AWS_SECRET_ACCESS_KEY']"}, ".ddev/config.yaml:1: DUMP_KEEP: refers to AWS_SECRET_ACCESS_KEY, a variable of the fleet's own environment"},
		"another way":   {map[string]string{"config.yaml": "web_environment: ['DUMP_COMPRESSION=${HOME:+gzip}']"}, "DUMP_COMPRESSION: refers to HOME"},
		"too few":       {map[string]string{"config.yaml": "web_environment: [DUMP_KEEP=1]"}, ".ddev/config.yaml:1: DUMP_KEEP: 1 is not in 2-60, what the operator of the fleet allows"},
		"too long":      {map[string]string{"config.yaml": "web_environment: [DUMP_KEEP_DAYS=91]"}, "DUMP_KEEP_DAYS: 91 is not in 1-90"},
		"condition":     {map[string]string{"config.yaml": "", "dump-refresh/rules.yaml": "where:\n  log: pg_sleep(9) IS NULL\nlimit:\n  log: 5\n"}, ".ddev/dump-refresh/rules.yaml:2: where: log: only the operator of the fleet decides which SQL runs on staging"},
		"other name":    {map[string]string{"config.yaml": "name: blog"}, ".ddev/config.yaml:1: name: the project calls itself blog, but the operator of the fleet calls it shop"},
	} {
		t.Run(name, func(t *testing.T) {
			set := operator(nil)
			if strings.Contains(test.want, "DUMP_SOURCE: ") {
				delete(set, "DUMP_SOURCE")
			}
			if name != "other name" {
				test.files["config.yaml"] = "name: shop\n" + test.files["config.yaml"]
				test.want = strings.Replace(test.want, "config.yaml:1:", "config.yaml:2:", 1)
			}
			options := Options{
				Dir: write(t, test.files), Environ: []string{"HOME=" + t.TempDir(), "AWS_SECRET_ACCESS_KEY=hush"}, Flags: set, Fleet: someFleet, Name: "shop",
			}
			_, err := Load(t.Context(), options)
			if !errors.Is(err, ErrNotTrusted) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v, want %s", err, test.want)
			}
			// A single command, and a project that is trusted with everything, go by its files.
			options.Fleet, options.Name = nil, ""
			if _, err := Load(t.Context(), options); errors.Is(err, ErrNotTrusted) {
				t.Error(err)
			}
		})
	}
}

func TestWhatARepositoryMaySay(t *testing.T) {
	p, err := Load(t.Context(), Options{
		Dir: write(t, map[string]string{
			"config.yaml": "name: shop\ntype: drupal10\nweb_environment:\n  - DUMP_KEEP=14\n  - DUMP_ENGINE=client\n  - 'DUMP_SOURCE=command:env'\n" +
				"  - DUMP_TARGET=mysql://root@127.0.0.1/x\n  - DUMP_KEEP_DAYS=$DAYS\n  - DUMP_COMPRESSION=$KIND\n",
			".env":                    "KIND=gzip\n",
			"dump-refresh/rules.yaml": "exclude: [secrets]\n",
		}),
		Environ: []string{"HOME=" + t.TempDir(), "DAYS=30", "SHOP_PASSWORD=right"}, Prefix: "dumps/{name}/x", Fleet: someFleet,
		Visible: func(name string) bool { return name == "DAYS" },
		// What the operator sets overrides what the repository says.
		Flags: operator(map[string]string{"DUMP_SOURCE_PASSWORD_FROM": "env:SHOP_PASSWORD"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Keep.Last != 14 || p.KeepDays != 30 || p.Engine != "client" || p.Compression != "gzip" || p.Source.Command != "" || p.Prefix != "dumps/shop/x" || p.Target != nil {
		t.Errorf("%+v", p.Settings)
	}
	if len(p.Rules.Exclude) != 1 || len(p.Rules.StructureOnly) == 0 {
		t.Errorf("%+v", p.Rules)
	}
	password, err := p.SourcePassword(t.Context(), nil)
	if err != nil || password.Reveal() != "right" {
		t.Errorf("%v %v", password, err)
	}
}

// A repository does not answer for a variable that the operator forgot to set.
func TestARepositoryGivesNoPassword(t *testing.T) {
	p, err := Load(t.Context(), Options{
		Dir: write(t, map[string]string{"config.yaml": "", ".env": "SHOP_PASSWORD=theirs\n"}), Fleet: someFleet,
		Flags: operator(map[string]string{"DUMP_SOURCE_PASSWORD_FROM": "env:SHOP_PASSWORD"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.SourcePassword(t.Context(), nil); !errors.Is(err, ErrPasswordUnavailable) || got != (secret.String{}) {
		t.Errorf("%v", err)
	}
}

// Every setting that is new belongs to the operator, until somebody decides otherwise here.
func TestWhoDecides(t *testing.T) {
	var others []string
	for _, row := range table {
		if row.authority != ofOperator {
			others = append(others, row.name)
		}
	}
	if got := strings.Join(others, " "); got != "DUMP_PRIVACY DUMP_VERIFY_KEY DUMP_ENGINE DUMP_KEEP DUMP_KEEP_DAYS DUMP_KEEP_LOCAL DUMP_COMPRESSION DUMP_LIMIT_RATE DUMP_TARGET DUMP_REQUIRE_MASKED DUMP_CACHE_DIR" {
		t.Error(got)
	}
}

// A name that cannot be part of every place that it gets into is refused once, at the beginning.
func TestProjectName(t *testing.T) {
	for _, name := range []string{"a b/c", "a/b", "../x", "-x", ".x", "a\tb", "é", "{name}"} {
		_, err := Load(t.Context(), Options{Dir: write(t, map[string]string{"config.yaml": "name: '" + name + "'\n"})})
		if err == nil || !strings.HasPrefix(err.Error(), ".ddev/config.yaml:1: name: must have letters, digits, dots and hyphens alone") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Files that are not files end in an error at once, whoever asks.
func TestStrangeFiles(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "other.env")
	if err := os.WriteFile(outside, []byte("DUMP_KEEP=7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		make   func(folder string) error
		want   string
		single bool // it is refused for a single command, too
	}{
		"pipe":         {func(f string) error { return syscall.Mkfifo(filepath.Join(f, ".env"), 0o600) }, ".ddev/.env: cannot be read: it is not a regular file", true},
		"piped config": {func(f string) error { return syscall.Mkfifo(filepath.Join(f, "config.local.yaml"), 0o600) }, "config.local.yaml: cannot be read: it is not a regular file", true},
		"device": {func(f string) error {
			return errors.Join(os.Remove(filepath.Join(f, "config.yaml")), os.Symlink("/dev/zero", filepath.Join(f, "config.yaml")))
		}, ".ddev/config.yaml: cannot be read: it is ", true},
		"huge": {func(f string) error {
			return errors.Join(os.WriteFile(filepath.Join(f, ".env"), nil, 0o600), os.Truncate(filepath.Join(f, ".env"), 1<<40))
		}, ".ddev/.env: cannot be read: it is larger than 1024 KiB", true},
		"many": {func(f string) (err error) {
			for _, label := range strings.Fields("a b c d e f g h i") {
				err = errors.Join(err, os.WriteFile(filepath.Join(f, ".env."+label), []byte("#"+strings.Repeat("x", 1<<20-1)), 0o600))
			}
			return errors.Join(err, os.WriteFile(filepath.Join(f, ".env.dump.z"), []byte("#"), 0o600))
		}, "dump-refresh/rules.yaml: cannot be read: the files of this project are larger than 8 MiB together", true},
		"link":   {func(f string) error { return os.Symlink(outside, filepath.Join(f, ".env.dump")) }, ".ddev/.env.dump: cannot be read: it is a link that leads out of the project's folder", false},
		"folder": {func(f string) error { return os.Symlink("..", filepath.Join(f, ".env")) }, ".ddev/.env: cannot be read: is a directory", true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{"config.yaml": "name: shop\n", "dump-refresh/rules.yaml": "exclude: [a]\n"})
			if err := test.make(filepath.Join(dir, ".ddev")); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := Load(ctx, Options{Dir: dir, Fleet: someFleet, Flags: operator(nil)})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("in a fleet: %v", err)
			}
			if _, err = Load(ctx, Options{Dir: dir}); (err != nil) != test.single {
				t.Errorf("alone: %v", err)
			}
		})
	}
}

// Nothing can interrupt a program that waits for a file system, but nobody has to wait for it.
func TestLoadReturnsWhenItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, errors.New("too long"))
	defer cancel()
	_, err := within(ctx, func() (int, error) { select {} })
	if err == nil || err.Error() != "too long" {
		t.Error(err)
	}
	if _, err := within(t.Context(), func() (int, error) { panic("oops") }); err == nil || err.Error() != "panic: oops" {
		t.Error(err)
	}
}

// A pipe may hold a password, but nobody waits for it longer than for the rest.
func TestPasswordFromAPipe(t *testing.T) {
	dir := write(t, map[string]string{"config.yaml": ""})
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(t.Context(), Options{Dir: dir, Flags: operator(map[string]string{"DUMP_SOURCE_PASSWORD_FROM": "file:" + pipe})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.SourcePassword(ctx, nil); !errors.Is(err, ErrPasswordUnavailable) {
		t.Error(err)
	}
	if file, err := os.OpenFile(pipe, os.O_RDWR, 0); err == nil { // lets the reader go
		_ = file.Close()
	}
}
