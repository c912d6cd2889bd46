package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// onRunner is a machine that starts the image of the fleet: the image, a folder with fleet.yaml, and what all containers get.
type onRunner struct {
	t       *testing.T
	image   string
	folder  string
	options []string
}

// newRunner builds the image, of the program in this checkout, and starts staging servers of each kind and a store.
func newRunner(t *testing.T) *onRunner {
	// An engine that answers by chance, as that of the add-on's tests, may stop meanwhile.
	if os.Getenv("DUMP_TEST_IMAGE") == "" {
		t.Skip("`make test-image` runs it, with a Docker engine")
	}
	maria, err := testserver.MariaDB(t.TempDir())
	started(t, maria, err)
	mysql, err := testserver.Mysqld(t.TempDir())
	started(t, mysql, err)
	postgres, err := testserver.Postgres(t.TempDir())
	started(t, postgres, err)
	s3, err := testserver.MinIO(t.TempDir())
	started(t, s3, err)
	for _, server := range []*testserver.MySQL{maria, mysql} {
		if err := server.Exec("CREATE DATABASE shop", "CREATE TABLE shop.a (id int PRIMARY KEY)", "INSERT INTO shop.a VALUES (1)"); err != nil {
			t.Fatal(err)
		}
	}
	if err := postgres.Exec("postgres", "CREATE DATABASE shop"); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Exec("shop", "CREATE TABLE a (id int PRIMARY KEY)", "INSERT INTO a VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if err := s3.CreateBucket("dumps"); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(program, "dump-helper"), "../../helper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	r := &onRunner{t: t, image: fmt.Sprintf("dump-refresh-fleet-test-%d", os.Getpid()), folder: filepath.Join(t.TempDir(), "fleet")}
	run(t, "", "docker", "buildx", "build", "--quiet", "--load", "--tag", r.image, "--build-context", "helper="+program,
		"--file", deployed(t, "image", "fleet.Dockerfile"), deployed(t, "image"))
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "--force", r.image).Run() })

	text := "defaults: {trust: full, retries: 0, set: {DUMP_S3_BUCKET: dumps, DUMP_S3_ENDPOINT: '" + s3.Endpoint + "'}}\nprojects:\n"
	for name, source := range map[string]string{"maria": maria.URL("shop"), "mysql": mysql.URL("shop"), "postgres": postgres.URL("shop")} {
		for _, engine := range []string{"native", "client"} {
			project := name + "-" + engine
			write(t, makeFolder(t, r.folder, project, ".ddev")+"/config.yaml", "name: "+project+"\ntype: php\n", 0o644)
			text += fmt.Sprintf("  - {path: %s, set: {DUMP_SOURCE: '%s', DUMP_ENGINE: %s}}\n", project, source, engine)
		}
	}
	write(t, r.folder+"/fleet.yaml", text, 0o644)
	for _, dir := range []string{filepath.Dir(r.folder), filepath.Dir(filepath.Dir(r.folder))} { // the image's users are others
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.options = []string{"--network", "host", "--env", "AWS_ACCESS_KEY_ID=" + s3.AccessKey, "--env", "AWS_SECRET_ACCESS_KEY=" + s3.SecretKey, "--volume", r.folder + ":/fleet:ro"}
	return r
}

func started(t *testing.T, server interface{ Kill() }, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
}

func makeFolder(t *testing.T, words ...string) string {
	t.Helper()
	folder := filepath.Join(words...)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// docker runs docker with the runner's options behind the first word, and returns all that was printed.
func (r *onRunner) docker(input string, verb string, words ...string) string {
	r.t.Helper()
	if verb == "run" || verb == "create" {
		words = append(r.options[:len(r.options):len(r.options)], words...)
	}
	command := exec.CommandContext(r.t.Context(), "docker", append([]string{verb}, words...)...)
	command.Stdin = strings.NewReader(input)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		r.t.Errorf("docker %s %s: %v\n%s", verb, strings.Join(words, " "), err, output.String())
	}
	return output.String()
}

