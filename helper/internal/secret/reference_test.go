package secret

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestReference(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("A_SECRET", " hush ")
	for path, text := range map[string]string{"hook": "hush\n", "empty": "\n"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, reference := range []Reference{"env:A_SECRET", "file:hook", Reference("file:" + filepath.Join(dir, "hook"))} {
		if got, err := reference.Read(dir); err != nil || got.Reveal() != "hush" {
			t.Errorf("%s: got %q, %v", reference, got.Reveal(), err)
		}
	}
	for reference, want := range map[Reference]string{
		"env:NOT_SET": "the environment variable NOT_SET is not set",
		"file:empty":  filepath.Join(dir, "empty") + " is empty",
		"file:none":   "open " + filepath.Join(dir, "none") + ": no such file or directory",
	} {
		if _, err := reference.Read(dir); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", reference, err, want)
		}
	}
	for _, written := range []Reference{"https://hooks.example.com/T0/B0/x", "hush", "env:", "file://x"} {
		if err := written.Check(); !errors.Is(err, ErrNoReference) {
			t.Errorf("%s: got %v", written, err)
		}
	}
}
