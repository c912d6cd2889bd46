package project

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTokens(t *testing.T) {
	root := write(t, map[string]string{})
	one := load(t, Options{Dir: root, Environ: []string{"DUMP_TARGET=mysql://a@b/c"}})
	other := load(t, Options{Dir: root, Environ: []string{"DUMP_TARGET=mysql://a@b/d"}})
	want := func(p *Project, tokens ...string) {
		t.Helper()
		if got := p.Tokens(); !slices.Equal(got, tokens) {
			t.Errorf("%s has %q, not %q", p.Target, got, tokens)
		}
	}
	want(one)
	for _, p := range []*Project{one, other} {
		if err := p.RememberTokens("01", "02"); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.RememberTokens("03"); err != nil {
		t.Fatal(err)
	}
	want(one, "03")
	want(other, "01", "02")
	// What the file has become is none of anybody's mistakes.
	if err := os.WriteFile(filepath.Join(root, ".ddev", tokensFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(one)
	// The add-on's own database is the same one whatever its address.
	inside := load(t, Options{Dir: root, Environ: []string{"IS_DDEV_PROJECT=true", "DDEV_DATABASE=mariadb:11.8"}})
	if inside.Target == nil {
		t.Fatal("no database of its own")
	}
	if err := inside.RememberTokens("04"); err != nil {
		t.Fatal(err)
	}
	inside.Target.Port = 32768
	want(inside, "04")
	want(one)
}
