package project

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

func TestSourcePassword(t *testing.T) {
	fromAWS := func(_ context.Context, ref string) (secret.String, error) { return secret.New("of " + ref), nil }
	for name, test := range map[string]struct {
		files   map[string]string
		environ []string
		want    string
	}{
		"none":            {map[string]string{".env": "DUMP_SOURCE=mysql://ada@db/x"}, nil, ""},
		"given":           {map[string]string{".env": "DUMP_SOURCE_PASSWORD=' a '"}, nil, " a "},
		"in the URL":      {map[string]string{".env": "DUMP_SOURCE=mysql://ada:p%40ss@db/x"}, nil, "p@ss"},
		"env":             {map[string]string{"config.yaml": "web_environment: ['DUMP_SOURCE_PASSWORD_FROM=env:STAGING']"}, []string{"STAGING=a"}, "a"},
		"env in .env":     {map[string]string{".env": "DUMP_SOURCE_PASSWORD_FROM=env:STAGING\nSTAGING=b"}, nil, "b"},
		"file":            {map[string]string{".env": "DUMP_SOURCE_PASSWORD_FROM=file:.ddev/pw", "pw": "a b\r\n"}, nil, "a b"},
		"secrets manager": {map[string]string{".env": "DUMP_SOURCE_PASSWORD_FROM=aws-secretsmanager:a/b#password"}, nil, "of aws-secretsmanager:a/b#password"},
		"parameter store": {map[string]string{".env": "DUMP_SOURCE_PASSWORD_FROM=aws-ssm:/a/b"}, nil, "of aws-ssm:/a/b"},
		"the later place wins": {map[string]string{".env": "DUMP_SOURCE_PASSWORD=a\nDUMP_SOURCE=mysql://ada:c@db/x"},
			[]string{"DUMP_SOURCE_PASSWORD_FROM=aws-ssm:b"}, "of aws-ssm:b"},
		"the later file wins": {map[string]string{".env.dump": "DUMP_SOURCE_PASSWORD=a", ".env.dump.local": "DUMP_SOURCE=mysql://ada:c@db/x"},
			nil, "c"},
		"in one place the plain one wins": {map[string]string{".env": "DUMP_SOURCE_PASSWORD=a\nDUMP_SOURCE=mysql://ada:c@db/x\nDUMP_SOURCE_PASSWORD_FROM=aws-ssm:b"},
			nil, "a"},
		"a later URL": {map[string]string{".env": "DUMP_SOURCE_PASSWORD=a"}, []string{"DUMP_SOURCE=mysql://ada:c@db/x"}, "c"},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, test.files), Environ: test.environ})
			got, err := p.SourcePassword(t.Context(), fromAWS)
			if err != nil || got.Reveal() != test.want {
				t.Errorf("got %q, %v, want %q", got.Reveal(), err, test.want)
			}
		})
	}
}

func TestSourcePasswordOfHome(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "pw"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := load(t, Options{Dir: write(t, map[string]string{}), Environ: []string{"HOME=" + home, "DUMP_SOURCE_PASSWORD_FROM=file:~/pw"}})
	if got, err := p.SourcePassword(t.Context(), nil); err != nil || got.Reveal() != "a" {
		t.Errorf("got %q, %v", got.Reveal(), err)
	}
}

func TestSourcePasswordProblems(t *testing.T) {
	denied := errors.New("access denied")
	for ref, test := range map[string]struct {
		want  string
		cause error
	}{
		"env:NO":    {"this variable is neither in the environment nor in an env file of DDEV", nil},
		"env:EMPTY": {"it is empty", nil},
		"file:no":   {"no such file", nil},
		"aws-ssm:x": {"access denied", denied},
	} {
		t.Run(ref, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, map[string]string{".env": "DUMP_SOURCE_PASSWORD_FROM=" + ref}), Environ: []string{"EMPTY="}})
			_, err := p.SourcePassword(t.Context(), func(context.Context, string) (secret.String, error) { return secret.String{}, denied })
			want := ".ddev/.env:1: DUMP_SOURCE_PASSWORD_FROM: get the password from " + ref + ": " + test.want
			if err == nil || err.Error() != want || !errors.Is(err, ErrPasswordUnavailable) {
				t.Errorf("got %v, want %s", err, want)
			}
			if test.cause != nil && !errors.Is(err, test.cause) {
				t.Error("the cause is lost")
			}
		})
	}
}

func TestMaskKey(t *testing.T) {
	for name, test := range map[string]struct {
		files   map[string]string
		environ []string
		want    string // the key, or the error
	}{
		"key":  {map[string]string{".env": "DUMP_MASK_KEY=a key of 16 bytes"}, nil, "a key of 16 bytes"},
		"from": {map[string]string{".env": "DUMP_MASK_KEY_FROM=file:.ddev/key", "key": "another key of 16 bytes\n"}, nil, "another key of 16 bytes"},
		"the later place counts": {map[string]string{".env": "DUMP_MASK_KEY=a key of 16 bytes"}, []string{"DUMP_MASK_KEY_FROM=env:K", "K=a key of the environment"},
			"a key of the environment"},
		"none": {nil, nil, "DUMP_MASK_KEY: not set for project site, whose rules mask columns"},
		"short": {map[string]string{".env": "DUMP_MASK_KEY_FROM=file:.ddev/key", "key": "short"}, nil,
			".ddev/.env:1: DUMP_MASK_KEY_FROM: must have at least 16 characters; openssl rand -base64 32 makes a good one"},
		"missing": {map[string]string{".env": "DUMP_MASK_KEY_FROM=file:.ddev/gone"}, nil,
			".ddev/.env:1: DUMP_MASK_KEY_FROM: get the key from file:.ddev/gone: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"config.yaml": "name: site"}
			for name, text := range test.files {
				files[name] = text
			}
			p := load(t, Options{Dir: write(t, files), Environ: test.environ})
			key, err := p.MaskKey(t.Context(), nil)
			got := key.Reveal()
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	_, err := Load(t.Context(), Options{Dir: write(t, map[string]string{"config.yaml": "web_environment: ['DUMP_MASK_KEY=a key of 16 bytes']"})})
	if err == nil || !errors.Is(err, ErrPasswordExposed) || strings.Contains(err.Error(), "a key of 16") {
		t.Errorf("a key in config.yaml: %v", err)
	}
}
