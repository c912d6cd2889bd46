package pull

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// In a cache folder that everybody may write to, somebody else has been there first.
func TestCacheOfEverybody(t *testing.T) {
	other := t.TempDir()
	for name, c := range map[string]struct {
		prepare func(folder string) error
		safe    bool
	}{
		"nothing is there":      {func(string) error { return nil }, true},
		"our own folder":        {func(folder string) error { return os.Mkdir(folder, 0o700) }, true},
		"a link":                {func(folder string) error { return os.Symlink(other, folder) }, false},
		"a file":                {func(folder string) error { return os.WriteFile(folder, nil, 0o600) }, false},
		"a folder of everybody": {func(folder string) error { return errors.Join(os.Mkdir(folder, 0o700), os.Chmod(folder, 0o777)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "cache")
			if err := errors.Join(os.Mkdir(root, 0o700), os.Chmod(root, 0o777), c.prepare(filepath.Join(root, "bucket"))); err != nil {
				t.Fatal(err)
			}
			err := makeFolder(root, filepath.Join(root, "bucket", "shop"))
			if (err == nil) != c.safe || err != nil && !errors.Is(err, ErrCacheUnsafe) {
				t.Errorf("%v", err)
			}
		})
	}
	if left, err := os.ReadDir(other); err != nil || len(left) > 0 {
		t.Errorf("written to elsewhere: %v, %v", left, err)
	}
}

// A file in the cache's place is not followed to where it leads.
func TestCacheFollowsNoLink(t *testing.T) {
	folder := t.TempDir()
	victim, link := filepath.Join(folder, "victim"), filepath.Join(folder, "dump.sql.zst.json")
	if err := errors.Join(os.WriteFile(victim, []byte("precious"), 0o600), os.Symlink(victim, link)); err != nil {
		t.Fatal(err)
	}
	if err := writeOwn(link, []byte("{}")); err == nil {
		t.Error("the link was followed")
	}
	if _, err := openOwn(link, os.O_RDWR); err == nil {
		t.Error("the link was followed")
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}
}
