// Package deploy checks the files in the folder deploy with the programs that will read them, where these are available.
package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// program returns the path of a required program.
func program(t *testing.T, name, remedy string) string {
	t.Helper()
	path, err := testserver.Program(name, remedy)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// deployed returns the absolute path of a file in the folder deploy.
func deployed(t *testing.T, words ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(append([]string{"..", "..", "deploy"}, words...)...))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// run runs a program, which must succeed, and returns its standard output.
func run(t *testing.T, input string, words ...string) string {
	t.Helper()
	output, err := command(t, input, words...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// command runs a program and returns its standard output. Its error contains the complete output.
func command(t *testing.T, input string, words ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Stdin = strings.NewReader(input)
	var output, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &complaints
	if err := cmd.Run(); err != nil {
		return output.String(), fmt.Errorf("%s: %w\n%s%s", strings.Join(words, " "), err, output.String(), complaints.String())
	}
	return output.String(), nil
}

// decode decodes YAML strictly.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}
