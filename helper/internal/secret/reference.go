package secret

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Reference says where a secret is stored, for files that must not contain it: env:NAME or file:PATH. It is not secret itself.
type Reference string

// ErrNoReference means that a secret was written in place of a reference.
var ErrNoReference = errors.New("this is a secret and must not be here; write env:NAME or file:PATH, which say where it is")

// Check checks that it is a reference or empty. The error does not repeat the text.
func (r Reference) Check() error {
	kind, name, _ := strings.Cut(string(r), ":")
	if r == "" || (kind == "env" || kind == "file") && name != "" && !strings.HasPrefix(name, "//") {
		return nil
	}
	return ErrNoReference
}

// Read reads the secret and trims white space. A path is relative to dir. An empty secret is an error.
func (r Reference) Read(dir string) (String, error) {
	if err := r.Check(); err != nil {
		return String{}, err
	}
	kind, name, _ := strings.Cut(string(r), ":")
	if kind == "env" {
		text := strings.TrimSpace(os.Getenv(name))
		if text == "" {
			return String{}, fmt.Errorf("the environment variable %s is not set", name)
		}
		return New(text), nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return String{}, err
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return String{}, fmt.Errorf("%s is empty", name)
	}
	return New(text), nil
}
