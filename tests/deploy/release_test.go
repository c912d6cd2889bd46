package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// compiled returns the program of a release v1.2.3-rc1, which is compiled once.
func compiled(t *testing.T) string {
	t.Helper()
	folder, err := compileOnce()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, "dump-helper")
}

var compileOnce = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "dump-release-")
	if err != nil {
		return "", err
	}
	removed = append(removed, folder)
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=v1.2.3-rc1", "-o", folder, "../../helper")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, output)
	}
	return folder, os.Rename(filepath.Join(folder, "helper"), filepath.Join(folder, "dump-helper"))
})

// removed are folders that are removed after the last test.
var removed []string

func TestMain(m *testing.M) {
	code := m.Run()
	for _, folder := range removed {
		_ = os.RemoveAll(folder)
	}
	os.Exit(code)
}

// TestDebianPackage builds the package twice, and installs it into an empty system.
func TestDebianPackage(t *testing.T) {
	binary := compiled(t)
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	var packages []string
	for range 2 {
		folder := t.TempDir()
		run(t, "", deployed(t, "release", "deb.sh"), binary, "v1.2.3-rc1", runtime.GOARCH, folder)
		packages = append(packages, filepath.Join(folder, "dump-helper_"+runtime.GOARCH+".deb"))
	}
	if first, second := read(t, packages[0]), read(t, packages[1]); first != second {
		t.Error("the same binary makes two packages")
	}
	if version := run(t, "", "dpkg-deb", "--field", packages[0], "Version"); strings.TrimSpace(version) != "1.2.3~rc1" {
		t.Errorf("version %s", version)
	}

	system := t.TempDir()
	for _, folder := range []string{"info", "updates", "triggers"} {
		if err := os.MkdirAll(filepath.Join(system, "var/lib/dpkg", folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(system, "var/lib/dpkg/status"), "", 0o644)
	if err := os.Mkdir(filepath.Join(system, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "", "dpkg", "--root="+system, "--force-not-root,script-chrootless", "--log="+filepath.Join(system, "log"), "--install", packages[0])
	if said := run(t, "", filepath.Join(system, "usr/bin/dump-helper"), "version"); !strings.Contains(said, "v1.2.3-rc1") {
		t.Errorf("the installed program says %s", said)
	}
	if users := read(t, filepath.Join(system, "etc/passwd")); !strings.Contains(users, "dump-refresh:") {
		t.Errorf("users: %s", users)
	}
	analyze := program(t, "systemd-analyze", "apt-get install systemd")
	for _, unit := range units {
		text := read(t, filepath.Join(system, "usr/lib/systemd/system", unit))
		if strings.Contains(text, "/usr/local/") {
			t.Errorf("%s starts another program:\n%s", unit, text)
		}
		copied := filepath.Join(t.TempDir(), unit)
		write(t, copied, strings.ReplaceAll(text, "/usr/bin/dump-helper", filepath.Join(system, "usr/bin/dump-helper")), 0o644)
		if unit == "dump-refresh.service" {
			run(t, "", analyze, "security", "--offline=true", "--no-pager", "--threshold=15", copied)
		}
	}
	if verified := run(t, "", "dpkg", "--root="+system, "--verify", "dump-helper"); verified != "" {
		t.Errorf("dpkg --verify: %s", verified)
	}
}

// TestBillOfMaterials compares the list of modules with what the binary says.
func TestBillOfMaterials(t *testing.T) {
	binary := compiled(t)
	var bill struct {
		BomFormat, SpecVersion string
		Metadata               struct {
			Component struct{ Name, Version, PURL string }
		}
		Components []struct{ Name, Version, PURL string }
	}
	into(t, json.RawMessage(run(t, "", "go", "run", "../../deploy/release/sbom", binary, "v1.2.3")), &bill)
	if bill.BomFormat != "CycloneDX" || bill.Metadata.Component.PURL != "pkg:golang/github.com/jobiqo/dump-refresh@v1.2.3" {
		t.Errorf("%+v", bill.Metadata)
	}
	got, want := map[string]string{}, map[string]string{}
	for _, component := range bill.Components {
		got[component.Name] = component.Version
	}
	for _, line := range regexp.MustCompile(`(?m)^\tdep\t(\S+)\t(\S+)`).FindAllStringSubmatch(run(t, "", "go", "version", "-m", binary), -1) {
		want[line[1]] = line[2]
	}
	want["std"] = strings.TrimPrefix(runtime.Version(), "go")
	if len(want) < 20 || len(got) != len(want) {
		t.Errorf("%d modules of %d", len(got), len(want))
	}
	for name, version := range want {
		if got[name] != version {
			t.Errorf("%s is %q, not %q", name, got[name], version)
		}
	}
}

func TestFormula(t *testing.T) {
	var sums strings.Builder
	for i, system := range []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"} {
		sums.WriteString(strings.Repeat(string(rune('a'+i)), 64) + "  dump-helper_" + system + "\n")
	}
	list := filepath.Join(t.TempDir(), "checksums.txt")
	write(t, list, sums.String(), 0o644)
	formula := run(t, "", deployed(t, "release", "formula.sh"), "v1.2.3", list)
	for i, system := range []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"} {
		want := "      url \"https://github.com/jobiqo/dump-refresh/releases/download/v1.2.3/dump-helper_" + system + "\"\n      sha256 \"" + strings.Repeat(string(rune('a'+i)), 64) + "\"\n"
		if !strings.Contains(formula, want) {
			t.Errorf("no %s in\n%s", want, formula)
		}
	}
	if !strings.HasPrefix(formula, "class DumpHelper < Formula\n") || !strings.Contains(formula, "  version \"1.2.3\"\n") {
		t.Errorf("the formula is\n%s", formula)
	}
	if ruby, err := exec.LookPath("ruby"); err == nil {
		run(t, formula, ruby, "-c")
	}
	write(t, list, strings.ReplaceAll(sums.String(), "darwin_arm64", "darwin_arm65"), 0o644)
	if output, err := command(t, "", deployed(t, "release", "formula.sh"), "v1.2.3", list); err == nil {
		t.Errorf("without a checksum: %s", output)
	}
}

// TestSignatureIsCheckedOffline signs the checksums of a release with a key, and checks them with its public part alone.
func TestSignatureIsCheckedOffline(t *testing.T) {
	minisign := program(t, "minisign", "apt-get install minisign")
	sign := deployed(t, "release", "sign.sh")
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	run(t, "word\nword\n", minisign, "-G", "-p", path("minisign.pub"), "-s", path("key"))
	run(t, "word\nword\n", minisign, "-G", "-p", path("other.pub"), "-s", path("other"))
	sums := strings.Repeat("a", 64) + "  dump-helper_linux_amd64\n"
	write(t, path("checksums.txt"), sums, 0o644)
	t.Setenv("MINISIGN_KEY", read(t, path("key")))
	t.Setenv("MINISIGN_PASSWORD", "word")
	t.Setenv("VERSION", "v1.2.3")

	t.Setenv("MINISIGN_PUBLIC", path("none.pub"))
	if _, err := command(t, "", sign, folder); err == nil || !strings.Contains(err.Error(), "there is no "+path("none.pub")+"; docs/release.md says how to make the keys") {
		t.Errorf("without a public key: %v", err)
	}
	t.Setenv("MINISIGN_PUBLIC", path("other.pub"))
	if output, err := command(t, "", sign, folder); err == nil {
		t.Errorf("with the public key of another one: %s", output)
	}
	t.Setenv("MINISIGN_PUBLIC", path("minisign.pub"))
	run(t, "", sign, folder)

	verify := []string{minisign, "-V", "-p", path("minisign.pub"), "-m", path("checksums.txt")}
	if said := run(t, "", verify...); !strings.Contains(said, "Trusted comment: dump-refresh v1.2.3") {
		t.Errorf("%s", said)
	}
	write(t, path("checksums.txt"), strings.Replace(sums, "a", "b", 1), 0o644)
	if output, err := command(t, "", verify...); err == nil {
		t.Errorf("with another checksum: %s", output)
	}
}

func TestVersionPins(t *testing.T) {
	now := regexp.MustCompile(`jobiqo/dump-refresh:(v[0-9.]+)}`).FindStringSubmatch(read(t, deployed(t, "..", "docker-compose.dump.yaml")))
	if now == nil {
		t.Fatal("docker-compose.dump.yaml names no version")
	}
	if said := run(t, "", deployed(t, "release", "pins.sh"), now[1]); !strings.HasSuffix(said, " places name "+now[1]+"\n") {
		t.Error(said)
	}
	_, err := command(t, "", deployed(t, "release", "pins.sh"), "v9.9.9")
	for _, file := range []string{
		"deploy/image/fleet.Dockerfile", "deploy/gitlab/dump-refresh.gitlab-ci.yml", "deploy/kubernetes/overlays/example/kustomization.yaml",
		"deploy/ansible/inventory/group_vars/appservers.yml", "deploy/github/dump-refresh.yml", "docker-compose.dump.yaml", "docs/image.md",
	} {
		if err == nil || !strings.Contains(err.Error(), file+":") {
			t.Errorf("%s is not among the places: %v", file, err)
		}
	}
	// Nothing else in these folders names a version of ours.
	found := run(t, "", "grep", "--recursive", "--files-with-matches", "--extended-regexp", regexp.QuoteMeta(now[1])+`\b`, deployed(t), deployed(t, "..", "docker-compose.dump.yaml"))
	for file := range strings.Lines(found) {
		if relative, _, _ := strings.Cut(strings.TrimPrefix(file, deployed(t, "..")+"/"), "\n"); err != nil && !strings.Contains(err.Error(), relative+":") {
			t.Errorf("%s names %s, which deploy/release/pins.sh does not see", relative, now[1])
		}
	}
}

// workflow has the parts of a workflow that say what it may do.
type workflow struct {
	Permissions *map[string]string
	Jobs        map[string]struct {
		Needs       any
		Permissions map[string]string
		Uses        string
		Steps       []struct{ Uses, Run string }
	}
}

// TestWorkflowsMayDoLittle checks that actions are named by digest, that only the job that publishes may write, and that nothing is published before
// the tests have passed.
func TestWorkflowsMayDoLittle(t *testing.T) {
	ours, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(ours) < 4 {
		t.Fatalf("%q, %v", ours, err)
	}
	byDigest := regexp.MustCompile(`^[a-z-]+/[a-z-]+@[0-9a-f]{40}$`)
	for _, file := range append(ours, deployed(t, "github", "dump-refresh.yml")) {
		flow := readWorkflow(t, file)
		if flow.Permissions == nil {
			t.Errorf("%s does not say what it may do", file)
			continue
		}
		for name, job := range flow.Jobs {
			for _, step := range job.Steps {
				if step.Uses != "" && !byDigest.MatchString(step.Uses) {
					t.Errorf("%s: %s uses %s", file, name, step.Uses)
				}
			}
			for what, level := range job.Permissions {
				ours := strings.HasSuffix(file, "release.yml") && name == "publish"
				if level == "write" && !ours && what != "id-token" {
					t.Errorf("%s: %s may write %s", file, name, what)
				}
			}
		}
	}
	release := readWorkflow(t, "../../.github/workflows/release.yml")
	if len(*release.Permissions) != 0 {
		t.Errorf("each job of release.yml may do %v", *release.Permissions)
	}
	for _, name := range []string{"image", "publish"} {
		needs, _ := json.Marshal(release.Jobs[name].Needs)
		if !bytes.Contains(needs, []byte(`"test"`)) || !bytes.Contains(needs, []byte(`"files"`)) {
			t.Errorf("%s needs %s", name, needs)
		}
	}
	if release.Jobs["test"].Uses != "./.github/workflows/test.yml" {
		t.Errorf("the tests are %q", release.Jobs["test"].Uses)
	}
	var steps []string
	for _, step := range release.Jobs["publish"].Steps {
		steps = append(steps, step.Run)
		if strings.Contains(step.Run, "make ") || strings.Contains(step.Run, "go ") {
			t.Errorf("the job with the rights runs %s", step.Run)
		}
	}
	if !slices.Contains(steps, "deploy/release/sign.sh dist") {
		t.Errorf("nothing is signed: %q", steps)
	}
}

func readWorkflow(t *testing.T, file string) (flow workflow) {
	t.Helper()
	var all map[string]any
	decode(t, read(t, file), &all)
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	into(t, text, &flow)
	return flow
}
