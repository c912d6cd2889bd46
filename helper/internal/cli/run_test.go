package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeDocker has a dump service that runs. It records how a command is started in there, and with which variables.
const fakeDocker = `#!/bin/bash
case "$*" in
  "container inspect --format {{.State.Running}}"*) echo "true $DDEV_APPROOT" ;;
  exec*) printf '%s\n' "$@" >"$RECORD" && env >"$RECORD.env" ;;
  *) exit 1 ;;
esac
`

// The host commands pass settings and credentials into the container, never on a command line. They say which variables they leave out,
// because the files that those name are not in there.
func TestHostCommandsForwardSettings(t *testing.T) {
	root, home, programs := t.TempDir(), t.TempDir(), t.TempDir()
	files := map[string]string{
		filepath.Join(programs, "docker"):                        fakeDocker,
		filepath.Join(home, ".ddev", ".env.dump.local"):          "DUMP_SOURCE_PASSWORD=hush\n",
		filepath.Join(home, ".ddev", ".env.web"):                 "OTHER=web\n",
		filepath.Join(root, ".ddev", "config.yaml"):              "name: shop\n",
		filepath.Join(root, ".ddev", "docker-compose.dump.yaml"): "",
	}
	for _, name := range []string{"run.sh", "service.sh", "envfiles.sh"} {
		text, err := os.ReadFile("../../../dump-refresh/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Join(root, ".ddev", "dump-refresh", name)] = string(text)
	}
	for path, text := range files {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	record := filepath.Join(programs, "record")
	command := exec.CommandContext(t.Context(), "bash", filepath.Join(root, ".ddev", "dump-refresh", "run.sh"), "list-dumps", "--json")
	command.Env = []string{
		"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + home, "RECORD=" + record, "DDEV_APPROOT=" + root, "DDEV_SITENAME=shop",
		"DDEV_PROJECT_STATUS=running", "DDEV_EXECUTABLE=/no/ddev", "AWS_SECRET_ACCESS_KEY=secret", "AWS_CONFIG_FILE=/elsewhere/config",
		"AWS_CA_BUNDLE=" + home + "/.aws/ca.pem", "DUMP_HELPER=", "OTHER=x",
	}
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	line, variables := read(record), read(record+".env")
	for _, want := range []string{
		"--env\nDUMP_REFRESH_GLOBAL_ENV\n", "--env\nAWS_SECRET_ACCESS_KEY\n", "--env\nAWS_CA_BUNDLE\n", "DUMP_REFRESH_LEFT_OUT=AWS_CONFIG_FILE \n", "dump-helper\nlist\n--json\n",
		"DUMP_REFRESH_FORWARDED=AWS_CA_BUNDLE AWS_SECRET_ACCESS_KEY DUMP_REFRESH_",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is not in the command line\n%s", want, line)
		}
	}
	for _, never := range []string{"hush", "=secret", "AWS_CONFIG_FILE\n", "OTHER"} {
		if strings.Contains(line, never) {
			t.Errorf("%q is in the command line\n%s", never, line)
		}
	}
	if want := "DUMP_REFRESH_GLOBAL_ENV=# dump-refresh reads " + home + "/.ddev/.env.dump.local\nDUMP_SOURCE_PASSWORD=hush\n"; !strings.Contains(variables, want) || strings.Contains(variables, "OTHER=web") {
		t.Errorf("%q is not in the variables\n%s", want, variables)
	}
	// What the program takes from there.
	names, _, _ := strings.Cut(line[strings.Index(line, "DUMP_REFRESH_FORWARDED=")+len("DUMP_REFRESH_FORWARDED="):], "\n")
	t.Setenv(forwardedVariable, names)
	t.Setenv("DUMP_REFRESH_GLOBAL_ENV", "x")
	if all := strings.Join(environment(), "\n"); !strings.Contains(all, "DUMP_REFRESH_GLOBAL_ENV=x") {
		t.Errorf("the program does not read the files: it takes %s", names)
	}
}
