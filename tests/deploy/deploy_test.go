// Package deploy checks what is in the folder deploy, by the programs of those who will read it where these can be had.
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

// program gives the path of a program that is needed.
func program(t *testing.T, name, remedy string) string {
	t.Helper()
	path, err := testserver.Program(name, remedy)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// deployed gives the absolute path of a file in the folder deploy.
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

// run runs a program, which must succeed, and gives what it wrote to its standard output.
func run(t *testing.T, input string, words ...string) string {
	t.Helper()
	output, err := command(t, input, words...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// command runs a program and gives what it wrote to its standard output; all that it said is in its error.
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

// decode reads YAML into a value, strictly.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}
