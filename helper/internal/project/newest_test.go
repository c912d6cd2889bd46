package project

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRememberNewest(t *testing.T) {
	root := t.TempDir()
	p := &Project{Root: root}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, ".ddev", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(name, want string) {
		t.Helper()
		got, err := os.ReadFile(filepath.Join(root, ".ddev", name))
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q (%v), not %q", name, got, err, want)
		}
	}
	remember := func(text string) {
		t.Helper()
		if err := p.RememberNewest(text); err != nil {
			t.Fatal(err)
		}
	}

	remember("a.sql, 3 MB")
	if _, err := os.Stat(filepath.Join(root, ".ddev")); err == nil {
		t.Error("something was written where the add-on is not installed")
	}

	write("docker-compose.dump.yaml", "services: {}\n")
	remember("a.sql, 3 MB")
	expect(newestFile, "#ddev-silent-no-warn\nDUMP_NEWEST=\"a.sql, 3 MB\"\n")

	const before, after = "      describe-info: |\n        newest dump: ", "\n        ddev pull-latest-dump\n"
	write(renderedFile, before+"unknown"+after)
	remember("b $(rm) \"'.sql, 4 MB")
	expect(newestFile, "#ddev-silent-no-warn\nDUMP_NEWEST=\"b __rm_ __.sql, 4 MB\"\n")
	expect(renderedFile, before+"b __rm_ __.sql, 4 MB"+after)

	entries, err := os.ReadDir(filepath.Join(root, ".ddev"))
	if err != nil || len(entries) != 3 {
		t.Errorf("%d files are left in .ddev, not 3 (%v)", len(entries), err)
	}
}