// TestFleetImage starts the image as schedulers and CI systems do.
func TestFleetImage(t *testing.T) {
	if testing.Short() {
		t.Skip("servers are not started by short tests")
	}
	r := newRunner(t)
	name := strings.TrimPrefix(r.image, "dump-refresh-")
	container := func(t *testing.T) string {
		t.Cleanup(func() { _ = exec.Command("docker", "rm", "--force", name).Run() })
		return name
	}
	// What every job can do: ssh, which needs an account, git, a shell, and dump-helper.
	const script = "mkdir -p /tmp/work\ncd /tmp/work\ngit init --quiet .\nssh -G staging.example.com >/dev/null\ndump-helper fleet refresh --file /fleet/fleet.yaml\n"
	const fresh = "6 fresh in "

	t.Run("Kubernetes", func(t *testing.T) {
		r.t = t
		said := r.docker("", "run", "--rm", "--read-only", "--tmpfs", "/tmp:mode=1777", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", r.image, "fleet", "refresh", "--file", "/fleet/fleet.yaml")
		if !strings.Contains(said, "6 published in ") {
			t.Error(said)
		}
		// The output of a container that ends at once may be lost; how it ended is not.
		r.docker("", "run", "--rm", r.image, "version")
		r.docker("", "run", "--rm", r.image, "sh", "-c", "dump-helper version | grep '^dump-helper ' && pg_dump --version | grep ') 18'")
	})
	// GitLab's runner gives a shell that it looks for the lines of a job, with the values of variables of type File.
	t.Run("GitLab", func(t *testing.T) {
		r.t = t
		var jobs map[string]gitLabJob
		decode(t, read(t, deployed(t, "gitlab", "dump-refresh.gitlab-ci.yml")), &jobs)
		lines := []string{"set -eo pipefail", "mkdir -p \"$CI_PROJECT_DIR.tmp\"", "printf '%s' key > \"$CI_PROJECT_DIR.tmp/DUMP_SSH_KEY\"", "cd /fleet"}
		lines = append(lines, jobs[".dump-refresh"].BeforeScript...)
		lines = append(lines, `test "$(cat "$AWS_WEB_IDENTITY_TOKEN_FILE")" = token`, "unset AWS_WEB_IDENTITY_TOKEN_FILE")
		lines = append(lines, jobs["refresh dumps"].Script...)
		shell := "if [ -x /usr/local/bin/bash ]; then exec /usr/local/bin/bash; elif [ -x /usr/bin/bash ]; then exec /usr/bin/bash; elif [ -x /bin/bash ]; then exec /bin/bash; " +
			"elif [ -x /usr/bin/sh ]; then exec /usr/bin/sh; else echo shell not found; exit 1; fi"
		for _, entrypoint := range [][]string{nil, {"--entrypoint", ""}} {
			words := append([]string{"--rm", "--interactive", "--tmpfs", "/builds:mode=1777", "--env", "CI_PROJECT_DIR=/builds/acme/fleet", "--env", "CI_BUILDS_DIR=/builds",
				"--env", "CI_JOB_ID=1", "--env", "DUMP_AWS_TOKEN=token"}, entrypoint...)
			said := r.docker(strings.Join(lines, "\n")+"\n", "run", append(words, r.image, "sh", "-c", shell)...)
			if !strings.Contains(said, fresh) {
				t.Error(said)
			}
		}
	})
	// GitHub starts a job's container with tail, and runs each step in it.
	t.Run("GitHub", func(t *testing.T) {
		r.t = t
		r.docker("", "create", "--name", container(t), "--user", "1001:1001", "--entrypoint", "tail", r.image, "-f", "/dev/null")
		r.docker("", "start", name)
		said := r.docker(script, "exec", "--interactive", name, "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "/dev/stdin")
		if !strings.Contains(said, fresh) {
			t.Error(said)
		}
	})
	// Jenkins starts an agent's container with cat, as its own user, requires that cat runs, and executes each step in it.
	t.Run("Jenkins", func(t *testing.T) {
		r.t = t
		r.docker("", "run", "--tty", "--detach", "--name", container(t), "--user", "1000:1000", r.image, "cat")
		if said := r.docker("", "top", name, "-eo", "pid,comm"); !strings.Contains(said, " cat\n") {
			t.Error(said)
		}
		said := r.docker(script, "exec", "--interactive", name, "sh", "-xe", "/dev/stdin")
		if !strings.Contains(said, fresh) {
			t.Error(said)
		}
	})
}
